//! Whether each document of a file is a Kubernetes object that the release knows.

use serde_json::Value;

use super::Named;
use super::fields::{self, Release};
use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::{self, Node, Value as Yaml};

/// Lists of containers in a pod.
pub(super) const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// What was found in a file.
#[derive(Default)]
pub(super) struct Judged<'t> {
    /// The file.
    pub text: &'t str,
    /// Objects in their order, with their places; those of a `List` by themselves.
    pub objects: Vec<(Value, Option<Span>)>,
    /// Images of their containers.
    pub images: Vec<Named>,
    /// What is wrong.
    pub findings: Vec<Diagnostic>,
}

/// Reads every document of `text`, and measures it by the release, where its schemas are known.
pub(super) fn judge<'t>(text: &'t str, release: Option<&Release<'_>>) -> Judged<'t> {
    // as Kubernetes reads a file: `defaultMode: 0644` is octal
    let options = serde_yaml::options! { legacy_octal_numbers: true };
    let mut judged = Judged {
        text,
        ..Judged::default()
    };
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
                match serde_yaml::from_str_with_options::<Value>(&document, options.clone()) {
                    Ok(value) => object(&value, &node, start, release, &mut judged),
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

pub(super) const fn moved(span: Span, by: usize) -> Span {
    Span {
        start: span.start + by,
        end: span.end + by,
    }
}

impl Judged<'_> {
    pub(super) fn fail(
        &mut self,
        code: &'static str,
        span: Option<Span>,
        message: String,
        help: &str,
    ) {
        let finding = Diagnostic::error(code, "manifests", span, message);
        self.findings.push(match help {
            "" => finding,
            help => finding.with_help(help),
        });
    }
}

fn object(
    value: &Value,
    node: &Node,
    start: usize,
    release: Option<&Release<'_>>,
    judged: &mut Judged<'_>,
) {
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
                object(value, node, start, release, judged);
            }
        }
        return;
    }
    let known = release.and_then(|release| release.type_of(&api_version, &kind));
    if let Some(release) = release {
        if known.is_none() {
            not_known(&api_version, &kind, node, start, release, judged);
        }
        fields::judge(release, known, (value, node, start), judged);
    }
    let mut value = value.clone();
    named(&mut value, &kind, node, start, judged);
    images(node, start, known.is_some(), judged);
    judged.objects.push((value, span));
}

/// A field at the top that must be text.
fn field(
    value: &Value,
    node: &Node,
    name: &str,
    start: usize,
    judged: &mut Judged<'_>,
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

/// A kind that the release lacks, in a group of Kubernetes' own, is an error; one in another's is theirs.
fn not_known(
    api_version: &str,
    kind: &str,
    node: &Node,
    start: usize,
    release: &Release<'_>,
    judged: &mut Judged<'_>,
) {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    if !release.owns(group) {
        return;
    }
    let versions = release.versions(kind);
    let shown: Vec<String> = versions.iter().map(|v| format!("`{v}`")).collect();
    let help = match (versions.as_slice(), release.near(kind)) {
        ([], Some(near)) => format!("did you mean `{near}`?"),
        ([], None) => "is a CustomResourceDefinition meant, in a group of its own?".to_owned(),
        _ => format!("it has `{kind}` in {}", shown.join(", ")),
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
fn named(value: &mut Value, kind: &str, node: &Node, start: usize, judged: &mut Judged<'_>) {
    let metadata = node.entry("metadata");
    let span = metadata.map_or(node.span, |entry| entry.key_span);
    let span = Some(moved(span, start));
    let name = &value["metadata"]["name"];
    if !name.is_null() && name != "" {
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
fn images(node: &Node, start: usize, own: bool, judged: &mut Judged<'_>) {
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

fn container(node: &Node, start: usize, own: bool, judged: &mut Judged<'_>) {
    match node.entry("image").map(|entry| &entry.value) {
        Some(Node {
            value: Yaml::Scalar { text, .. },
            span,
        }) => judged.images.push(Named {
            image: text.clone(),
            span: Some(moved(*span, start)),
        }),
        // schemas let it be without; another's kind may mean something else by the word
        None if own => judged.fail(
            "manifests/missing-field",
            Some(moved(node.span, start)),
            "this container has no `image`".to_owned(),
            "",
        ),
        _ => {}
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
    fn numbers_and_words_are_what_kubernetes_reads() {
        let text = "apiVersion: v1\nkind: A\nmetadata: { name: a }\nspec: { mode: 0644, octal: 0o644, on: yes, text: \"0644\" }\n";
        let judged = judge(text, None);
        assert!(judged.findings.is_empty());
        assert_eq!(
            judged.objects[0].0["spec"],
            serde_json::json!({ "mode": 420, "octal": 420, "on": true, "text": "0644" })
        );
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
