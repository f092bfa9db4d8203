//! Text → [`Node`] tree.
//!
//! The parser is `granit-parser` (YAML 1.2); what is refused here on top of it is what no
//! configuration needs: several documents, tags, keys that are not text, and growth without bound.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span as EventSpan, StructureStyle, Tag};

use super::syntax::syntax_error;
use super::{Entry, Node, Value};
use crate::diagnostic::{Diagnostic, Span};

/// Deepest nesting, aliases expanded. `cluster.yml` needs six; without a bound a small file of
/// chained aliases becomes a tree too deep to drop.
const MAX_DEPTH: usize = 64;
/// Most nodes, aliases expanded: ten thousand hosts with defaults, and the end of any bomb.
const MAX_NODES: usize = 1_000_000;

/// Parses one document. An empty one is [`Value::Null`].
pub fn parse(text: &str) -> Result<Node, Vec<Diagnostic>> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder {
        text,
        ..Builder::default()
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let more = match event {
            Ok((event, span)) => builder.event(&event, &span),
            Err(error) => {
                builder.findings.push(syntax_error(text, &error));
                false
            }
        };
        if !more {
            break;
        }
    }
    if builder.findings.is_empty() {
        Ok(builder.root.unwrap_or(Node {
            span: Span::default(),
            value: Value::Null,
        }))
    } else {
        Err(builder.findings)
    }
}

/// A finished subtree that aliases may repeat.
struct Anchor {
    node: Node,
    nodes: usize,
    depth: usize,
}

/// A collection that is still open.
struct Frame {
    span: Span,
    anchor: usize,
    nodes: usize,
    depth: usize,
    kind: Kind,
}

enum Kind {
    Seq(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        seen: HashMap<String, Span>,
        key: Option<(String, Span)>,
        merges: Vec<Node>,
    },
}

#[derive(Default)]
struct Builder<'t> {
    text: &'t str,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Anchor>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    findings: Vec<Diagnostic>,
}

