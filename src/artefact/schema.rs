//! What objects of a release look like: `overlays/schemas/<train>.txt`, which `ci/schemas` writes.
//!
//! ```text
//! kind apps/v1 Deployment apps.v1.Deployment
//! type core.v1.HostAlias hostnames:[string] ip!:string
//! ```

use std::collections::{BTreeMap, HashMap};

/// Kinds and types of one release.
#[derive(Debug, Default)]
pub struct Schemas<'t> {
    /// `apiVersion`, kind, type.
    kinds: BTreeMap<&'t str, BTreeMap<&'t str, &'t str>>,
    /// Name of a type to its fields, as they are written.
    types: HashMap<&'t str, &'t str>,
}

/// What a field may hold. Nothing at all, `null`, stands for every one that is not required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type<'t> {
    /// Text.
    String,
    /// Bytes, as base64.
    Base64,
    /// A whole number.
    Int32,
    /// A larger one.
    Int64,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `resource.Quantity`: a number, or text.
    Quantity,
    /// A whole number or text.
    IntOrString,
    /// A mapping to anything.
    Object,
    /// Anything.
    Any,
    /// A list, by what it holds.
    List(&'t str),
    /// A mapping from names of one's own, by what it holds.
    Map(&'t str),
    /// A type with fields, by its name.
    Fields(&'t str),
}

/// A field of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'t> {
    /// Its name.
    pub name: &'t str,
    /// Whether an object without it is refused.
    pub required: bool,
    /// What it may hold.
    pub holds: Type<'t>,
}

impl<'t> Type<'t> {
    /// Reads a type as the file writes it.
    pub fn read(text: &'t str) -> Self {
        let within = |open, close| text.strip_prefix(open)?.strip_suffix(close);
        match text {
            "string" => Self::String,
            "base64" => Self::Base64,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "quantity" => Self::Quantity,
            "int-or-string" => Self::IntOrString,
            "object" => Self::Object,
            "any" => Self::Any,
            _ => match (within('[', ']'), within('{', '}')) {
                (Some(item), _) => Self::List(item),
                (_, Some(value)) => Self::Map(value),
                _ => Self::Fields(text),
            },
        }
    }
}

impl<'t> Schemas<'t> {
    /// Reads a file.
    ///
    /// # Errors
    /// The line, from 1, and what is wrong with it.
    pub fn read(text: &'t str) -> Result<Self, (usize, String)> {
        let mut schemas = Self::default();
        for (at, line) in text.lines().enumerate() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let known = match word {
                "kind" => schemas.kind(rest),
                "type" => {
                    let (name, fields) = rest.split_once(' ').unwrap_or((rest, ""));
                    schemas.types.insert(name, fields);
                    true
                }
                word => word.is_empty() || word.starts_with('#'),
            };
            if !known {
                let form = "`kind VERSION KIND TYPE` or `type NAME FIELD:TYPE…`";
                return Err((at + 1, format!("a line must be {form}")));
            }
        }
        Ok(schemas)
    }

    fn kind(&mut self, line: &'t str) -> bool {
        let words: Vec<&str> = line.split(' ').collect();
        let [version, kind, name] = words[..] else {
            return false;
        };
        self.kinds.entry(version).or_default().insert(kind, name);
        true
    }

    /// Kinds by `apiVersion`, and the type of each.
    pub fn kinds(&self) -> &BTreeMap<&'t str, BTreeMap<&'t str, &'t str>> {
        &self.kinds
    }

    /// Fields of a type; none of one that is not there.
    pub fn fields(&self, name: &str) -> impl Iterator<Item = Field<'t>> + use<'t> {
        let fields = self.types.get(name).copied().unwrap_or_default();
        fields.split_whitespace().filter_map(|field| {
            let (name, holds) = field.split_once(':')?;
            Some(Field {
                name: name.trim_end_matches('!'),
                required: name.ends_with('!'),
                holds: Type::read(holds),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read() {
        let text = "# of a test\nkind v1 Pod core.v1.Pod\ntype core.v1.Pod args:[string] m:{[int32]} spec!:core.v1.PodSpec\n";
        let schemas = Schemas::read(text).unwrap();
        assert_eq!(schemas.kinds()["v1"]["Pod"], "core.v1.Pod");
        let fields: Vec<_> = schemas.fields("core.v1.Pod").collect();
        let held: Vec<_> = fields.iter().map(|field| field.holds).collect();
        assert_eq!(
            held,
            [
                Type::List("string"),
                Type::Map("[int32]"),
                Type::Fields("core.v1.PodSpec")
            ]
        );
        assert_eq!((fields[2].name, fields[2].required), ("spec", true));
        assert!(!fields[0].required);
        assert_eq!(schemas.fields("core.v1.Pot").count(), 0);
    }

    #[test]
    fn what_is_no_such_file_is_named_by_its_line() {
        for text in ["kind v1 Pod\n", "typ a b:string\n", "v1: [Pod]\n"] {
            let (line, message) = Schemas::read(text).unwrap_err();
            assert_eq!(line, 1);
            assert!(message.starts_with("a line must be `kind "), "{message}");
        }
    }
}
