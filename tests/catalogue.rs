//! The catalogue inside the program, and a folder put over it.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeSet;

use firstlight::artefact::{Artefact, Catalogue, CatalogueError, Item};
use firstlight::config::model::Arch;

const TRAINS: [&str; 4] = ["1.20", "1.30", "1.34", "1.36"];
const ARCHES: [Arch; 2] = [Arch::Amd64, Arch::Arm64];

/// Addons that nobody published digests of: `firstlight overlay lock` pins them.
const UNPUBLISHED: [&str; 1] = ["kured"];

fn addons(catalogue: &Catalogue) -> BTreeSet<String> {
    let addons = catalogue.components.iter().filter(|(name, component)| {
        component.addon.is_some() && !UNPUBLISHED.contains(&name.as_str())
    });
    addons.map(|(name, _)| name.clone()).collect()
}

fn artefacts(train: &str, arch: Arch) -> Vec<Artefact> {
    let catalogue = Catalogue::embedded().unwrap();
    let train = catalogue.train(train).unwrap();
    let addons = addons(&catalogue);
    train
        .artefacts(Some("debian-12".into()), arch, &addons)
        .unwrap()
}

/// Absolute paths on a node that an artefact fills.
fn destinations(artefact: &Artefact) -> Vec<&str> {
    match &artefact.item {
        Item::File { dest, .. } => vec![dest],
        Item::TarGz { members, .. } => members.iter().map(|(_, dest)| dest.as_str()).collect(),
        Item::Package { .. } | Item::Boot { .. } | Item::Image { .. } => vec![],
    }
}

#[test]
fn every_train_is_completely_pinned_on_both_architectures() {
    let catalogue = Catalogue::embedded().unwrap();
    let names: Vec<&str> = catalogue.trains.keys().map(String::as_str).collect();
    assert_eq!(names, TRAINS);
    for train in TRAINS {
        for arch in ARCHES {
            let list = artefacts(train, arch);
            let files: BTreeSet<&str> = list.iter().flat_map(destinations).collect();
            for program in [
                "etcd",
                "etcdctl",
                "containerd",
                "ctr",
                "runc",
                "kubelet",
                "kubectl",
                "kubeadm",
                "crictl",
            ] {
                let path = format!("/opt/firstlight/bin/{program}");
                assert!(files.contains(path.as_str()), "{train} {arch:?}: {path}");
            }
            assert!(files.contains("/opt/cni/bin/bridge"));
            for image in [
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kube-proxy",
                "pause",
                "coredns",
                "haproxy",
            ] {
                catalogue.train(train).unwrap().image(image).unwrap();
            }
            assert!(
                list.iter()
                    .any(|a| matches!(&a.item, Item::Package { name, .. } if name == "conntrack"))
            );
        }
    }
}

#[test]
fn no_two_artefacts_fill_one_path_and_no_url_keeps_a_placeholder() {
    for train in TRAINS {
        for arch in ARCHES {
            let list = artefacts(train, arch);
            let all: Vec<&str> = list.iter().flat_map(destinations).collect();
            let distinct: BTreeSet<&str> = all.iter().copied().collect();
            assert_eq!(all.len(), distinct.len(), "{train}");
            // two addons may run the same image
            let origins: BTreeSet<_> = list.iter().map(Artefact::origin).collect();
            let digests: BTreeSet<_> = list.iter().map(|a| *a.digest()).collect();
            assert_eq!(digests.len(), origins.len(), "{train}");
            for artefact in &list {
                let origin = artefact.origin();
                assert!(!origin.contains(['{', '}']), "{origin}");
            }
        }
    }
}

#[test]
fn architectures_share_only_indexes_and_architecture_independent_packages() {
    for train in TRAINS {
        let other: BTreeSet<_> = artefacts(train, Arch::Arm64)
            .iter()
            .map(|a| *a.digest())
            .collect();
        for artefact in artefacts(train, Arch::Amd64) {
            let shared = matches!(artefact.item, Item::Image { .. })
                || artefact.name().ends_with("_all.deb");
            assert_eq!(
                other.contains(artefact.digest()),
                shared,
                "{train} {}",
                artefact.component
            );
        }
    }
}

