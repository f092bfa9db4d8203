//! Masters renew their certificates: before they run out, after they did, with what they say.

use std::collections::BTreeMap;

use crate::machine::Machine;
use crate::seeds::{Built, M1, Seed};
use crate::support::Done;

/// Every certificate that a master renews, and the authority below /etc/kubernetes/pki that signs it.
const PAIRS: [(&str, &str); 8] = [
    ("/etc/kubernetes/pki/apiserver", "ca"),
    ("/etc/kubernetes/pki/apiserver-kubelet-client", "ca"),
    ("/etc/kubernetes/pki/front-proxy-client", "front-proxy-ca"),
    ("/etc/kubernetes/pki/apiserver-etcd-client", "etcd/ca"),
    ("/etc/kubernetes/pki/etcd/server", "etcd/ca"),
    ("/etc/kubernetes/pki/etcd/peer", "etcd/ca"),
    ("/etc/kubernetes/pki/etcd/healthcheck-client", "etcd/ca"),
    ("/var/lib/kubelet/pki/kubelet", "ca"),
];
const CONFS: [&str; 4] = ["admin", "controller-manager", "scheduler", "kubelet"];

fn renew(machine: &Machine, args: &str) -> Done {
    machine.run(&format!(
        "set -a; . /etc/firstlight/node.env; exec /opt/firstlight/bin/firstlight-renew {args}"
    ))
}

/// Certificates of kubeconfigs, beside their keys, where openssl reads them.
fn take_out(machine: &Machine) {
    machine
        .run(
            "mkdir -p /test/conf; for name in admin controller-manager scheduler kubelet; do
               for part in certificate key; do
                 sed -n \"s/^ *client-$part-data: //p\" /etc/kubernetes/$name.conf | base64 -d > /test/conf/$name.$part
               done
               mv /test/conf/$name.certificate /test/conf/$name.crt
             done",
        )
        .ok();
}

