//! What changed on a running node takes effect: in order, once, and on one master after the other.

use crate::machine::Machine;
use crate::support::{Done, root};

const ENV: &str = "\
FL_NODE='m1'
FL_ROLE='master'
FL_CLUSTER='demo'
FL_MASTERS='m1=10.79.0.11 m2=10.79.0.12 m3=10.79.0.13'
FL_TIME_SERVICE='chrony.service'
";
/// A clock of its own: what is waited for comes at once, and something may happen meanwhile.
const SLEEP: &str = "#!/bin/sh
[ $1 != 10 ] || exec /usr/bin/sleep 0.2
echo >> /test/sleeps
[ ! -e /test/while-$(grep -c '' /test/sleeps) ] || . /test/while-$(grep -c '' /test/sleeps)
exec /usr/bin/sleep 0.01
";

fn machine(pending: &str) -> Machine {
    let machine = Machine::with_scripts();
    machine.write("etc/firstlight/node.env", ENV);
    machine.write("etc/firstlight/manifests/kube-apiserver.yaml", "");
    machine.write("etc/kubernetes/admin.conf", "");
    pend(&machine, pending);
    let kubectl = fs_err::read(root().join("tests/node/kubectl")).unwrap();
    machine.write("opt/firstlight/bin/kubectl", kubectl);
    machine.write(
        "opt/firstlight/bin/firstlight-artefacts",
        "#!/bin/sh\necho artefacts >> /test/systemctl\n",
    );
    machine.write("test/bin/sleep", SLEEP);
    machine.write(
        "test/bin/pkill",
        "#!/bin/sh\necho \"end $2\" >> /test/systemctl\n",
    );
    machine
        .run("chmod 0755 /opt/firstlight/bin/* /test/bin/*")
        .ok();
    machine
}

/// What is to be done.
fn pend(machine: &Machine, words: &str) {
    for word in words.lines() {
        machine.write(&format!("run/firstlight/pending/{word}"), "");
    }
}

fn pending(machine: &Machine) -> String {
    machine.run("ls /run/firstlight/pending").ok().stdout
}

fn converge(machine: &Machine) -> Done {
    machine.run("set -a; . /etc/firstlight/node.env; : >> /test/sleeps; exec timeout 60 /opt/firstlight/bin/firstlight-converge")
}

