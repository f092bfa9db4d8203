//! Images found by name, where nobody published a digest: in OCI layouts, packed or not, and in docker
//! archives, compressed or in release tarballs.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Deserialize;

use super::docker_archive::{DockerArchive, DockerArchiveError, MadeImage, whole_name};
use super::image::DOCUMENT_LIMIT;
use super::source::walk;
use crate::artefact::digest::Digest;
use crate::config::model::Arch;

/// An image that a folder has under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedImage {
    /// In an OCI layout: what its digest names is found there by digest.
    Layout {
        /// Of the index or manifest.
        digest: Digest,
        /// The layout's folder or archive.
        place: PathBuf,
    },
    /// In a docker archive.
    Made(MadeImage),
}

/// `index.json` of an OCI layout.
#[derive(Deserialize)]
struct Layout {
    manifests: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    digest: Digest,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// Looks for the image `name` (`registry/repository:tag`) for `arch` in all files below `folder`, by
/// path. One for other machines alone is an error, one that is nowhere is `None`.
pub fn named(
    folder: &Path,
    name: &str,
    arch: Arch,
) -> Result<Option<NamedImage>, DockerArchiveError> {
    let mut files = Vec::new();
    walk(folder, &mut files)?;
    let mut refused = None;
    for (file, _) in files {
        let found = match kind(&file) {
            Kind::Index => in_layout(&file, name)?,
            Kind::Archive => match in_archive(&file, name, arch) {
                Err(DockerArchiveError::Missing { .. } | DockerArchiveError::NoImages { .. }) => {
                    None
                }
                // another file may have it
                Err(
                    error @ (DockerArchiveError::Platform { .. }
                    | DockerArchiveError::Broken { .. }
                    | DockerArchiveError::Malformed { .. }
                    | DockerArchiveError::UnsafeEntry { .. }),
                ) => {
                    refused.get_or_insert(error);
                    None
                }
                found => found?,
            },
            Kind::Other => None,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    refused.map_or(Ok(None), Err)
}

enum Kind {
    Index,
    Archive,
    Other,
}

fn kind(file: &Path) -> Kind {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let packed = [".tar", ".tar.gz", ".tgz"]
        .iter()
        .any(|end| name.ends_with(end));
    match packed {
        true => Kind::Archive,
        false if name == "index.json" && file.with_file_name("oci-layout").exists() => Kind::Index,
        false => Kind::Other,
    }
}

fn in_layout(index: &Path, name: &str) -> Result<Option<NamedImage>, DockerArchiveError> {
    let place = index.parent().unwrap_or(index);
    let mut text = Vec::new();
    fs::File::open(index)?
        .take(DOCUMENT_LIMIT)
        .read_to_end(&mut text)?;
    Ok(listed(place, &text, name))
}

/// An archive may be of both forms: since version 25, Docker's are.
fn in_archive(
    file: &Path,
    name: &str,
    arch: Arch,
) -> Result<Option<NamedImage>, DockerArchiveError> {
    if file.extension().is_some_and(|extension| extension == "tar")
        && let Some(text) = packed_index(file)
        && let Some(found) = listed(file, &text, name)
    {
        return Ok(Some(found));
    }
    let archive = DockerArchive::open(file)?;
    Ok(Some(NamedImage::Made(archive.find(name, arch)?)))
}

/// `index.json` of an OCI layout in a tar. One that cannot be read is told of by whoever reads all of it.
fn packed_index(file: &Path) -> Option<Vec<u8>> {
    let mut archive = tar::Archive::new(fs::File::open(file).ok()?);
    for entry in archive.entries_with_seek().ok()? {
        let entry = entry.ok()?;
        let path = entry.path_bytes();
        if path.strip_prefix(b"./").unwrap_or(&path) == b"index.json" {
            let mut text = Vec::new();
            entry.take(DOCUMENT_LIMIT).read_to_end(&mut text).ok()?;
            return Some(text);
        }
    }
    None
}

/// What `index.json` of the layout `place` has under `name`.
fn listed(place: &Path, index: &[u8], name: &str) -> Option<NamedImage> {
    let layout: Layout = serde_json::from_slice(index).ok()?;
    let found = layout
        .manifests
        .into_iter()
        .find(|entry| entry.is(place, name))?;
    Some(NamedImage::Layout {
        digest: found.digest,
        place: place.to_owned(),
    })
}

impl Listed {
    /// containerd and Docker annotate the whole name. `org.opencontainers.image.ref.name` may be a tag
    /// alone, which says too little of an image: then the layout has to be called as the repository.
    fn is(&self, place: &Path, name: &str) -> bool {
        let annotation = |key: &str| self.annotations.get(key).map(String::as_str);
        let whole = whole_name(name);
        if let Some(name) = annotation("io.containerd.image.name") {
            return whole_name(name) == whole;
        }
        let Some(reference) = annotation("org.opencontainers.image.ref.name") else {
            return false;
        };
        let (repository, tag) = whole.rsplit_once(':').unwrap_or((&whole, "latest"));
        let last = repository.rsplit('/').next().unwrap_or(repository);
        let called = place.file_name().unwrap_or_default().to_string_lossy();
        let called = called.strip_suffix(".tar").unwrap_or(&called);
        match reference.contains(['/', ':']) {
            true => whole_name(reference) == whole,
            false => reference == tag && called == last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(place: &str, annotations: &[(&str, &str)], name: &str) -> bool {
        let annotations = annotations
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let listed = Listed {
            digest: Digest::sha256(b""),
            annotations: annotations.collect(),
        };
        listed.is(Path::new(place), name)
    }

    #[test]
    fn a_tag_alone_is_no_name() {
        let pause = "registry.k8s.io/pause:3.10";
        let tag = [("org.opencontainers.image.ref.name", "3.10")];
        assert!(is("from/pause", &tag, pause));
        assert!(is("from/pause.tar", &tag, pause));
        assert!(!is("from/etcd", &tag, pause));
        assert!(!is("from/pause", &tag, "registry.k8s.io/pause:3.9"));
        let whole = [("org.opencontainers.image.ref.name", pause)];
        assert!(is("x", &whole, pause) && !is("x", &whole, "registry.k8s.io/pause:3.9"));
        let both = [
            ("io.containerd.image.name", "docker.io/library/haproxy:3.2"),
            tag[0],
        ];
        assert!(is("x", &both, "docker.io/library/haproxy:3.2") && is("x", &both, "haproxy:3.2"));
        assert!(!is("pause", &both, pause));
    }
}
