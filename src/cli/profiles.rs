//! `firstlight profiles`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::Format;
use super::exit::Failure;
use super::printer::Printer;
use super::table::{row, table};
use crate::artefact::Catalogue;
use crate::plan::profile::{self, Profile};

/// The operating systems that nodes can have
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Profiles {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Clone, Subcommand)]
enum Verb {
    /// List them, with the release trains that each can run (the default)
    List(Options),
    /// Print one with all its facts and where each was read
    Show {
        /// Its name, as `os:` in cluster.yml says it
        name: String,
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Debug, Clone, Args)]
struct Options {
    /// Folder of profiles (`*.yml`) that replace those of the program or add to them
    #[arg(long, value_name = "DIR")]
    profiles: Option<PathBuf>,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs it.
pub fn run(args: &Profiles, printer: &Printer) -> Result<(), Failure> {
    match &args.verb {
        None => list(&args.options, printer),
        Some(Verb::List(options)) => list(options, printer),
        Some(Verb::Show { name, options }) => show(name, options, printer),
    }
}

fn list(options: &Options, printer: &Printer) -> Result<(), Failure> {
    let all = super::load::profiles(options.profiles.as_deref())?;
    let catalogue = Catalogue::embedded()?;
    let trains = |p: &Profile| {
        let able = catalogue
            .trains
            .iter()
            .filter(|(_, t)| p.lacks(&t.host).is_none());
        able.map(|(name, _)| name.as_str()).collect::<Vec<_>>()
    };
    printer.data(&match options.format {
        Format::Text => {
            let head = row([
                "NAME", "SYSTEM", "ARCHITECTURES", "TRAINS", "KERNEL", "SYSTEMD", "CLOUD-INIT",
            ]);
            let line = |p: &Profile| {
                row([
                    &p.name,
                    &p.title,
                    &arches(p).join(", "),
                    &trains(p).join(", "),
                    &p.kernel.to_string(),
                    &p.systemd.to_string(),
                    &p.cloud_init,
                ])
            };
            table(&std::iter::once(head).chain(all.iter().map(line)).collect::<Vec<_>>())
        }
        Format::Json => {
            let one = |p: &Profile| json!({ "name": p.name, "title": p.title, "architectures": arches(p), "trains": trains(p) });
            let value = json!({ "schema_version": 1, "profiles": all.iter().map(one).collect::<Vec<_>>() });
            serde_json::to_string_pretty(&value).expect("plain values have a JSON form") + "\n"
        }
    });
    Ok(())
}

fn show(name: &str, options: &Options, printer: &Printer) -> Result<(), Failure> {
    let all = super::load::profiles(options.profiles.as_deref())?;
    if all.get(name).is_none() {
        let known = all.describe();
        return Err(Failure::Message(format!(
            "no profile is named `{name}`, must be one of: {known}"
        )));
    }
    let text = source(name, options.profiles.as_deref())?;
    printer.data(&match options.format {
        Format::Text => text,
        Format::Json => {
            let value: serde_json::Value =
                crate::yaml::from_str(&text).expect("it was read as a profile");
            serde_json::to_string_pretty(&value).expect("plain values have a JSON form") + "\n"
        }
    });
    Ok(())
}

/// The profile's file: a folder's goes before the program's.
fn source(name: &str, folder: Option<&Path>) -> Result<String, Failure> {
    if let Some(path) = folder.map(|dir| dir.join(format!("{name}.yml")))
        && path.exists()
    {
        return Ok(fs_err::read_to_string(path)?);
    }
    Ok(profile::embedded_text(name)
        .expect("a known profile is the folder's or the program's")
        .to_owned())
}

fn arches(profile: &Profile) -> Vec<&str> {
    profile.architectures.iter().map(|a| a.as_str()).collect()
}
