//! The output folder: ours or nobody's, written file by file, finished by its manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::super::exit::Failure;
use super::super::output_folder;
use super::super::printer::Printer;
use super::node::BuiltNode;
use crate::artefact::{Algorithm, Hasher};
use crate::pack::atomic;
use crate::plan::Plan;

const MANIFEST: &str = "manifest.json";
/// Holds every seed; root's alone.
const NODES: &str = "nodes";
/// What machines that boot from the network are served; public.
pub const PXE: &str = "pxe";

/// `out/`
#[derive(Debug)]
pub struct Output {
    root: PathBuf,
    before: OldManifest,
    files: BTreeMap<String, Written>,
    removed: Vec<String>,
    /// Holds other builds off while it lives.
    _in_use: fs_err::File,
}

/// One file as it is now.
#[derive(Debug, Clone)]
pub struct Written {
    path: String,
    entry: Entry,
    changed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    sha256: String,
    size: u64,
}

#[derive(Serialize)]
struct Manifest<'a> {
    schema_version: u32,
    cluster: &'a str,
    train: &'a str,
    kubernetes: &'a str,
    files: BTreeMap<&'a str, &'a Entry>,
    /// By node: the digest of everything that its files are made from.
    inputs: BTreeMap<&'a str, &'a str>,
    secrets: BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>,
}

/// What the last build says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OldManifest {
    files: BTreeMap<String, Entry>,
    inputs: BTreeMap<String, String>,
}

impl Output {
    /// Opens a folder that is new, empty, or of an earlier build.
    pub(super) fn open(root: &Path, printer: &Printer) -> Result<Output, Failure> {
        let in_use = output_folder::hold(root, printer)?;
        output_folder::make(&root.join(NODES), 0o700)?;
        let mut before = fs_err::read(root.join(MANIFEST))
            .ok()
            .and_then(|b| serde_json::from_slice::<OldManifest>(&b).ok())
            .unwrap_or_default();
        // what is removed below is named here: nobody's edit of this file may reach beyond the folder
        before.files.retain(|path, _| {
            Path::new(path)
                .components()
                .all(|c| matches!(c, Component::Normal(_)))
        });
        Ok(Output {
            root: root.to_owned(),
            before,
            files: BTreeMap::new(),
            removed: Vec::new(),
            _in_use: in_use,
        })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files of a node as the last build left them in `paths`, when it made them from the same
    /// `inputs` and each still is what the manifest says, byte for byte.
    pub(super) fn kept(&self, node: &str, inputs: &str, paths: &[String]) -> Option<Vec<Written>> {
        self.before.inputs.get(node).filter(|i| *i == inputs)?;
        let kept = |path: &String| {
            let entry = self.before.files.get(path)?;
            let mode = if is_private(path) { 0o600 } else { 0o644 };
            is_as_recorded(&self.root.join(path), entry, mode).then(|| Written {
                path: path.clone(),
                entry: entry.clone(),
                changed: false,
            })
        };
        paths.iter().map(kept).collect()
    }

    /// Writes a file unless it is there already, byte for byte.
    pub(super) fn write(&self, path: &str, mode: u32, bytes: &[u8]) -> Result<Written, Failure> {
        let at = self.root.join(path);
        output_folder::make(
            at.parent().expect("a path below the root"),
            if is_private(path) { 0o700 } else { 0o755 },
        )?;
        let changed = atomic::write_if_changed(&at, mode, bytes)?;
        let entry = Entry {
            sha256: sha256(bytes),
            size: bytes.len() as u64,
        };
        Ok(Written {
            path: path.to_owned(),
            entry,
            changed,
        })
    }

    /// Writes a file and counts it in.
    pub(super) fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.write(path, mode, bytes)?;
        self.took(&[written]);
        Ok(())
    }

    /// Counts files in that [`Output::write`] made.
    pub(super) fn took(&mut self, files: &[Written]) {
        self.files
            .extend(files.iter().map(|f| (f.path.clone(), f.clone())));
    }

