//! The reference of `cluster.yml`, made by the reader itself.

use std::fmt::Write;

use super::cluster;
use super::key::{Effect, KeyDoc};
use super::read::{Context, Reader};

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

/// The same as Markdown: keys that do something, then those that are only accepted.
pub fn reference_markdown() -> String {
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
