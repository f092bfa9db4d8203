//! `firstlight overlay pull`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::Format;
use super::super::exit::Failure;
use super::super::load::Input;
use super::super::printer::Printer;
use super::lock::Locking;
use super::progress::Progress;
use super::sets::sets;
use super::sources::Sources;
use crate::artefact::store::{self, Address, Request};

/// Copy what the cluster needs from upstream, laid out by host and path
///
/// First prints the complete list of URLs, and of the hosts that are asked for them, redirects and token services
/// among them: what a firewall must let
/// through, or what other downloaders can fetch. Then fills a folder, besides what it holds already, for
/// `overlay build --mirror` in a network that does not reach upstream; or for any web server there.
#[derive(Debug, Clone, Args)]
pub struct Pull {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    sources: Sources,
    /// The folder to fill
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    to: Option<PathBuf>,
    /// Fail where `firstlight.lock` does not pin something, rather than pin what is found
    #[arg(long)]
    locked: bool,
    /// Only print the list
    #[arg(long)]
    dry_run: bool,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs it.
pub(super) fn run(args: &Pull, printer: &Printer) -> Result<(), Failure> {
    let sources = args.sources.list()?;
    // planning says what is not pinned; a list writes nothing
    if !args.dry_run {
        Locking::new(&args.input, &args.sources, args.locked).complete(printer)?;
    }
    let plan = args.input.load(printer)?;
    let sets = sets(&plan, false);
    let to = args.to.clone().unwrap_or_default();
    let request = Request {
        sets: &sets,
        sources: &sources,
        store: &args.sources.store("--to", &to)?,
        dest: &to,
        ca_file: args.sources.ca_file(),
        credentials: &args.sources.credentials()?,
    };
    let artefacts = sets.iter().map(|set| set.artefacts.len()).sum();
    let mut progress = Progress::new(printer, artefacts);
    let addresses = store::addresses(&request, &mut |event| progress.tell(event));
    progress.end();
    let addresses = addresses?;
    printer.data(&match args.format {
        Format::Text => text(&addresses),
        Format::Json => json(&addresses),
    });
    let unknown: BTreeMap<&str, &str> = addresses
        .iter()
        .filter_map(|address| Some((address.host(), address.problem.as_deref()?)))
        .collect();
    for (host, problem) in unknown {
        printer.note(&format!(
            "{host}: where it redirects to is not known: {problem}"
        ));
    }
    if args.dry_run {
        return Ok(());
    }
    let mut progress = Progress::new(printer, artefacts);
    let added = store::pull(&request, &mut |event| progress.tell(event));
    progress.end();
    printer.note(&format!(
        "{}: {} files, {} of them new",
        to.display(),
        addresses.len(),
        added?
    ));
    Ok(())
}

/// Hosts as comments, then a URL per line.
fn text(addresses: &[Address]) -> String {
    let hosts: BTreeSet<String> = hosts(addresses);
    let hosts: Vec<String> = hosts.iter().map(|host| format!("#   {host}\n")).collect();
    let urls = addresses.iter().map(|address| format!("{}\n", address.url));
    let urls = urls.collect::<String>();
    format!("# {} hosts:\n{}{urls}", hosts.len(), hosts.concat())
}

fn json(addresses: &[Address]) -> String {
    let value = json!({ "schema_version": 1, "hosts": hosts(addresses), "urls": addresses });
    serde_json::to_string_pretty(&value).expect("strings are JSON") + "\n"
}

/// Every host that is asked, and those that they redirect to.
fn hosts(addresses: &[Address]) -> BTreeSet<String> {
    let asked = addresses.iter().map(|address| address.host().to_owned());
    let redirects = addresses.iter().flat_map(|address| &address.redirects);
    asked.chain(redirects.cloned()).collect()
}
