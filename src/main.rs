//! The firstlight command.

use std::process::ExitCode;

fn main() -> ExitCode {
    firstlight::cli::main()
}