/// What was asked of systemd, and who held the Lease when.
fn asked(machine: &Machine) -> String {
    let text = machine.read("test/systemctl").replace("restart ", "");
    let lines = text.lines().filter(|l| !l.starts_with("show"));
    lines
        .map(|l| l.trim_end_matches(".service"))
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn every_step_in_the_order_of_a_boot_and_the_core_under_the_lease() {
    let all = "kube-scheduler\napply\nkubelet\nhost\nmanifests\nfirewall\nartefacts\netcd\ncontainerd\ntime\ntimers\n";
    let machine = machine(all);
    let done = converge(&machine).ok();
    assert_eq!(
        asked(&machine),
        "host; artefacts; reload firstlight-firewall; chrony; try-firstlight-*.timer; lease m1; containerd; etcd; kubelet; \
         firstlight-manifests; end kube-scheduler; lease nobody; apply"
            .replace("host;", "firstlight-host;")
            .replace("apply", "firstlight-apply")
    );
    assert_eq!(pending(&machine), "");
    assert!(
        done.stdout
            .ends_with("firstlight: update ready (m1 runs what its seed says)\n"),
        "{}",
        done.stdout
    );
    // nothing is pending: nothing is asked of anybody
    machine.write("test/systemctl", "");
    assert_eq!(converge(&machine).ok().stdout, "");
    assert_eq!(asked(&machine), "");
}

#[test]
fn what_stops_nothing_needs_no_lease_and_a_worker_never_has_one() {
    let machine = machine("host\napply\n");
    converge(&machine).ok();
    assert_eq!(asked(&machine), "firstlight-host; firstlight-apply");
    machine.write("test/systemctl", "");
    pend(&machine, "kubelet\nhaproxy\n");
    machine.write(
        "etc/firstlight/node.env",
        ENV.replace("'master'", "'worker'"),
    );
    converge(&machine).ok();
    assert_eq!(asked(&machine), "kubelet; end haproxy");
}

#[test]
fn a_step_that_fails_stays_and_is_where_the_next_run_goes_on() {
    let machine = machine("etcd\nkubelet\nhost\n");
    let systemctl = machine.read("test/bin/systemctl");
    machine.write(
        "test/bin/systemctl",
        format!("{systemctl}\n[ \"$*\" != 'restart etcd.service' ]\n"),
    );
    let done = converge(&machine);
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert_eq!(
        asked(&machine),
        "firstlight-host; lease m1; etcd; lease nobody"
    );
    assert_eq!(pending(&machine), "etcd.doing\nkubelet\n");
    machine.write("test/bin/systemctl", systemctl);
    machine.write("test/systemctl", "");
    converge(&machine).ok();
    assert_eq!(asked(&machine), "lease m1; etcd; kubelet; lease nobody");
}

#[test]
fn the_next_master_waits_until_what_starts_again_is_there() {
    let machine = machine("manifests\n");
    machine.write("test/pod", "old [\"command\"] true\n");
    machine.write(
        "test/while-4",
        "rm /test/pod; echo replaced >> /test/systemctl\n",
    );
    converge(&machine).ok();
    assert_eq!(
        asked(&machine),
        "lease m1; firstlight-manifests; replaced; lease nobody"
    );
}

#[test]
fn waits_for_the_holder_and_takes_a_dead_ones_place() {
    let machine = machine("kubelet\n");
    machine.write("test/lease", "7 m2 then\n");
    // it lives, and then has done
    machine.write("test/while-3", "echo '8 m2 later' > /test/lease\n");
    machine.write(
        "test/while-6",
        "echo '9  ' > /test/lease; echo free >> /test/systemctl\n",
    );
    let done = converge(&machine).ok();
    assert!(
        done.stdout
            .contains("firstlight: update waiting (for m2, which restarts its control plane)"),
        "{}",
        done.stdout
    );
    assert_eq!(asked(&machine), "free; lease m1; kubelet; lease nobody");
    // one that says nothing for five minutes does not come back
    for file in [
        "test/while-3",
        "test/while-6",
        "test/sleeps",
        "test/systemctl",
    ] {
        machine.write(file, "");
    }
    pend(&machine, "kubelet\n");
    machine.write("test/lease", "7 m2 then\n");
    converge(&machine).ok();
    assert_eq!(asked(&machine), "lease m1; kubelet; lease nobody");
    let waited = machine.read("test/sleeps").lines().count();
    assert!((60..70).contains(&waited), "{waited} times 5 s");
    // its own, from before it was cut off
    machine.write("test/systemctl", "");
    machine.write("test/sleeps", "");
    pend(&machine, "kubelet\n");
    machine.write("test/lease", "7 m1 then\n");
    converge(&machine).ok();
    assert_eq!(asked(&machine), "kubelet; lease nobody");
}

#[test]
fn stops_nothing_while_another_master_is_not_ready() {
    let machine = machine("kubelet\n");
    machine.write("test/down", "https://10.79.0.13:6443\n");
    machine.write(
        "test/while-3",
        ": > /test/down; echo up >> /test/systemctl\n",
    );
    let done = converge(&machine).ok();
    assert!(
        done.stdout
            .contains("waiting (for the API server of m3 to be ready"),
        "{}",
        done.stdout
    );
    assert_eq!(asked(&machine), "lease m1; up; kubelet; lease nobody");
    // one that the operator gave up
    machine.write("test/systemctl", "");
    pend(&machine, "kubelet\n");
    machine.write("test/down", "https://10.79.0.13:6443\n");
    machine.write("var/lib/firstlight/declared-dead", "m3\n");
    converge(&machine).ok();
    assert_eq!(asked(&machine), "lease m1; kubelet; lease nobody");
}

#[test]
fn a_master_that_is_down_already_waits_for_no_other() {
    let machine = machine("kube-apiserver\n");
    // its own server and another one's: what mends it must not wait
    machine.write(
        "test/down",
        "https://127.0.0.1:6443\nhttps://10.79.0.12:6443\n",
    );
    machine.write(
        "test/bin/pkill",
        "#!/bin/sh\n: > /test/down\necho \"end $2\" >> /test/systemctl\n",
    );
    converge(&machine).ok();
    assert_eq!(
        asked(&machine),
        "lease m1; end kube-apiserver; lease nobody"
    );
    // nobody answers: there is no Lease to be had
    machine.write("test/systemctl", "");
    pend(&machine, "kube-apiserver\n");
    machine.write(
        "test/down",
        "https://127.0.0.1:6443\nhttps://10.79.0.12:6443\nhttps://10.79.0.13:6443\n",
    );
    let done = converge(&machine).ok();
    assert!(
        done.stdout.contains("update alone (no API server answers"),
        "{}",
        done.stdout
    );
    assert_eq!(asked(&machine), "end kube-apiserver");
}
