//! `firstlight ports`

use clap::Args;
use serde_json::json;

use super::Format;
use super::exit::Failure;
use super::load::Input;
use super::printer::Printer;
use super::table::{row, table};
use crate::plan::ports::{Port, ports};

/// Print which ports nodes listen on, for whom, and what protects them
#[derive(Debug, Clone, Args)]
pub struct Ports {
    #[command(flatten)]
    input: Input,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs it.
pub fn run(args: &Ports, printer: &Printer) -> Result<(), Failure> {
    let plan = args.input.load(printer)?;
    let all = ports(&plan);
    printer.data(&match args.format {
        Format::Text => {
            let head = row(["PORT", "SERVICE", "ON", "FROM", "EXPOSURE", "AUTHENTICATION"]);
            let line = |p: &Port| row([&p.port_text(), p.service, p.on, p.from, p.exposure.as_str(), p.authentication]);
            table(&std::iter::once(head).chain(all.iter().map(line)).collect::<Vec<_>>())
        }
        Format::Json => {
            let one = |p: &Port| {
                json!({ "protocol": p.protocol, "port": p.port, "service": p.service, "on": p.on, "from": p.from,
                        "exposure": p.exposure.as_str(), "authentication": p.authentication })
            };
            let value = json!({ "schema_version": 1, "ports": all.iter().map(one).collect::<Vec<_>>() });
            serde_json::to_string_pretty(&value).expect("plain values have a JSON form") + "\n"
        }
    });
    Ok(())
}
