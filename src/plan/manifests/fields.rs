//! An object's fields, measured by the schemas of its release.

use base64::Engine as _;
use serde_json::Value;

use super::judge::{Judged, moved};
use crate::artefact::Catalogue;
use crate::artefact::schema::{Field, Schemas, Type};
use crate::config::setting::{is_quantity, near};
use crate::diagnostic::Span;
use crate::yaml::{Node, Value as Yaml};

/// The type of every object's `metadata`.
const METADATA: &str = "meta.v1.ObjectMeta";

/// The type whose values no error shows.
const SECRET: &str = "core.v1.Secret";

/// Most fields that a hint lists.
const FEW: usize = 12;

/// What the train of a cluster knows.
pub struct Release<'c> {
    train: &'c str,
    catalogue: &'c Catalogue,
    schemas: Schemas<'c>,
}

impl<'c> Release<'c> {
    /// `None` where the catalogue has no schemas of the train.
    pub fn of(train: &'c str, catalogue: &'c Catalogue) -> Option<Self> {
        let text = catalogue.schemas.get(train)?;
        Some(Self {
            train,
            catalogue,
            schemas: Schemas::read(text).ok()?,
        })
    }

    /// The type of a kind that the release has.
    pub(super) fn type_of(&self, api_version: &str, kind: &str) -> Option<&'c str> {
        self.schemas.kinds().get(api_version)?.get(kind).copied()
    }

    /// Whether a group of this name is Kubernetes' own: without a dot, or one that the release has.
    pub(super) fn owns(&self, group: &str) -> bool {
        let of = |version: &&'c str| version.split_once('/').map_or("", |(group, _)| group);
        !group.contains('.')
            || self
                .schemas
                .kinds()
                .keys()
                .any(|version| of(version) == group)
    }

    /// Every `apiVersion` that has the kind.
    pub(super) fn versions(&self, kind: &str) -> Vec<&'c str> {
        let all = self.schemas.kinds().iter();
        all.filter(|(_, kinds)| kinds.contains_key(kind))
            .map(|(version, _)| *version)
            .collect()
    }

    /// The kind that a wrong word may have meant.
    pub(super) fn near(&self, kind: &str) -> Option<&'c str> {
        let all = self.schemas.kinds().values();
        near(
            kind,
            &all.flat_map(|kinds| kinds.keys().copied())
                .collect::<Vec<_>>(),
        )
    }

    /// Another train whose type of that name has the field.
    fn elsewhere(&self, name: &str, field: &str) -> Option<&'c str> {
        let others = self.catalogue.schemas.iter();
        let mut others = others.filter(|(train, _)| *train != self.train);
        let has = |text: &str| {
            let schemas = Schemas::read(text).unwrap_or_default();
            schemas.fields(name).any(|known| known.name == field)
        };
        others
            .find(|(_, text)| has(text))
            .map(|(train, _)| train.as_str())
    }
}

/// Judges an object of the type `known`; of one that is another's, what every object has.
pub(super) fn judge(
    release: &Release<'_>,
    known: Option<&str>,
    (value, node, start): (&Value, &Node, usize),
    judged: &mut Judged<'_>,
) {
    let mut walk = Walk {
        release,
        start,
        above: Vec::new(),
        judged,
        secret: known == Some(SECRET),
    };
    match (known, node.entry("metadata")) {
        (Some(name), _) => walk.fields(name, "", value, node),
        (None, Some(entry)) => {
            walk.value(
                Type::Fields(METADATA),
                "metadata",
                &value["metadata"],
                &entry.value,
            );
        }
        (None, None) => {}
    }
}

/// The way through an object.
struct Walk<'w, 't> {
    release: &'w Release<'w>,
    /// Where its document begins.
    start: usize,
    /// Path and type of what is around a value.
    above: Vec<(String, String)>,
    judged: &'w mut Judged<'t>,
    /// Whether its lines may not be shown.
    secret: bool,
}

impl Walk<'_, '_> {
    fn fail(&mut self, code: &'static str, span: Span, message: String, help: &str) {
        let span = moved(span, self.start);
        if self.secret {
            let line = self.judged.text[..span.start].matches('\n').count() + 1;
            let message = format!("line {line}: {message}");
            return self.judged.fail(code, None, message, help);
        }
        self.judged.fail(code, Some(span), message, help);
    }

    fn value(&mut self, holds: Type<'_>, path: &str, value: &Value, node: &Node) {
        match (holds, value) {
            (Type::Any, _) | (Type::Object, Value::Object(_)) => {}
            (Type::Fields(name), Value::Object(_)) => self.fields(name, path, value, node),
            (Type::List(item), Value::Array(values)) => {
                let Yaml::Seq(nodes) = &node.value else {
                    return;
                };
                for (at, (value, node)) in values.iter().zip(nodes).enumerate() {
                    self.value(Type::read(item), &format!("{path}[{at}]"), value, node);
                }
            }
            (Type::Map(holds), Value::Object(values)) => {
                let entries = values.iter().filter(|(_, value)| !value.is_null());
                for (key, value) in entries {
                    if let Some(entry) = node.entry(key) {
                        self.value(
                            Type::read(holds),
                            &format!("{path}.{key}"),
                            value,
                            &entry.value,
                        );
                    }
                }
            }
            _ if fits(holds, value) => {}
            _ => {
                let message = format!("`{path}` must be {}, not {}", wanted(holds), given(value));
                self.fail(
                    "manifests/wrong-type",
                    node.span,
                    message,
                    remedy(holds, value),
                );
            }
        }
    }

