//! The seed's archive: what every boot format carries, whatever it looks like outside.
//!
//! `index` says of every file what it must be, `tree/` holds the files by their path on the node,
//! `network-config` is kept for the day the medium is gone.

use std::collections::BTreeMap;

use crate::artefact::Digest;
use crate::compose::{Kind, NodeTree};

/// Members of the archive: path to mode and content, sorted.
pub fn members(tree: &NodeTree, network_config: Option<&str>) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut members: BTreeMap<String, (u32, Vec<u8>)> = tree
        .files
        .iter()
        .map(|(path, file)| (format!("tree{path}"), (file.mode, file.content.clone())))
        .collect();
    members.insert("index".to_owned(), (0o600, index(tree).into_bytes()));
    if let Some(network) = network_config {
        members.insert(
            "network-config".to_owned(),
            (0o600, network.as_bytes().to_vec()),
        );
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
        let sum = Digest::sha256(&file.content).hex();
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
