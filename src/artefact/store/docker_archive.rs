//! Images of docker archives: what `docker save`, `podman save` and `skopeo copy … docker-archive:` write,
//! and what Kubernetes' release tarballs hold as `server/bin/*.tar`.
//!
//! Such an archive has configurations and layers, and no manifest of a registry: no published digest
//! matches. An OCI manifest is made here, the same for the same archive, whose digest can be pinned.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use super::archive_members::Part;
use super::archive_members::{self, Members};
use super::image::Platform;
use crate::artefact::digest::Digest;
use crate::config::model::Arch;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Why an archive gives no image.
#[derive(Debug, Error)]
pub enum DockerArchiveError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// It ends early, or is damaged.
    #[error("`{}` is no whole tar archive: {problem}", archive.display())]
    Broken {
        /// The archive.
        archive: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// It tries to leave its folder, or holds devices.
    #[error("refusing the archive `{}`: unsafe entry `{entry}`", archive.display())]
    UnsafeEntry {
        /// The archive.
        archive: PathBuf,
        /// Name of the entry.
        entry: String,
    },
    /// Something else than an archive of images.
    #[error("`{}` has no images: neither it nor a tar in it has a `manifest.json`", archive.display())]
    NoImages {
        /// The archive.
        archive: PathBuf,
    },
    /// Its parts do not fit together.
    #[error("`{}` is no docker archive: {problem}", archive.display())]
    Malformed {
        /// The archive.
        archive: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// It has other images.
    #[error("`{}` has no image `{name}`; it has: {found}", archive.display())]
    Missing {
        /// The archive.
        archive: PathBuf,
        /// What was looked for.
        name: String,
        /// Names of those that it has.
        found: String,
    },
    /// The image is for other machines.
    #[error("`{name}` in `{}`: no image for {wanted}; it has: {found}", archive.display())]
    Platform {
        /// The archive.
        archive: PathBuf,
        /// What was looked for.
        name: String,
        /// `os/architecture`
        wanted: String,
        /// Those it is for.
        found: String,
    },
}

/// A file that holds docker archives: it is one, or a release tarball with some.
#[derive(Debug)]
pub struct DockerArchive {
    path: PathBuf,
    archives: Vec<Members>,
}

/// An image of a docker archive, with the manifest that was made for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeImage {
    /// Of the manifest.
    pub digest: Digest,
    /// `application/vnd.oci.image.manifest.v1+json`
    pub manifest: Vec<u8>,
    /// Configuration, then layers, each once.
    pub parts: Vec<Part>,
}

/// An index over images for several architectures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeIndex {
    /// Of the index.
    pub digest: Digest,
    /// `application/vnd.oci.image.index.v1+json`
    pub index: Vec<u8>,
}

/// An entry of `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// What a configuration says of its layers.
#[derive(Deserialize)]
struct Unpacked {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<Digest>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u8,
    media_type: &'a str,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u8,
    media_type: &'a str,
    manifests: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
}

impl DockerArchive {
    /// Reads `file` once or twice, plain or compressed by gzip; everything in it is hashed.
    pub fn open(file: &Path) -> Result<Self, DockerArchiveError> {
        let archives = archive_members::docker_archives(file)?;
        let path = file.to_owned();
        if archives.is_empty() {
            return Err(DockerArchiveError::NoImages { archive: path });
        }
        Ok(Self { path, archives })
    }

    /// Names of its images, whole: `docker.io/library/haproxy:3.2`.
    pub fn names(&self) -> Result<BTreeSet<String>, DockerArchiveError> {
        let entries = self.entries()?;
        let tags = entries.iter().flat_map(|(_, entry)| entry.names());
        Ok(tags.collect())
    }

    /// The image `name` (`registry/repository:tag`) for `arch`. Kubernetes' own archives call it
    /// `repository-amd64:tag`.
    pub fn find(&self, name: &str, arch: Arch) -> Result<MadeImage, DockerArchiveError> {
        let wanted = [whole_name(name), with_architecture(&whole_name(name), arch)];
        let archive = || self.path.clone();
        let entries = self.entries()?;
        let found = entries
            .iter()
            .filter(|(_, entry)| entry.names().any(|name| wanted.contains(&name)));
        let mut others = Vec::new();
        for (members, entry) in found {
            let platform: Platform = self.configuration(members, entry)?;
            if platform.is(arch) {
                return self.made(members, entry);
            }
            others.push(platform.shown());
        }
        if others.is_empty() {
            let names: Vec<String> = self.names()?.into_iter().collect();
            return Err(DockerArchiveError::Missing {
                archive: archive(),
                name: name.to_owned(),
                found: names.join(", "),
            });
        }
        Err(DockerArchiveError::Platform {
            archive: archive(),
            name: name.to_owned(),
            wanted: format!("linux/{}", arch.as_str()),
            found: others.join(", "),
        })
    }

    fn malformed(&self, problem: impl Into<String>) -> DockerArchiveError {
        DockerArchiveError::Malformed {
            archive: self.path.clone(),
            problem: problem.into(),
        }
    }

    /// Every image, with the archive that it is in.
    fn entries(&self) -> Result<Vec<(&Members, Entry)>, DockerArchiveError> {
        let mut entries = Vec::new();
        for members in &self.archives {
            let text = members.document("manifest.json").unwrap_or_default();
            let parsed: Vec<Entry> = serde_json::from_slice(text)
                .map_err(|error| self.malformed(format!("`manifest.json`: {error}")))?;
            entries.extend(parsed.into_iter().map(|entry| (members, entry)));
        }
        Ok(entries)
    }

