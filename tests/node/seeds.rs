//! Seeds that the program built, taken apart again by other means than those that put them together.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fs_err as fs;
use tempfile::TempDir;

use crate::support::{firstlight, run};

/// One file of a seed.
pub struct File {
    pub mode: u32,
    pub initial: bool,
    pub content: Vec<u8>,
}

/// A seed, from its `user-data`.
pub struct Seed {
    pub user_data: Vec<u8>,
    pub bootcmd: String,
    /// SHA-256 of the archive.
    pub digest: String,
    pub files: BTreeMap<String, File>,
    pub links: BTreeMap<String, String>,
}

#[derive(serde::Deserialize)]
struct UserData {
    bootcmd: Vec<String>,
}

impl Seed {
    fn read(path: &Path) -> Seed {
        let user_data = fs::read(path).unwrap();
        let parsed: UserData =
            serde_yaml::from_str(std::str::from_utf8(&user_data).unwrap()).unwrap();
        let [bootcmd] = &parsed.bootcmd[..] else {
            panic!("one bootcmd")
        };
        let line = |start: &str| {
            bootcmd
                .lines()
                .find_map(|l| l.strip_prefix(start))
                .unwrap()
                .to_owned()
        };
        let (_, rest) = bootcmd.split_once("<<'END OF SEED'\n").unwrap();
        let (base64, _) = rest.split_once("\nEND OF SEED\n").unwrap();
        let archive = STANDARD.decode(base64.replace('\n', "")).unwrap();
        let mut members = BTreeMap::new();
        for entry in tar::Archive::new(flate2::read::MultiGzDecoder::new(&archive[..]))
            .entries()
            .unwrap()
        {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            members.insert(path, content);
        }
        let (mut files, mut links) = (BTreeMap::new(), BTreeMap::new());
        let index = String::from_utf8(members["index"].clone()).unwrap();
        for line in index.lines() {
            let [kind, mode, what, path] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let mode = u32::from_str_radix(mode, 8).unwrap();
            if kind == "link" {
                links.insert(path.to_owned(), what.to_owned());
            } else {
                let content = members[&format!("tree{path}")].clone();
                files.insert(
                    path.to_owned(),
                    File {
                        mode,
                        initial: kind == "initial",
                        content,
                    },
                );
            }
        }
        Seed {
            digest: line("seed_digest="),
            bootcmd: bootcmd.clone(),
            user_data,
            files,
            links,
        }
    }

    /// The same seed, with a byte of its archive changed.
    pub fn damaged(&self) -> Seed {
        let (head, rest) = self.bootcmd.split_once("<<'END OF SEED'\n").unwrap();
        let bootcmd = format!(
            "{head}<<'END OF SEED'\n{}{}",
            if rest.starts_with('H') { "I" } else { "H" },
            &rest[1..]
        );
        Seed {
            bootcmd,
            user_data: self.user_data.clone(),
            digest: self.digest.clone(),
            files: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }
}

/// A cluster in a folder of its own.
pub struct Built {
    folder: TempDir,
}

const CLUSTER: &str = r#"
name: demo
kubernetes: { version: "1.34" }
network: { provider: bridge }
defaults: { network: { gateway: 10.79.0.254 } }
hosts:
  - { name: m1, role: master, address: 10.79.0.11/24, mac: "52:54:00:79:00:11" }
  - { name: w1, role: worker, address: 10.79.0.21/24, mac: "52:54:00:79:00:21" }
  - { name: w2, role: worker, address: 10.79.0.22, environment: { HTTP_PROXY: "http://10.79.0.5:3128" } }
"#;

impl Built {
    /// Builds the cluster of these tests, with `more` at the end of its `cluster.yml`.
    pub fn new(more: &str) -> Built {
        Built {
            folder: TempDir::new().unwrap(),
        }
        .again(CLUSTER, more)
    }

    fn again(self, text: &str, more: &str) -> Built {
        fs::write(
            self.folder.path().join("cluster.yml"),
            format!("{text}{more}"),
        )
        .unwrap();
        run(&mut firstlight(self.folder.path(), &["build"])).ok();
        self
    }

    /// Builds it once more with the same identities.
    pub fn changed(self, from: &str, to: &str, more: &str) -> Built {
        assert!(CLUSTER.contains(from));
        self.again(&CLUSTER.replace(from, to), more)
    }

    /// The seed of one node.
    pub fn seed(&self, node: &str) -> Seed {
        Seed::read(
            &self
                .folder
                .path()
                .join(format!("out/nodes/{node}/cloud-init/user-data")),
        )
    }
}

/// Built once for the tests that change nothing.
pub static DEMO: LazyLock<Built> = LazyLock::new(|| Built::new(""));
pub static M1: LazyLock<Seed> = LazyLock::new(|| DEMO.seed("m1"));
pub static W1: LazyLock<Seed> = LazyLock::new(|| DEMO.seed("w1"));