    fn fields(&mut self, name: &str, path: &str, value: &Value, node: &Node) {
        let known: Vec<Field<'_>> = self.release.schemas.fields(name).collect();
        let within = |field: &str| match path {
            "" => field.to_owned(),
            path => format!("{path}.{field}"),
        };
        self.above.push((path.to_owned(), name.to_owned()));
        for (key, value) in value.as_object().into_iter().flatten() {
            let Some(entry) = node.entry(key) else {
                continue;
            };
            match known.iter().find(|field| field.name == key) {
                None => self.unknown(name, key, entry.key_span, &known),
                Some(_) if value.is_null() => {}
                Some(field) => self.value(field.holds, &within(key), value, &entry.value),
            }
        }
        self.above.pop();
        let missing = known.iter().filter(|field| field.required);
        let missing = missing.filter(|field| value[field.name].is_null());
        let missing: Vec<String> = missing
            .map(|field| format!("`{}`", within(field.name)))
            .collect();
        let (verb, them) = match missing.len() {
            0 => return,
            1 => ("is", "it"),
            _ => ("are", "them"),
        };
        let message = format!("{} {verb} missing", missing.join(", "));
        let help = format!("every `{}` has {them}", last(name));
        self.fail("manifests/missing-field", node.span, message, &help);
    }

    /// A field that the type does not have: misspelt, misplaced, or of another release.
    fn unknown(&mut self, name: &str, key: &str, span: Span, known: &[Field<'_>]) {
        let names: Vec<&str> = known.iter().map(|field| field.name).collect();
        let mut around = self.above.iter().rev().skip(1);
        let around = around.find(|(_, name)| {
            let mut fields = self.release.schemas.fields(name);
            fields.any(|field| field.name == key)
        });
        let help = if let Some(near) = near(key, &names) {
            format!("did you mean `{near}`?")
        } else if let Some((path, name)) = around {
            let at = if path.is_empty() { "the object" } else { path };
            format!("`{at}` has it, a `{}`: indent it less", last(name))
        } else if let Some(train) = self.release.elsewhere(name, key) {
            format!("train `{train}` has it, `{}` does not", self.release.train)
        } else if names.len() <= FEW {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("must be one of: {}", names.join(", "))
        } else {
            format!("`kubectl explain` shows the fields of a `{}`", last(name))
        };
        let message = format!("`{}` has no field `{key}`", last(name));
        self.fail("manifests/unknown-field", span, message, &help);
    }
}

/// `core.v1.PodSpec` is `PodSpec` to people.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Whether a single value is of the type.
fn fits(holds: Type<'_>, value: &Value) -> bool {
    // the server takes `1.0`, too
    let rounded = || {
        let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
        format!("{number:.0}").parse().ok()
    };
    let whole = || value.as_i64().or_else(rounded);
    match (holds, value) {
        (Type::String | Type::IntOrString, Value::String(_))
        | (Type::Number | Type::Quantity, Value::Number(_))
        | (Type::Boolean, Value::Bool(_)) => true,
        (Type::Base64, Value::String(text)) => {
            let lines: String = text.lines().collect();
            base64::engine::general_purpose::STANDARD
                .decode(lines)
                .is_ok()
        }
        (Type::Quantity, Value::String(text)) => {
            is_quantity(text.strip_prefix(['+', '-']).unwrap_or(text))
        }
        (Type::Int32 | Type::IntOrString, Value::Number(_)) => {
            whole().is_some_and(|whole| i32::try_from(whole).is_ok())
        }
        (Type::Int64, Value::Number(_)) => whole().is_some(),
        _ => false,
    }
}

/// What a type takes, in words.
fn wanted(holds: Type<'_>) -> &'static str {
    match holds {
        Type::String => "text",
        Type::Base64 => "base64",
        Type::Int32 => "a whole number of 32 bits",
        Type::Int64 => "a whole number",
        Type::Number => "a number",
        Type::Boolean => "`true` or `false`",
        Type::Quantity => "a quantity such as `100m` or `200Mi`",
        Type::IntOrString => "a whole number of 32 bits or text",
        Type::List(_) => "a list",
        Type::Object | Type::Map(_) | Type::Fields(_) => "a mapping",
        Type::Any => "anything",
    }
}

/// What was written, in words.
fn given(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "this number",
        Value::String(_) => "this text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// How to mend it, where that is plain.
fn remedy(holds: Type<'_>, value: &Value) -> &'static str {
    match (holds, value) {
        (Type::String, Value::Bool(_) | Value::Number(_)) => "put it in quotes",
        (Type::Boolean, Value::String(text)) if matches!(text.as_str(), "true" | "false") => {
            "leave the quotes out"
        }
        (Type::Int32 | Type::Int64 | Type::Number, Value::String(text))
            if text.parse::<f64>().is_ok() =>
        {
            "leave the quotes out"
        }
        (Type::Base64, Value::String(_)) => "write plain text under `stringData` of a Secret",
        (Type::List(_), Value::Object(_) | Value::String(_)) => "begin it with `- `",
        _ => "",
    }
}
