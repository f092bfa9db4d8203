//! `firstlight kubeconfig`

use clap::Args;

use super::exit::Failure;
use super::load::Input;
use super::printer::Printer;
use crate::identity;

/// Print the administrator's kubeconfig
#[derive(Debug, Clone, Args)]
pub struct Kubeconfig {
    #[command(flatten)]
    input: Input,
}

/// Runs it.
pub fn run(args: &Kubeconfig, printer: &Printer) -> Result<(), Failure> {
    let plan = args.input.load(printer)?;
    let ids = identity::load(&plan.cluster, &args.input.state(), &args.input.lock())?;
    printer.data(super::build::admin(&plan, &ids).expose());
    Ok(())
}