    /// Removes what an earlier build made and this one does not, then writes the manifest, last.
    pub(super) fn finish(&mut self, plan: &Plan, nodes: &[BuiltNode]) -> Result<(), Failure> {
        let known: BTreeSet<String> = self
            .before
            .files
            .keys()
            .cloned()
            .chain(found(&self.root)?)
            .collect();
        for path in known.into_iter().filter(|p| !self.files.contains_key(p)) {
            let at = self.root.join(&path);
            if at.exists() {
                fs_err::remove_file(&at)?;
                remove_empty(&self.root, at.parent());
                self.removed.push(path);
            }
        }
        let secrets = nodes.iter().map(|n| {
            (
                n.name.as_str(),
                n.secrets
                    .iter()
                    .map(|s| (s.path.as_str(), s.allows.as_str()))
                    .collect(),
            )
        });
        let manifest = Manifest {
            schema_version: 1,
            cluster: &plan.cluster,
            train: &plan.release.train,
            kubernetes: &plan.release.kubernetes,
            files: self
                .files
                .iter()
                .map(|(p, f)| (p.as_str(), &f.entry))
                .collect(),
            inputs: nodes
                .iter()
                .map(|n| (n.name.as_str(), n.inputs.as_str()))
                .collect(),
            secrets: secrets.collect(),
        };
        let json =
            serde_json::to_string_pretty(&manifest).expect("plain values have a JSON form") + "\n";
        let sums: String = self
            .files
            .iter()
            .map(|(p, f)| format!("{}  {p}\n", f.entry.sha256))
            .collect();
        atomic::write_if_changed(&self.root.join("SHA256SUMS"), 0o644, sums.as_bytes())?;
        if self.files.values().any(|f| f.changed) {
            atomic::sync(&self.root)?;
        }
        atomic::write_if_changed(&self.root.join(MANIFEST), 0o644, json.as_bytes())?;
        Ok(())
    }

    /// Files written anew, in order.
    pub(super) fn changed(&self) -> impl Iterator<Item = &str> {
        self.files
            .values()
            .filter(|f| f.changed)
            .map(|f| f.path.as_str())
    }

    /// Files that an earlier build made and this one removed.
    pub(super) fn removed(&self) -> &[String] {
        &self.removed
    }

    /// Number of files in all.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether this is the first build into this folder.
    pub(super) fn is_first(&self) -> bool {
        self.before.files.is_empty()
    }
}

impl Written {
    /// Path below the output folder.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.entry.size
    }

    /// Whether it was written anew.
    pub fn changed(&self) -> bool {
        self.changed
    }
}

/// Whether a file is for whoever builds alone.
fn is_private(path: &str) -> bool {
    path.starts_with(NODES)
}

/// Whether a node's file is what an earlier build recorded. What cannot be read is not.
fn is_as_recorded(path: &Path, entry: &Entry, mode: u32) -> bool {
    let Ok(found) = fs_err::symlink_metadata(path) else {
        return false;
    };
    found.is_file()
        && found.permissions().mode() & 0o7777 == mode
        && found.len() == entry.size
        && fs_err::read(path).is_ok_and(|bytes| sha256(&bytes) == entry.sha256)
}

/// The digits of a file's SHA-256. A third of a seed image are the empty sectors that it begins with
/// (ECMA-119 §6.2.1): they are hashed once for all.
fn sha256(bytes: &[u8]) -> String {
    static SYSTEM_AREA: [u8; 16 * 2048] = [0; 16 * 2048];
    static AFTER_IT: LazyLock<Hasher> = LazyLock::new(|| {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(&SYSTEM_AREA);
        hasher
    });
    let (mut hasher, rest) = match bytes.strip_prefix(&SYSTEM_AREA) {
        Some(rest) => (AFTER_IT.clone(), rest),
        None => (Hasher::new(Algorithm::Sha256), bytes),
    };
    hasher.update(rest);
    hasher.finish().hex()
}

/// Every file below `nodes/`, by its path below the output folder, and what an interrupted write
/// left elsewhere. `nodes/` is ours whatever the last manifest says: a build that was cut off before
/// its first manifest may have left a seed there that no later build makes.
fn found(root: &Path) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![root.join(NODES)];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    for entry in fs_err::read_dir(root)? {
        let name = entry?.file_name();
        if name.to_string_lossy().starts_with(atomic::TEMPORARY_PREFIX) {
            found.push(root.join(name));
        }
    }
    found.sort_unstable();
    let below = |path: &PathBuf| {
        path.strip_prefix(root)
            .ok()
            .and_then(Path::to_str)
            .map(str::to_owned)
    };
    Ok(found.iter().filter_map(below).collect())
}

fn remove_empty(root: &Path, mut dir: Option<&Path>) {
    while let Some(d) = dir {
        // stops at the first folder that still holds something
        if d == root || std::fs::remove_dir(d).is_err() {
            return;
        }
        dir = d.parent();
    }
}
