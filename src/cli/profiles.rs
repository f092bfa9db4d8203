//! `firstlight profiles`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Format;
use super::exit::Failure;
use super::printer::Printer;
use super::table::{row, table};
use crate::plan::profile::Profile;

/// List the operating systems that nodes can have
#[derive(Debug, Clone, Args)]
pub struct Profiles {
    /// Folder of profiles (`*.yml`) that replace those of the program or add to them
    #[arg(long, value_name = "DIR")]
    profiles: Option<PathBuf>,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs it.
pub fn run(args: &Profiles, printer: &Printer) -> Result<(), Failure> {
    let all = super::load::profiles(args.profiles.as_deref())?;
    let arches = |p: &Profile| {
        p.architectures
            .iter()
            .map(|a| a.as_str())
            .collect::<Vec<_>>()
    };
    printer.data(&match args.format {
        Format::Text => {
            let head = row(["NAME", "SYSTEM", "ARCHITECTURES", "KERNEL", "SYSTEMD", "CLOUD-INIT"]);
            let line = |p: &Profile| row([&p.name, &p.title, &arches(p).join(", "), &p.kernel, &p.systemd.to_string(), &p.cloud_init]);
            table(&std::iter::once(head).chain(all.iter().map(line)).collect::<Vec<_>>())
        }
        Format::Json => {
            let one = |p: &Profile| json!({ "name": p.name, "title": p.title, "architectures": arches(p) });
            let value = json!({ "schema_version": 1, "profiles": all.iter().map(one).collect::<Vec<_>>() });
            serde_json::to_string_pretty(&value).expect("plain values have a JSON form") + "\n"
        }
    });
    Ok(())
}
