//! YAML in (with spans) and out (as every reader means it).
//!
//! In: [`parse`] keeps every scalar's own text, so that `version: 1.20` stays `1.20` and
//! `mac: 52:54:00:00:00:11` stays a MAC (YAML 1.1 reads a number in base 60), and every value's
//! place, so that each finding can point at it. Out: [`to_string`] writes what readers of YAML 1.1
//! (`PyYAML`, and with it cloud-init) and of 1.2 understand alike.

mod emit;
mod parse;
mod syntax;

pub use emit::{EmitError, to_string};
pub use parse::parse;
pub use syntax::decode;

use serde::de::DeserializeOwned;

use crate::diagnostic::Span;

/// One value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Bytes of a scalar or of a flow collection; for a block collection, those of its first key
    /// or dash, because a snippet of the whole block would show nothing in particular.
    pub span: Span,
    /// The value.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Text, a number or a boolean: the reader of the setting decides, not YAML.
    Scalar {
        /// The text, quotes and escapes resolved.
        text: String,
        /// Whether it was written without quotes.
        plain: bool,
    },
    /// A list.
    Seq(Vec<Node>),
    /// A mapping in file order, keys unique.
    Map(Vec<Entry>),
}

/// One line of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// Where the key is.
    pub key_span: Span,
    /// What it is set to.
    pub value: Node,
}

impl Node {
    /// The entry of a mapping under `key`; `None` for other values.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// What an error calls this value: `a list`, `a mapping`, `text`, `nothing`.
    pub fn describe(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Why one of our own data files does not fit its type.
#[derive(Debug, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ReadError {
    /// Line, from 1; 0 when the reader could not say.
    pub line: u64,
    /// Column, from 1; 0 when the reader could not say.
    pub column: u64,
    /// What is wrong.
    pub message: String,
}

/// Reads a data file of ours (a profile, a component) into its type.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, ReadError> {
    serde_yaml::from_str(text).map_err(|error| {
        let place = error.location();
        ReadError {
            line: place.map_or(0, |place| place.line()),
            column: place.map_or(0, |place| place.column()),
            message: error.without_snippet().render(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Profile {
        name: String,
    }

    #[test]
    fn a_data_file_is_read() {
        assert_eq!(
            from_str::<Profile>("name: debian-12\n").unwrap().name,
            "debian-12"
        );
    }

    #[test]
    fn an_error_in_a_data_file_names_its_place() {
        let error = from_str::<Profile>("name: x\nnmae: y\n").unwrap_err();
        assert_eq!((error.line, error.column), (2, 1), "{error}");
        assert!(
            error.to_string().starts_with("line 2, column 1: "),
            "{error}"
        );
        assert!(error.message.contains("nmae"), "{error}");
    }
}
