//! The complete composed tree of every supported profile × architecture × role × train, from one
//! fixed set of identities: what changes on a node is read here before it is committed.
//!
//! `UPDATE_GOLDENS=1` rewrites; `tests/golden/README.md` says how to read them.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firstlight::artefact::Digest;
use firstlight::compose::{File, Kind, NodeTree};
use firstlight::plan::profile::Profiles;
use rayon::prelude::*;
use support::{CATALOGUE, Cluster, archive, root, run};

/// The system whose goldens are complete.
const WHOLE: &str = "debian-12";

/// Every setting that leaves a trace on a node.
fn cluster(os: &str, arch: &str, train: &str) -> String {
    format!(
        r#"
name: golden
kubernetes: {{ version: "{train}" }}
network: {{ provider: bridge, dns_replicas: 1 }}
certificates: {{ ca_days: 36500, leaf_days: 36500 }}
artefacts: {{ mirror: "http://10.0.0.5/firstlight" }}
ssh: {{ user: ops, authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops] }}
kubelet: {{ kube_reserved: {{ memory: 300Mi }} }}
kube_proxy: {{ conntrack: {{ maxPerCore: 65536, tcpEstablishedTimeout: 2h0m0s }} }}
defaults:
  os: {os}
  arch: {arch}
  network: {{ gateway: 10.0.0.1, nameservers: [10.0.0.1, 10.0.0.2], search: [example.com], ntp: [10.0.0.1] }}
hosts:
  - {{ name: m1, address: 10.0.0.11/24, mac: "52:54:00:00:00:11", role: master }}
  - name: w1
    address: 10.0.0.21/24
    interface: enp1s0
    role: worker
    labels: {{ disk: ssd, node.kubernetes.io/rack: r1 }}
    taints: [{{ key: dedicated, value: gpu, effect: NoSchedule }}]
    environment: {{ http_proxy: "http://10.0.0.5:3128", NO_PROXY: "10.*" }}
    interfaces: [{{ name: ens9, vlan: 7, of: enp1s0, address: 10.7.0.21/24 }}]
    timezone: Europe/Helsinki
    packages: [htop]
    sysctls: {{ vm.max_map_count: "262144" }}
    files: [{{ path: /etc/motd, content: "welcome\n" }}]
    repositories: [{{ name: lab.list, contents: "deb http://10.0.0.5/lab stable main", key: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEawOilxYJKwYBBAHaRw8BAQdAlS8PGtka+ieq7zW1r2iUAp6cmUPIiBL/L8cM\nTFugA6K0FHBhY2thZ2VzQGV4YW1wbGUuY29tiJAEExYIADgWIQSUPa9du+CSYWjP\nCih9q29WBLHwDAUCawOilwIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRB9\nq29WBLHwDCgRAP4tp9qZfjIG6XxJdF5NfynVf8CqWLa+lz6bP2VHB4wwLAD6A8n2\nk1Nok05utdtc+Gbxw+VqUco3ImhUkkemLbMpfAw=\n=jfYz\n-----END PGP PUBLIC KEY BLOCK-----" }}]
"#
    )
}

/// Profile, architecture and train of everything that plans.
fn supported() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for profile in Profiles::embedded().iter() {
        for arch in &profile.architectures {
            for train in CATALOGUE.trains.keys() {
                if support::try_plan(&cluster(&profile.name, arch.as_str(), train)).is_ok() {
                    found.push((
                        profile.name.clone(),
                        arch.as_str().to_owned(),
                        train.clone(),
                    ));
                }
            }
        }
    }
    found
}

fn folder() -> PathBuf {
    root().join("tests/golden")
}

/// A copy of the fixed state: issuing opens it for writing.
fn identities() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for (path, content) in support::files(&folder().join("state")) {
        let to = copy.path().join("state").join(path);
        fs_err::create_dir_all(to.parent().unwrap()).unwrap();
        fs_err::write(to, content).unwrap();
    }
    fs_err::copy(
        folder().join("firstlight.lock"),
        copy.path().join("firstlight.lock"),
    )
    .unwrap();
    copy
}

/// Content that is kept elsewhere in the repository, by content.
struct Elsewhere {
    files: BTreeMap<Vec<u8>, String>,
    base64: Vec<(String, String)>,
}

impl Elsewhere {
    fn read() -> Elsewhere {
        let named = |folder: PathBuf, name: &str| {
            let name = name.to_owned();
            support::files(&folder)
                .into_iter()
                .map(move |(path, content)| (content, format!("{name}/{path}")))
        };
        let state: BTreeMap<Vec<u8>, String> = named(folder().join("state"), "state").collect();
        let base64 = state
            .iter()
            .map(|(content, name)| (STANDARD.encode(content), format!("<base64 of {name}>")))
            .collect();
        let files = named(root().join("overlays"), "overlays")
            .chain(state)
            .collect();
        Elsewhere { files, base64 }
    }

