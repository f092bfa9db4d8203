//! `firstlight diff`

mod compare;
mod report;
mod seed;

use std::path::{Path, PathBuf};

use clap::Args;
use rayon::prelude::*;

use super::Format;
use super::build::{external_etcd, now, weave_password};
use super::exit::Failure;
use super::load::Input;
use super::printer::Printer;
use crate::compose;
use crate::identity::{self, Identities};
use crate::plan::{Node, Plan};
use crate::render::{cloud_init, network};
use compare::{Change, compare};

/// Show what a build would change, and what that does to running nodes
///
/// Compares what the description gives now with the seeds of the last build: which nodes differ, in which
/// files, and what the running node does once its new seed is attached, or handed to `firstlight-update` on it.
/// Until then it does nothing. Writes nothing and issues nothing: what a build would issue is listed. The
/// content of secrets is not shown.
///
/// Exit code 3 when there is a difference.
#[derive(Debug, Clone, Args)]
pub struct Diff {
    #[command(flatten)]
    input: Input,
    /// Folder of the last build [default: `out` beside FILE]
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    out: Option<PathBuf>,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs it.
pub fn run(args: &Diff, printer: &Printer) -> Result<(), Failure> {
    let (plan, given) = args.input.load_with_files(printer)?;
    let (state, lock) = (args.input.state(), args.input.lock());
    identity::check_release(&lock, &plan)?;
    identity::check_masters(&state, &plan)?;
    identity::check_networks(&state, &lock, &plan)?;
    let (mut ids, issued) = identity::preview(&plan, &state, &lock, now()?)?;
    ids.external_etcd = external_etcd(&args.input, &plan)?;
    ids.weave_password = weave_password(&args.input, &plan)?.or(ids.weave_password);
    ids.given = given;
    ids.encryption = identity::preview_encryption(&state, plan.control_plane.encryption)?;
    let generation = identity::next_generation(&state, &compose::objects(&plan, &ids))?;
    let default = || args.input.file.with_file_name("out");
    let out = args.out.clone().unwrap_or_else(default);
    if !out.join("nodes").is_dir() {
        printer.note(&format!("nothing was built into {} yet", out.display()));
    }
    let generation = compose::Generation(generation);
    let found = plan.nodes.par_iter().map(|node| {
        let change = of(&plan, node, &ids, generation, &out)?;
        Some((node.name.clone(), change))
    });
    let mut changes: report::Changes = found.flatten().collect();
    let gone = seed::nodes(&out).into_iter();
    let gone = gone.filter(|name| plan.nodes.iter().all(|n| n.name != *name));
    changes.extend(gone.map(|name| (name, Change::Removed)));
    printer.data(&match args.format {
        Format::Text => report::text(&changes, &issued),
        Format::Json => report::json(&plan, &changes, &issued),
    });
    if changes.is_empty() && issued.is_empty() {
        printer.note("nothing differs from the last build");
        return Ok(());
    }
    Err(Failure::Difference)
}

/// How a node differs from its last build.
fn of(
    plan: &Plan,
    node: &Node,
    ids: &Identities,
    generation: compose::Generation,
    out: &Path,
) -> Option<Change> {
    if !out.join("nodes").join(&node.name).is_dir() {
        return Some(Change::New);
    }
    let Some(old) = seed::built(out, &node.name) else {
        return Some(Change::Unreadable);
    };
    let tree = compose::node(plan, node, ids, generation);
    let files = cloud_init::files(plan, node, &[], &"0".repeat(64));
    let user_data = String::from_utf8_lossy(&files["user-data"]);
    let new = seed::composed(&tree, &user_data, network::network_config(node));
    let parts = compare(&old, &new);
    (!parts.is_empty()).then_some(Change::Parts(parts))
}
