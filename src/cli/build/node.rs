//! One node, from plan to files on disk.

use super::super::exit::Failure;
use super::output::{Output, Written};
use crate::artefact::Digest;
use crate::compose::secrets::{self, Leak, SecretFile};
use crate::compose::{self, Generation};
use crate::identity::Identities;
use crate::pack::iso9660::{self, IsoImage};
use crate::pack::{gzip, tar};
use crate::plan::{Node, Plan};
use crate::render::{cloud_init, seed};

/// What was made for a node.
#[derive(Debug)]
pub struct BuiltNode {
    /// Its name.
    pub name: String,
    /// Size of its user-data in bytes.
    pub user_data_bytes: usize,
    /// Every secret it holds.
    pub secrets: Vec<SecretFile>,
    /// What it must not hold; always empty in a build that succeeds.
    pub leaks: Vec<Leak>,
    /// Files below the output folder.
    pub files: Vec<Written>,
}

/// Composes, renders, packs and writes one node. Nothing is written for a tree that leaks.
pub(super) fn build(
    plan: &Plan,
    node: &Node,
    ids: &Identities,
    generation: Generation,
    output: &Output,
) -> Result<BuiltNode, Failure> {
    let tree = compose::node(plan, node, ids, generation);
    let mut built = BuiltNode {
        name: node.name.clone(),
        user_data_bytes: 0,
        secrets: secrets::inventory(node, &tree),
        leaks: secrets::leaks(plan, node, &tree, ids),
        files: Vec::new(),
    };
    if !built.leaks.is_empty() {
        return Ok(built);
    }
    let network = cloud_init::network_config(node);
    let archive = archive(seed::members(&tree, network.as_deref()))?;
    let files = cloud_init::files(plan, node, &archive, &Digest::sha256(&archive).hex());
    built.user_data_bytes = files["user-data"].len();

    let folder = format!("nodes/{}", node.name);
    let mut iso = IsoImage::new("cidata");
    for (name, content) in files {
        built
            .files
            .push(output.write(&format!("{folder}/cloud-init/{name}"), 0o600, &content)?);
        iso.add(name, iso9660::File::new(content))?;
    }
    let mut image = Vec::new();
    iso9660::write(&iso, &mut image)?;
    built
        .files
        .push(output.write(&format!("{folder}/seed.iso"), 0o600, &image)?);
    Ok(built)
}

/// The archive that every boot format carries.
fn archive(
    members: std::collections::BTreeMap<String, (u32, Vec<u8>)>,
) -> Result<Vec<u8>, Failure> {
    let mut tar = tar::Archive::new();
    for (path, (mode, content)) in members {
        let entry = tar::Entry::File {
            content: content.into(),
            mode,
        };
        tar.add(&path, entry)
            .map_err(|e| Failure::Message(e.to_string()))?;
    }
    let mut bytes = Vec::new();
    tar.write(&mut bytes)
        .map_err(|e| Failure::Message(e.to_string()))?;
    Ok(gzip::gzip(&bytes))
}
