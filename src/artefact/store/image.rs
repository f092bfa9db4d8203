//! What must be read of an image to copy one platform of it: index, manifest, configuration.
//! OCI image-spec v1 and Docker's schema 2, which differ only in media types here.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::Attempt;
use crate::artefact::digest::Digest;
use crate::config::model::Arch;

/// Larger documents are refused; registries allow 4 MiB.
pub(super) const DOCUMENT_LIMIT: u64 = 4 << 20;

/// An index or a manifest.
#[derive(Deserialize)]
pub(super) struct Document {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Deserialize, Clone)]
pub(super) struct Descriptor {
    pub(super) digest: Digest,
    /// Bytes.
    pub(super) size: u64,
    platform: Option<Platform>,
}

/// Also the part of a configuration that says what it is for.
#[derive(Deserialize, Serialize, Clone)]
pub(super) struct Platform {
    architecture: String,
    os: String,
}

impl Platform {
    pub(super) fn linux(arch: Arch) -> Self {
        Self {
            architecture: arch.as_str().to_owned(),
            os: "linux".to_owned(),
        }
    }

    pub(super) fn is(&self, arch: Arch) -> bool {
        self.os == "linux" && self.architecture == arch.as_str()
    }

    pub(super) fn shown(&self) -> String {
        format!("{}/{}", self.os, self.architecture)
    }
}

/// What an image document leads to.
pub(super) enum Next {
    /// It is an index; the manifest for the platform.
    Manifest(Digest),
    /// It is a manifest; its configuration and layers, each once.
    Content(Vec<Descriptor>),
}

pub(super) fn parse<T: DeserializeOwned>(digest: &Digest, bytes: &[u8]) -> Result<T, Box<Attempt>> {
    serde_json::from_slice(bytes).map_err(|error| not_an_image(digest, &error.to_string()))
}

fn not_an_image(digest: &Digest, problem: &str) -> Box<Attempt> {
    Box::new(Attempt::NotAnImage {
        digest: *digest,
        problem: problem.to_owned(),
    })
}

impl Document {
    /// OCI documents may leave their media type out.
    pub(super) fn media_type(&self) -> &str {
        self.media_type.as_deref().unwrap_or(match self.manifests {
            Some(_) => "application/vnd.oci.image.index.v1+json",
            None => "application/vnd.oci.image.manifest.v1+json",
        })
    }

    /// Follows it for `arch`. Attestations (`unknown/unknown`) never match.
    pub(super) fn next(self, digest: &Digest, arch: Arch) -> Result<Next, Box<Attempt>> {
        let Some(manifests) = self.manifests else {
            let config = self
                .config
                .ok_or_else(|| not_an_image(digest, "neither `manifests` nor `config`"))?;
            let mut content = vec![config];
            for layer in self.layers {
                if content.iter().all(|part| part.digest != layer.digest) {
                    content.push(layer);
                }
            }
            return Ok(Next::Content(content));
        };
        let platform = |entry: &Descriptor| entry.platform.as_ref().is_some_and(|p| p.is(arch));
        let found = manifests.iter().find(|entry| platform(entry));
        found
            .map(|entry| Next::Manifest(entry.digest))
            .ok_or_else(|| {
                let platforms = manifests.iter().filter_map(|entry| entry.platform.as_ref());
                wrong_platform(arch, &platforms.map(Platform::shown).collect::<Vec<_>>())
            })
    }
}

/// An index may lie about what it lists: the configuration decides.
pub(super) fn check_config(digest: &Digest, bytes: &[u8], arch: Arch) -> Result<(), Box<Attempt>> {
    let platform: Platform = parse(digest, bytes)?;
    if platform.is(arch) {
        return Ok(());
    }
    Err(wrong_platform(arch, &[platform.shown()]))
}

fn wrong_platform(arch: Arch, found: &[String]) -> Box<Attempt> {
    let found = if found.is_empty() {
        "none".to_owned()
    } else {
        found.join(", ")
    };
    Box::new(Attempt::Platform {
        wanted: format!("linux/{}", arch.as_str()),
        found,
    })
}
