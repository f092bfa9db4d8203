//! `firstlight completions`

use clap::{Args, CommandFactory as _};

use super::exit::Failure;
use super::printer::Printer;

/// Print a completion script for a shell
#[derive(Debug, Clone, Args)]
pub struct Completions {
    /// Shell that reads it
    shell: clap_complete::Shell,
}

/// Runs it.
#[expect(clippy::unnecessary_wraps, reason = "every command has this signature")]
pub fn run(args: &Completions, printer: &Printer) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut super::Cli::command(),
        "firstlight",
        &mut script,
    );
    printer.data(&String::from_utf8_lossy(&script));
    Ok(())
}
