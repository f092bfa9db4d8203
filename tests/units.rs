//! Units and scripts as a node has them: `systemd-analyze`, shellcheck, dash, and what a stock
//! system has to run them.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

#[path = "units/commands.rs"]
mod commands;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use firstlight::artefact::{Catalogue, Item};
use firstlight::plan::profile::{Profile, Profiles};
use support::{Cluster, cluster, paths, root, run};

/// Lays a node's tree out below a folder, with the system's own units and a dummy for each program
/// that the node fetches.
fn lay_out(cluster: &Cluster, name: &str, root: &Path) {
    let at = |path: &str| {
        let path = root.join(path.trim_start_matches('/'));
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    let program = |path: &str, content: &[u8], mode| {
        let path = at(path);
        fs_err::write(&path, content).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let tree = cluster.tree(name);
    for (path, file) in &tree.files {
        program(path, &file.content, file.mode);
    }
    for (path, target) in &tree.links {
        std::os::unix::fs::symlink(target, at(path)).unwrap();
    }
    for artefact in &cluster.node(name).needs {
        let fetched: Vec<&str> = match &artefact.item {
            Item::File { dest, .. } => vec![dest],
            Item::TarGz { members, .. } => members.iter().map(|(_, to)| to.as_str()).collect(),
            Item::Package { .. } | Item::Boot { .. } | Item::Image { .. } => Vec::new(),
        };
        for path in fetched {
            program(path, b"#!/bin/sh\n", 0o755);
        }
    }
    for system in ["/usr/bin/true", "/bin/sh", "/bin/mount"] {
        program(system, b"", 0o755);
    }
    let own = ["/usr/lib/systemd/system", "/lib/systemd/system"]
        .into_iter()
        .find(|p| Path::new(p).is_dir())
        .unwrap();
    for target in [
        "sysinit",
        "basic",
        "multi-user",
        "shutdown",
        "local-fs",
        "network",
        "sockets",
        "timers",
        "paths",
        "slices",
        "time-sync",
        "umount",
    ] {
        let unit = format!("{target}.target");
        fs_err::copy(
            Path::new(own).join(&unit),
            at(&format!("/usr/lib/systemd/system/{unit}")),
        )
        .unwrap();
    }
}

#[test]
fn systemd_accepts_every_unit_as_a_node_has_it() {
    for train in ["1.20", "1.34"] {
        let cluster = Cluster::new(&cluster(train, 1, 1));
        for name in ["m1", "w1"] {
            let folder = tempfile::tempdir().unwrap();
            lay_out(&cluster, name, folder.path());
            let units: Vec<String> = paths(&folder.path().join("etc/systemd/system"))
                .into_iter()
                .filter(|p| {
                    !p.contains('/')
                        && !p.contains(".timer.d")
                        && !p.contains(".service.d")
                        && [".service", ".target", ".timer"]
                            .iter()
                            .any(|k| p.contains(k))
                        && !p.contains(".wants")
                })
                .collect();
            assert!(units.len() > 8, "{units:?}");
            let root = format!("--root={}", folder.path().display());
            let done = run(Command::new("systemd-analyze")
                .args([&root, "--man=no", "verify"])
                .args(&units)
                .env("SYSTEMD_LOG_LEVEL", "warning"));
            assert_eq!(
                (done.code, done.stderr.as_str(), done.stdout.as_str()),
                (Some(0), "", ""),
                "{name} {train}"
            );
        }
    }
}

#[test]
fn systemd_analyze_would_complain() {
    // or the test above proves nothing
    let cluster = Cluster::new(&cluster("1.34", 1, 0));
    let folder = tempfile::tempdir().unwrap();
    lay_out(&cluster, "m1", folder.path());
    let unit = folder.path().join("etc/systemd/system/etcd.service");
    let text = fs_err::read_to_string(&unit).unwrap();
    fs_err::write(
        &unit,
        text.replace("[Service]\n", "[Service]\nNoSuchDirective=1\n"),
    )
    .unwrap();
    fs_err::remove_file(folder.path().join("opt/firstlight/bin/kubelet")).unwrap();
    let root = format!("--root={}", folder.path().display());
    let said = run(Command::new("systemd-analyze").args([
        &root,
        "--man=no",
        "verify",
        "etcd.service",
        "kubelet.service",
    ]))
    .stderr;
    assert!(
        said.contains("NoSuchDirective")
            && said.contains("/opt/firstlight/bin/kubelet is not executable"),
        "{said}"
    );
}

/// Unit name to text, from `overlays/`.
fn units() -> BTreeMap<String, String> {
    let folder = root().join("overlays/firstlight/units");
    support::files(&folder)
        .into_iter()
        .map(|(name, content)| (name, String::from_utf8(content).unwrap()))
        .collect()
}

#[test]
fn every_directive_is_known_to_the_systemd_of_each_profile() {
    let table = fs_err::read_to_string(root().join("tests/data/systemd-directives.txt")).unwrap();
    let since: BTreeMap<&str, u32> = table
        .lines()
        .filter(|l| !l.starts_with('#'))
        .map(|l| l.split_once(' ').unwrap())
        .map(|(d, v)| (d, v.parse().unwrap()))
        .collect();
    for profile in Profiles::embedded().iter() {
        let cluster = Cluster::new(&of_profile(profile));
        for node in ["m1", "w1"] {
            let tree = cluster.tree(node);
            let units = tree
                .files
                .iter()
                .filter(|(path, _)| path.starts_with("/etc/systemd/system/"));
            for (path, file) in units {
                let text = std::str::from_utf8(&file.content).unwrap();
                for line in text.lines().filter(|l| !l.starts_with('#')) {
                    let Some((directive, _)) = line.split_once('=') else {
                        continue;
                    };
                    let since = since.get(directive).unwrap_or_else(|| {
                        panic!("{path}: {directive} is not in tests/data/systemd-directives.txt")
                    });
                    assert!(
                        *since <= profile.systemd,
                        "{path}: {directive} came with systemd {since}, {} has {}",
                        profile.name,
                        profile.systemd
                    );
                }
            }
        }
    }
}

/// A master and a worker of that system, with the newest train it can run.
fn of_profile(profile: &Profile) -> String {
    let catalogue = Catalogue::embedded().unwrap();
    let able = catalogue
        .trains
        .iter()
        .rfind(|(_, train)| profile.lacks(&train.host).is_none());
    let os = format!("os: {}, ", profile.name);
    let hosts = cluster(able.unwrap().0, 1, 1).replace("role: ", &format!("{os}role: "));
    // some systems' own downloader is too old for upstream
    format!("artefacts: {{ mirror: \"http://10.0.0.5/firstlight\" }}\n{hosts}")
}

#[test]
fn units_keep_the_rules_of_every_systemd() {
    for (unit, text) in units() {
        let value = |key: &str| {
            text.lines()
                .find_map(|l| l.strip_prefix(key)?.strip_prefix('='))
        };
        // 0.7.9's cloud-init makes After=cloud-final a cycle; network-online waits for unplugged interfaces
        let edges: Vec<&str> = text
            .lines()
            .filter(|l| {
                ["After=", "Requires=", "Wants=", "Before="]
                    .iter()
                    .any(|k| l.starts_with(k))
            })
            .collect();
        for edge in edges {
            assert!(
                !edge.contains("cloud-") && !edge.contains("network-online"),
                "{unit}: {edge}"
            );
        }
        if value("Type") == Some("oneshot") {
            assert!(
                value("Restart").is_none(),
                "{unit}: refused before systemd 244"
            );
            // so what is killed, or finds no room, is started again by another unit
            assert!(
                value("OnFailure") == Some("firstlight-again@%n.service")
                    || [
                        "firstlight-again@",
                        "-again.service",
                        "-moved.service",
                        "firstlight-etcd-snapshot",
                    ]
                    .iter()
                    .any(|own| unit.contains(own)),
                "{unit} would stay failed"
            );
        }
        // infinity kills at once on 219
        assert!(
            !text.contains("=infinity\n") || value("TimeoutStartSec") != Some("infinity"),
            "{unit}"
        );
        if unit.ends_with(".service") && value("TimeoutStopSec").is_none() {
            assert!(
                value("Type") == Some("oneshot"),
                "{unit} has no bounded stop time"
            );
        }
        if value("Restart") == Some("always") {
            assert_eq!(
                value("StartLimitInterval"),
                Some("0"),
                "{unit} would give up"
            );
            assert!(value("RestartSec").is_some(), "{unit} would spin");
        }
    }
}

fn scripts() -> Vec<PathBuf> {
    let folder = root().join("overlays/firstlight");
    let mut scripts: Vec<_> = paths(&folder.join("bin"))
        .into_iter()
        .map(|p| folder.join("bin").join(p))
        .collect();
    scripts.push(folder.join("foothold.sh"));
    let weave = root().join("overlays/weave");
    scripts.extend(["launch.sh", "ring.sh"].map(|name| weave.join(name)));
    scripts
}

#[test]
fn scripts_are_small_posix_and_clean() {
    let mut too_long = BTreeSet::new();
    for script in scripts() {
        let name = script.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs_err::read_to_string(&script).unwrap();
        if text.lines().count() > 60 {
            too_long.insert(name.clone());
        }
        // the official image has no HTTP client but cloud-init's Python
        let python = text.starts_with("#!/usr/bin/env python3\n");
        let compiles = "import sys; compile(open(sys.argv[1]).read(), sys.argv[1], 'exec')";
        let judges: &[&[&str]] = if python {
            &[&["/usr/bin/python3", "-c", compiles]]
        } else {
            &[&["dash", "-n"], &["shellcheck", "-x", "-s", "sh"]]
        };
        for judge in judges {
            let done = run(Command::new(judge[0]).args(&judge[1..]).arg(&script));
            assert_eq!(
                (done.code, done.stdout.as_str(), done.stderr.as_str()),
                (Some(0), "", ""),
                "{judge:?} {name}"
            );
        }
        assert!(
            text.is_ascii() || name != "foothold.sh",
            "{name} travels in user-data"
        );
        if name.strip_suffix(".sh").is_none() {
            if python {
                continue;
            }
            assert!(
                text.starts_with("#!/bin/sh\n# firstlight-"),
                "{name} says first what it is"
            );
            // a main process outlives what fails in it
            let lives = [
                "firstlight-etcd",
                "firstlight-etcd-life",
                "firstlight-etcd-member",
            ]
            .contains(&name.as_str());
            assert!(lives || text.contains("\nset -eu"), "{name}");
            // nothing executes from /var, /tmp or /run: hardened hosts mount them noexec
            assert!(
                !text.contains("exec /var")
                    && !text.contains("exec /tmp")
                    && !text.contains("exec /run"),
                "{name}"
            );
        }
    }
    assert!(too_long.is_empty(), "longer than 60 lines: {too_long:?}");
}
