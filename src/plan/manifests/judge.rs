//! Whether each document of a file is a Kubernetes object that the release knows.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Named;
use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::{self, Node, Value as Yaml};

/// Lists of containers in a pod.
pub(super) const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// What was found in a file.
#[derive(Default)]
pub(super) struct Judged {
    /// Objects in their order, with their places; those of a `List` by themselves.
    pub objects: Vec<(Value, Option<Span>)>,
    /// Images of their containers.
    pub images: Vec<Named>,
    /// What is wrong.
    pub findings: Vec<Diagnostic>,
}

/// Kinds that a release knows, by `apiVersion`.
type Kinds = BTreeMap<String, Vec<String>>;

/// Reads every document of `text`; `kinds` are those of the release, where they are known.
pub(super) fn judge(text: &str, kinds: Option<&Kinds>) -> Judged {
    let mut judged = Judged::default();
    let mut any = false;
    for (start, document) in documents(text) {
        match yaml::parse(&document) {
            Err(findings) => judged
                .findings
                .extend(findings.into_iter().map(|mut finding| {
                    finding.span = finding.span.map(|span| moved(span, start));
                    "manifests".clone_into(&mut finding.path);
                    finding
                })),
            Ok(node) if node.value == Yaml::Null => {}
            Ok(node) => {
                any = true;
                match serde_yaml::from_str::<Value>(&document) {
                    Ok(value) => object(&value, &node, start, kinds, &mut judged),
                    Err(error) => judged.fail(
                        "manifests/not-an-object",
                        Some(moved(node.span, start)),
                        error.without_snippet().to_string(),
                        "",
                    ),
                }
            }
        }
    }
    if !any && judged.findings.is_empty() {
        judged.fail(
            "manifests/empty",
            None,
            "there is no object in this file".to_owned(),
            "remove it from `manifests`",
        );
    }
    judged
}

/// Each document with the place where it begins.
fn documents(text: &str) -> Vec<(usize, String)> {
    let mut documents = vec![(0, String::new())];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        if bare == "---" || bare.starts_with("--- ") || bare == "..." {
            // what follows on the line belongs to the document; blanks keep the places
            let rest = bare.get(3..).unwrap_or_default();
            let rest = if bare == "..." { "" } else { rest };
            documents.push((at, format!("   {rest}{}", &line[bare.len()..])));
        } else if let Some((_, document)) = documents.last_mut() {
            document.push_str(line);
        }
        at += line.len();
    }
    documents
}

const fn moved(span: Span, by: usize) -> Span {
    Span {
        start: span.start + by,
        end: span.end + by,
    }
}

impl Judged {
    fn fail(&mut self, code: &'static str, span: Option<Span>, message: String, help: &str) {
        let finding = Diagnostic::error(code, "manifests", span, message);
        self.findings.push(match help {
            "" => finding,
            help => finding.with_help(help),
        });
    }
}

fn object(value: &Value, node: &Node, start: usize, kinds: Option<&Kinds>, judged: &mut Judged) {
    let span = Some(moved(node.span, start));
    let Value::Object(_) = value else {
        let message = format!("this document is {}, not an object", node.describe());
        return judged.fail(
            "manifests/not-an-object",
            span,
            message,
            "a Kubernetes object is a mapping with `apiVersion`, `kind` and `metadata`",
        );
    };
    let api_version = field(value, node, "apiVersion", start, judged);
    let kind = field(value, node, "kind", start, judged);
    let (Some(api_version), Some(kind)) = (api_version, kind) else {
        return;
    };
    if kind == "List" {
        let items = node.entry("items").map(|entry| &entry.value.value);
        let values = value["items"].as_array().into_iter().flatten();
        if let Some(Yaml::Seq(items)) = items {
            for (value, node) in values.zip(items) {
                object(value, node, start, kinds, judged);
            }
        }
        return;
    }
    known(&api_version, &kind, node, start, kinds, judged);
    let mut value = value.clone();
    named(&mut value, &kind, node, start, judged);
    let own = kinds.and_then(|kinds| kinds.get(&api_version));
    let own = own.is_some_and(|known| known.contains(&kind));
    images(node, start, own, judged);
    judged.objects.push((value, span));
}

/// A field at the top that must be text.
fn field(
    value: &Value,
    node: &Node,
    name: &str,
    start: usize,
    judged: &mut Judged,
) -> Option<String> {
    match &value[name] {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Null => {
            let span = Some(moved(node.span, start));
            let message = format!("`{name}` is missing");
            judged.fail(
                "manifests/missing-field",
                span,
                message,
                "every Kubernetes object has `apiVersion`, `kind` and `metadata.name`",
            );
            None
        }
        _ => {
            let entry = node.entry(name).map(|entry| moved(entry.value.span, start));
            judged.fail(
                "manifests/wrong-type",
                entry,
                format!("`{name}` must be text"),
                "",
            );
            None
        }
    }
}

