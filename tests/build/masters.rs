//! Masters that come and go between two builds: what `build` takes, and what it refuses.

use crate::Place;
use crate::support::cluster;

/// The values that a node's scripts read, from the seed that was built for it.
fn env(place: &Place, node: &str, key: &str) -> String {
    let text = place.seed_file(node, "etc/firstlight/node.env");
    let line = text
        .lines()
        .find_map(|l| l.strip_prefix(&format!("FL_{key}='")))
        .unwrap_or_else(|| panic!("no FL_{key} in\n{text}"));
    line.trim_end_matches('\'').to_owned()
}

#[test]
fn a_master_that_is_only_left_out_is_refused_and_one_that_is_to_leave_is_not() {
    let place = Place::with(3, 0);
    place.build();
    let before = place.made();
    place.describe(1, 1);
    insta::assert_snapshot!(place.refused(&["build"]), @"
    error: `m2` was a master in the last build, and is none in this file
    hint: a member that is only left out still counts for etcd's majority: `etcd: { remove: [m2] }` has it leave
    ");
    assert!(place.made() == before, "nothing was written");
    let leaving = cluster("1.34", 1, 1) + "etcd: { remove: [m2, m3] }\n";
    fs_err::write(place.path("cluster.yml"), leaving).unwrap();
    place.build();
    assert_eq!(env(&place, "m1", "ETCD_REMOVE"), "m2 m3");
    assert_eq!(env(&place, "m1", "MASTERS"), "m1=10.0.0.11");
    // once it was said it need not be said again
    place.describe(1, 1);
    place.build();
    assert_eq!(env(&place, "m1", "ETCD_REMOVE"), "");
}

#[test]
fn the_last_voter_stays() {
    let place = Place::with(1, 0);
    place.build();
    let other = cluster("1.34", 1, 0).replace("name: m1", "name: n1") + "etcd: { remove: [m1] }\n";
    fs_err::write(place.path("cluster.yml"), other).unwrap();
    insta::assert_snapshot!(place.refused(&["build"]), @"
    error: none of the masters of the last build (m1) remains: nobody would have the cluster's data
    hint: add the new masters first; when they have joined, take the old ones out with `etcd.remove`
    ");
}

#[test]
fn a_cluster_that_was_never_built_does_not_exist() {
    let place = Place::with(3, 0);
    insta::assert_snapshot!(place.refused(&["build", "--cluster-exists"]), @"
    error: there are no identities in `state`
    hint: run `firstlight build`
    ");
    assert!(!place.path("state").exists() && !place.path("out").exists());
    place.build();
    assert_eq!(env(&place, "m1", "CLUSTER_EXISTS"), "");
    place.run(&["build", "--cluster-exists"]).ok();
    assert_eq!(env(&place, "m1", "CLUSTER_EXISTS"), "true");
}

/// A certificate of an authority of its own, and the key, made by openssl.
fn client_files(place: &Place) {
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -subj /CN=theirs -days 9
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout client.key -out client.csr -subj /CN=kube
        openssl x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 9 -out client.crt";
    let mut openssl = std::process::Command::new("sh");
    openssl.args(["-euc", script]).current_dir(place.dir());
    crate::support::run(&mut openssl).ok();
}

fn with_external(place: &Place, keys: &str) {
    let text = cluster("1.34", 3, 1)
        + &format!("etcd: {{ endpoints: [\"https://10.0.0.31:2379\"], {keys} }}\n");
    fs_err::write(place.path("cluster.yml"), text).unwrap();
}

#[test]
fn an_etcd_of_ones_own_takes_the_place_of_ours() {
    let place = Place::empty();
    client_files(&place);
    let files = "ca_certificate: ca.crt, certificate: client.crt, key: client.key";
    with_external(&place, files);
    place.build();
    let server = place.seed_file("m1", "etc/firstlight/manifests/kube-apiserver.yaml");
    for argument in [
        "--etcd-servers=https://10.0.0.31:2379",
        "--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt",
        "--etcd-keyfile=/etc/kubernetes/pki/apiserver-etcd-client.key",
    ] {
        assert!(server.contains(&format!("{argument}\n")), "{server}");
    }
    for (on_node, here) in [
        ("etc/kubernetes/pki/etcd/ca.crt", "ca.crt"),
        ("etc/kubernetes/pki/apiserver-etcd-client.key", "client.key"),
    ] {
        let given = fs_err::read_to_string(place.path(here)).unwrap();
        assert_eq!(place.seed_file("m1", on_node), given);
    }
    let index = place.seed_index("m1");
    for ours in [
        "etcd.service",
        "firstlight-etcd",
        "etcd/peer",
        "etcd/ca.key",
    ] {
        assert!(!index.contains(ours), "{ours} in\n{index}");
    }
    assert!(
        !place
            .seed_file("m1", "etc/firstlight/artefacts")
            .contains("etcd")
    );
    let check = place.run(&["check"]).ok().stdout;
    assert!(
        check.contains("etcd          https://10.0.0.31:2379\n"),
        "{check}"
    );
    let ports = place.run(&["ports"]).ok().stdout;
    assert!(!ports.contains("etcd"), "{ports}");
}

#[test]
fn files_of_an_etcd_of_ones_own_that_do_not_fit_are_named() {
    let place = Place::empty();
    client_files(&place);
    with_external(&place, "ca_certificate: nowhere.crt");
    let said = place.refused(&["build"]);
    assert!(
        said.contains("nowhere.crt") && said.contains("No such file"),
        "{said}"
    );
    with_external(&place, "ca_certificate: cluster.yml");
    insta::assert_snapshot!(place.refused(&["build"]), @"
    error: `cluster.yml` holds no certificate in PEM form
    hint: it must begin with `-----BEGIN CERTIFICATE-----`
    ");
    with_external(
        &place,
        "ca_certificate: ca.crt, certificate: client.crt, key: ca.key",
    );
    insta::assert_snapshot!(place.refused(&["build"]), @"
    error: `ca.key` is not the key of `client.crt`
    hint: name the key that the certificate was made for, unencrypted and in PEM form
    ");
    assert!(!place.path("state").exists() && !place.path("out").exists());
}
