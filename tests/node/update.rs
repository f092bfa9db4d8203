//! `firstlight-update`: a changed seed on a running node.

use std::sync::LazyLock;

use crate::machine::Machine;
use crate::seeds::{Built, M1, Seed, W1};
use crate::support::Done;

/// A kernel setting, the kubelet's flags, and a manifest more.
static CHANGED: LazyLock<Seed> = LazyLock::new(|| {
    Built::new("").changed(
        "name: m1, role: master",
        "name: m1, labels: { disk: ssd }, sysctls: { vm.max_map_count: \"262144\" }, role: master",
        "",
    ).seed("m1")
});

fn update(machine: &Machine, seed: &Seed, args: &str) -> Done {
    machine.write("test/new/user-data", &seed.user_data);
    machine.write("test/systemctl", "");
    machine.run(&format!(
        "/usr/local/sbin/firstlight-update {args} /test/new"
    ))
}

/// The node of `CHANGED`'s own cluster, before the change.
fn node() -> (Built, Machine) {
    let built = Built::new("");
    let machine = Machine::settled(&built.seed("m1"));
    (built, machine)
}

fn changed(built: Built) -> (Built, Seed) {
    let built = built.changed(
        "name: m1, role: master",
        "name: m1, labels: { disk: ssd }, sysctls: { vm.max_map_count: \"262144\" }, role: master",
        "",
    );
    let seed = built.seed("m1");
    (built, seed)
}

#[test]
fn check_says_what_would_happen_and_does_nothing() {
    let (built, machine) = node();
    let old = built.seed("m1");
    let (_built, new) = changed(built);
    let done = update(&machine, &new, "--check");
    assert_eq!(done.code, Some(3), "{}", done.stderr);
    assert_eq!(
        done.stdout,
        "changed: /etc/firstlight/node.env\nchanged: /etc/sysctl.d/95-cluster.conf\nchanged: FL_KUBELET_FLAGS\nthen: host\nthen: kubelet\nthen: nothing\n"
    );
    machine.holds(&old);
    assert_eq!(machine.read("test/systemctl"), "");
    assert_eq!(
        machine
            .run("ls /run/firstlight/pending 2> /dev/null || :")
            .stdout,
        ""
    );
    let same = update(&machine, &old, "--check").ok();
    assert_eq!(same.stdout, "nothing differs\n");
}

#[test]
fn places_the_seed_starts_what_reads_it_and_an_attached_older_one_is_ignored() {
    let (built, machine) = node();
    let old = built.seed("m1");
    let (built, new) = changed(built);
    update(&machine, &new, "").ok();
    machine.holds(&new);
    assert_eq!(
        machine
            .run("ls /run/firstlight/pending 2> /dev/null || :")
            .stdout,
        "host\nkubelet\n"
    );
    let asked = machine.read("test/systemctl");
    let at = |what: &str| {
        asked
            .find(what)
            .unwrap_or_else(|| panic!("no `{what}` in\n{asked}"))
    };
    assert!(
        at("restart firstlight.service") < at("daemon-reload")
            && at("daemon-reload") < at("start firstlight-converge.service")
    );
    // what cloud-init reads when no medium is there
    assert_eq!(
        machine
            .read("var/lib/cloud/seed/nocloud/user-data")
            .into_bytes(),
        new.user_data
    );
    assert!(
        machine
            .read("var/lib/cloud/seed/nocloud/meta-data")
            .contains(&new.digest[..16])
    );
    assert_eq!(
        machine
            .run("ls -A /var/lib/firstlight/incoming")
            .ok()
            .stdout,
        ""
    );
    // the old medium is still in the drive
    machine.attach(&old);
    let boot = machine.boot().ok("hand-over checked");
    assert!(
        boot.console.contains(
            "hand-over ignored (the attached seed is older than the one of this node: detach it)"
        ),
        "{}",
        boot.console
    );
    machine.holds(&new);
    assert_eq!(machine.read("run/firstlight/drift"), "");
    // nor by hand
    for args in ["", "--check"] {
        let done = update(&machine, &old, args);
        assert_eq!(done.code, Some(1), "{}", done.stdout);
        assert!(
            done.stderr.contains("the seed is older than the one of this node: to go back, change cluster.yml back, and build"),
            "{}",
            done.stderr
        );
    }
    machine.holds(&new);
    // the way back is a newer seed
    let back = built
        .changed("name: m1, role: master", "name: m1, role: master", "")
        .seed("m1");
    assert_ne!(back.digest, old.digest);
    update(&machine, &back, "").ok();
    machine.holds(&back);
    // every boot with a medium goes by the same rule
    machine.attach(&new);
    let boot = machine.boot().ok("hand-over checked");
    assert!(
        boot.console.contains("hand-over ignored"),
        "{}",
        boot.console
    );
    machine.holds(&back);
}