impl Builder<'_> {
    /// Takes one event; `false` stops the parse.
    fn event(&mut self, event: &Event<'_>, span: &EventSpan) -> bool {
        let place = place(span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.fail(
                        "yaml/documents",
                        place,
                        "a second document starts here",
                        "one file is one cluster: remove the `---`",
                    );
                    return false;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), place);
                let plain = *style == ScalarStyle::Plain && !is_str(tag.as_deref());
                let node = Node {
                    span: place,
                    value: scalar(text, plain),
                };
                return self.push(node, *anchor, 1, 1);
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.open(
                    *style,
                    *anchor,
                    tag.as_deref(),
                    place,
                    Kind::Seq(Vec::new()),
                );
            }
            Event::MappingStart(style, anchor, tag) => {
                let kind = Kind::Map {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    key: None,
                    merges: Vec::new(),
                };
                self.open(*style, *anchor, tag.as_deref(), place, kind);
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(place),
            Event::Alias(id) => return self.alias(*id, place),
            Event::UnresolvedAlias(name) => return self.unresolved(name, place),
            _ => {}
        }
        true
    }

    fn fail(&mut self, code: &'static str, span: Span, message: &str, help: &str) {
        self.findings
            .push(Diagnostic::error(code, "", Some(span), message).with_help(help));
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, span: Span) {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() || tag.suffix().is_empty())
        {
            self.fail(
                "yaml/tag",
                span,
                &format!("tag `{tag}` is not supported"),
                "quote a text that starts with `!`",
            );
        }
    }

    fn open(
        &mut self,
        style: StructureStyle,
        anchor: usize,
        tag: Option<&Tag>,
        place: Span,
        kind: Kind,
    ) {
        self.refuse_tag(tag, place);
        let span = match style {
            StructureStyle::Flow => place,
            // The dash; a mapping takes its first key's place once that is known.
            StructureStyle::Block => Span {
                start: place.start,
                end: (place.start + 1).min(self.text.len()),
            },
        };
        self.frames.push(Frame {
            span,
            anchor,
            nodes: 1,
            depth: 1,
            kind,
        });
    }

    fn close(&mut self, place: Span) -> bool {
        let Some(frame) = self.frames.pop() else {
            return true;
        };
        let mut span = frame.span;
        // A flow collection ends with the bracket that this event covers.
        if place.end > place.start
            && self
                .text
                .get(span.start..span.end)
                .is_some_and(|open| open == "[" || open == "{")
        {
            span.end = place.end;
        }
        let value = match frame.kind {
            Kind::Seq(items) => Value::Seq(items),
            Kind::Map {
                mut entries,
                merges,
                ..
            } => {
                if span == frame.span
                    && let Some(first) = entries.first()
                {
                    span = first.key_span;
                }
                merge_keys(&mut entries, merges);
                Value::Map(entries)
            }
        };
        self.push(Node { span, value }, frame.anchor, frame.nodes, frame.depth)
    }

    fn alias(&mut self, id: usize, place: Span) -> bool {
        let Some(anchor) = self.anchors.get(&id) else {
            self.fail(
                "yaml/alias",
                place,
                "this alias repeats the value that contains it",
                "remove the alias",
            );
            return false;
        };
        let (nodes, depth) = (anchor.nodes, anchor.depth);
        if self.nodes + nodes > MAX_NODES || self.frames.len() + depth > MAX_DEPTH {
            self.fail(
                "yaml/too-large",
                place,
                "the aliases of this file expand to more than a configuration can need",
                "write the values out",
            );
            return false;
        }
        let node = anchor.node.clone();
        self.nodes += nodes - 1;
        self.push(node, 0, nodes, depth)
    }

    fn unresolved(&mut self, name: &str, span: Span) -> bool {
        let message = format!("no anchor `&{name}` before this alias");
        self.fail(
            "yaml/alias",
            span,
            &message,
            "quote a text that starts with `*`",
        );
        self.push(
            Node {
                span,
                value: Value::Null,
            },
            0,
            1,
            1,
        )
    }

    /// Hands a finished node to the collection it belongs to.
    fn push(&mut self, node: Node, anchor: usize, nodes: usize, depth: usize) -> bool {
        self.nodes += 1;
        if anchor != 0 {
            self.anchors.insert(
                anchor,
                Anchor {
                    node: node.clone(),
                    nodes,
                    depth,
                },
            );
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return true;
        };
        frame.nodes += nodes;
        frame.depth = frame.depth.max(depth + 1);
        match &mut frame.kind {
            Kind::Seq(items) => items.push(node),
            Kind::Map {
                entries,
                seen,
                key,
                merges,
            } => match key.take() {
                None => return self.key(node),
                Some((key, _)) if key == "<<" => merges.push(node),
                Some((key, key_span)) => {
                    if let Some(first) = seen.get(&key) {
                        let line = self.text[..first.start].matches('\n').count() + 1;
                        let message = format!("`{key}` is given twice, first in line {line}");
                        self.fail("yaml/duplicate-key", key_span, &message, "keep one of them");
                    } else {
                        seen.insert(key.clone(), key_span);
                        entries.push(Entry {
                            key,
                            key_span,
                            value: node,
                        });
                    }
                }
            },
        }
        true
    }

    /// Remembers a mapping's key until its value comes.
    fn key(&mut self, node: Node) -> bool {
        let text = if let Value::Scalar { text, .. } = node.value {
            text
        } else {
            let help = if self.text[node.span.start..].starts_with('{') {
                "quote a text that starts with `{`"
            } else {
                "keys are plain text"
            };
            self.fail("yaml/key", node.span, "this key is not text", help);
            // A text no file can hold twice, so that the rest is still read.
            format!("\u{0}{}", node.span.start)
        };
        if let Some(Frame {
            kind: Kind::Map { key, .. },
            ..
        }) = self.frames.last_mut()
        {
            *key = Some((text, node.span));
        }
        true
    }
}

fn scalar(text: &str, plain: bool) -> Value {
    if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        Value::Null
    } else {
        Value::Scalar {
            text: text.to_owned(),
            plain,
        }
    }
}

/// YAML 1.1's merge key: `<<: *base` adds the entries that the mapping does not have itself.
/// Ruby's reader, and so Pharos, knew it.
fn merge_keys(entries: &mut Vec<Entry>, merges: Vec<Node>) {
    for node in merges {
        match node.value {
            Value::Map(base) => {
                for entry in base {
                    if !entries.iter().any(|own| own.key == entry.key) {
                        entries.push(entry);
                    }
                }
            }
            Value::Seq(list) => merge_keys(entries, list),
            _ => {}
        }
    }
}

fn is_str(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str") || tag.suffix().is_empty())
}

fn place(span: &EventSpan) -> Span {
    // Byte offsets exist for every span of a `&str` input; markers count characters.
    span.byte_range().map_or(Span::default(), |range| Span {
        start: range.start,
        end: range.end,
    })
}

#[cfg(test)]
mod tests;
