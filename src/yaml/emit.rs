//! YAML for readers of YAML 1.1 and 1.2 alike, in plain ASCII.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_yaml::DoubleQuoted;

/// Why a value has no YAML form.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The value itself refuses to be serialized, or a map has keys that are not text.
    #[error("value has no tree form: {0}")]
    Tree(#[from] serde_json::Error),
    /// The serializer refused.
    #[error("value has no YAML form: {0}")]
    Yaml(#[from] serde_yaml::ser::Error),
    /// Only values can be escaped; a key of ours is never anything but ASCII.
    #[error("mapping key {0:?} is not ASCII")]
    Key(String),
}

/// Writes `value` as one YAML document, ASCII only, that `PyYAML` reads back unchanged.
///
/// Strings that any YAML 1.1 reader would take for something else (`on`, `1_000`, `52:54:00`,
/// `2001-01-01`) are quoted; others stay plain, and text of several lines is a literal block, so
/// that people can read it. Characters outside ASCII are escaped: a seed must survive transports
/// and consoles that know no UTF-8. Mapping keys must be ASCII.
pub fn to_string<T: Serialize>(value: &T) -> Result<String, EmitError> {
    let tree = serde_json::to_value(value)?;
    check_keys(&tree)?;
    // No folded blocks (`>`): they make long base64 lines depend on their blanks.
    let options = serde_yaml::ser_options! { folded_wrap_chars: usize::MAX };
    let text = serde_yaml::to_string_with_options(&Ascii(&tree), options)?;
    Ok(if text.is_ascii() { text } else { escape(&text) })
}

fn check_keys(value: &Value) -> Result<(), EmitError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(check_keys),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            if key.is_ascii() {
                check_keys(value)
            } else {
                Err(EmitError::Key(key.clone()))
            }
        }),
        _ => Ok(()),
    }
}

/// Forces double quotes on what [`escape`] is going to touch: only there YAML has escapes.
struct Ascii<'a>(&'a Value);

impl Serialize for Ascii<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if !text.is_ascii() => DoubleQuoted(text).serialize(serializer),
            Value::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(&Ascii(item))?;
                }
                seq.end()
            }
            Value::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, &Ascii(value))?;
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}

/// YAML 1.2.2 §5.7: `\uXXXX` for the basic plane, `\UXXXXXXXX` for the rest.
fn escape(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let code = u32::from(character);
        let written = match code {
            0..=0x7f => {
                out.push(character);
                Ok(())
            }
            0x80..=0xffff => write!(out, "\\u{code:04X}"),
            _ => write!(out, "\\U{code:08X}"),
        };
        written.expect("a String takes any text");
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn text_that_yaml_1_1_reads_otherwise_is_quoted() {
        for text in [
            "52:54:00:12:34:56",
            "on",
            "y",
            "1_000",
            "0755",
            "2001-01-01",
            "~",
            "",
            "=",
            "<<",
        ] {
            let yaml = to_string(&[text]).unwrap();
            assert!(yaml.contains('"') || yaml.contains('\''), "{yaml}");
        }
    }

    #[test]
    fn plain_text_stays_plain_and_lines_stay_lines() {
        let map = BTreeMap::from([("a", "plain text"), ("b", "one\ntwo\n")]);
        assert_eq!(
            to_string(&map).unwrap(),
            "a: plain text\nb: |\n  one\n  two\n"
        );
    }

    #[test]
    fn output_is_ascii() {
        let yaml = to_string(&["grün", "😀\nb"]).unwrap();
        assert_eq!(yaml, "- \"gr\\u00FCn\"\n- \"\\U0001F600\\nb\"\n");
    }

    #[test]
    fn a_key_outside_ascii_is_an_error() {
        let error = to_string(&BTreeMap::from([("schlüssel", 1)])).unwrap_err();
        assert_eq!(error.to_string(), "mapping key \"schlüssel\" is not ASCII");
    }
}
