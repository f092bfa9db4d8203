//! Pod networks that change between two builds, files that their settings name.

use std::os::unix::fs::PermissionsExt as _;

use crate::Place;
use crate::support::cluster;

const BRIDGE: &str = "network: { provider: bridge }";

fn describe(place: &Place, network: &str) {
    let text = cluster("1.34", 1, 1).replace(BRIDGE, network);
    fs_err::write(place.path("cluster.yml"), text).unwrap();
}

#[test]
fn another_pod_network_than_the_cluster_has_is_refused() {
    let place = Place::with(1, 1);
    place.build();
    let before = place.made();
    describe(&place, "network: { provider: weave }");
    insta::assert_snapshot!(place.refused(&["build"]), @"
    error: the cluster was built with the provider `bridge`, and this file has `weave`
    hint: every pod would lose its address and what is connected to it, network policies would stop, and nodes with old and new seeds could not reach each other's pods: set `network.provider: bridge` again; `--new-identities` makes a new cluster instead, whose machines must all be set up again
    ");
    describe(
        &place,
        "network: { provider: bridge, pod_network_cidr: 10.48.0.0/12 }",
    );
    insta::assert_snapshot!(place.refused(&["build"]), @"
    error: the cluster was built with the pod network 10.32.0.0/12, and this file has 10.48.0.0/12
    hint: every pod would lose its address, and nodes with old and new seeds could not reach each other's pods: let `network.pod_network_cidr` be what it was; `--new-identities` makes a new cluster instead, whose machines must all be set up again
    ");
    describe(
        &place,
        "network: { provider: bridge, service_cidr: 10.112.0.0/16 }",
    );
    insta::assert_snapshot!(place.refused(&["build"]), @"
    error: the cluster was built with the service network 10.96.0.0/12, and this file has 10.112.0.0/16
    hint: every Service would lose its address, certificates of the API server would not be for its new one, and pods would ask DNS where nobody answers: let `network.service_cidr` be what it was; `--new-identities` makes a new cluster instead, whose machines must all be set up again
    ");
    assert!(place.made() == before, "nothing was written");
    describe(&place, BRIDGE);
    place.build();
    describe(&place, "network: { provider: weave }");
    place.run(&["build", "--new-identities"]).ok();
}

#[test]
fn a_cluster_of_a_lock_without_networks_had_bridge() {
    let place = Place::with(1, 1);
    place.build();
    let lock = fs_err::read_to_string(place.path("firstlight.lock")).unwrap();
    let (cluster, _) = lock.split_once("network:").unwrap();
    fs_err::write(place.path("firstlight.lock"), cluster).unwrap();
    describe(&place, "");
    let why = place.refused(&["build"]);
    assert!(
        why.contains("was built with the provider `bridge`, and this file has `weave`"),
        "{why}"
    );
    describe(&place, BRIDGE);
    place.build();
}

#[test]
fn a_password_file_is_its_owner_s_alone_and_holds_one_line() {
    let place = Place::with(1, 1);
    describe(&place, "network: { weave: { password: weave.password } }");
    let file = place.path("weave.password");
    let put = |content: &[u8], mode: u32| {
        fs_err::write(&file, content).unwrap();
        let mode = std::fs::Permissions::from_mode(mode);
        fs_err::set_permissions(&file, mode).unwrap();
    };
    let missing = place.refused(&["build"]);
    assert!(
        missing.contains("weave.password`: No such file"),
        "{missing}"
    );
    put(b"secret\n", 0o644);
    insta::assert_snapshot!(place.refused(&["build"]), @"
    error: `weave.password`, the password of Weave Net, can be read or written by everybody
    hint: one line of text in a file for its owner alone; without `network.weave.password` one is made and kept in the state folder
    ");
    for (content, why) in [
        (&b" \n"[..], "is empty"),
        (b"two\nlines\n", "more than one line"),
        (b"\xff\xfe", "holds no text"),
        (&[b'a'; 5000][..], "more than 4096 bytes"),
    ] {
        put(content, 0o600);
        let refused = place.refused(&["build"]);
        assert!(refused.contains(why), "{refused}");
    }
    put(b"correct horse\n", 0o600);
    place.build();
    let secret = "etc/firstlight/apply/secrets/kube-system/weave-password/password";
    assert_eq!(place.seed_file("m1", secret), "correct horse");
    assert!(
        !place.path("state/weave-password").exists(),
        "one is enough"
    );
}

#[test]
fn manifests_of_one_s_own_are_applied_as_they_are() {
    let place = Place::with(1, 1);
    describe(
        &place,
        "network: { provider: custom, custom: { manifest_path: net } }",
    );
    let put = |name: &str, text: &str| {
        fs_err::create_dir_all(place.path("net")).unwrap();
        fs_err::write(place.path("net").join(name), text).unwrap();
    };
    // as those of `manifests:` are, and refused in the same words
    let refused = |words: &[&str]| {
        let said = place.refused(&["build"]);
        for word in words {
            assert!(said.contains(word), "no `{word}`: {said}");
        }
    };
    refused(&[
        "error[manifests/bad-path]: `net` cannot be read",
        "custom: { manifest_path: net }",
    ]);
    put("notes.txt", "no manifest");
    refused(&["error[manifests/bad-path]: the folder `net` has no `.yaml`, `.yml` or `.json`"]);
    put("a.yml", "kind: ConfigMap\n");
    refused(&[
        "error[manifests/missing-field]: `apiVersion` is missing",
        "net/a.yml:1:1",
    ]);
    put("a.yml", "kind: [\n");
    refused(&["net/a.yml:"]);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { tolerations: [{ operator: Exists }], containers: [{ name: a, image: IMAGE }] }\n";
    put("a.yml", &pod.replace("IMAGE", "example.org/net:1"));
    refused(&[
        "error[manifests/not-pinned]: the image `example.org/net:1` has no pinned digest",
        "`firstlight overlay lock` finds it out",
    ]);
    let image = format!("example.org/net:1@sha256:{}", "ab".repeat(32));
    put("a.yml", &pod.replace("IMAGE", &image));
    put(
        "b.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: { name: b }\n",
    );
    place.build();
    let objects = place.seed_file("m1", "etc/firstlight/apply/15-network.yaml");
    assert!(objects.contains(&image), "{objects}");
    for node in ["m1", "w1"] {
        let images = place.seed_file(node, "etc/firstlight/images");
        assert!(images.contains("example.org/net:1 sha256:abab"), "{images}");
    }
    // what holds a Secret is root's alone
    let manifest = fs_err::read_to_string(place.path("out/manifest.json")).unwrap();
    assert!(
        manifest.contains("/etc/firstlight/apply/15-network.yaml"),
        "{manifest}"
    );
}