    fn section(&self, head: &str, content: &[u8]) -> String {
        if let (false, Some(name)) = (content.is_empty(), self.files.get(content)) {
            return format!("### {head} is {name}\n");
        }
        let Ok(text) = std::str::from_utf8(content) else {
            return format!("### {head} base64\n  {}\n", STANDARD.encode(content));
        };
        let mut text = text.to_owned();
        for (from, to) in &self.base64 {
            text = text.replace(from, to);
        }
        let mut section = format!("### {head}\n");
        for line in text.lines() {
            writeln!(section, "  {line}").unwrap();
        }
        if !text.is_empty() && !text.ends_with('\n') {
            section.push_str("\\ no newline at the end\n");
        }
        section
    }
}

/// Trains whose nodes are recorded with other pod networks, too.
const OTHER_NETWORKS: [(&str, &str); 3] =
    [("weave", "1.20"), ("weave", "1.36"), ("calico", "1.36")];

/// What differs on the nodes of a cluster with another pod network from those of the usual one.
fn other_network(
    elsewhere: &Elsewhere,
    network: &str,
    train: &str,
    usual: &[BTreeMap<String, String>; 2],
) -> BTreeMap<String, String> {
    let text = cluster(WHOLE, "amd64", train);
    let text = text.replace("provider: bridge", &format!("provider: {network}"));
    let cluster = Cluster::with_state(&text, identities());
    let roles = [("m1", "master"), ("w1", "worker")].into_iter().zip(usual);
    let golden = |((node, role), usual): ((&str, &str), &BTreeMap<String, String>)| {
        let all = sections(elsewhere, &cluster, node);
        let name = format!("{WHOLE}-amd64-{role}-{train}-{network}.golden");
        (name, difference(&all, usual))
    };
    roles.map(golden).collect()
}

/// The sections that `usual` has not, and the names of those that are not there.
fn difference(all: &BTreeMap<String, String>, usual: &BTreeMap<String, String>) -> String {
    let mut different = all.clone();
    different.retain(|path, section| usual.get(path) != Some(section));
    let gone = usual.keys().filter(|path| !all.contains_key(*path));
    different.extend(gone.map(|path| (path.clone(), format!("### absent {path}\n"))));
    different.into_values().collect()
}

/// Path to section, for files, links and what cloud-init is given.
fn sections(elsewhere: &Elsewhere, cluster: &Cluster, name: &str) -> BTreeMap<String, String> {
    let tree = cluster.tree(name);
    let mut sections = BTreeMap::new();
    let NodeTree { files, links } = &tree;
    for (
        path,
        File {
            content,
            mode,
            kind,
            secret,
        },
    ) in files
    {
        let kind = match kind {
            Kind::Fixed => "fixed",
            Kind::Initial => "initial",
        };
        let allows = secret
            .as_ref()
            .map(|s| format!(" ({s})"))
            .unwrap_or_default();
        sections.insert(
            path.clone(),
            elsewhere.section(&format!("{kind} {mode:04o} {path}{allows}"), content),
        );
    }
    for (path, target) in links {
        sections.insert(path.clone(), format!("### link {target} {path}\n"));
    }
    let given = cluster.cloud_init(name);
    let network = given
        .get("network-config")
        .map(|c| std::str::from_utf8(c).unwrap());
    let archive = archive(&tree, network);
    let digest = Digest::sha256(&archive).hex();
    let lines = |indent: &str| {
        let text = STANDARD.encode(&archive);
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(76)
            .map(|c| format!("{indent}{}", std::str::from_utf8(c).unwrap()))
            .collect();
        lines.join("\n")
    };
    for (file, content) in &given {
        let mut text = std::str::from_utf8(content).unwrap().to_owned();
        for indent in ["", "  ", "    ", "      "] {
            text = text.replace(
                &format!("\n{}\n", lines(indent)),
                &format!("\n{indent}<archive>\n"),
            );
        }
        text = text
            .replace(&digest, "<digest>")
            .replace(&digest[..16], "<digest>");
        assert!(
            text.len() < 16_000,
            "the archive is still in the golden of {file}"
        );
        sections.insert(
            format!("cloud-init {file}"),
            elsewhere.section(&format!("cloud-init {file}"), text.as_bytes()),
        );
    }
    sections
}