    fn configuration<T: DeserializeOwned>(
        &self,
        members: &Members,
        entry: &Entry,
    ) -> Result<T, DockerArchiveError> {
        let name = &entry.config;
        let text = members.document(name);
        let text = text.ok_or_else(|| self.malformed(format!("there is no `{name}`")))?;
        serde_json::from_slice(text).map_err(|error| self.malformed(format!("`{name}`: {error}")))
    }

    fn made(&self, members: &Members, entry: &Entry) -> Result<MadeImage, DockerArchiveError> {
        let part = |name: &str| {
            let part = members.part(name);
            part.ok_or_else(|| self.malformed(format!("there is no `{name}`")))
        };
        let unpacked: Unpacked = self.configuration(members, entry)?;
        let ids = unpacked.rootfs.diff_ids;
        if ids.len() != entry.layers.len() {
            let (layers, ids) = (entry.layers.len(), ids.len());
            return Err(self.malformed(format!("{layers} layers, {ids} in the configuration")));
        }
        let mut parts = vec![part(&entry.config)?];
        let mut layers = Vec::new();
        for (name, id) in entry.layers.iter().zip(&ids) {
            let layer = part(name)?;
            let compression = layer.compression();
            let compression = compression.ok_or_else(|| {
                self.malformed(format!("`{name}` is no tar, plain or compressed"))
            })?;
            if compression.is_empty() && layer.digest != *id {
                let got = layer.digest;
                return Err(self.malformed(format!("`{name}`: expected {id}, got {got}")));
            }
            layers.push(Descriptor::new(format!("{LAYER}{compression}"), &layer));
            if parts.iter().all(|known| known.digest != layer.digest) {
                parts.push(layer);
            }
        }
        let manifest = json(&Manifest {
            schema_version: 2,
            media_type: MANIFEST,
            config: Descriptor::new(CONFIG.to_owned(), &parts[0]),
            layers,
        });
        Ok(MadeImage {
            digest: Digest::sha256(&manifest),
            manifest,
            parts,
        })
    }
}

impl MadeImage {
    /// One name for the images of several architectures, as machines of a mixed cluster need it.
    pub fn index(images: &[(Arch, &MadeImage)]) -> MadeIndex {
        let mut manifests: Vec<Descriptor> = images
            .iter()
            .map(|(arch, image)| Descriptor {
                media_type: MANIFEST.to_owned(),
                digest: image.digest,
                size: image.manifest.len() as u64,
                platform: Some(Platform::linux(*arch)),
            })
            .collect();
        manifests.sort_by_key(|entry| entry.platform.as_ref().map(Platform::shown));
        let index = json(&Index {
            schema_version: 2,
            media_type: INDEX,
            manifests,
        });
        MadeIndex {
            digest: Digest::sha256(&index),
            index,
        }
    }
}

impl Descriptor {
    fn new(media_type: String, part: &Part) -> Self {
        Self {
            media_type,
            digest: part.digest,
            size: part.size,
            platform: None,
        }
    }
}

impl Entry {
    fn names(&self) -> impl Iterator<Item = String> {
        self.repo_tags.iter().flatten().map(|tag| whole_name(tag))
    }
}

fn json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("strings and numbers are JSON")
}

/// With registry and repository: Docker leaves those of its hub out.
pub(super) fn whole_name(name: &str) -> String {
    let first = name.split_once('/').map(|(first, _)| first);
    match first {
        Some(host) if host.contains(['.', ':']) || host == "localhost" => {
            let bare = name.strip_prefix("docker.io/");
            match bare.filter(|bare| !bare.contains('/')) {
                Some(bare) => format!("docker.io/library/{bare}"),
                None => name.to_owned(),
            }
        }
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}

fn with_architecture(name: &str, arch: Arch) -> String {
    let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
    format!("{repository}-{}:{tag}", arch.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_whole() {
        for (name, whole) in [
            ("haproxy:3.2", "docker.io/library/haproxy:3.2"),
            ("docker.io/haproxy:3.2", "docker.io/library/haproxy:3.2"),
            ("flannel/flannel:v1", "docker.io/flannel/flannel:v1"),
            ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
            ("localhost/a:b", "localhost/a:b"),
            ("host:5000/a/b:c", "host:5000/a/b:c"),
        ] {
            assert_eq!(whole_name(name), whole);
        }
        let name = with_architecture("host:5000/kube-proxy:v1", Arch::Arm64);
        assert_eq!(name, "host:5000/kube-proxy-arm64:v1");
    }

    #[test]
    fn an_index_does_not_depend_on_the_order() {
        let image = |text: &[u8]| MadeImage {
            digest: Digest::sha256(text),
            manifest: text.to_vec(),
            parts: vec![],
        };
        let (a, b) = (image(b"a"), image(b"b"));
        let one = MadeImage::index(&[(Arch::Amd64, &a), (Arch::Arm64, &b)]);
        assert_eq!(
            one,
            MadeImage::index(&[(Arch::Arm64, &b), (Arch::Amd64, &a)])
        );
        let text = String::from_utf8(one.index).unwrap();
        assert!(
            text.contains(r#""platform":{"architecture":"amd64","os":"linux"}"#),
            "{text}"
        );
    }
}
