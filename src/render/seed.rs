//! The seed's archive: what every boot format carries, whatever it looks like outside.
//!
//! `index` says of every file what it must be, `tree/` holds the files by their path on the node,
//! `network-config` is kept for the day the medium is gone, `made` tells it from an older one.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use crate::artefact::Digest;
use crate::compose::{Kind, NodeTree};

/// Members of the archive: path to mode and content, sorted.
#[derive(Debug, Clone, Default)]
pub struct Members {
    /// Parts of the program, which the seeds of many nodes have in common.
    pub common: BTreeMap<String, (u32, &'static [u8])>,
    /// What was made for this node.
    pub own: BTreeMap<String, (u32, Vec<u8>)>,
}

/// The members; `index` is [`index`] of the tree, `made` when the seed last changed, in seconds since 1970.
pub fn members(tree: &NodeTree, index: &str, network_config: Option<&str>, made: i64) -> Members {
    let mut members = Members::default();
    for (path, file) in &tree.files {
        let path = format!("tree{path}");
        match &file.content {
            Cow::Borrowed(content) => {
                members.common.insert(path, (file.mode, content));
            }
            Cow::Owned(content) => {
                members.own.insert(path, (file.mode, content.clone()));
            }
        }
    }
    let mut text = |path: &str, content: &str| {
        let member = (0o600, content.as_bytes().to_vec());
        members.own.insert(path.to_owned(), member);
    };
    text("index", index);
    text("made", &format!("{made}\n"));
    if let Some(network) = network_config {
        text("network-config", network);
    }
    members
}

/// `KIND MODE SHA256 PATH` for each file, `link 0777 TARGET PATH` for each link, sorted by path.
pub fn index(tree: &NodeTree) -> String {
    let files = tree.files.iter().map(|(path, file)| {
        let kind = match file.kind {
            Kind::Fixed => "fixed",
            Kind::Initial => "initial",
        };
        let sum = match &file.content {
            Cow::Borrowed(content) => program_digest(content),
            Cow::Owned(content) => Digest::sha256(content),
        };
        let sum = sum.hex();
        (path, format!("{kind} {:04o} {sum} {path}\n", file.mode))
    });
    let links = tree
        .links
        .iter()
        .map(|(path, target)| (path, format!("link 0777 {target} {path}\n")));
    files
        .chain(links)
        .collect::<BTreeMap<_, _>>()
        .into_values()
        .collect()
}

/// The digest of a part of the program, made once: what is at its place in memory never changes.
fn program_digest(content: &'static [u8]) -> Digest {
    static KNOWN: Mutex<Option<HashMap<(usize, usize), Digest>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known
        .get_or_insert_default()
        .entry((content.as_ptr().addr(), content.len()))
        .or_insert_with(|| Digest::sha256(content))
}
