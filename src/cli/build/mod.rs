//! `firstlight build`: config → plan → identity → compose → render → pack → `out/`.

mod node;
mod output;
mod summary;

use std::path::{Path, PathBuf};

use clap::Args;
use rayon::prelude::*;
use time::OffsetDateTime;

use super::exit::Failure;
use super::load::Input;
use super::printer::Printer;
use super::{Format, example};
use crate::compose;
use crate::identity::{self, Identities, Secret, Seeds};
use crate::plan::Plan;
use crate::render::pxe;
use node::{Builder, BuiltNode};
use output::Output;

/// Make the seed of every node
///
/// Needs no network, and gives the same bytes for the same input. Writes `nodes/NAME/seed.iso` and
/// the files in it, the administrator's `kubeconfig`, and `manifest.json`, which lists it all. What
/// did not change is not written again.
///
/// Keys and certificates are issued once and kept in the state folder; `firstlight.lock`, beside the
/// description, says which cluster they belong to. Back up the first, commit the second.
#[derive(Debug, Clone, Args)]
pub struct Build {
    #[command(flatten)]
    pub input: Input,
    /// Output folder: new, empty, or of an earlier build [default: `out` beside FILE]
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Make a new cluster with new keys although one was built before; every node must be installed anew
    #[arg(long)]
    pub new_identities: bool,
    /// Make seeds whose masters may only join the cluster that was built before, never found one: for machines that
    /// replace masters while the others are off
    #[arg(long, conflicts_with = "new_identities")]
    pub cluster_exists: bool,
    /// Move the encryption of Secrets on by one step: `rotate` makes a new key for all masters to read; `write`, when
    /// every master runs with that seed, writes with it; `forget`, when all was written anew, drops the old one
    #[arg(long, value_name = "STEP", conflicts_with = "new_identities")]
    pub encryption: Option<identity::Step>,
    #[command(flatten)]
    pub example: example::Example,
    /// Form of what is printed on standard output
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Threads to use [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Runs it.
pub fn run(mut args: Build, printer: &Printer) -> Result<(), Failure> {
    if let Some(n) = args.threads {
        // fails only when a pool exists already, which this command is the first to want
        drop(
            rayon::ThreadPoolBuilder::new()
                .num_threads(n)
                .build_global(),
        );
    }
    if args.example.wanted() {
        args.input.file = example::write(&args.example)?;
    }
    let (mut plan, given) = args.input.load_with_files(printer)?;
    if args.cluster_exists {
        identity::load(&plan.cluster, &args.input.state(), &args.input.lock())?;
        plan.cluster_exists = true;
    }
    if !args.new_identities {
        identity::check_release(&args.input.lock(), &plan)?;
        identity::check_masters(&args.input.state(), &plan)?;
        identity::check_networks(&args.input.state(), &args.input.lock(), &plan)?;
    }
    let external = external_etcd(&args.input, &plan)?;
    let password = weave_password(&args.input, &plan)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.input.file.with_file_name("out"));
    let mut output = Output::open(&out, printer)?;

    let bar = printer.bar("identities", plan.nodes.len());
    let options = identity::Options {
        new_identities: args.new_identities,
        progress: &|| bar.inc(1),
    };
    let (mut ids, issued) = identity::issue(
        &plan,
        &args.input.state(),
        &args.input.lock(),
        now()?,
        options,
    )?;
    bar.finish_and_clear();
    ids.external_etcd = external;
    ids.weave_password = password.or(ids.weave_password);
    identity::record_release(&args.input.lock(), &plan)?;
    ids.given = given;
    let settings = plan.control_plane.encryption;
    ids.encryption = identity::encryption(&args.input.state(), settings, args.encryption)?;
    identity::record_masters(&args.input.state(), &plan)?;
    identity::record_networks(&args.input.lock(), &plan)?;
    let generation = identity::generation(&args.input.state(), &compose::objects(&plan, &ids))?;

    let seeds = Seeds::read(&args.input.state(), now()?)?;
    let builder = Builder::new(
        &plan,
        &ids,
        compose::Generation(generation),
        &seeds,
        &output,
    );
    let nodes = build_nodes(&builder, &plan, printer)?;
    let leaks: Vec<_> = nodes.iter().flat_map(|n| n.leaks.iter().cloned()).collect();
    if !leaks.is_empty() {
        return Err(Failure::Leaks(leaks));
    }
    for node in &nodes {
        output.took(&node.files);
    }
    for (path, content) in pxe::common(&plan) {
        output.file(&format!("{}/{path}", output::PXE), 0o644, &content)?;
    }
    output.file("kubeconfig", 0o600, admin(&plan, &ids).expose().as_bytes())?;
    output.finish(&plan, &nodes)?;
    let made = nodes.iter().map(|n| (n.name.as_str(), &n.made));
    Seeds::record(&args.input.state(), made)?;
    report(&args, &plan, &output, &nodes, &issued, printer);
    if let Some(next) = ids.encryption.next(settings.enabled) {
        printer.note(&format!("encryption of Secrets: {next}"));
    }
    Ok(())
}

/// The files that an etcd of the user's own is reached with.
pub(super) fn external_etcd(
    input: &Input,
    plan: &Plan,
) -> Result<Option<identity::ExternalEtcd>, Failure> {
    let base = input.file.parent().unwrap_or(Path::new(""));
    let external = plan.etcd.external.as_ref();
    let read = external.map(|settings| identity::ExternalEtcd::read(settings, base));
    Ok(read.transpose()?)
}

/// The user's own password of Weave Net, where there is one.
pub(super) fn weave_password(input: &Input, plan: &Plan) -> Result<Option<Secret>, Failure> {
    let base = input.file.parent().unwrap_or(Path::new(""));
    Ok(identity::weave_password(plan, base)?)
}

/// The time of issue: `SOURCE_DATE_EPOCH` where it is set, as every reproducible build reads it.
pub(super) fn now() -> Result<OffsetDateTime, Failure> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Err(_) => Ok(OffsetDateTime::now_utc()),
        Ok(text) => text
            .parse()
            .ok()
            .and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok())
            .ok_or_else(|| {
                Failure::Message(format!(
                    "SOURCE_DATE_EPOCH is `{text}`, which is no number of seconds since 1970"
                ))
            }),
    }
}

/// Each node on its own: nothing that is a node's own stays in memory with another's.
fn build_nodes(
    builder: &Builder<'_>,
    plan: &Plan,
    printer: &Printer,
) -> Result<Vec<BuiltNode>, Failure> {
    let bar = printer.bar("seeds", plan.nodes.len());
    let built = plan
        .nodes
        .par_iter()
        .map(|n| {
            let built = builder.build(n);
            bar.inc(1);
            built
        })
        .collect();
    bar.finish_and_clear();
    built
}

/// The administrator's kubeconfig, for use outside the cluster.
pub(super) fn admin(plan: &Plan, ids: &Identities) -> Secret {
    identity::kubeconfig(
        &plan.cluster,
        &plan.api_url(),
        &ids.cluster_ca.cert,
        "kubernetes-admin",
        &ids.admin,
    )
}

fn report(
    args: &Build,
    plan: &Plan,
    output: &Output,
    nodes: &[BuiltNode],
    issued: &[identity::Issued],
    printer: &Printer,
) {
    match args.format {
        Format::Json => printer.data(&summary::json(plan, output, nodes, issued)),
        Format::Text => {
            for line in issued {
                printer.detail(&format!("issued {line}"));
            }
            printer.note(&summary::text(plan, output, nodes, issued));
            if args.example.wanted() {
                printer.data(&example::next_steps(&args.example, plan, output.root()));
            }
        }
    }
}
