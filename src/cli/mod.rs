//! One file per command; the clap struct is the parameter. Printing, progress, exit codes.

mod addons;
mod build;
mod certs;
mod check;
mod completions;
mod diff;
mod example;
mod exit;
mod init;
mod kubeconfig;
mod load;
mod manifests;
mod output_folder;
mod overlay;
mod ports;
mod printer;
mod profiles;
mod pxe;
mod table;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use exit::Failure;
use printer::{Color, Printer};

/// Make everything each machine needs to become its Kubernetes node by itself, on first boot
///
/// `firstlight build` turns one cluster.yml into a seed per machine: a cloud-init ISO with which a
/// stock machine becomes its node, without SSH or an orchestrator.
#[derive(Debug, Parser)]
#[command(name = "firstlight", version, propagate_version = true, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Whether to colour what goes to the terminal
    #[arg(long, value_enum, default_value = "auto", global = true)]
    color: Color,
    /// Print errors only, on standard error
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print more on standard error, such as every certificate that was issued
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
}

const AFTER_HELP: &str = "\
Begin with:
  firstlight build --example      a one-node cluster, with the commands that start it
  firstlight init > cluster.yml   a description of your own, with comments; then
  firstlight build                its seeds, in out/nodes

Exit codes: 0 done, 1 the input or the environment is at fault, 2 wrong usage, 3 a difference was found, 70 a bug.";

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Check(check::Check),
    Build(Box<build::Build>),
    Diff(diff::Diff),
    #[command(subcommand)]
    Overlay(overlay::Overlay),
    Pxe(pxe::Pxe),
    Ports(ports::Ports),
    Addons(addons::Addons),
    Verify(verify::Verify),
    Profiles(profiles::Profiles),
    Kubeconfig(kubeconfig::Kubeconfig),
    #[command(subcommand)]
    Certs(certs::Certs),
    Completions(completions::Completions),
}

/// Form of what is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For machines, with `schema_version`.
    Json,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let printer = Printer::new(cli.color, cli.quiet, cli.verbose);
    let done = match cli.command {
        Command::Init(args) => init::run(&args, &printer),
        Command::Check(args) => check::run(&args, &printer),
        Command::Build(args) => build::run(*args, &printer),
        Command::Diff(args) => diff::run(&args, &printer),
        Command::Overlay(args) => overlay::run(&args, &printer),
        Command::Pxe(args) => pxe::run(&args, &printer),
        Command::Ports(args) => ports::run(&args, &printer),
        Command::Addons(args) => addons::run(&args, &printer),
        Command::Verify(args) => verify::run(&args, &printer),
        Command::Profiles(args) => profiles::run(&args, &printer),
        Command::Kubeconfig(args) => kubeconfig::run(&args, &printer),
        Command::Certs(args) => certs::run(&args, &printer),
        Command::Completions(args) => completions::run(&args, &printer),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure, &printer);
            failure.code()
        }
    }
}

fn report(failure: &Failure, printer: &Printer) {
    // what was found is printed already, as data
    if matches!(failure, Failure::Difference) {
        return;
    }
    if let Failure::Findings(source, findings) = failure {
        printer.findings(source, findings);
    }
    printer.error(failure, failure.hint().as_deref());
}
