//! Arguments of a program, each once.

use std::collections::BTreeMap;

use crate::config::model::Argument;

/// By name, without hyphens.
#[derive(Default)]
pub(super) struct Args(BTreeMap<String, String>);

impl Args {
    /// Sets several.
    pub(super) fn set<'a>(
        &mut self,
        pairs: impl IntoIterator<Item = (&'a str, impl Into<String>)>,
    ) {
        for (name, value) in pairs {
            self.0.insert(name.to_owned(), value.into());
        }
    }

    /// Adds the user's, which replace what is ours where it is not managed.
    pub(super) fn extra(&mut self, arguments: &[Argument]) {
        for argument in arguments {
            self.0.insert(argument.name.clone(), argument.value.clone());
        }
    }

    /// Feature gates, where there are any.
    pub(super) fn gates(&mut self, gates: &BTreeMap<String, bool>) {
        if !gates.is_empty() {
            let all: Vec<_> = gates
                .iter()
                .map(|(name, on)| format!("{name}={on}"))
                .collect();
            self.set([("feature-gates", all.join(","))]);
        }
    }

    /// The whole command.
    pub(super) fn command(&self, program: &str) -> Vec<String> {
        let arguments = self
            .0
            .iter()
            .map(|(name, value)| format!("--{name}={value}"));
        std::iter::once(program.to_owned())
            .chain(arguments)
            .collect()
    }
}
