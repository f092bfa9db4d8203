//! What several tests begin with: a plan, identities, a tree, the program in a folder of its own.

#![allow(dead_code, reason = "every test takes the part that it needs")]

pub mod images;
pub mod objects;
pub mod registry;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use firstlight::artefact::{Catalogue, Digest};
use firstlight::compose::{self, Generation, NodeTree};
use firstlight::config;
use firstlight::diagnostic::{Source, render};
use firstlight::identity::{self, Identities, Options, Secret};
use firstlight::pack::tar_gz::Packer;
use firstlight::plan::profile::Profiles;
use firstlight::plan::{self, Node, Plan};
use firstlight::render::{cloud_init, network, seed};
use tempfile::TempDir;
use time::OffsetDateTime;

/// 2026-03-10 12:00 UTC, when everything in tests is issued.
pub const NOON: i64 = 1_773_144_000;

/// Read once: it takes longer than a plan.
pub static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::embedded().unwrap());

/// Root of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Plans a `cluster.yml`, or says what is wrong with it.
pub fn try_plan(text: &str) -> Result<Plan, String> {
    plan_with(text, &CATALOGUE)
}

/// The same with another catalogue.
pub fn plan_with(text: &str, catalogue: &Catalogue) -> Result<Plan, String> {
    let source = Source {
        name: "cluster.yml".to_owned(),
        text: text.to_owned(),
    };
    let (config, document, _) =
        config::parse(&source).map_err(|found| render(&source, &found, false))?;
    plan::plan(&config, &document, &Profiles::embedded(), catalogue)
        .map_err(|found| render(&source, &found, false))
}

/// Plans a `cluster.yml` that is good.
pub fn plan(text: &str) -> Plan {
    try_plan(text).unwrap_or_else(|why| panic!("{why}\n{text}"))
}

/// Masters `m1…` and workers `w1…` of a train, on one network.
pub fn cluster(train: &str, masters: u8, workers: u8) -> String {
    let host = |role: &'static str, offset: u8| {
        move |index: u8| {
            let (letter, last) = (&role[..1], offset + index);
            format!(
                "  - {{ name: {letter}{index}, address: 10.0.0.{last}/24, mac: \"52:54:00:00:00:{last:02x}\", role: {role} }}\n"
            )
        }
    };
    let hosts: String = (1..=masters)
        .map(host("master", 10))
        .chain((1..=workers).map(host("worker", 20)))
        .collect();
    format!(
        "name: demo\nkubernetes: {{ version: \"{train}\" }}\nnetwork: {{ provider: bridge }}\n\
         defaults: {{ network: {{ gateway: 10.0.0.1, nameservers: [10.0.0.1] }} }}\nhosts:\n{hosts}"
    )
}

/// A cluster with everything issued, its state in a folder that goes with it.
pub struct Cluster {
    pub plan: Plan,
    pub ids: Identities,
    _state: TempDir,
}

impl Cluster {
    /// Plans and issues.
    pub fn new(text: &str) -> Cluster {
        Self::with_state(text, tempfile::tempdir().unwrap())
    }

    /// The same with a folder that holds `state` and `firstlight.lock` already.
    pub fn with_state(text: &str, folder: TempDir) -> Cluster {
        let plan = plan(text);
        let now = OffsetDateTime::from_unix_timestamp(NOON).unwrap();
        let state = folder.path().join("state");
        let (mut ids, _) = identity::issue(
            &plan,
            &state,
            &folder.path().join("firstlight.lock"),
            now,
            Options {
                new_identities: false,
                progress: &|| {},
            },
        )
        .unwrap();
        ids.encryption = identity::encryption(&state, plan.control_plane.encryption, None).unwrap();
        Cluster {
            plan,
            ids,
            _state: folder,
        }
    }

    /// The same with the files that the text names, by the path that it names them by.
    pub fn with_files(text: &str, files: &[(&str, &str)]) -> Cluster {
        let mut cluster = Self::new(text);
        let source = Source {
            name: "cluster.yml".to_owned(),
            text: text.to_owned(),
        };
        let (config, ..) = config::parse(&source).unwrap();
        for named in config::named_files(&config) {
            let file = files.iter().find(|(path, _)| *path == named.path);
            let (_, content) = file.unwrap_or_else(|| panic!("{} is not given", named.path));
            let content = Secret::new((*content).to_owned());
            cluster.ids.given.take(&named, content).unwrap();
        }
        cluster
    }

    /// A node by its name.
    pub fn node(&self, name: &str) -> &Node {
        self.plan.nodes.iter().find(|n| n.name == name).unwrap()
    }

    /// Its tree.
    pub fn tree(&self, name: &str) -> NodeTree {
        compose::node(&self.plan, self.node(name), &self.ids, Generation(1))
    }

    /// Its `NoCloud` files.
    pub fn cloud_init(&self, name: &str) -> BTreeMap<&'static str, Vec<u8>> {
        cloud_init_of(&self.plan, self.node(name), &self.tree(name))
    }
}

/// The `NoCloud` files of a node whose tree is `tree`.
pub fn cloud_init_of(plan: &Plan, node: &Node, tree: &NodeTree) -> BTreeMap<&'static str, Vec<u8>> {
    let archive = archive(tree, network::network_config(node).as_deref());
    cloud_init::files(plan, node, &archive, &Digest::sha256(&archive).hex())
}

/// The seed's archive of a tree.
pub fn archive(tree: &NodeTree, network: Option<&str>) -> Vec<u8> {
    let members = seed::members(tree, &seed::index(tree), network, 1_800_000_000);
    let packer = Packer::default();
    packer.pack(members.common, members.own).unwrap()
}

/// What a program did.
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// Fails the test unless the program ended with 0.
    pub fn ok(self) -> Done {
        assert_eq!(
            self.code,
            Some(0),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e} in:\n{}", self.stdout))
    }
}

/// Runs a program to its end, with nothing on standard input.
pub fn run(command: &mut Command) -> Done {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("{name}: {e}; `ci/tools` installs what the tests need"));
    Done {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// firstlight in `dir`, at a fixed time, in an environment that says nothing else.
pub fn firstlight(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firstlight"));
    command
        .current_dir(dir)
        .args(args)
        .env("SOURCE_DATE_EPOCH", NOON.to_string());
    for variable in [
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "RUST_BACKTRACE",
        "REGISTRY_AUTH_FILE",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Every file below a folder, by relative path.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    paths(folder)
        .into_iter()
        .filter(|p| folder.join(p).is_file())
        .map(|p| (p.clone(), fs_err::read(folder.join(p)).unwrap()))
        .collect()
}

/// Every file and folder below a folder, by relative path.
pub fn paths(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs_err::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            found.push(
                path.strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Where `ci/tools` keeps what is no Debian package.
pub fn tools() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"),
        PathBuf::from,
    );
    cache.join("firstlight/test-tools")
}

/// A tool that `ci/tools` fetched, or how to get it.
pub fn tool(path: &str) -> PathBuf {
    let path = tools().join(path);
    assert!(
        path.exists(),
        "{} is missing: run `ci/tools`, which fetches it",
        path.display()
    );
    path
}
