//! The list of what a store holds, in two forms.
//!
//! `index` is made for `sh`: one artefact per line, fields separated by single spaces, sorted.
//!
//! ```text
//! file <digest> <size> <name>
//! image <digest> <media type> <size> <repository:tag> <digest> <digest> …
//! ```
//!
//! The digests at the end of an image's line are its blobs: the document that the first digest
//! names, the manifest of the store's platform (the same document when the pinned one is no
//! index), the configuration and the layers. With them, and with the line's digest, media type
//! and size as the only entry of `index.json`, an OCI layout is complete.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;

use super::error::StoreError;
use crate::artefact::digest::Digest;
use crate::artefact::list::{Artefact, Item, Where, arch_name};
use crate::config::model::Arch;

/// What the store holds of one artefact.
pub(super) struct Held<'a> {
    pub(super) artefact: &'a Artefact,
    /// Bytes of the pinned document or file.
    pub(super) size: u64,
    /// Media type and blobs of an image.
    pub(super) image: Option<(String, Vec<Digest>)>,
}

impl Held<'_> {
    fn line(&self) -> String {
        let (digest, size, name) = (self.artefact.digest(), self.size, self.artefact.name());
        match &self.image {
            None => format!("file {digest} {size} {name}"),
            Some((media_type, blobs)) => {
                let blobs: Vec<String> = blobs.iter().map(Digest::to_string).collect();
                format!(
                    "image {digest} {media_type} {size} {name} {}",
                    blobs.join(" ")
                )
            }
        }
    }
}

/// `index`
pub(super) fn text(held: &[Held<'_>]) -> String {
    let lines: BTreeSet<String> = held.iter().map(Held::line).collect();
    lines.into_iter().map(|line| line + "\n").collect()
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    arch: &'static str,
    artefacts: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    component: &'a str,
    version: &'a str,
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
pub(super) fn json(held: &[Held<'_>], arch: Arch) -> String {
    let mut artefacts: Vec<Entry<'_>> = held.iter().map(entry).collect();
    artefacts.sort_by_key(|entry| (entry.component, entry.name, entry.digest));
    artefacts.dedup_by_key(|entry| (entry.component, entry.name, entry.digest));
    let document = Document {
        schema_version: 1,
        arch: arch_name(arch),
        artefacts,
    };
    serde_json::to_string_pretty(&document).expect("strings and numbers are JSON") + "\n"
}

fn entry<'a>(held: &'a Held<'_>) -> Entry<'a> {
    let artefact = held.artefact;
    Entry {
        component: &artefact.component,
        version: &artefact.version,
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

/// One file of a store, for a packer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFile {
    /// Path in the store, with slashes.
    pub path: String,
    /// Where it lies.
    pub file: PathBuf,
    /// Bytes.
    pub size: u64,
}

/// Every file of the store at `root` that its index names, in the order in which it is packed:
/// `index` and `index.json` first, so that a reader of the stream knows what follows, then the
/// blobs by path.
pub fn files(root: &Path) -> Result<Vec<StoreFile>, StoreError> {
    let index = root.join("index");
    let text = fs::read_to_string(&index).map_err(StoreError::Read)?;
    let mut blobs = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        let digests = line_digests(line).ok_or_else(|| StoreError::Index {
            file: index.clone(),
            line: number + 1,
        })?;
        blobs.extend(digests.iter().map(Digest::blob_path));
    }
    let names = ["index", "index.json"].map(str::to_owned);
    let stat = |path: String| {
        let file = root.join(&path);
        let size = fs::metadata(&file)?.len();
        Ok(StoreFile { path, file, size })
    };
    let list: std::io::Result<_> = names.into_iter().chain(blobs).map(stat).collect();
    list.map_err(StoreError::Read)
}

/// The blobs that a line of `index` names.
fn line_digests(line: &str) -> Option<Vec<Digest>> {
    let fields: Vec<&str> = line.split(' ').collect();
    match fields.as_slice() {
        ["file", digest, _size, _name] => Some(vec![digest.parse().ok()?]),
        ["image", _, _, _, _, blobs @ ..] if !blobs.is_empty() => {
            blobs.iter().map(|blob| blob.parse().ok()).collect()
        }
        _ => None,
    }
}
