//! Settings of addons: described by data in `overlays/`, read from `cluster.yml` with the same types,
//! positions and suggestions as every other key.

mod kind;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::Document;
use super::key::{At, quoted, suggestion, wrong_type};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Entry, Node, Value};

pub use super::names::is_quantity;
pub use kind::{SettingKind, is_image};

/// One setting, as its addon's `component.yml` describes it. A name with a dot is in a mapping:
/// `default_backend.image`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What it takes.
    #[serde(rename = "type")]
    pub kind: SettingKind,
    /// The words that it may be, of a `choice`.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// What holds without it; nothing at all where it is absent.
    #[serde(default)]
    pub default: Option<Json>,
    /// A value as one would write it.
    pub example: Json,
    /// One line.
    pub doc: String,
    /// It must be given.
    #[serde(default)]
    pub required: bool,
    /// Where it goes as it is: `KIND/NAME/POINTER`, mappings merged, lists appended.
    #[serde(default)]
    pub at: Vec<String>,
}

/// Values of an addon's settings by name, those with a default always there.
pub type Settings = BTreeMap<String, Json>;

/// Keys of an entry of `addons:` that are not settings.
const RESERVED: [&str; 1] = ["enabled"];

/// What `addons.NAME` of the file says, by the addon's own description; every problem at once.
pub fn settings(
    document: &Document,
    addon: &str,
    described: &BTreeMap<String, Setting>,
) -> (Settings, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let mut values = Settings::new();
    let path = format!("addons.{addon}");
    let given = document
        .root
        .entry("addons")
        .and_then(|entry| entry.value.entry(addon))
        .map(|entry| &entry.value);
    let mut mapping = Mapping {
        described,
        values: &mut values,
        findings: &mut findings,
    };
    if let Some(Value::Map(entries)) = given.map(|node| &node.value) {
        mapping.read(entries, "", &path);
    }
    for (name, setting) in described {
        if values.contains_key(name) {
            continue;
        }
        let own = format!("{path}.{name}");
        if let Some(default) = &setting.default {
            values.insert(name.clone(), default.clone());
        } else if setting.required && !findings.iter().any(|f: &Diagnostic| f.path == own) {
            let span = document.span(&path);
            let message = format!("the addon `{addon}` needs `{name}`");
            let help = format!("add `{name}: {}` ({})", setting.example, setting.doc);
            findings.push(
                Diagnostic::error("addons/missing-setting", own, span, message).with_help(help),
            );
        }
    }
    (values, findings)
}

struct Mapping<'a> {
    described: &'a BTreeMap<String, Setting>,
    values: &'a mut Settings,
    findings: &'a mut Vec<Diagnostic>,
}

impl Mapping<'_> {
    /// Reads the entries of one mapping; `prefix` is what comes before their names, with a dot.
    fn read(&mut self, entries: &[Entry], prefix: &str, path: &str) {
        for entry in entries {
            let name = format!("{prefix}{}", entry.key);
            let path = format!("{path}.{}", entry.key);
            let inner = format!("{name}.");
            if entry.value.value == Value::Null || RESERVED.contains(&name.as_str()) {
                continue;
            }
            if let Some(setting) = self.described.get(&name) {
                let at = &mut At {
                    path,
                    findings: self.findings,
                };
                if let Some(value) = setting.read(&entry.value, at) {
                    self.values.insert(name, value);
                }
            } else if self.described.keys().any(|known| known.starts_with(&inner)) {
                match &entry.value.value {
                    Value::Map(entries) => self.read(entries, &inner, &path),
                    _ => self.wrong_type(&entry.value, path),
                }
            } else {
                self.unknown(entry, prefix, path);
            }
        }
    }

    fn wrong_type(&mut self, node: &Node, path: String) {
        let at = &mut At {
            path,
            findings: self.findings,
        };
        wrong_type::<()>(at, node, "a mapping");
    }

    fn unknown(&mut self, entry: &Entry, prefix: &str, path: String) {
        let mut known: Vec<&str> = self
            .described
            .keys()
            .filter_map(|name| name.strip_prefix(prefix)?.split('.').next())
            .collect();
        if prefix.is_empty() {
            known.extend(RESERVED);
        }
        known.dedup();
        let help = match suggestion(&entry.key, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", quoted(&known)),
        };
        let message = format!("unknown setting `{}`", entry.key);
        let finding = Diagnostic::error(
            "addons/unknown-setting",
            path,
            Some(entry.key_span),
            message,
        );
        self.findings.push(finding.with_help(help));
    }
}

impl Setting {
    fn read(&self, node: &Node, at: &mut At<'_>) -> Option<Json> {
        self.kind.read(&self.one_of, node, at)
    }

    /// What the reference calls its type.
    pub fn takes(&self) -> String {
        match self.kind {
            SettingKind::Choice => {
                let words: Vec<&str> = self.one_of.iter().map(String::as_str).collect();
                format!("one of: {}", quoted(&words))
            }
            kind => kind.name().to_owned(),
        }
    }
}

/// The nearest of the known names, when it is near enough to be a slip.
pub fn near<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain = given.to_lowercase().replace('_', "-");
    known
        .iter()
        .map(|known| {
            let distance = strsim::damerau_levenshtein(&plain, &known.to_lowercase());
            (distance, *known)
        })
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .min()
        .map(|(_, known)| known)
}
