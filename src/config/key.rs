//! A key of `cluster.yml`, the type of its value, and where findings about it go.

use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::Node;

/// What a key is to this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It does what it says.
    Real,
    /// Accepted, with one warning: its feature does not exist yet.
    None,
    /// Accepted, with one warning: it served Pharos's SSH and nothing here needs it.
    SshOnly,
    /// Accepted, with one warning: Pharos's name of the key given here.
    Renamed(&'static str),
}

/// One key: its name and all that the reference says about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) default: Option<&'static str>,
    pub(super) example: Option<&'static str>,
    pub(super) effect: Effect,
}

/// A key with its one-line meaning.
pub(super) const fn key(name: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        doc,
        default: None,
        example: None,
        effect: Effect::Real,
    }
}

impl Key {
    pub(super) const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    pub(super) const fn example(mut self, value: &'static str) -> Self {
        self.example = Some(value);
        self
    }

    pub(super) const fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }
}

/// A type of value: what the reference calls it and how it is read.
pub(super) struct Kind<T> {
    pub(super) name: &'static str,
    pub(super) parse: fn(&Node, &mut At<'_>) -> Option<T>,
}

/// Where findings about one value go.
pub(super) struct At<'c> {
    pub(super) path: String,
    pub(super) findings: &'c mut Vec<Diagnostic>,
}

impl At<'_> {
    /// Reports a problem, with help where there is some; always `None`, the value that cannot be had.
    pub(super) fn error<T>(
        &mut self,
        span: Span,
        code: &'static str,
        message: String,
        help: &str,
    ) -> Option<T> {
        let finding = Diagnostic::error(code, self.path.clone(), Some(span), message);
        self.findings.push(if help.is_empty() {
            finding
        } else {
            finding.with_help(help)
        });
        None
    }

    /// Reports a value that must not be shown: without its place, and so without its line.
    pub(super) fn secret<T>(&mut self, code: &'static str, message: &str, help: &str) -> Option<T> {
        let message = format!("`{}`: {message}", self.path);
        self.findings
            .push(Diagnostic::error(code, self.path.clone(), None, message).with_help(help));
        None
    }

    /// The place of a part of this value: `[1]` or `.name`.
    pub(super) fn part(&mut self, suffix: &str) -> At<'_> {
        At {
            path: format!("{}{suffix}", self.path),
            findings: self.findings,
        }
    }
}

/// One row of the reference of `cluster.yml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDoc {
    /// Such as `hosts[].address`.
    pub path: String,
    /// What it takes.
    pub kind: &'static str,
    /// What holds when it is absent.
    pub default: Option<&'static str>,
    /// A value as one would write it.
    pub example: Option<&'static str>,
    /// One line.
    pub doc: &'static str,
    /// Whether it does anything.
    pub effect: Effect,
}

/// Says what a value should have been.
pub(super) fn wrong_type<T>(at: &mut At<'_>, node: &Node, expected: &str) -> Option<T> {
    at.error(
        node.span,
        "config/wrong-type",
        format!("must be {expected}, not {}", node.describe()),
        "",
    )
}

/// The nearest of `known`, when it is near enough to be a slip.
pub(super) fn suggestion<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    let given = given.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&given, known), *known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .min()
        .map(|(_, known)| known)
}

/// Names as an error lists them.
pub(super) fn quoted(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_key_and_a_stranger_none() {
        assert_eq!(suggestion("adress", &["address", "arch"]), Some("address"));
        assert_eq!(suggestion("Role", &["role"]), Some("role"));
        assert_eq!(
            suggestion("pod-network-cidr", &["pod_network_cidr"]),
            Some("pod_network_cidr")
        );
        assert_eq!(suggestion("zebra", &["role", "os"]), None);
    }
}
