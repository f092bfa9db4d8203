//! A node as the last build left it, read back from its files; and as a build would make it now.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use crate::compose::{Kind, NodeTree};
use crate::render::cloud_init;

/// Everything a node is handed: parts by path on the node, members of the seed by their names.
pub(super) type Parts = BTreeMap<String, Part>;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Permission bits.
    pub mode: u32,
    /// Renewed by the node, so that the seed's is for a new machine, or for one that has an older one.
    pub initial: bool,
    /// Whether only root may read it.
    pub secret: bool,
    /// Bytes; of a link its target.
    pub content: Vec<u8>,
}

impl Part {
    fn public(content: Vec<u8>) -> Self {
        Part {
            mode: 0o644,
            initial: false,
            secret: false,
            content,
        }
    }
}

/// What a build would hand over: the tree, and what stands outside of the archive.
pub(super) fn composed(tree: &NodeTree, user_data: &str, network: Option<String>) -> Parts {
    let files = tree.files.iter().map(|(path, file)| {
        let part = Part {
            mode: file.mode,
            initial: file.kind == Kind::Initial,
            secret: file.mode.trailing_zeros() >= 6,
            content: file.content.to_vec(),
        };
        (path.clone(), part)
    });
    let links = tree.links.iter().map(|(path, target)| {
        let part = Part {
            mode: 0o777,
            ..Part::public(target.clone().into_bytes())
        };
        (path.clone(), part)
    });
    let mut parts: Parts = files.chain(links).collect();
    let outline = cloud_init::parts(user_data)
        .expect("made a moment ago")
        .outline;
    parts.insert("user-data".to_owned(), Part::public(outline.into_bytes()));
    if let Some(network) = network {
        parts.insert(
            "network-config".to_owned(),
            Part::public(network.into_bytes()),
        );
    }
    parts
}

/// What the build in `out` handed to `node`; `None` when there is nothing that can be read.
pub(super) fn built(out: &Path, node: &str) -> Option<Parts> {
    let at = out.join("nodes").join(node).join("cloud-init/user-data");
    let user_data = fs_err::read_to_string(at).ok()?;
    let cloud_init::Parts { outline, archive } = cloud_init::parts(&user_data)?;
    let mut members = BTreeMap::new();
    let unpacked = flate2::read::MultiGzDecoder::new(&archive[..]);
    for entry in tar::Archive::new(unpacked).entries().ok()? {
        let mut entry = entry.ok()?;
        let path = entry.path().ok()?.to_str()?.to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).ok()?;
        members.insert(path, content);
    }
    let index = String::from_utf8(members.remove("index")?).ok()?;
    let mut parts = Parts::new();
    for line in index.lines() {
        let mut fields = line.splitn(4, ' ');
        let (kind, mode) = (fields.next()?, u32::from_str_radix(fields.next()?, 8).ok()?);
        let (what, path) = (fields.next()?, fields.next()?);
        let content = match kind {
            "link" => what.as_bytes().to_vec(),
            _ => members.remove(&format!("tree{path}"))?,
        };
        let part = Part {
            mode,
            initial: kind == "initial",
            secret: mode.trailing_zeros() >= 6,
            content,
        };
        parts.insert(path.to_owned(), part);
    }
    parts.insert("user-data".to_owned(), Part::public(outline.into_bytes()));
    if let Some(network) = members.remove("network-config") {
        parts.insert("network-config".to_owned(), Part::public(network));
    }
    Some(parts)
}

/// The nodes of the build in `out`, sorted.
pub(super) fn nodes(out: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(out.join("nodes")).into_iter().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.to_owned()))
        .collect();
    names.sort_unstable();
    names
}
