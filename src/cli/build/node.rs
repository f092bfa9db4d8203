//! One node, from plan to files on disk.

use std::collections::BTreeMap;

use super::super::exit::Failure;
use super::output::{Output, Written};
use crate::artefact::Digest;
use crate::compose::secrets::{self, Leak, SecretFile};
use crate::compose::{self, Generation, NodeTree};
use crate::identity::{Fingerprint, Identities, Owner};
use crate::pack::iso9660::{self, IsoImage};
use crate::pack::tar_gz::Packer;
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

/// What the nodes of one build are made with.
pub(super) struct Builder<'a> {
    plan: &'a Plan,
    ids: &'a Identities,
    owners: BTreeMap<Fingerprint, Owner>,
    generation: Generation,
    packer: Packer,
    output: &'a Output,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        ids: &'a Identities,
        generation: Generation,
        output: &'a Output,
    ) -> Self {
        Self {
            plan,
            ids,
            owners: ids.owners(),
            generation,
            packer: Packer::default(),
            output,
        }
    }

    /// Composes, renders, packs and writes one node. Nothing is written for a tree that leaks.
    pub(super) fn build(&self, node: &Node) -> Result<BuiltNode, Failure> {
        let tree = compose::node(self.plan, node, self.ids, self.generation);
        let index = seed::index(&tree);
        let mut built = BuiltNode {
            name: node.name.clone(),
            user_data_bytes: 0,
            secrets: secrets::inventory(node, &tree),
            leaks: secrets::leaks(self.plan, node, &tree, &self.owners),
            files: Vec::new(),
        };
        if built.leaks.is_empty() {
            self.write(node, &tree, &index, &mut built)?;
        }
        Ok(built)
    }

    fn write(
        &self,
        node: &Node,
        tree: &NodeTree,
        index: &str,
        built: &mut BuiltNode,
    ) -> Result<(), Failure> {
        let network = cloud_init::network_config(node);
        let members = seed::members(tree, index, network.as_deref());
        let archive = self
            .packer
            .pack(members.common, members.own)
            .map_err(|e| Failure::Message(e.to_string()))?;
        let digest = Digest::sha256(&archive).hex();
        let mut iso = IsoImage::new("cidata");
        let files = cloud_init::files(self.plan, node, &archive, &digest);
        built.user_data_bytes = files["user-data"].len();
        for (name, content) in files {
            built
                .files
                .push(self.output.write(&path(node, name), 0o600, &content)?);
            iso.add(name, iso9660::File::new(content))?;
        }
        let mut image = Vec::new();
        iso9660::write(&iso, &mut image)?;
        built
            .files
            .push(self.output.write(&image_path(node), 0o600, &image)?);
        Ok(())
    }
}

fn path(node: &Node, file: &str) -> String {
    format!("nodes/{}/cloud-init/{file}", node.name)
}

fn image_path(node: &Node) -> String {
    format!("nodes/{}/seed.iso", node.name)
}
