//! The reference of `cluster.yml`, made by the reader itself.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::cluster;
use super::key::{Effect, KeyDoc};
use super::read::{Context, Reader};
use super::setting::Setting;

/// Every key that `cluster.yml` takes, in reading order.
pub fn reference() -> Vec<KeyDoc> {
    let mut context = Context::describing();
    cluster::config(&mut Reader::absent(
        String::new(),
        String::new(),
        &mut context,
    ));
    context.into_keys()
}

/// An addon, as the reference shows it.
#[derive(Debug, Clone, Copy)]
pub struct AddonDoc<'a> {
    /// Its name.
    pub name: &'a str,
    /// One line.
    pub about: &'a str,
    /// What turns it on, and whether it is on without.
    pub switch: &'a str,
    /// See there.
    pub enabled: bool,
    /// Trains that have it, separated by commas.
    pub trains: &'a str,
    /// By name.
    pub settings: &'a BTreeMap<String, Setting>,
}

/// The same as Markdown: keys that do something, addons, then keys that are only accepted.
pub fn reference_markdown(addons: &[AddonDoc<'_>]) -> String {
    let keys = reference();
    let idle: Vec<&KeyDoc> = keys
        .iter()
        .filter(|key| key.effect != Effect::Real)
        .collect();
    let is_idle = |key: &KeyDoc| {
        idle.iter()
            .any(|idle| key.path == idle.path || key.path.starts_with(&format!("{}.", idle.path)))
    };
    let mut out = String::from(
        "# `cluster.yml`\n\nGenerated from the reader of `src/config`. `[]` stands for any item of a list, `NAME` for any name.\n\n\
         | key | takes | default | example | meaning |\n|---|---|---|---|---|\n",
    );
    let cell = |text: Option<&str>| {
        text.map_or(String::new(), |text| {
            format!("`{}`", text.replace('|', "\\|").replace('`', ""))
        })
    };
    for key in keys.iter().filter(|key| !is_idle(key)) {
        let kind = key.kind.replace('|', "\\|");
        writeln!(
            out,
            "| `{}` | {kind} | {} | {} | {} |",
            key.path,
            cell(key.default),
            cell(key.example),
            key.doc
        )
        .expect("a String takes any text");
    }
    addons_markdown(&mut out, addons);
    out.push_str("\n## Accepted without effect\n\nKeys of Pharos's files; each kind that a file has gives one warning.\n\n| key | takes | meaning | why |\n|---|---|---|---|\n");
    for key in keys.iter().filter(|key| is_idle(key)) {
        let why = match key.effect {
            Effect::Real => String::new(),
            Effect::None => "not in this version".to_owned(),
            Effect::SshOnly => "served SSH only".to_owned(),
            Effect::Renamed(now) => format!("now `{now}`"),
        };
        writeln!(
            out,
            "| `{}` | {} | {} | {why} |",
            key.path,
            key.kind.replace('|', "\\|"),
            key.doc
        )
        .expect("a String takes any text");
    }
    out
}

fn addons_markdown(out: &mut String, addons: &[AddonDoc<'_>]) {
    out.push_str("\n## Addons\n\nEach is on or off by the key given with it; its settings are keys below `addons.NAME`.\n");
    for addon in addons {
        let default = if addon.enabled { "on" } else { "off" };
        write!(
            out,
            "\n### {}\n\n{}. `{}`, {default} without it. Trains: {}.\n",
            addon.name, addon.about, addon.switch, addon.trains
        )
        .expect("a String takes any text");
        if !addon.settings.is_empty() {
            out.push_str(
                "\n| setting | takes | default | example | meaning |\n|---|---|---|---|---|\n",
            );
        }
        for (name, setting) in addon.settings {
            let shown =
                |value: &serde_json::Value| format!("`{}`", flow(value).replace('|', "\\|"));
            let default = match (&setting.default, setting.required) {
                (Some(value), _) => shown(value),
                (None, true) => "must be given".to_owned(),
                (None, false) => String::new(),
            };
            writeln!(
                out,
                "| `{name}` | {} | {default} | {} | {} |",
                setting.takes().replace('|', "\\|"),
                shown(&setting.example),
                setting.doc
            )
            .expect("a String takes any text");
        }
    }
}

/// A value as one writes it in a line of YAML.
fn flow(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| format!("{key}: {}", flow(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(flow).collect::<Vec<_>>().join(", ")
            )
        }
        Value::String(text) if matches!(text.as_str(), "true" | "false") || text.contains(": ") => {
            format!("\"{text}\"")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_is_asked_for_once() {
        let mut seen = BTreeSet::new();
        for key in reference() {
            assert!(
                seen.insert(key.path.clone()),
                "`{}` is asked for twice",
                key.path
            );
        }
        assert!(seen.contains("hosts[].network.gateway") && seen.contains("addons.NAME.enabled"));
    }
}