#[test]
fn a_seed_of_another_node_a_damaged_one_and_none() {
    let machine = Machine::settled(&M1);
    let refused = |done: Done, why: &str| {
        assert_eq!(done.code, Some(1), "{}", done.stdout);
        assert!(done.stderr.contains(why), "no `{why}` in {}", done.stderr);
        assert_eq!(machine.read("test/systemctl"), "");
        machine.holds(&M1);
    };
    refused(update(&machine, &W1, ""), "this node is m1 of cluster");
    refused(update(&machine, &CHANGED, ""), "the seed is m1 of cluster");
    machine.write(
        "test/new/user-data",
        String::from_utf8_lossy(&M1.user_data).replace("H4sI", "H4sJ"),
    );
    refused(
        machine.run("/usr/local/sbin/firstlight-update /test/new"),
        "is no seed of firstlight's, or is damaged",
    );
    machine.write("test/new/user-data", "#cloud-config\n");
    refused(
        machine.run("/usr/local/sbin/firstlight-update /test/new/user-data"),
        "is no seed of firstlight's, or is damaged",
    );
    refused(
        machine.run("/usr/local/sbin/firstlight-update /test"),
        "there is no user-data in /test",
    );
    refused(
        machine.run("/usr/local/sbin/firstlight-update"),
        "no medium labelled cidata is attached",
    );
}

#[test]
fn what_cannot_be_changed_in_place_is_refused_with_the_reason() {
    let built = Built::new("");
    let machine = Machine::settled(&built.seed("m1"));
    let before = built.seed("m1");
    let moved = built
        .changed("address: 10.79.0.11/24", "address: 10.79.0.12/24", "")
        .seed("m1");
    for args in ["", "--check"] {
        let done = update(&machine, &moved, args);
        assert_eq!(done.code, Some(1), "{}", done.stdout);
        assert!(
            done.stderr.contains("cannot be changed in place: FL_IP: certificates, etcd and the other nodes know it by its address"),
            "{}",
            done.stderr
        );
        machine.holds(&before);
    }
}

#[test]
fn goes_on_where_it_was_cut_off() {
    let (built, machine) = node();
    let (_built, new) = changed(built);
    // the hand-over fails: what is to be done is not forgotten
    let systemctl = machine.read("test/bin/systemctl");
    machine.write("test/bin/systemctl", "#!/bin/sh\nexit 1\n");
    assert_eq!(update(&machine, &new, "").code, Some(1));
    machine.write("test/bin/systemctl", systemctl);
    update(&machine, &new, "").ok();
    machine.holds(&new);
    let pending = machine
        .run("ls /run/firstlight/pending 2> /dev/null || :")
        .stdout;
    assert!(
        pending.contains("kubelet\n") && pending.contains("host\n"),
        "{pending}"
    );
}

#[test]
fn what_the_node_renewed_stays_and_starts_nothing() {
    let (built, machine) = node();
    machine.run("set -a; . /etc/firstlight/node.env; /opt/firstlight/bin/firstlight-renew --all; rm -rf /run/firstlight/pending").ok();
    let renewed = machine.read("etc/kubernetes/pki/apiserver.crt");
    let (_built, new) = changed(built);
    let done = update(&machine, &new, "").ok();
    assert!(!done.stdout.contains("pki"), "{}", done.stdout);
    assert_eq!(machine.read("etc/kubernetes/pki/apiserver.crt"), renewed);
    assert_eq!(
        machine
            .run("ls /run/firstlight/pending 2> /dev/null || :")
            .stdout,
        "host\nkubelet\n"
    );
}
