//! `firstlight completions`

use clap::{Args, CommandFactory as _};

use super::exit::Failure;
use super::printer::Printer;

/// Print a shell's completion script
#[derive(Debug, Clone, Args)]
pub struct Completions {
    /// Which shell
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
