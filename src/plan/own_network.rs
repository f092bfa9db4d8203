//! The manifests of a pod network of the user's own.

use serde_json::Value;
use thiserror::Error;

use super::Plan;
use crate::artefact::{Artefact, Digest, Item, Where};

/// What is wrong with a manifest.
#[derive(Debug, Error)]
pub enum OwnNetworkError {
    /// Nothing to apply.
    #[error("`{0}` holds no manifests (`*.yml`, `*.yaml`)")]
    Empty(String),
    /// No YAML.
    #[error("`{file}` is no YAML: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// The parser's words, with line and column.
        why: String,
    },
    /// No object of Kubernetes.
    #[error("`{file}`, document {number}: an object of Kubernetes has `{field}`")]
    NoObject {
        /// The file.
        file: String,
        /// Which of its documents, from 1.
        number: usize,
        /// What it lacks.
        field: &'static str,
    },
    /// An image that may be another one tomorrow.
    #[error("`{file}`: the image `{image}` is not pinned: write `repository:tag@sha256:…`")]
    NoDigest {
        /// The file.
        file: String,
        /// As it is written there.
        image: String,
    },
}

impl Plan {
    /// Takes over the manifests of the user's own pod network, as name and text of each file: every node
    /// is given their images.
    pub fn own_network(
        &mut self,
        path: &str,
        files: Vec<(String, String)>,
    ) -> Result<(), OwnNetworkError> {
        let mut images = Vec::new();
        let mut objects = 0;
        for (file, text) in &files {
            let documents: Vec<Value> =
                serde_yaml::from_multiple(text).map_err(|e| OwnNetworkError::Unreadable {
                    file: file.clone(),
                    why: e.without_snippet().to_string(),
                })?;
            let documents = documents.iter().enumerate();
            for (at, document) in documents.filter(|(_, document)| !document.is_null()) {
                object(document).map_err(|field| OwnNetworkError::NoObject {
                    file: file.clone(),
                    number: at + 1,
                    field,
                })?;
                objects += 1;
                named(document, &mut |image| {
                    images.push((file.clone(), image.to_owned()));
                });
            }
        }
        if objects == 0 {
            return Err(OwnNetworkError::Empty(path.to_owned()));
        }
        for (file, image) in images {
            let Some(artefact) = artefact(&image) else {
                return Err(OwnNetworkError::NoDigest { file, image });
            };
            for node in &mut self.nodes {
                if !node.needs.contains(&artefact) {
                    node.needs.push(artefact.clone());
                }
            }
        }
        self.network.manifests = files.into_iter().map(|(_, text)| text).collect();
        Ok(())
    }
}

/// The field that an object of Kubernetes has and this has not.
fn object(document: &Value) -> Result<(), &'static str> {
    let has = |pointer: &str| document.pointer(pointer).is_some_and(Value::is_string);
    let fields = [
        ("apiVersion", "/apiVersion"),
        ("kind", "/kind"),
        ("metadata.name", "/metadata/name"),
    ];
    let missing = fields.into_iter().find(|(_, pointer)| !has(pointer));
    missing.map_or(Ok(()), |(field, _)| Err(field))
}

/// Every `image:` of containers, wherever they are in the object.
fn named(value: &Value, tell: &mut dyn FnMut(&str)) {
    match value {
        Value::Object(fields) => {
            if let (Some(Value::String(image)), true) =
                (fields.get("image"), fields.contains_key("name"))
            {
                tell(image);
            }
            fields.values().for_each(|field| named(field, tell));
        }
        Value::Array(items) => items.iter().for_each(|item| named(item, tell)),
        _ => {}
    }
}

/// `repository:tag@digest` as what a node is given.
fn artefact(image: &str) -> Option<Artefact> {
    let (name, digest) = image.split_once('@')?;
    let digest: Digest = digest.parse().ok()?;
    let (_, tag) = name
        .rsplit_once(':')
        .filter(|(_, tag)| !tag.contains('/'))?;
    Some(Artefact {
        component: "custom".to_owned(),
        version: tag.to_owned(),
        licence: "NOASSERTION".to_owned(),
        on: Where::Everywhere,
        item: Item::Image {
            name: name.to_owned(),
            digest,
        },
    })
}
