//! One node, from plan to files on disk.

use std::collections::BTreeMap;

use super::super::exit::Failure;
use super::output::{Output, PXE, Written};
use crate::artefact::{Algorithm, Digest, Hasher};
use crate::compose::secrets::{self, Leak, SecretFile};
use crate::compose::{self, Generation, NodeTree, images, installer, listeners};
use crate::identity::{Fingerprint, Identities, Made, Owner, Seeds};
use crate::pack::iso9660::{self, IsoImage};
use crate::pack::tar;
use crate::pack::tar_gz::Packer;
use crate::plan::installer::Install;
use crate::plan::{Node, Plan};
use crate::render::{cloud_init, network, pxe, seed};

/// The program that makes the seeds, named by what it was made from.
const PROGRAM: &str = env!("FIRSTLIGHT_SOURCES");

/// What was made for a node.
#[derive(Debug)]
pub struct BuiltNode {
    /// Its name.
    pub name: String,
    /// Digest of everything that its files are made from.
    pub inputs: String,
    /// Since when its seed is what it is.
    pub made: Made,
    /// Every secret it holds.
    pub secrets: Vec<SecretFile>,
    /// What it must not hold; always empty in a build that succeeds.
    pub leaks: Vec<Leak>,
    /// Files below the output folder.
    pub files: Vec<Written>,
}

impl BuiltNode {
    /// Size of its user-data in bytes.
    pub fn user_data_bytes(&self) -> u64 {
        let user_data = self.files.iter().find(|f| f.path().ends_with("/user-data"));
        user_data.map_or(0, Written::size)
    }
}

/// What the nodes of one build are made with.
pub(super) struct Builder<'a> {
    plan: &'a Plan,
    ids: &'a Identities,
    owners: BTreeMap<Fingerprint, Owner>,
    generation: Generation,
    seeds: &'a Seeds,
    packer: Packer,
    output: &'a Output,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        ids: &'a Identities,
        generation: Generation,
        seeds: &'a Seeds,
        output: &'a Output,
    ) -> Self {
        Self {
            plan,
            ids,
            owners: ids.owners(),
            generation,
            seeds,
            packer: Packer::default(),
            output,
        }
    }

    /// Composes, renders, packs and writes one node, or finds it as it must be. Nothing is written for
    /// a tree that leaks.
    pub(super) fn build(&self, node: &Node) -> Result<BuiltNode, Failure> {
        let tree = compose::node(self.plan, node, self.ids, self.generation);
        let index = seed::index(&tree);
        // the index names every member of the archive by its digest, and so stands for it here
        let named = Digest::sha256(index.as_bytes()).hex();
        let outline = cloud_init::files(self.plan, node, &[], &named);
        let public = |hook: &str| boot_files(self.plan, node, hook);
        let content = content(&outline, &public(&named));
        let made = self.seeds.of(&node.name, &content);
        let mut built = BuiltNode {
            name: node.name.clone(),
            inputs: Digest::sha256(format!("{PROGRAM}\n{content}\n{}\n", made.at).as_bytes()).hex(),
            made,
            secrets: secrets::inventory(node, &tree),
            leaks: Vec::new(),
            files: Vec::new(),
        };
        let mut paths: Vec<_> = outline.keys().map(|name| path(node, name)).collect();
        paths.push(image_path(node));
        if node.install.is_some() {
            paths.push(tar_path(node));
            paths.extend(public("").into_keys());
        }
        if let Some(files) = self.output.kept(&node.name, &built.inputs, &paths) {
            built.files = files;
            return Ok(built);
        }
        let unpinned = images::unpinned(self.plan, &tree);
        if !unpinned.is_empty() {
            return Err(Failure::UnpinnedImages(unpinned));
        }
        let undeclared = listeners::undeclared(self.plan, &tree);
        if !undeclared.is_empty() {
            return Err(Failure::UndeclaredPorts(undeclared));
        }
        built.leaks = secrets::leaks(self.plan, node, &tree, &self.owners);
        if built.leaks.is_empty() {
            built.files = self.write(node, &tree, &index, built.made.at)?;
        }
        Ok(built)
    }

    fn write(
        &self,
        node: &Node,
        tree: &NodeTree,
        index: &str,
        made: i64,
    ) -> Result<Vec<Written>, Failure> {
        let network = network::network_config(node);
        let members = seed::members(tree, index, network.as_deref(), made);
        let archive = self
            .packer
            .pack(members.common, members.own)
            .map_err(|e| Failure::Message(e.to_string()))?;
        let digest = Digest::sha256(&archive).hex();
        let mut written = Vec::new();
        let mut iso = IsoImage::new("cidata");
        let files = cloud_init::files(self.plan, node, &archive, &digest);
        for (name, content) in &files {
            written.push(self.output.write(&path(node, name), 0o600, content)?);
            iso.add(name, iso9660::File::new(content.clone()))?;
        }
        let mut image = Vec::new();
        iso9660::write(&iso, &mut image)?;
        written.push(self.output.write(&image_path(node), 0o600, &image)?);
        if let Some(install) = &node.install {
            self.write_installer(node, install, files, made, &mut written)?;
        }
        Ok(written)
    }

    /// The seed as an installer fetches it, and what the machine is served to be installed.
    fn write_installer(
        &self,
        node: &Node,
        install: &Install,
        files: BTreeMap<&str, Vec<u8>>,
        made: i64,
        written: &mut Vec<Written>,
    ) -> Result<(), Failure> {
        let mut archive = tar::Archive::new();
        for (name, content) in files {
            let content = content.into();
            let entry = tar::Entry::File {
                content,
                mode: 0o600,
            };
            archive
                .add(name, entry)
                .map_err(|e| Failure::Message(e.to_string()))?;
        }
        let mut bytes = Vec::new();
        archive
            .write(&mut bytes)
            .map_err(|e| Failure::Message(e.to_string()))?;
        written.push(self.output.write(&tar_path(node), 0o600, &bytes)?);
        let placed = installer::Placed {
            sha256: &Digest::sha256(&bytes).hex(),
            made,
            authority: &self.ids.cluster_ca.cert,
        };
        let hook = installer::hook(node, install, placed);
        for (path, content) in boot_files(self.plan, node, &hook) {
            written.push(self.output.write(&path, 0o644, &content)?);
        }
        Ok(())
    }
}

/// What a machine that is installed is served, by its path below the output folder.
fn boot_files(plan: &Plan, node: &Node, hook: &str) -> BTreeMap<String, Vec<u8>> {
    let install = node.install.iter();
    install
        .flat_map(|install| pxe::node(plan, node, install, hook))
        .map(|(path, content)| (format!("{PXE}/{path}"), content))
        .collect()
}

fn path(node: &Node, file: &str) -> String {
    format!("nodes/{}/cloud-init/{file}", node.name)
}

fn image_path(node: &Node) -> String {
    format!("nodes/{}/seed.iso", node.name)
}

fn tar_path(node: &Node) -> String {
    format!("nodes/{}/seed.tar", node.name)
}

/// The digest of what was rendered for a node without its archive, for which `index` stands, and of what it is
/// served.
fn content(outline: &BTreeMap<&str, Vec<u8>>, public: &BTreeMap<String, Vec<u8>>) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let outline = outline.iter().map(|(name, content)| (*name, content));
    let public = public
        .iter()
        .map(|(name, content)| (name.as_str(), content));
    for (name, content) in outline.chain(public) {
        hasher.update(format!("{name} {}\n", content.len()).as_bytes());
        hasher.update(content);
    }
    hasher.finish()
}
