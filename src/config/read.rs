//! A reader that collects: every problem of a mapping in one run, and the reference of its keys.
//!
//! Each key is asked for in one place, with its meaning, its type and its default; the same calls,
//! made on an absent document, yield the reference of `cluster.yml`, so the two cannot differ.

use std::collections::{BTreeMap, BTreeSet};

use super::key::{At, Effect, Key, KeyDoc, Kind, quoted, suggestion, wrong_type};
use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::{Node, Value};

/// What readers of one document share.
#[derive(Default)]
pub(super) struct Context {
    findings: Vec<Diagnostic>,
    describing: Option<Vec<KeyDoc>>,
    notices: BTreeMap<String, (Effect, BTreeSet<Span>)>,
}

impl Context {
    /// One that gathers the reference.
    pub(super) fn describing() -> Self {
        Self {
            describing: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// The keys that were asked for.
    pub(super) fn into_keys(self) -> Vec<KeyDoc> {
        self.describing.unwrap_or_default()
    }

    /// Everything found, with one warning for each kind of key that does nothing.
    pub(super) fn into_findings(self) -> Vec<Diagnostic> {
        let mut findings = self.findings;
        for (shape, (effect, spans)) in self.notices {
            let places = match spans.len() {
                1 => String::new(),
                more => format!(" ({more} places)"),
            };
            findings.extend(notice(&shape, effect, spans.first().copied(), &places));
        }
        findings
    }
}

fn notice(shape: &str, effect: Effect, span: Option<Span>, places: &str) -> Option<Diagnostic> {
    let (code, message, help) = match effect {
        Effect::Real => return None,
        Effect::None => (
            "config/no-effect",
            format!("`{shape}` has no effect in this version{places}"),
            "it is accepted, so that a file written for Pharos or for a later version can be read"
                .to_owned(),
        ),
        Effect::SshOnly => (
            "pharos/ssh-only",
            format!("`{shape}` has no effect: no machine is configured through SSH{places}"),
            "remove it; an account for people is `ssh.user` with `ssh.authorized_keys`".to_owned(),
        ),
        Effect::Renamed(now) => (
            "pharos/renamed",
            format!("`{shape}` is now called `{now}` and is ignored here{places}"),
            format!("write `{now}`"),
        ),
    };
    Some(Diagnostic::warning(code, shape, span, message).with_help(help))
}

/// Reads one mapping, or describes it.
pub(super) struct Reader<'n, 'c> {
    node: Option<&'n Node>,
    /// Where the mapping is, such as `hosts[1]`.
    path: String,
    /// The same without numbers, such as `hosts[]`.
    shape: String,
    /// What to point at when a key is missing.
    span: Option<Span>,
    asked: Vec<Key>,
    open: bool,
    context: &'c mut Context,
}

impl<'n, 'c> Reader<'n, 'c> {
    /// The reader of a whole document; an empty one is an empty mapping.
    pub(super) fn root(node: &'n Node, context: &'c mut Context) -> Self {
        let mut reader = Self::absent(String::new(), String::new(), context);
        reader.node = reader.mapping(node, "a mapping of settings");
        reader
    }

    /// The reader of a document that is not there.
    pub(super) fn absent(path: String, shape: String, context: &'c mut Context) -> Self {
        Self {
            node: None,
            path,
            shape,
            span: None,
            asked: Vec::new(),
            open: false,
            context,
        }
    }

    /// Whether the mapping is there: a section that is not is read for its defaults.
    pub(super) fn is_given(&self) -> bool {
        self.node.is_some()
    }

    /// Lets keys pass that are not asked for (an addon's own settings).
    pub(super) fn allow_other_keys(&mut self) {
        self.open = true;
    }

    /// The value of `key`, or what holds without it.
    pub(super) fn optional<T>(&mut self, key: &Key, kind: &Kind<T>) -> Option<T> {
        let node = self.take(key, kind.name)?;
        let path = join(&self.path, key.name);
        (kind.parse)(
            node,
            &mut At {
                path,
                findings: &mut self.context.findings,
            },
        )
    }

    /// The value of `key`, or `absent`; one that could not be read is empty, not the default.
    pub(super) fn value_or<T: Default>(&mut self, key: &Key, kind: &Kind<T>, absent: T) -> T {
        let before = self.context.findings.len();
        match self.optional(key, kind) {
            Some(value) => value,
            None if self.context.findings.len() > before => T::default(),
            None => absent,
        }
    }

    /// A finding about this mapping as a whole.
    pub(super) fn wrong(&mut self, code: &'static str, message: &str, help: &str) {
        let finding = Diagnostic::error(code, self.path.clone(), self.span, message.to_owned());
        self.context.findings.push(finding.with_help(help));
    }

    /// The value of a key that has no default.
    pub(super) fn required<T>(&mut self, key: &Key, kind: &Kind<T>) -> Option<T> {
        let missing = self.node.is_some_and(|node| {
            node.entry(key.name)
                .is_none_or(|entry| entry.value.value == Value::Null)
        });
        if missing {
            let path = join(&self.path, key.name);
            let message = format!("`{}` is missing", key.name);
            let help = match key.example {
                Some(example) => format!("add `{}: {example}` ({})", key.name, kind.name),
                None => format!("add `{}` ({})", key.name, kind.name),
            };
            self.context.findings.push(
                Diagnostic::error("config/missing-key", path, self.span, message).with_help(help),
            );
        }
        self.optional(key, kind)
    }

    /// Reads the mapping under `key`; an absent one gives its defaults.
    pub(super) fn section<T>(
        &mut self,
        key: &Key,
        read: impl FnOnce(&mut Reader<'_, '_>) -> T,
    ) -> T {
        let node = self.take(key, "mapping");
        let node = node.and_then(|node| self.mapping(node, "a mapping"));
        let (path, shape) = (join(&self.path, key.name), join(&self.shape, key.name));
        self.child(node, path, shape, read)
    }

    /// Reads a list of mappings; `None` without the key.
    pub(super) fn sections<T>(
        &mut self,
        key: &Key,
        mut read: impl FnMut(&mut Reader<'_, '_>) -> T,
    ) -> Option<Vec<T>> {
        let node = self.take(key, "list of mappings");
        let (path, shape) = (
            join(&self.path, key.name),
            join(&self.shape, key.name) + "[]",
        );
        if self.context.describing.is_some() {
            return Some(vec![self.child(None, path, shape, read)]);
        }
        let node = node?;
        let Value::Seq(items) = &node.value else {
            return self.wrong_type(path, node, "a list of mappings");
        };
        let mut out = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if let Value::Map(_) = item.value {
                out.push(self.child(Some(item), path, shape.clone(), &mut read));
            } else {
                self.wrong_type::<()>(path, item, "a mapping");
            }
        }
        Some(out)
    }

    /// Reads a mapping of mappings under free names.
    pub(super) fn named<T>(
        &mut self,
        key: &Key,
        mut read: impl FnMut(&mut Reader<'_, '_>) -> T,
    ) -> BTreeMap<String, T> {
        let node = self.take(key, "mapping of mappings");
        let (path, shape) = (
            join(&self.path, key.name),
            join(&self.shape, key.name) + ".NAME",
        );
        let mut out = BTreeMap::new();
        if self.context.describing.is_some() {
            self.child(None, path, shape, read);
            return out;
        }
        let Some(Value::Map(entries)) = node
            .and_then(|node| self.mapping(node, "a mapping"))
            .map(|node| &node.value)
        else {
            return out;
        };
        for entry in entries {
            let path = join(&path, &entry.key);
            match entry.value.value {
                Value::Map(_) | Value::Null => {
                    let value = self.child(Some(&entry.value), path, shape.clone(), &mut read);
                    out.insert(entry.key.clone(), value);
                }
                _ => {
                    self.wrong_type::<()>(path, &entry.value, "a mapping");
                }
            }
        }
        out
    }

    fn child<T>(
        &mut self,
        node: Option<&Node>,
        path: String,
        shape: String,
        read: impl FnOnce(&mut Reader<'_, '_>) -> T,
    ) -> T {
        let mut reader = Reader::absent(path, shape, self.context);
        reader.node = node;
        reader.span = node.map(|node| node.span);
        let value = read(&mut reader);
        reader.finish();
        value
    }

    /// Registers a key and finds its value; `null` is as good as absent.
    fn take(&mut self, key: &Key, kind: &'static str) -> Option<&'n Node> {
        self.asked.push(*key);
        let shape = join(&self.shape, key.name);
        if let Some(keys) = &mut self.context.describing {
            let Key {
                doc,
                default,
                example,
                effect,
                ..
            } = *key;
            keys.push(KeyDoc {
                path: shape.clone(),
                kind,
                default,
                example,
                doc,
                effect,
            });
        }
        let entry = self.node?.entry(key.name)?;
        let empty = match &entry.value.value {
            Value::Null => true,
            Value::Scalar { .. } => false,
            Value::Seq(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
        };
        if key.effect != Effect::Real && !empty {
            let notice = self
                .context
                .notices
                .entry(shape)
                .or_insert((key.effect, BTreeSet::new()));
            notice.1.insert(entry.key_span);
        }
        (entry.value.value != Value::Null).then_some(&entry.value)
    }

    fn mapping(&mut self, node: &'n Node, expected: &str) -> Option<&'n Node> {
        match node.value {
            Value::Map(_) => Some(node),
            Value::Null => None,
            _ => self.wrong_type(self.path.clone(), node, expected),
        }
    }

    fn wrong_type<T>(&mut self, path: String, node: &Node, expected: &str) -> Option<T> {
        wrong_type(
            &mut At {
                path,
                findings: &mut self.context.findings,
            },
            node,
            expected,
        )
    }

    /// Reports keys that nobody asked for.
    pub(super) fn finish(self) {
        let Some(Value::Map(entries)) = self.node.map(|node| &node.value) else {
            return;
        };
        let asked: Vec<&str> = self.asked.iter().map(|key| key.name).collect();
        let unknown = entries
            .iter()
            .filter(|entry| !asked.contains(&entry.key.as_str()));
        for entry in unknown.filter(|_| !self.open) {
            let help = suggestion(&entry.key, &asked).map_or_else(
                || {
                    let real = self.asked.iter().filter(|key| key.effect == Effect::Real);
                    format!(
                        "known here: {}",
                        quoted(&real.map(|key| key.name).collect::<Vec<_>>())
                    )
                },
                |known| format!("did you mean `{known}`?"),
            );
            let message = format!("unknown key `{}`", entry.key);
            let path = join(&self.path, &entry.key);
            let finding =
                Diagnostic::error("config/unknown-key", path, Some(entry.key_span), message);
            self.context.findings.push(finding.with_help(help));
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
