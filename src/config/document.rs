//! The merged tree behind a `Config`, for findings of later stages.

use crate::diagnostic::Span;
use crate::yaml::{Node, Value};

/// Where each setting was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub(super) root: Node,
}

impl Document {
    /// The place of a path such as `hosts[1].address`, or of its nearest ancestor that the file
    /// has; `None` when it has none.
    pub fn span(&self, path: &str) -> Option<Span> {
        self.find(path).0
    }

    /// The place of a path that the file has.
    pub fn exact(&self, path: &str) -> Option<Span> {
        match self.find(path) {
            (span, true) => span,
            _ => None,
        }
    }

    fn find(&self, path: &str) -> (Option<Span>, bool) {
        let (mut node, mut rest, mut span) = (&self.root, path, None);
        while !rest.is_empty() {
            let next = match &node.value {
                Value::Map(entries) => entries
                    .iter()
                    .filter_map(|entry| {
                        Some((entry, after(rest.strip_prefix(entry.key.as_str())?)?))
                    })
                    // Keys may hold dots (`topology.kubernetes.io/zone`): the longest that fits.
                    .max_by_key(|(entry, _)| entry.key.len())
                    .map(|(entry, rest)| {
                        let scalar = matches!(entry.value.value, Value::Scalar { .. });
                        let span = if scalar {
                            entry.value.span
                        } else {
                            entry.key_span
                        };
                        (&entry.value, rest, span)
                    }),
                Value::Seq(items) => index(rest).and_then(|(index, rest)| {
                    let item = items.get(index)?;
                    Some((item, rest, item.span))
                }),
                _ => None,
            };
            match next {
                Some((child, tail, place)) => (node, rest, span) = (child, tail, Some(place)),
                None => return (span, false),
            }
        }
        (span, true)
    }
}

/// What follows a key: the end, an index, or a dot and more.
fn after(rest: &str) -> Option<&str> {
    if rest.is_empty() || rest.starts_with('[') {
        Some(rest)
    } else {
        rest.strip_prefix('.')
    }
}

fn index(rest: &str) -> Option<(usize, &str)> {
    let (number, rest) = rest.strip_prefix('[')?.split_once(']')?;
    Some((number.parse().ok()?, after(rest)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    #[test]
    fn a_path_finds_its_place_or_its_nearest_ancestor() {
        let text = "hosts:\n- address: 10.0.0.1\n  labels: {a.b/c: d}\n- address: [10.0.0.2, fd00::2]\nname: x\n";
        let document = Document {
            root: parse(text).unwrap(),
        };
        let at = |path: &str| document.span(path).map(|span| &text[span.start..span.end]);
        assert_eq!(at("hosts[0].address"), Some("10.0.0.1"));
        assert_eq!(at("hosts[0].address[0]"), Some("10.0.0.1"));
        assert_eq!(at("hosts[1].address[1]"), Some("fd00::2"));
        assert_eq!(at("hosts[0].labels.a.b/c"), Some("d"));
        assert_eq!(at("hosts[0].mac"), Some("address"));
        assert_eq!(at("hosts[7]"), Some("hosts"));
        assert_eq!(at("network.provider"), None);
        assert_eq!(document.exact("hosts[0].mac"), None);
    }
}