/// What every certificate says but its key, serial number and end, each judged by openssl; and its end.
fn said(machine: &Machine) -> BTreeMap<String, (String, String)> {
    take_out(machine);
    let confs = CONFS.map(|name| (format!("/test/conf/{name}"), "ca"));
    let pairs = PAIRS.map(|(stem, ca)| (stem.to_owned(), ca));
    let one = |(stem, ca): (String, &str)| {
        let done = machine
            .run(&format!(
                "openssl verify -CAfile /etc/kubernetes/pki/{ca}.crt {stem}.crt &&
                 openssl x509 -in {stem}.crt -noout -subject -issuer -ext subjectAltName,extendedKeyUsage,keyUsage,basicConstraints &&
                 [ \"$(openssl x509 -in {stem}.crt -noout -pubkey)\" = \"$(openssl pkey -in {stem}.key -pubout)\" ] &&
                 echo ENDS && openssl x509 -in {stem}.crt -noout -enddate -fingerprint"
            ))
            .ok();
        let (says, ends) = done.stdout.split_once("ENDS\n").unwrap();
        // in any order of the extensions
        let mut says: Vec<_> = says.lines().map(|l| format!("{l}\n")).collect();
        says.sort_unstable();
        (stem, (says.concat(), ends.to_owned()))
    };
    confs.into_iter().chain(pairs).map(one).collect()
}

/// Whether nothing but what was renewed differs from the seed.
fn kept(machine: &Machine, seed: &Seed) {
    for (path, file) in &seed.files {
        let now = fs_err::read(machine.at(path)).unwrap();
        assert_eq!(file.initial, now != file.content, "{path}");
        assert_eq!(machine.mode(path), file.mode, "{path}");
    }
}

#[test]
fn all_say_the_same_with_new_keys_and_survive_boots() {
    let machine = Machine::settled(&M1);
    let before = said(&machine);
    assert_eq!(renew(&machine, "").ok().stdout, "", "they live until 2036");
    let done = renew(&machine, "--all").ok();
    assert!(
        done.stdout.starts_with("firstlight: certificates renewed (apiserver.crt apiserver-kubelet-client.crt front-proxy-client.crt"),
        "{}",
        done.stdout
    );
    let after = said(&machine);
    for (stem, (says, ends)) in &before {
        assert_eq!(says, &after[stem].0, "{stem}");
        assert!(*ends != after[stem].1, "{stem} is another one");
    }
    kept(&machine, &M1);
    let pending = machine
        .run("ls /run/firstlight/pending 2> /dev/null || :")
        .stdout;
    assert_eq!(
        pending, "kube-apiserver\nkube-controller-manager\nkube-scheduler\nkubelet\n",
        "etcd reads its own at each connection"
    );
    assert!(
        machine
            .read("test/systemctl")
            .contains("--no-block start firstlight-converge.service")
    );
    let boot = machine.boot().ok("hand-over checked");
    assert!(
        !boot.console.contains("restored") && !boot.console.contains("drift"),
        "{}",
        boot.console
    );
    assert_eq!(said(&machine), after);
    // nothing is left beside them
    let left = machine
        .run("find /etc /var/lib/kubelet /run/firstlight -name '*part*' -o -name 'renew'")
        .ok();
    assert_eq!(left.stdout, "");
}

#[test]
fn what_ran_out_while_the_machine_was_off_comes_back_before_anything_reads_it() {
    // of March, and valid for a day: today they are over
    let built = Built::new("certificates: { leaf_days: 1, rotated: 60m }\n");
    let seed = built.seed("m1");
    let machine = Machine::settled(&seed);
    take_out(&machine);
    let over = machine
        .run("openssl verify -CAfile /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/apiserver.crt");
    assert!(
        over.stderr.contains("certificate has expired"),
        "{}",
        over.stderr
    );
    let systemctl = machine.read("test/bin/systemctl");
    // in a boot: nothing runs yet
    machine.write(
        "test/bin/systemctl",
        "#!/bin/sh\n[ \"$*\" != '-q is-active kubelet.service' ]\n",
    );
    renew(&machine, "").ok();
    machine.write("test/bin/systemctl", systemctl);
    assert!(!machine.at("run/firstlight/pending").exists());
    let after = said(&machine);
    let left = machine.run("openssl x509 -in /etc/kubernetes/pki/apiserver.crt -noout -checkend 1800; openssl x509 -in /etc/kubernetes/pki/apiserver.crt -noout -checkend 3610");
    assert_eq!(
        left.stdout, "Certificate will not expire\nCertificate will expire\n",
        "ten minutes"
    );
    kept(&machine, &seed);
    // not again as long as more than a third is left
    assert_eq!(renew(&machine, "").ok().stdout, "");
    assert_eq!(said(&machine), after);
    machine.boot().ok("hand-over checked");
    assert_eq!(said(&machine), after);
    // less than a third: the clock of openssl is this machine's, so a shorter life stands for a later time
    machine.run("FL_ROTATED_MINUTES=3 /opt/firstlight/bin/firstlight-sign /etc/kubernetes/pki/etcd/peer.crt /etc/kubernetes/pki/etcd/ca /test/short && cat /test/short.crt > /etc/kubernetes/pki/etcd/peer.crt && cat /test/short.key > /etc/kubernetes/pki/etcd/peer.key").ok();
    let done = renew(&machine, "").ok();
    assert!(
        done.stdout
            .contains("certificates renewed (etcd/peer.crt, until"),
        "{}",
        done.stdout
    );
}

#[test]
fn who_is_cut_off_before_anything_starts_again_has_it_start_again_later() {
    let machine = Machine::settled(&M1);
    let label = machine.read("opt/firstlight/bin/firstlight-label");
    machine.write("opt/firstlight/bin/firstlight-label", "#!/bin/sh\nexit 1\n");
    machine.write("test/systemctl", "");
    assert_ne!(renew(&machine, "--all").code, Some(0));
    let converges = |machine: &Machine| {
        let asked = machine.read("test/systemctl");
        asked.contains("--no-block start firstlight-converge.service")
    };
    assert!(!converges(&machine));
    machine.write("opt/firstlight/bin/firstlight-label", label);
    // all are new: there is nothing to renew
    assert_eq!(renew(&machine, "").ok().stdout, "");
    assert!(converges(&machine));
    let pending = machine.run("ls /run/firstlight/pending").ok().stdout;
    assert_eq!(
        pending,
        "kube-apiserver\nkube-controller-manager\nkube-scheduler\nkubelet\n"
    );
}

#[test]
fn half_a_renewal_is_mended_and_what_nobody_here_signs_is_left() {
    let machine = Machine::settled(&M1);
    renew(&machine, "--all").ok();
    let [stem, _] = PAIRS.map(|(stem, _)| stem)[..2] else {
        unreachable!()
    };
    machine.write(
        &format!("{stem}.key"),
        &M1.files[&format!("{stem}.key")].content,
    );
    let done = renew(&machine, "").ok();
    assert!(
        done.stdout
            .contains("certificates renewed (apiserver.crt, until"),
        "{}",
        done.stdout
    );
    let before = said(&machine);
    // an etcd of the user's own: its authority's key is not here
    machine.run("rm /etc/kubernetes/pki/etcd/ca.key").ok();
    renew(&machine, "--all").ok();
    let after = said(&machine);
    for (stem, (_, ends)) in &before {
        assert_eq!(stem.contains("etcd"), *ends == after[stem].1, "{stem}");
    }
    // an authority that cannot sign: said, nothing half done
    machine
        .run("rm -f /run/firstlight/steps/*; echo broken > /etc/kubernetes/pki/front-proxy-ca.key")
        .ok();
    let done = renew(&machine, "--all").ok();
    assert!(
        done.stdout.contains(
            "certificates warning (/etc/kubernetes/pki/front-proxy-client.crt cannot be renewed: "
        ),
        "{}",
        done.stdout
    );
    assert_eq!(
        said(&machine)["/etc/kubernetes/pki/front-proxy-client"],
        after["/etc/kubernetes/pki/front-proxy-client"]
    );
}

#[test]
fn never_outlives_its_authority() {
    let built = Built::new("certificates: { ca_days: 300, leaf_days: 1 }\n");
    let machine = Machine::settled(&built.seed("m1"));
    renew(&machine, "").ok();
    let ends = machine.run("for c in apiserver ca; do openssl x509 -in /etc/kubernetes/pki/$c.crt -noout -startdate -enddate; done").ok();
    let lines: Vec<_> = ends.stdout.lines().collect();
    assert_eq!(lines[..2], lines[2..], "from its beginning to its end");
    // which is less than a third of a year away: another one would not be better
    assert_eq!(renew(&machine, "").ok().stdout, "");
}
