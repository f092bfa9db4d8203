//! `firstlight overlay`

mod build;
mod list;
mod lock;
mod opened;
mod packages;
mod progress;
mod pull;
mod registries;
mod sets;
mod sources;
mod verify;

use clap::Subcommand;

use super::exit::Failure;
use super::printer::Printer;

/// Gather the programs, packages and images that nodes need, for networks without internet
#[derive(Debug, Clone, Subcommand)]
pub enum Overlay {
    Build(build::Build),
    Lock(lock::Lock),
    Pull(pull::Pull),
    List(list::List),
    Verify(verify::Verify),
}

/// Runs it.
pub fn run(args: &Overlay, printer: &Printer) -> Result<(), Failure> {
    match args {
        Overlay::Build(args) => build::run(args, printer),
        Overlay::Lock(args) => lock::run(args, printer),
        Overlay::Pull(args) => pull::run(args, printer),
        Overlay::List(args) => list::run(args, printer),
        Overlay::Verify(args) => verify::run(args, printer),
    }
}
