//! `firstlight kubeconfig`: for the administrator and for others.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Place;
use crate::support::{Done, run};

/// What openssl reads in the client certificate of a kubeconfig.
fn certificate(place: &Place, kubeconfig: &str, args: &[&str]) -> Done {
    let field = |name: &str| {
        let line = kubeconfig.lines().find_map(|l| l.trim().strip_prefix(name));
        STANDARD.decode(line.unwrap().trim()).unwrap()
    };
    fs_err::write(place.path("user.crt"), field("client-certificate-data:")).unwrap();
    fs_err::write(place.path("user.key"), field("client-key-data:")).unwrap();
    run(Command::new("openssl").args(args).current_dir(place.dir())).ok()
}

#[test]
fn a_user_with_groups_and_an_end() {
    let place = Place::with(1, 0);
    place.build();
    let [_, state] = place.made();
    let args = [
        "kubeconfig",
        "--user",
        "jane@example.com",
        "--group",
        "dev",
        "--group",
        "ops",
        "--lifetime",
        "12h",
    ];
    let done = place.run(&args).ok();
    assert_eq!(
        done.stderr,
        "issued to jane@example.com (dev, ops) until 2026-03-11; it cannot be revoked before\n"
    );
    let text = &done.stdout;
    assert!(
        text.contains("current-context: jane@example.com@demo\n")
            && text.contains("server: https://10.0.0.11:6443\n")
    );
    let read = |args: &[&str]| certificate(&place, text, args).stdout;
    let said = read(&[
        "x509",
        "-in",
        "user.crt",
        "-noout",
        "-subject",
        "-enddate",
        "-ext",
        "extendedKeyUsage,basicConstraints,subjectAltName",
        "-nameopt",
        "RFC2253",
    ]);
    assert!(
        said.contains("subject=CN=jane@example.com,O=ops,O=dev\n"),
        "{said}"
    );
    assert!(said.contains("notAfter=Mar 11 00:00:00 2026 GMT"), "{said}");
    assert!(
        said.contains("TLS Web Client Authentication") && !said.contains("Server"),
        "{said}"
    );
    assert!(said.contains("CA:FALSE"), "{said}");
    let verified = read(&[
        "verify",
        "-attime",
        "1773144000",
        "-purpose",
        "sslclient",
        "-CAfile",
        "state/pki/ca.crt",
        "user.crt",
    ]);
    assert_eq!(verified, "user.crt: OK\n");
    assert_eq!(
        read(&["x509", "-in", "user.crt", "-noout", "-pubkey"]),
        read(&["pkey", "-in", "user.key", "-pubout"])
    );
    // nothing of the authority's key, nothing kept, and another one next time
    let key = fs_err::read_to_string(place.path("state/pki/ca.key")).unwrap();
    let ca = STANDARD.encode(&key);
    let own = fs_err::read_to_string(place.path("user.key")).unwrap();
    // all keys of a kind begin alike
    assert!(!text.contains(&ca) && !own.contains(key.lines().nth(2).unwrap()));
    let [_, now] = place.made();
    assert!(state == now);
    assert!(place.run(&args).ok().stdout != *text);
}

#[test]
fn is_never_valid_longer_than_its_authority_and_warns_of_masters() {
    let place = Place::with(1, 0);
    place.build();
    let done = place
        .run(&[
            "kubeconfig",
            "--user",
            "x",
            "--group",
            "system:masters",
            "--lifetime",
            "36500d",
        ])
        .ok();
    assert!(done.stderr.contains("until 2036-03-07"), "{}", done.stderr);
    assert!(
        done.stderr
            .contains("warning: `system:masters` may do everything"),
        "{}",
        done.stderr
    );
    let none = place.run(&["kubeconfig", "--user", "x"]).ok();
    assert!(
        none.stderr.contains("(no group) until 2026-04-09"),
        "{}",
        none.stderr
    );
    let said = certificate(
        &place,
        &none.stdout,
        &[
            "x509", "-in", "user.crt", "-noout", "-subject", "-nameopt", "RFC2253",
        ],
    );
    assert_eq!(said.stdout, "subject=CN=x\n");
}

#[test]
fn a_file_is_its_owners_alone_and_is_not_replaced() {
    let place = Place::with(1, 0);
    place.build();
    for args in [
        &["kubeconfig", "-o", "admin.conf"][..],
        &["kubeconfig", "--user", "x", "-o", "x.conf"],
    ] {
        assert_eq!(place.run(args).ok().stdout, "");
        let path = place.path(args.last().unwrap());
        assert_eq!(
            fs_err::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o600
        );
        let said = place.refused(args);
        assert!(said.contains("exists already"), "{said}");
    }
    assert_eq!(
        fs_err::read(place.path("admin.conf")).unwrap(),
        fs_err::read(place.path("out/kubeconfig")).unwrap()
    );
}

#[test]
fn names_that_nobody_may_have_are_refused() {
    let place = Place::with(1, 0);
    let said = place.refused(&["kubeconfig", "--user", "x"]);
    assert!(said.contains("there are no identities in"), "{said}");
    place.build();
    for (args, why) in [
        (
            &["--user", "system:node:m1"][..],
            "`system:node:m1` is a name of Kubernetes's own",
        ),
        (&["--user", ""], "the name `` of the user is empty"),
        (
            &["--user", "x", "--group", ""],
            "the name `` of the group is empty",
        ),
        (&["--user", "a\nb"], "has characters that are not printed"),
        (&["--user", &"x".repeat(65)], "longer than the 64 bytes"),
    ] {
        let args: Vec<_> = ["kubeconfig"].iter().chain(args).copied().collect();
        let said = place.refused(&args);
        assert!(said.contains(why), "{said}");
    }
    for args in [
        &["--group", "dev"][..],
        &["--user", "x", "--lifetime", "30"],
        &["--user", "x", "--lifetime", "0d"],
    ] {
        let args: Vec<_> = ["kubeconfig"].iter().chain(args).copied().collect();
        assert_eq!(place.run(&args).code, Some(2), "{args:?}");
    }
}
