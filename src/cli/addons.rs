//! `firstlight addons`

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Format;
use super::exit::Failure;
use super::printer::Printer;
use super::table::{row, table};
use crate::artefact::Catalogue;
use crate::artefact::addon::Addon;
use crate::artefact::catalogue::Component;

/// What clusters can have besides, by name under `addons:` in cluster.yml
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Addons {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Clone, Subcommand)]
enum Verb {
    /// List them, with the release trains that have them (the default)
    List(Options),
    /// Print one with its settings, images and ports
    Show {
        /// Its name, as `addons:` in cluster.yml says it
        name: String,
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Debug, Clone, Args)]
struct Options {
    /// Folder laid out like the sources' `overlays/`, whose addons replace those of the program or add to them
    #[arg(long, value_name = "DIR")]
    overlays: Option<PathBuf>,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs it.
pub fn run(args: &Addons, printer: &Printer) -> Result<(), Failure> {
    match &args.verb {
        None => list(&args.options, printer),
        Some(Verb::List(options)) => list(options, printer),
        Some(Verb::Show { name, options }) => show(name, options, printer),
    }
}

fn catalogue(options: &Options) -> Result<Catalogue, Failure> {
    Ok(match &options.overlays {
        Some(dir) => Catalogue::with_overrides(dir)?,
        None => Catalogue::embedded()?,
    })
}

/// Name, component, and what makes it an addon.
type Found<'c> = (&'c str, &'c Component, &'c Addon);

fn all(catalogue: &Catalogue) -> Vec<Found<'_>> {
    let components = catalogue.components.iter();
    components
        .filter_map(|(name, component)| Some((name.as_str(), component, component.addon.as_ref()?)))
        .collect()
}

/// Trains that have it, with its version there.
fn versions<'c>(catalogue: &'c Catalogue, name: &str) -> Vec<(&'c str, &'c str)> {
    let trains = catalogue.trains.iter();
    trains
        .filter_map(|(train, spec)| Some((train.as_str(), spec.components.get(name)?.as_str())))
        .collect()
}

fn list(options: &Options, printer: &Printer) -> Result<(), Failure> {
    let catalogue = catalogue(options)?;
    let found = all(&catalogue);
    let default = |addon: &Addon| if addon.enabled { "on" } else { "off" };
    printer.data(&match options.format {
        Format::Text => {
            let line = |(name, _, addon): &Found<'_>| {
                let trains: Vec<&str> =
                    versions(&catalogue, name).iter().map(|(t, _)| *t).collect();
                row([name, default(addon), &trains.join(", "), &addon.about])
            };
            let head = row(["NAME", "DEFAULT", "TRAINS", "WHAT"]);
            table(
                &std::iter::once(head)
                    .chain(found.iter().map(line))
                    .collect::<Vec<_>>(),
            )
        }
        Format::Json => {
            let one = |found: &Found<'_>| value(&catalogue, *found);
            let addons: Vec<Value> = found.iter().map(one).collect();
            pretty(&json!({ "schema_version": 1, "addons": addons }))
        }
    });
    Ok(())
}

fn show(name: &str, options: &Options, printer: &Printer) -> Result<(), Failure> {
    let catalogue = catalogue(options)?;
    let all = all(&catalogue);
    let Some(found) = all.iter().find(|(known, ..)| *known == name) else {
        let known: Vec<&str> = all.iter().map(|(name, ..)| *name).collect();
        let hint = match catalogue.gone.get(name) {
            Some(became) => format!("\nhint: {became}"),
            None => format!(", must be one of: {}", known.join(", ")),
        };
        return Err(Failure::Message(format!(
            "no addon is named `{name}`{hint}"
        )));
    };
    printer.data(&match options.format {
        Format::Text => text(&catalogue, *found),
        Format::Json => {
            let mut value = value(&catalogue, *found);
            value["schema_version"] = json!(1);
            pretty(&value)
        }
    });
    Ok(())
}

fn switch(name: &str, addon: &Addon) -> String {
    let own = format!("addons.{name}.enabled");
    addon.switch.clone().unwrap_or(own)
}

fn text(catalogue: &Catalogue, (name, component, addon): Found<'_>) -> String {
    let mut out = format!("{name}: {}\n", addon.about);
    let mut line = |key: &str, value: &str| {
        writeln!(out, "  {key:<9} {value}").expect("writing to a String");
    };
    let default = if addon.enabled { "on" } else { "off" };
    line(
        "switch",
        &format!("{} ({default} without it)", switch(name, addon)),
    );
    line("licence", &component.licence);
    line("homepage", &component.homepage);
    let versions = versions(catalogue, name);
    let versions: Vec<String> = versions
        .iter()
        .map(|(t, v)| format!("{v} (train {t})"))
        .collect();
    line("versions", &versions.join(", "));
    for image in component.images.values() {
        line("image", &image.repository);
    }
    for port in &component.ports {
        line("port", &format!("{} {}", port.port_text(), port.service));
    }
    if !addon.settings.is_empty() {
        let mut rows = vec![row(["SETTING", "TAKES", "DEFAULT", "MEANING"])];
        for (name, setting) in &addon.settings {
            let default = setting.default.as_ref().map(Value::to_string);
            let default = default.unwrap_or_default();
            rows.push(row([name, &setting.takes(), &default, &setting.doc]));
        }
        out.push('\n');
        out += &table(&rows);
    }
    out
}

fn value(catalogue: &Catalogue, (name, component, addon): Found<'_>) -> Value {
    let versions: serde_json::Map<String, Value> = versions(catalogue, name)
        .into_iter()
        .map(|(train, version)| (train.to_owned(), json!(version)))
        .collect();
    let settings = addon.settings.iter().map(|(name, setting)| {
        json!({
            "name": name,
            "takes": setting.takes(),
            "default": setting.default,
            "required": setting.required,
            "example": setting.example,
            "meaning": setting.doc,
        })
    });
    json!({
        "name": name,
        "about": addon.about,
        "switch": switch(name, addon),
        "enabled": addon.enabled,
        "licence": component.licence,
        "homepage": component.homepage,
        "versions": versions,
        "images": component.images.values().map(|image| &image.repository).collect::<Vec<_>>(),
        "ports": component.ports.iter().map(|port| json!({ "port": port.port_text(), "service": port.service })).collect::<Vec<_>>(),
        "settings": settings.collect::<Vec<_>>(),
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("plain values have a JSON form") + "\n"
}