#[test]
fn versions_of_a_train_belong_together() {
    let catalogue = Catalogue::embedded().unwrap();
    for name in TRAINS {
        let train = catalogue.train(name).unwrap();
        assert!(train.kubernetes().starts_with(&format!("{name}.")));
        for component in [
            "kubelet",
            "kubectl",
            "kubeadm",
            "kubernetes-node",
            "control-plane",
            "kube-proxy",
        ] {
            if let Some(version) = train.version(component) {
                assert_eq!(version, train.kubernetes(), "{name} {component}");
            }
        }
        let (major, _) = train
            .version("containerd")
            .unwrap()
            .split_once('.')
            .unwrap();
        let config = if major == "1" { 2 } else { 3 };
        assert_eq!(train.settings().containerd_config, config, "{name}");
        assert!(
            !train.settings().kubelet.container_runtime_flag || major == "1",
            "{name}: CRI v1alpha2"
        );
    }
}

#[test]
fn an_unknown_train_names_those_that_exist() {
    let catalogue = Catalogue::embedded().unwrap();
    let message = catalogue.train("1.19").unwrap_err().to_string();
    assert_eq!(
        message,
        "unknown release train `1.19`, must be one of: 1.20, 1.30, 1.34, 1.36"
    );
    let train = catalogue.train("1.34").unwrap();
    let message = train
        .artefacts(Some("plan-9".into()), Arch::Amd64, &BTreeSet::new())
        .unwrap_err()
        .to_string();
    assert!(
        message
            .ends_with("must be one of: alma-9, debian-11, debian-12, debian-13, debian-9, rhel-9, rocky-9, ubuntu-16.04, ubuntu-18.04, ubuntu-22.04, ubuntu-24.04"),
        "{message}"
    );
}

fn overrides(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Catalogue, CatalogueError>) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    let catalogue = Catalogue::with_overrides(dir.path());
    (dir, catalogue)
}

#[test]
fn a_folder_replaces_and_adds_by_path() {
    let hex = "11".repeat(32);
    let runc = format!(
        "licence: MIT\nhomepage: https://example.org\nrelease:\n  url: http://mirror/runc-{{version}}.{{arch}}\n  unpack: file\n  files: {{ runc: /opt/firstlight/bin/runc }}\n  digests:\n    \"1.3.6\": {{ amd64: \"sha256:{hex}\", arm64: null }}\n"
    );
    let embedded = include_str!("../overlays/trains/1.34.yml");
    let (_dir, catalogue) = overrides(&[
        ("runc/component.yml", &runc),
        ("trains/lab.yml", embedded),
        ("runc/runc.service", "ignored"),
    ]);
    let catalogue = catalogue.unwrap();
    let train = catalogue.train("lab").unwrap();
    let list = train
        .artefacts(None, Arch::Amd64, &BTreeSet::new())
        .unwrap();
    let runc = list.iter().find(|a| a.component == "runc").unwrap();
    assert_eq!(runc.origin(), "http://mirror/runc-1.3.6.amd64");
    let message = train
        .artefacts(None, Arch::Arm64, &BTreeSet::new())
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "release train `lab` has no digest for: runc 1.3.6 (arm64)"
    );
}

#[test]
fn a_wrong_file_is_named_with_its_line() {
    let (dir, catalogue) = overrides(&[(
        "runc/component.yml",
        "licence: MIT\nhomepage: x\nimagez: {}\n",
    )]);
    let message = catalogue.unwrap_err().to_string();
    let file = dir.path().join("runc/component.yml");
    assert!(
        message.starts_with(&format!("{}:3:", file.display())),
        "{message}"
    );
    assert!(message.contains("imagez"), "{message}");
}

#[test]
fn a_missing_folder_is_an_error_that_names_it() {
    let error =
        Catalogue::with_overrides(std::path::Path::new("/nonexistent/overlays")).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("/nonexistent/overlays"), "{cause}");
}

#[test]
fn the_readme_s_table_is_what_the_trains_say() {
    let readme = include_str!("../overlays/README.md");
    let catalogue = Catalogue::embedded().unwrap();
    for name in TRAINS {
        let train = catalogue.train(name).unwrap();
        let of = |component| train.version(component).unwrap();
        let row = format!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} |",
            train.kubernetes(),
            of("etcd"),
            of("containerd"),
            of("runc"),
            of("cni-plugins"),
            of("coredns"),
            of("pause")
        );
        assert!(readme.contains(&row), "{row}");
    }
}
