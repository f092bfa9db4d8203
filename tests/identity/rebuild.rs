//! What a second build does: nothing, or what it must, and it says so.

use std::collections::BTreeSet;

use firstlight::identity::{Identities, Issued};
use time::Duration;

use super::{Place, noon, plan};

/// `what: why`, one per line.
fn told(issued: &[Issued]) -> Vec<String> {
    issued
        .iter()
        .map(|one| format!("{}: {}", one.what, one.why))
        .collect()
}

/// The files that differ between two states, by path below the state folder.
fn changed(place: &Place, act: impl FnOnce()) -> BTreeSet<String> {
    let before = place.files();
    act();
    let after = place.files();
    let paths = before.keys().chain(after.keys());
    let differing = paths.filter(|path| before.get(*path) != after.get(*path));
    differing
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(ToString::to_string).collect()
}

#[test]
fn a_second_run_changes_no_byte() {
    let place = Place::new();
    let (first, issued) = place.issue(&plan(3, 2));
    assert_eq!(issued.len(), 3 + 1 + 1 + 3 * 12 + 2 * 2);
    assert_eq!(told(&issued)[..2], ["pki/ca: new", "pki/etcd/ca: new"]);
    let later = noon() + Duration::days(400);
    let mut second = None;
    let differing = changed(&place, || {
        second = Some(place.try_issue(&plan(3, 2), later, false).unwrap());
    });
    let (second, issued) = second.unwrap();
    assert_eq!(differing, set(&[]));
    assert_eq!(issued, []);
    let print = |set: &Identities| {
        let keys = set
            .nodes
            .values()
            .flat_map(|node| node.leaves().map(|(_, leaf)| leaf.key.expose().to_owned()));
        (format!("{set:?}"), keys.collect::<Vec<_>>())
    };
    assert_eq!(print(&first), print(&second));
    assert_eq!(print(&first), print(&place.load().unwrap()));
    assert_eq!(first.stamp, noon() - Duration::hours(12));
}

#[test]
fn a_new_worker_touches_nobody_else() {
    let place = Place::new();
    let before = place.issue(&plan(1, 1)).0;
    let later = noon() + Duration::days(30);
    let mut after = None;
    let differing = changed(&place, || {
        after = Some(place.try_issue(&plan(1, 2), later, false).unwrap());
    });
    let (after, issued) = after.unwrap();
    assert_eq!(
        told(&issued),
        [
            "nodes/w2/kubelet-client: new",
            "nodes/w2/kubelet-server: new"
        ]
    );
    assert_eq!(
        differing,
        set(&[
            "state/cluster.json",
            "state/nodes/w2/kubelet-client.crt",
            "state/nodes/w2/kubelet-client.key",
            "state/nodes/w2/kubelet-server.crt",
            "state/nodes/w2/kubelet-server.key",
        ])
    );
    for node in ["m1", "w1"] {
        assert_eq!(before.nodes[node].stamp, after.nodes[node].stamp, "{node}");
        assert_eq!(before.pod_subnets[node], after.pod_subnets[node], "{node}");
    }
    assert_eq!(after.nodes["w2"].stamp, later - Duration::hours(12));
    assert_eq!(after.stamp, later - Duration::hours(12));
}

#[test]
fn a_new_master_changes_the_others_api_server_certificate_only() {
    let place = Place::new();
    place.issue(&plan(1, 1));
    let mut issued = Vec::new();
    let differing = changed(&place, || issued = place.issue(&plan(2, 1)).1);
    let mut others = differing;
    others.retain(|path| !path.starts_with("state/nodes/m2/"));
    assert_eq!(
        others,
        set(&["state/cluster.json", "state/nodes/m1/apiserver.crt"])
    );
    assert_eq!(told(&issued)[0], "nodes/m1/apiserver: +DNS:m2 +IP:10.0.1.2");
    assert_eq!(issued.len(), 1 + 12);
}

#[test]
fn a_returning_node_finds_its_own() {
    let place = Place::new();
    let before = place.issue(&plan(1, 3)).0;
    place.issue(&plan(1, 1));
    let (after, issued) = place.issue(&plan(1, 3));
    assert_eq!(issued, []);
    assert_eq!(before.pod_subnets, after.pod_subnets);
    let subnet = |name: &str| after.pod_subnets[name][0].to_string();
    assert_eq!(
        (subnet("m1"), subnet("w3")),
        ("10.32.0.0/24".to_owned(), "10.32.3.0/24".to_owned())
    );
}

#[test]
fn a_changed_address_or_an_expired_leaf_is_issued_anew_with_its_key() {
    let place = Place::new();
    let mut plan = plan(1, 1);
    plan.certificates.leaf_days = 30;
    let first = place.issue(&plan).0;
    plan.nodes[1].ips = vec!["10.0.2.99".parse().unwrap()];
    let (second, issued) = place.issue(&plan);
    assert_eq!(
        told(&issued),
        ["nodes/w1/kubelet-server: +IP:10.0.2.99 -IP:10.0.2.1"]
    );
    let key = |set: &Identities| set.nodes["w1"].kubelet_server.key.clone();
    assert_eq!(key(&first), key(&second));
    let later = noon() + Duration::days(31);
    let issued = place.try_issue(&plan, later, false).unwrap().1;
    assert_eq!(issued.len(), 1 + 12 + 2);
    assert_eq!(issued[0].why.to_string(), "expired on 2026-04-09");
}

#[test]
fn a_worker_becomes_a_master_and_back() {
    let place = Place::new();
    place.issue(&plan(1, 1));
    let mut promoted = plan(1, 1);
    promoted.nodes[1].role = firstlight::config::model::Role::Master;
    let (set, issued) = place.issue(&promoted);
    assert!(set.nodes["w1"].master.is_some());
    assert_eq!(issued.len(), 1 + 10);
    let (set, issued) = place.issue(&plan(1, 1));
    assert!(set.nodes["w1"].master.is_none());
    assert_eq!(told(&issued), ["nodes/m1/apiserver: -DNS:w1 -IP:10.0.2.1"]);
}

#[test]
fn both_families_get_a_subnet() {
    let place = Place::new();
    let mut plan = plan(1, 1);
    place.issue(&plan);
    plan.pod_cidrs.insert(0, "fd00:32::/48".parse().unwrap());
    let set = place.issue(&plan).0;
    let subnets: Vec<_> = set.pod_subnets["w1"]
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(subnets, ["fd00:32:0:1::/64", "10.32.1.0/24"]);
}
