//! Every certificate, judged by OpenSSL.

use std::path::Path;
use std::process::Command;

use firstlight::identity::LeafKind;
use time::{Duration, OffsetDateTime};

use super::{Place, noon, plan};

/// Runs OpenSSL; returns whether it was content, and all it said.
fn openssl(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl")
        .args(arguments)
        .output()
        .expect("this test needs the program `openssl`: apt-get install openssl");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn accepted(arguments: &[&str]) -> String {
    let (ok, text) = openssl(arguments);
    assert!(ok, "openssl {arguments:?}: {text}");
    text
}

/// `openssl verify` of a leaf against its authority, for a purpose, at a time.
fn verify(place: &Place, stem: &Path, kind: LeafKind, purpose: &str, at: OffsetDateTime) -> bool {
    let ca = place
        .state()
        .join(format!("{}.crt", kind.authority().path()));
    let time = at.unix_timestamp().to_string();
    let (ca, cert) = (ca.to_str().unwrap(), stem.with_extension("crt"));
    openssl(&[
        "verify",
        "-x509_strict",
        "-attime",
        &time,
        "-purpose",
        purpose,
        "-CAfile",
        ca,
        cert.to_str().unwrap(),
    ])
    .0
}

#[test]
fn every_leaf_verifies_for_its_purpose_and_no_other() {
    let place = Place::new();
    place.issue(&plan(1, 0));
    for kind in LeafKind::NODE.into_iter().chain(LeafKind::MASTER) {
        let stem = place.state().join("nodes/m1").join(kind.name());
        let both = matches!(kind, LeafKind::EtcdServer | LeafKind::EtcdPeer);
        let server = matches!(kind, LeafKind::KubeletServer | LeafKind::Apiserver);
        let check = |purpose| verify(&place, &stem, kind, purpose, noon());
        assert_eq!(check("sslserver"), server || both, "{kind:?} as a server");
        assert_eq!(check("sslclient"), !server, "{kind:?} as a client");
        let (cert, key) = (stem.with_extension("crt"), stem.with_extension("key"));
        let public = accepted(&["x509", "-in", cert.to_str().unwrap(), "-noout", "-pubkey"]);
        assert_eq!(
            public,
            accepted(&["pkey", "-in", key.to_str().unwrap(), "-pubout"]),
            "{kind:?}"
        );
    }
}

#[test]
fn validity_covers_late_clocks_and_ends_with_the_authority() {
    let place = Place::new();
    let mut plan = plan(1, 0);
    plan.certificates.leaf_days = 100_000;
    let identities = place.issue(&plan).0;
    let stem = place.state().join("nodes/m1/apiserver");
    let at = |time| verify(&place, &stem, LeafKind::Apiserver, "sslserver", time);
    let end = identities.cluster_ca.facts.not_after;
    assert!(at(noon() - Duration::hours(47)));
    assert!(!at(noon() - Duration::hours(61)));
    assert!(at(end - Duration::seconds(1)));
    assert!(!at(end + Duration::seconds(1)));
    let leaf = &identities.nodes["m1"].master.as_ref().unwrap().apiserver;
    assert_eq!(leaf.facts.not_after, end);
}

#[test]
fn authorities_are_what_kubeadm_makes() {
    let place = Place::new();
    place.issue(&plan(1, 0));
    for (path, name) in [
        ("ca", "kubernetes"),
        ("etcd/ca", "etcd-ca"),
        ("front-proxy-ca", "front-proxy-ca"),
    ] {
        let cert = place.state().join("pki").join(path).with_extension("crt");
        let cert = cert.to_str().unwrap();
        accepted(&[
            "verify",
            "-x509_strict",
            "-check_ss_sig",
            "-CAfile",
            cert,
            "-attime",
            "1773144000",
            cert,
        ]);
        let text = accepted(&["x509", "-in", cert, "-noout", "-text"]);
        for expected in [
            format!("Subject: CN = {name}\n"),
            "X509v3 Basic Constraints: critical\n                CA:TRUE\n".to_owned(),
            "Digital Signature, Certificate Sign, CRL Sign".to_owned(),
            "Subject Key Identifier".to_owned(),
            "NIST CURVE: P-256".to_owned(),
            "Not Before: Mar  8 00:00:00 2026 GMT".to_owned(),
        ] {
            assert!(text.contains(&expected), "{expected}\n{text}");
        }
    }
}

#[test]
fn api_servers_answer_for_every_master() {
    let place = Place::new();
    place.issue(&plan(2, 1));
    let names = |leaf: &str| {
        let cert = place.state().join(leaf);
        let cert = cert.to_str().unwrap();
        let text = accepted(&[
            "x509",
            "-in",
            cert,
            "-noout",
            "-subject",
            "-ext",
            "subjectAltName,authorityKeyIdentifier",
        ]);
        let mut names: Vec<String> = text
            .split([',', '\n'])
            .map(|name| name.trim().to_owned())
            .collect();
        assert!(
            names
                .iter()
                .any(|name| name.contains("Authority Key Identifier")),
            "{text}"
        );
        names.retain(|name| {
            name.starts_with("DNS:") || name.starts_with("IP") || name.starts_with("subject")
        });
        names.sort();
        names
    };
    let expected = [
        "DNS:api.example.com",
        "DNS:kubernetes",
        "DNS:kubernetes.default",
        "DNS:kubernetes.default.svc",
        "DNS:kubernetes.default.svc.cluster.local",
        "DNS:localhost",
        "DNS:m1",
        "DNS:m2",
        "IP Address:0:0:0:0:0:0:0:1",
        "IP Address:10.0.1.1",
        "IP Address:10.0.1.2",
        "IP Address:10.96.0.1",
        "IP Address:127.0.0.1",
        "subject=CN = kube-apiserver",
    ];
    assert_eq!(names("nodes/m1/apiserver.crt"), expected);
    assert_eq!(names("nodes/m2/apiserver.crt"), expected);
    let etcd = [
        "DNS:localhost",
        "DNS:m2",
        "IP Address:0:0:0:0:0:0:0:1",
        "IP Address:10.0.1.2",
        "IP Address:127.0.0.1",
        "subject=CN = m2",
    ];
    assert_eq!(names("nodes/m2/etcd-server.crt"), etcd);
    assert_eq!(names("nodes/m2/etcd-peer.crt"), etcd);
}

#[test]
fn subjects_are_kubeadms() {
    let place = Place::new();
    place.issue(&plan(1, 1));
    for (leaf, subject) in [
        ("pki/admin", "O = system:masters, CN = kubernetes-admin"),
        (
            "nodes/m1/admin",
            "O = system:masters, CN = kubernetes-admin",
        ),
        (
            "nodes/m1/apiserver-kubelet-client",
            "O = system:masters, CN = kube-apiserver-kubelet-client",
        ),
        (
            "nodes/m1/apiserver-etcd-client",
            "CN = kube-apiserver-etcd-client",
        ),
        ("nodes/m1/front-proxy-client", "CN = front-proxy-client"),
        (
            "nodes/m1/etcd-healthcheck-client",
            "CN = kube-etcd-healthcheck-client",
        ),
        (
            "nodes/m1/controller-manager",
            "CN = system:kube-controller-manager",
        ),
        ("nodes/m1/scheduler", "CN = system:kube-scheduler"),
        (
            "nodes/w1/kubelet-client",
            "O = system:nodes, CN = system:node:w1",
        ),
        (
            "nodes/w1/kubelet-server",
            "O = system:nodes, CN = system:node:w1",
        ),
    ] {
        let cert = place.state().join(leaf).with_extension("crt");
        let text = accepted(&["x509", "-in", cert.to_str().unwrap(), "-noout", "-subject"]);
        assert_eq!(text, format!("subject={subject}\n"), "{leaf}");
    }
}

#[test]
fn the_service_account_pair_signs_and_verifies() {
    let place = Place::new();
    place.issue(&plan(1, 0));
    let path = |name: &str| place.0.path().join(name).to_str().unwrap().to_owned();
    fs_err::write(path("token"), "header.payload").unwrap();
    let (key, public) = (path("state/pki/sa.key"), path("state/pki/sa.pub"));
    accepted(&[
        "dgst",
        "-sha256",
        "-sign",
        &key,
        "-out",
        &path("signature"),
        &path("token"),
    ]);
    accepted(&[
        "dgst",
        "-sha256",
        "-verify",
        &public,
        "-signature",
        &path("signature"),
        &path("token"),
    ]);
    // Go's `x509.ParsePKCS8PrivateKey` needs version 0 (RFC 5208).
    let structure = accepted(&["asn1parse", "-in", &key]);
    assert!(
        structure
            .lines()
            .nth(1)
            .unwrap()
            .trim_end()
            .ends_with("INTEGER           :00"),
        "{structure}"
    );
}
