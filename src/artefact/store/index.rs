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
use serde::Serialize;

use crate::artefact::digest::Digest;
use crate::artefact::list::{Artefact, Item, Where, arch_name};
use crate::config::model::Arch;

/// What the store holds of one artefact.
pub(super) struct Held<'a> {
    pub(super) artefact: &'a Artefact,
    /// Whose machines run it.
    pub(super) arch: Arch,
    /// Bytes of the pinned document or file.
    pub(super) size: u64,
    /// Media type and blobs of an image.
    pub(super) image: Option<(String, Vec<Digest>)>,
}

impl Held<'_> {
    /// Every content that it consists of.
    pub(super) fn blobs(&self) -> &[Digest] {
        match &self.image {
            None => std::slice::from_ref(self.artefact.digest()),
            Some((_, blobs)) => blobs,
        }
    }

    fn line(&self) -> String {
        let (digest, size, name) = (self.artefact.digest(), self.size, self.artefact.name());
        let arch = arch_name(self.arch);
        match &self.image {
            None => format!("file {digest} {size} {name}"),
            Some((media_type, blobs)) => {
                let blobs: Vec<String> = blobs.iter().map(Digest::to_string).collect();
                format!(
                    "image {digest} {arch} {media_type} {size} {name} {}",
                    blobs.join(" ")
                )
            }
        }
    }
}

/// `index`
pub(super) fn text<'h>(held: impl Iterator<Item = &'h Held<'h>>) -> String {
    let lines: BTreeSet<String> = held.map(Held::line).collect();
    lines.into_iter().map(|line| line + "\n").collect()
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    artefacts: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    component: &'a str,
    version: &'a str,
    arch: &'static str,
    licence: &'a str,
    on: Where,
    kind: &'static str,
    name: &'a str,
    digest: &'a Digest,
    size: u64,
    origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    blobs: Option<&'a Vec<Digest>>,
}

/// `index.json`
pub(super) fn json<'h>(held: impl Iterator<Item = &'h Held<'h>>) -> String {
    let mut artefacts: Vec<Entry<'_>> = held.map(entry).collect();
    let by = |entry: &Entry<'_>| {
        (
            entry.component.to_owned(),
            entry.name.to_owned(),
            entry.arch,
            *entry.digest,
        )
    };
    artefacts.sort_by_cached_key(by);
    artefacts.dedup_by_key(|entry| by(entry));
    let document = Document {
        schema_version: 1,
        artefacts,
    };
    serde_json::to_string_pretty(&document).expect("strings and numbers are JSON") + "\n"
}

fn entry<'a>(held: &'a Held<'_>) -> Entry<'a> {
    let artefact = held.artefact;
    Entry {
        component: &artefact.component,
        version: &artefact.version,
        arch: arch_name(held.arch),
        licence: &artefact.licence,
        on: artefact.on,
        kind: match artefact.item {
            Item::File { .. } => "file",
            Item::TarGz { .. } => "tar-gz",
            Item::Deb { .. } => "deb",
            Item::Image { .. } => "image",
        },
        name: artefact.name(),
        digest: artefact.digest(),
        size: held.size,
        origin: artefact.origin(),
        blobs: held.image.as_ref().map(|(_, blobs)| blobs),
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
    let lists = [
        ("index", text(set.iter())),
        ("index.json", json(set.iter())),
    ];
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
