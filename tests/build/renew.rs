//! `firstlight certs renew`: certificates of seeds, issued anew.

use std::process::Command;

use crate::Place;
use crate::support::{firstlight, run};

/// Ninety days after everything in tests is issued.
const LATER: i64 = crate::support::NOON + 90 * 86_400;

fn later(place: &Place, args: &[&str]) -> crate::support::Done {
    run(firstlight(place.dir(), args).env("SOURCE_DATE_EPOCH", LATER.to_string()))
}

#[test]
fn of_one_node_or_of_all_and_the_next_build_has_them() {
    let place = Place::with(1, 2);
    place.build();
    let [_, state] = place.made();
    let done = later(
        &place,
        &["certs", "renew", "--node", "w1", "--format", "json"],
    )
    .ok();
    let issued = done.json()["issued"].clone();
    assert_eq!(issued.as_array().unwrap().len(), 2, "{issued}");
    assert_eq!(issued[0]["certificate"], "nodes/w1/kubelet-client");
    assert_eq!(issued[0]["why"], "renewed, was issued on 2026-03-10");
    let [_, now] = place.made();
    let changed: Vec<_> = now
        .iter()
        .filter(|(p, b)| state.get(*p) != Some(b))
        .map(|(p, _)| p.as_str())
        .collect();
    assert_eq!(
        changed,
        [
            "nodes/w1/kubelet-client.crt",
            "nodes/w1/kubelet-client.key",
            "nodes/w1/kubelet-server.crt",
            "nodes/w1/kubelet-server.key"
        ],
        "new keys, too"
    );
    let built = later(&place, &["build"]).ok();
    assert!(
        built.stderr.contains("seeds that changed: w1\n"),
        "{}",
        built.stderr
    );
    let verified = run(Command::new("openssl")
        .args(["verify", "-attime", &LATER.to_string(), "-CAfile"])
        .arg(place.path("state/pki/ca.crt"))
        .arg(place.path("state/nodes/w1/kubelet-client.crt")));
    assert!(verified.stdout.contains(": OK"), "{}", verified.stderr);

    let all = later(&place, &["certs", "renew"]).ok();
    assert_eq!(all.stdout.lines().count(), 1 + 12 + 2 + 2, "{}", all.stdout);
    assert!(!all.stdout.contains("pki/ca"), "authorities stay");
}

#[test]
fn only_what_is_old_enough() {
    let place = Place::with(1, 1);
    place.build();
    later(&place, &["certs", "renew", "--node", "w1"]).ok();
    let none = later(&place, &["certs", "renew", "--older-than", "91"]).ok();
    assert_eq!(
        (none.stdout.as_str(), none.stderr.as_str()),
        ("", "nothing was issued: all are younger\n")
    );
    let old = later(&place, &["certs", "renew", "--older-than", "90"]).ok();
    assert!(
        !old.stdout.contains("w1") && old.stdout.contains("nodes/m1/etcd-peer"),
        "{}",
        old.stdout
    );
}

#[test]
fn what_does_not_exist_is_refused() {
    let place = Place::with(1, 1);
    let said = place.refused(&["certs", "renew"]);
    assert!(
        said.contains("there are no identities in `state`") && said.contains("firstlight build"),
        "{said}"
    );
    assert!(!place.path("state").exists());
    place.build();
    let said = place.refused(&["certs", "renew", "--node", "w9"]);
    assert_eq!(
        said,
        "error: `cluster.yml` has no node `w9`\nhint: must be one of: m1, w1\n"
    );
    fs_err::rename(place.path("state"), place.path("gone")).unwrap();
    let said = place.refused(&["certs", "renew"]);
    assert!(said.contains("but its keys are not in `state`"), "{said}");
}