/// File name to content of every golden there must be.
fn goldens() -> BTreeMap<String, String> {
    let elsewhere = Elsewhere::read();
    let trees: BTreeMap<_, _> = supported()
        .into_par_iter()
        .map(|pair| {
            let (os, arch, train) = &pair;
            let cluster = Cluster::with_state(&cluster(os, arch, train), identities());
            let trees = ["m1", "w1"].map(|node| sections(&elsewhere, &cluster, node));
            (pair, trees)
        })
        .collect();
    let mut goldens = BTreeMap::new();
    for ((os, arch, train), [master, worker]) in &trees {
        // all of one system, of the others what is different there
        let usual = match (os.as_str(), arch.as_str()) {
            (WHOLE, "amd64") => None,
            (_, "amd64") => Some(WHOLE),
            _ => Some(os.as_str()),
        };
        let usual = usual.map(|os| &trees[&(os.to_owned(), "amd64".to_owned(), train.clone())]);
        for (at, role, all) in [(0, "master", master), (1, "worker", worker)] {
            let text = match usual.map(|trees| &trees[at]) {
                Some(usual) => difference(all, usual),
                None => all.values().map(String::as_str).collect(),
            };
            goldens.insert(format!("{os}-{arch}-{role}-{train}.golden"), text);
        }
    }
    for (network, train) in OTHER_NETWORKS {
        let usual = &trees[&(WHOLE.to_owned(), "amd64".to_owned(), train.to_owned())];
        goldens.extend(other_network(&elsewhere, network, train, usual));
    }
    goldens
}

fn recorded() -> BTreeSet<String> {
    let names = fs_err::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap());
    names.filter(|n| n.ends_with(".golden")).collect()
}

#[test]
fn trees_are_as_recorded() {
    let goldens = goldens();
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        for name in recorded() {
            fs_err::remove_file(folder().join(name)).unwrap();
        }
        for (name, text) in &goldens {
            fs_err::write(folder().join(name), text).unwrap();
        }
        return;
    }
    let now: BTreeSet<String> = goldens.keys().cloned().collect();
    assert_eq!(
        recorded(),
        now,
        "recorded (left) is not what is supported (right); UPDATE_GOLDENS=1 records it"
    );
    let scratch = tempfile::tempdir().unwrap();
    let mut differences = String::new();
    for (name, text) in &goldens {
        let (old, new) = (folder().join(name), scratch.path().join(name));
        if fs_err::read_to_string(&old).unwrap() != *text {
            fs_err::write(&new, text).unwrap();
            let label = ["--label", name, "--label", "now"];
            differences += &run(std::process::Command::new("diff")
                .arg("-u")
                .args(label)
                .args([old, new]))
            .stdout;
        }
    }
    assert!(
        differences.is_empty(),
        "\n{differences}\nUPDATE_GOLDENS=1 cargo test --test golden records this"
    );
}

#[test]
fn every_profile_architecture_and_train_has_a_golden_or_a_reason() {
    // a pair that plans nowhere is a profile without a use, a train without one is no train
    let supported = supported();
    let names = recorded();
    for profile in Profiles::embedded().iter() {
        for arch in &profile.architectures {
            assert!(
                supported
                    .iter()
                    .any(|(os, a, _)| *os == profile.name && a == arch.as_str()),
                "{} on {}",
                profile.name,
                arch.as_str()
            );
        }
    }
    for train in CATALOGUE.trains.keys() {
        assert!(
            supported.iter().any(|(_, _, t)| t == train),
            "no profile runs train {train}"
        );
    }
    for (os, arch, train) in supported {
        for role in ["master", "worker"] {
            // while they are rewritten by the test beside this one, some are missing
            let rewriting = std::env::var_os("UPDATE_GOLDENS").is_some();
            assert!(
                rewriting || names.contains(&format!("{os}-{arch}-{role}-{train}.golden")),
                "{os}-{arch}-{role}-{train} has no golden"
            );
        }
    }
}

#[test]
fn the_fixed_identities_are_all_that_is_needed() {
    let folder = identities();
    let before = support::files(&folder.path().join("state"));
    let text = cluster("debian-12", "amd64", "1.34");
    fs_err::write(folder.path().join("cluster.yml"), text).unwrap();
    run(&mut support::firstlight(folder.path(), &["build"])).ok();
    let mut after = support::files(&folder.path().join("state"));
    after.retain(|path, _| before.contains_key(path));
    assert!(before == after, "the build issued something anew");
}

#[test]
fn every_file_says_what_becomes_of_a_running_node_that_gets_another() {
    // what the settings above put there themselves
    let operators = ["/etc/motd"];
    let folder = root().join("tests/golden");
    let mut unknown = BTreeSet::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "golden") {
            continue;
        }
        for line in fs_err::read_to_string(path).unwrap().lines() {
            let head = line.strip_prefix("### ").unwrap_or_default();
            let words = head
                .split(" is ")
                .next()
                .unwrap()
                .split(" (")
                .next()
                .unwrap();
            let path = words.rsplit(' ').next().unwrap();
            if path.starts_with('/') && firstlight::compose::effects::of(path).is_none() {
                unknown.insert(path.to_owned());
            }
        }
    }
    unknown.retain(|path| !operators.contains(&path.as_str()));
    assert!(
        unknown.is_empty(),
        "overlays/firstlight/effects needs a row for each of {unknown:?}"
    );
}