/// Kinds in groups of Kubernetes' own must be among those of the release.
fn known(
    api_version: &str,
    kind: &str,
    node: &Node,
    start: usize,
    kinds: Option<&Kinds>,
    judged: &mut Judged,
) {
    let Some(kinds) = kinds else { return };
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    // groups without a dot, and those below k8s.io that the release has, are its own
    let same_group =
        |version: &&String| version.split_once('/').map_or("", |(group, _)| group) == group;
    let own = !group.contains('.') || kinds.keys().any(|version| same_group(&version));
    if !own
        || kinds
            .get(api_version)
            .is_some_and(|known| known.iter().any(|k| k == kind))
    {
        return;
    }
    let versions = kinds
        .iter()
        .filter(|(_, known)| known.iter().any(|k| k == kind));
    let versions: Vec<String> = versions
        .map(|(version, _)| format!("`{version}`"))
        .collect();
    let all = kinds.values().flatten().map(String::as_str);
    let near = crate::config::setting::near(kind, &all.collect::<Vec<_>>());
    let help = match (versions.as_slice(), near) {
        ([], Some(near)) => format!("did you mean `{near}`?"),
        ([], None) => "is a CustomResourceDefinition meant, in a group of its own?".to_owned(),
        (versions, _) => format!("it has `{kind}` in {}", versions.join(", ")),
    };
    let at = if versions.is_empty() {
        "kind"
    } else {
        "apiVersion"
    };
    let span = node.entry(at).map(|entry| moved(entry.value.span, start));
    judged.fail(
        "manifests/unknown-kind",
        span,
        format!("this release of Kubernetes has no `{kind}` in `{api_version}`"),
        &help,
    );
}

/// The name; a Job that is to be made anew for every change has `generateName`, and is named by its digest.
fn named(value: &mut Value, kind: &str, node: &Node, start: usize, judged: &mut Judged) {
    let metadata = node.entry("metadata");
    let span = metadata.map_or(node.span, |entry| entry.key_span);
    let span = Some(moved(span, start));
    if metadata.is_some() && !value["metadata"].is_object() {
        return judged.fail(
            "manifests/wrong-type",
            span,
            "`metadata` must be a mapping".to_owned(),
            "",
        );
    }
    if value["metadata"]["name"]
        .as_str()
        .is_some_and(|name| !name.is_empty())
    {
        return;
    }
    let prefix = value["metadata"]["generateName"]
        .as_str()
        .map(str::to_owned);
    match prefix {
        Some(prefix) if kind == "Job" => {
            let text = value["spec"].to_string();
            let hex = crate::artefact::Digest::sha256(text.as_bytes()).hex();
            if let Some(metadata) = value["metadata"].as_object_mut() {
                metadata.remove("generateName");
                let name = format!("{prefix}{}", hex.get(..10).unwrap_or(&hex));
                metadata.insert("name".to_owned(), name.into());
            }
        }
        Some(_) => judged.fail(
            "manifests/missing-field",
            span,
            "an object with `generateName` would be another one at every boot".to_owned(),
            "give it a `name`; only a Job may have `generateName`, and gets a name by its content",
        ),
        None => judged.fail(
            "manifests/missing-field",
            span,
            "`metadata.name` is missing".to_owned(),
            "every Kubernetes object has `apiVersion`, `kind` and `metadata.name`",
        ),
    }
}

/// Images of containers, and containers without one.
fn images(node: &Node, start: usize, own: bool, judged: &mut Judged) {
    match &node.value {
        Yaml::Map(entries) => {
            for entry in entries {
                match &entry.value.value {
                    Yaml::Seq(containers) if CONTAINERS.contains(&entry.key.as_str()) => {
                        for one in containers {
                            container(one, start, own, judged);
                        }
                    }
                    _ => images(&entry.value, start, own, judged),
                }
            }
        }
        Yaml::Seq(items) => items
            .iter()
            .for_each(|item| images(item, start, own, judged)),
        _ => {}
    }
}

fn container(node: &Node, start: usize, own: bool, judged: &mut Judged) {
    let span = Some(moved(node.span, start));
    for name in ["name", "image"] {
        match node.entry(name).map(|entry| &entry.value) {
            Some(Node {
                value: Yaml::Scalar { text, .. },
                span,
            }) if name == "image" => judged.images.push(Named {
                image: text.clone(),
                span: Some(moved(*span, start)),
            }),
            Some(Node {
                value: Yaml::Scalar { .. },
                ..
            }) => {}
            // another's kind may mean something else by the word
            _ if !own => {}
            _ => judged.fail(
                "manifests/missing-field",
                span,
                format!("this container has no `{name}`"),
                "",
            ),
        }
    }
}

/// Every pod's specification in an object: where there are containers.
pub(super) fn pods<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(fields) => {
            if fields.get("containers").is_some_and(Value::is_array) {
                found.push(value);
            }
            fields.values().for_each(|field| pods(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| pods(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_keep_their_places() {
        let text = "a: 1\n--- # two\nb: 2\n---\n\n...\nc: 3\n";
        for (start, document) in documents(text) {
            assert_eq!(document.len(), text[start..].len().min(document.len()));
            let line = document.lines().find(|line| line.contains(": "));
            if let Some(line) = line {
                let within = document.find(line).unwrap();
                assert_eq!(&text[start + within..start + within + line.len()], line);
            }
        }
    }

    #[test]
    fn a_job_may_be_named_by_its_content() {
        let name = |command: &str| {
            let text = format!(
                "apiVersion: batch/v1\nkind: Job\nmetadata: {{ generateName: load- }}\nspec: {{ template: {{ spec: {{ containers: [{{ name: a, image: b, args: [{command}] }}] }} }} }}\n"
            );
            let judged = judge(&text, None);
            assert!(judged.findings.is_empty());
            judged.objects[0].0["metadata"]["name"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(name("x"), name("x"));
        assert_ne!(name("x"), name("y"));
        assert!(name("x").starts_with("load-"));
    }
}
