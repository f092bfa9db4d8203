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
            let line = |p: &Port| {
                let (r, from) = (&p.row, from(p));
                row([&r.port_text(), &r.service, r.on.as_str(), &from, r.exposure.as_str(), &r.authentication])
            };
            table(&std::iter::once(head).chain(all.iter().map(line)).collect::<Vec<_>>())
        }
        Format::Json => {
            let one = |p: &Port| {
                let r = &p.row;
                json!({ "protocol": r.protocol, "port": r.port.map(|p| p.first), "end_port": r.port.map(|p| p.last), "address": r.bound(),
                        "service": r.service, "component": p.component, "on": r.on, "from": r.from,
                        "exposure": r.exposure, "authentication": r.authentication })
            };
            let value = json!({ "schema_version": 1, "ports": all.iter().map(one).collect::<Vec<_>>() });
            serde_json::to_string_pretty(&value).expect("plain values have a JSON form") + "\n"
        }
    });
    Ok(())
}

/// Who connects, as one cell.
fn from(port: &Port) -> String {
    let from: Vec<&str> = port.row.from.iter().map(|p| p.as_str()).collect();
    from.join(", ")
}
