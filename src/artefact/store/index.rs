//! The list of what a store holds, in two forms.
//!
//! `index` is made for `sh`: one artefact per line, fields separated by single spaces, sorted.
//!
//! ```text
//! file <digest> <size> <name>
//! image <digest> <architecture> <media type> <size> <repository:tag> <digest> <digest> …
//! ```
//!
//! The digests at the end of an image's line are its blobs: the document that the first digest
//! names, the manifest for the line's architecture (the same document when the pinned one is no
//! index), the configuration and the layers. With them, and with the line's digest, media type
//! and size as the only entry of `index.json`, an OCI layout is complete.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::artefact::digest::Digest;
use crate::artefact::list::{Artefact, Item, Where};
use crate::config::model::Arch;

/// What the store holds of one artefact.
pub(super) struct Held<'a> {
    pub(super) artefact: &'a Artefact,
    /// Whose machines run it.
    pub(super) arch: Arch,
    /// Bytes of the pinned document or file.
    pub(super) size: u64,
    /// What it consists of, if it is an image.
    pub(super) image: Option<HeldImage>,
}

/// What the store holds of an image.
pub(super) struct HeldImage {
    /// Of the pinned document.
    pub(super) media_type: String,
    /// The pinned one, and the manifest if that is an index.
    pub(super) documents: Vec<Digest>,
    /// Configuration and layers.
    pub(super) content: Vec<Digest>,
}

impl Held<'_> {
    /// Every content that it consists of.
    pub(super) fn blobs(&self) -> impl Iterator<Item = &Digest> {
        let (documents, content) = match &self.image {
            None => (std::slice::from_ref(self.artefact.digest()), &[][..]),
            Some(image) => (&image.documents[..], &image.content[..]),
        };
        documents.iter().chain(content)
    }
}

/// `index.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Of this form: 1.
    pub schema_version: u32,
    /// Sorted by component, name, architecture.
    pub artefacts: Vec<Listed>,
}

/// An artefact in [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listed {
    /// Folder in the catalogue; the package's name for distribution packages.
    pub component: String,
    /// File name or `repository:tag`.
    pub name: String,
    /// Go's name of the architecture.
    pub arch: String,
    /// As upstream writes it, without `v`.
    pub version: String,
    /// SPDX expression.
    pub licence: String,
    /// Which nodes need it.
    pub on: Where,
    /// `file`, `tar-gz`, `deb`, `rpm`, `boot` or `image`.
    pub kind: String,
    /// Of the file; of an image's index.
    pub digest: Digest,
    /// Bytes of what the digest names.
    pub size: u64,
    /// Where it is upstream.
    pub origin: String,
    /// Of what an image's digest names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Everything that an image consists of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<Digest>,
}

impl Listed {
    /// Every content that it consists of.
    pub fn contents(&self) -> &[Digest] {
        match self.blobs.as_slice() {
            [] => std::slice::from_ref(&self.digest),
            blobs => blobs,
        }
    }

    fn line(&self) -> String {
        let (digest, arch, size, name) = (&self.digest, &self.arch, self.size, &self.name);
        match &self.media_type {
            None => format!("file {digest} {size} {name}"),
            Some(media_type) => {
                let blobs: Vec<String> = self.blobs.iter().map(Digest::to_string).collect();
                let blobs = blobs.join(" ");
                format!("image {digest} {arch} {media_type} {size} {name} {blobs}")
            }
        }
    }
}

impl Listing {
    /// `index`
    pub fn text(&self) -> String {
        let lines: BTreeSet<String> = self.artefacts.iter().map(Listed::line).collect();
        lines.into_iter().map(|line| line + "\n").collect()
    }

    /// `index.json`
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers are JSON") + "\n"
    }
}

/// What `index.json` says.
pub(super) fn listing<'h>(held: impl Iterator<Item = &'h Held<'h>>) -> Listing {
    let artefacts: BTreeSet<Listed> = held.map(listed).collect();
    Listing {
        schema_version: 1,
        artefacts: artefacts.into_iter().collect(),
    }
}

fn listed(held: &Held<'_>) -> Listed {
    let artefact = held.artefact;
    let kind = match artefact.item {
        Item::File { .. } => "file",
        Item::TarGz { .. } => "tar-gz",
        Item::Package { kind, .. } => kind.name(),
        Item::Boot { .. } => "boot",
        Item::Image { .. } => "image",
    };
    let image = held.image.as_ref();
    Listed {
        component: artefact.component.clone(),
        name: artefact.name().to_owned(),
        arch: held.arch.as_str().to_owned(),
        version: artefact.version.clone(),
        licence: artefact.licence.clone(),
        on: artefact.on,
        kind: kind.to_owned(),
        digest: *artefact.digest(),
        size: held.size,
        origin: artefact.origin(),
        media_type: image.map(|image| image.media_type.clone()),
        blobs: image.map_or_else(Vec::new, |_| held.blobs().copied().collect()),
    }
}

/// One file of a set, for a packer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFile {
    /// Path in the store, with slashes.
    pub path: String,
    /// What is in it.
    pub content: Content,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A list, made for this set.
    Text(String),
    /// Content by digest.
    Blob {
        /// Where it lies.
        file: PathBuf,
        /// Bytes.
        size: u64,
    },
}

/// Every file of a set, in the order in which it is packed: `index` and `index.json` first, so that a
/// reader of the stream knows what follows, then the blobs by path.
pub(super) fn files(root: &Path, set: &[Held<'_>]) -> io::Result<Vec<StoreFile>> {
    let listing = listing(set.iter());
    let lists = [("index", listing.text()), ("index.json", listing.json())];
    let lists = lists.map(|(path, text)| StoreFile {
        path: path.to_owned(),
        content: Content::Text(text),
    });
    let blobs: BTreeSet<String> = blobs(set.iter()).map(Digest::blob_path).collect();
    let blob = |path: String| {
        let file = root.join(&path);
        let size = fs::metadata(&file)?.len();
        let content = Content::Blob { file, size };
        Ok(StoreFile { path, content })
    };
    let blobs = blobs.into_iter().map(blob);
    lists.into_iter().map(Ok).chain(blobs).collect()
}

/// Every content of some artefacts.
pub(super) fn blobs<'h>(
    held: impl Iterator<Item = &'h Held<'h>>,
) -> impl Iterator<Item = &'h Digest> {
    held.flat_map(Held::blobs)
}
