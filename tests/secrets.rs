//! Who holds which key: every one is in the inventory, a worker holds none that signs, and a planted
//! one is found.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firstlight::compose::secrets::{inventory, leaks};
use firstlight::compose::{File, Kind};
use firstlight::identity::private_keys;
use support::{CATALOGUE, Cluster, cluster};

/// Paths whose bytes hold a private key, by looking for what PEM, its base64 and DER look like.
fn holding_keys(cluster: &Cluster, name: &str) -> BTreeSet<String> {
    let marker = b"PRIVATE KEY";
    let encoded = ["-----BEGIN PRIVATE KEY", "-----BEGIN EC PRIVATE KEY"]
        .map(|t| STANDARD.encode(t).as_bytes()[..28].to_vec());
    let holds = |content: &[u8]| {
        let found = |needle: &[u8]| content.windows(needle.len()).any(|w| w == needle);
        found(marker) || encoded.iter().any(|e| found(e)) || !private_keys(content).is_empty()
    };
    cluster
        .tree(name)
        .files
        .iter()
        .filter(|(_, f)| holds(&f.content))
        .map(|(p, _)| p.clone())
        .collect()
}

/// What Secrets are encrypted with.
const ENCRYPTION: &str = "/etc/kubernetes/apiserver/encryption.yaml";

#[test]
fn every_key_is_in_the_inventory_with_what_it_allows() {
    for train in CATALOGUE.trains.keys() {
        let all = Cluster::new(&cluster(train, 3, 2));
        let owners = all.ids.owners();
        for node in &all.plan.nodes {
            let tree = all.tree(&node.name);
            let listed = inventory(node, &tree);
            let paths: BTreeSet<String> = listed.iter().map(|s| s.path.clone()).collect();
            let mut holding = holding_keys(&all, &node.name);
            if node.is_master() {
                // a key that is no pair's, and so is none that can be looked for
                holding.insert(ENCRYPTION.to_owned());
            }
            assert_eq!(paths, holding, "{} of train {train}", node.name);
            for secret in &listed {
                assert!(secret.allows.len() > 5, "{secret:?}");
                assert_eq!(tree.files[&secret.path].mode, 0o600, "{secret:?}");
            }
            // which is not searched for each node: it is the same for all, and anybody's to read
            let program = tree
                .files
                .values()
                .filter(|f| matches!(f.content, Cow::Borrowed(_)));
            assert!(
                program
                    .into_iter()
                    .all(|f| private_keys(&f.content).is_empty())
            );
            assert_eq!(leaks(&all.plan, node, &tree, &owners), []);
        }
    }
}

#[test]
fn a_worker_holds_its_own_two_keys_and_none_that_signs() {
    let all = Cluster::new(&cluster("1.34", 3, 2));
    let owners = all.ids.owners();
    for (name, count) in [("w1", 2), ("w2", 2), ("m1", 16), ("m3", 16)] {
        let tree = all.tree(name);
        let keys: Vec<_> = tree
            .files
            .values()
            .flat_map(|f| private_keys(&f.content))
            .map(|k| &owners[&k])
            .collect();
        assert_eq!(keys.len(), count, "{name}: {keys:?}");
        for owner in &keys {
            assert!(
                owner.node.as_deref() == Some(name) || owner.signs && name.starts_with('m'),
                "{name} holds {owner:?}"
            );
        }
    }
}

#[test]
fn the_manifest_lists_every_secret_of_every_node() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("cluster.yml"), cluster("1.34", 1, 1)).unwrap();
    support::run(&mut support::firstlight(folder.path(), &["build"])).ok();
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs_err::read(folder.path().join("out/manifest.json")).unwrap())
            .unwrap();
    let all = Cluster::new(&cluster("1.34", 1, 1));
    for name in ["m1", "w1"] {
        let listed: BTreeSet<String> = manifest["secrets"][name]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        let mut holding = holding_keys(&all, name);
        if name == "m1" {
            holding.insert(ENCRYPTION.to_owned());
        }
        assert_eq!(listed, holding);
    }
    assert_eq!(
        manifest["secrets"]["m1"]["/etc/kubernetes/pki/ca.key"],
        manifest["secrets"]["m1"]["/etc/kubernetes/pki/ca.key"]
            .as_str()
            .unwrap()
    );
    assert_eq!(
        manifest["secrets"]["w1"]["/var/lib/kubelet/pki/kubelet.key"],
        "answer as the kubelet of w1"
    );
}

/// A key in a file that a concern forgot to look after, in every form it may take.
#[test]
fn a_planted_key_is_found() {
    let all = Cluster::new(&cluster("1.34", 2, 2));
    let ca = all.ids.cluster_ca.key.expose().to_owned();
    let other = all.ids.nodes["w2"].kubelet_client.key.expose().to_owned();
    let stranger = Cluster::new(&cluster("1.34", 1, 0))
        .ids
        .cluster_ca
        .key
        .expose()
        .to_owned();
    let own = all.ids.nodes["w1"].kubelet_client.key.expose().to_owned();
    let admin = all.ids.admin.key.expose().to_owned();
    let forms = |key: &str| {
        [
            key.to_owned(),
            format!("data: {}\n", STANDARD.encode(key)),
            key.replace('\n', "\r\n"),
        ]
    };
    let why = |node: &str, content: &str, mode: u32, secret: bool| {
        let mut tree = all.tree(node);
        let secret = secret.then(|| "something".to_owned());
        tree.files.insert(
            "/etc/planted".to_owned(),
            File {
                content: content.as_bytes().to_vec().into(),
                mode,
                kind: Kind::Fixed,
                secret,
            },
        );
        leaks(&all.plan, all.node(node), &tree, &all.ids.owners())
            .into_iter()
            .map(|l| l.to_string())
            .collect::<Vec<_>>()
    };
    for ca in forms(&ca) {
        assert_eq!(why("w1", &ca, 0o600, true).len(), 1, "{ca}");
        assert!(
            why("w1", &ca, 0o600, true)[0].starts_with("w1: /etc/planted holds the key that may ")
        );
        assert_eq!(why("m1", &ca, 0o600, true), [""; 0], "a master may");
        assert_eq!(
            why("m1", &ca, 0o644, true),
            ["m1: /etc/planted holds a private key that others can read"]
        );
    }
    for other in forms(&other) {
        assert_eq!(
            why("w1", &other, 0o600, true),
            ["w1: /etc/planted holds a key of another node: nodes/w2/kubelet-client"]
        );
        assert_eq!(why("m1", &other, 0o600, true).len(), 1, "nor a master");
    }
    assert_eq!(
        why("w1", &stranger, 0o600, true),
        ["w1: /etc/planted holds a private key that nobody issued"]
    );
    assert_eq!(why("w1", &own, 0o600, true), [""; 0]);
    assert_eq!(
        why("w1", &own, 0o644, false),
        ["w1: /etc/planted holds a private key that others can read"]
    );
    assert_eq!(
        why("m1", &admin, 0o600, true),
        ["m1: /etc/planted holds a key for use outside demo"]
    );
}
