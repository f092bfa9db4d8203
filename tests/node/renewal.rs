//! Certificates and kubeconfigs that the node renewed: never lost to a reboot, never kept when broken.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fs_err as fs;

use crate::machine::Machine;
use crate::seeds::{Built, M1};
use crate::support::NOON;

const PAIR: [&str; 2] = [
    "/etc/kubernetes/pki/apiserver.crt",
    "/etc/kubernetes/pki/apiserver.key",
];
const CONF: &str = "/etc/kubernetes/admin.conf";

/// Renews a pair as `kubeadm certs renew` does, `after` the seed was made.
fn renew(machine: &Machine) -> [Vec<u8>; 2] {
    let [cert, key] = PAIR;
    machine
        .run(&format!("umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=renewed -keyout {key} -out {cert} && chmod 0644 {cert}"))
        .ok();
    PAIR.map(|p| fs::read(machine.at(p)).unwrap())
}

fn renew_conf(machine: &Machine) -> String {
    let pair = renew(machine);
    let text = machine.read(CONF);
    let field = |line: &str, name: &str, content: &[u8]| {
        line.trim_start().starts_with(name).then(|| {
            let indent = line.len() - line.trim_start().len();
            format!("{}{name} {}", &line[..indent], STANDARD.encode(content))
        })
    };
    let lines = text.lines().map(|l| {
        field(l, "client-certificate-data:", &pair[0])
            .or_else(|| field(l, "client-key-data:", &pair[1]))
            .unwrap_or_else(|| l.to_owned())
    });
    let renewed = lines.collect::<Vec<_>>().join("\n") + "\n";
    assert!(renewed != text);
    machine.write(CONF, &renewed);
    renewed
}

fn made_at(machine: &Machine, path: &str, seconds_after_the_seed: i64) {
    let at = SystemTime::UNIX_EPOCH
        + Duration::from_secs(u64::try_from(NOON + seconds_after_the_seed).unwrap());
    std::fs::File::options()
        .write(true)
        .open(machine.at(path))
        .unwrap()
        .set_modified(at)
        .unwrap();
}

#[test]
fn what_was_renewed_stays_across_boots_and_an_older_seed() {
    let built = Built::new("");
    let machine = Machine::settled(&built.seed("m1"));
    let conf = renew_conf(&machine);
    let pair = PAIR.map(|p| fs::read(machine.at(p)).unwrap());
    let same = |when: &str| {
        assert_eq!(
            PAIR.map(|p| fs::read(machine.at(p)).unwrap()),
            pair,
            "{when}"
        );
        assert!(machine.read(CONF) == conf, "{when}");
        assert_eq!(machine.mode(PAIR[1]), 0o600);
    };
    let boot = machine.boot().ok("hand-over checked");
    assert!(!boot.console.contains("restored"), "{}", boot.console);
    same("a boot");
    // another seed, whose own pair is older than the node's
    let again = built.changed(
        "name: m1, role: master",
        "name: m1, labels: { disk: ssd }, role: master",
        "api: { endpoint: api.example.com }\n",
    );
    let seed = again.seed("m1");
    assert!(
        seed.files[PAIR[0]].initial && seed.files[PAIR[0]].content != M1.files[PAIR[0]].content
    );
    machine.attach(&seed);
    machine.boot().ok("settled");
    same("another seed");
    machine.boot().ok("hand-over checked");
    same("a boot with another seed");
}

#[test]
fn what_was_not_renewed_follows_a_new_seed() {
    let built = Built::new("");
    let old = built.seed("m1");
    let machine = Machine::settled(&old);
    let new = built
        .changed(
            "name: m1",
            "name: m1",
            "api: { endpoint: api.example.com }\n",
        )
        .seed("m1");
    assert!(old.files[PAIR[0]].content != new.files[PAIR[0]].content);
    machine.attach(&new);
    machine.boot().ok("settled");
    machine.holds(&new);
}

#[test]
fn what_is_broken_is_replaced() {
    let machine = Machine::settled(&M1);
    let seeds = |path: &str| fs::read(machine.at(path)).unwrap() == M1.files[path].content;
    for (what, path, content) in [
        ("empty", PAIR[0], ""),
        ("empty", PAIR[1], ""),
        ("empty", CONF, ""),
        (
            "no certificate",
            PAIR[0],
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ),
        (
            "no kubeconfig",
            CONF,
            "apiVersion: v1\nclient-certificate-data: !!\n",
        ),
    ] {
        machine.write(path, content);
        let boot = machine.boot().ok("hand-over checked");
        assert!(
            boot.console.contains(&format!("restored ({path})")),
            "{what}: {}",
            boot.console
        );
        machine.holds(&M1);
    }
    // half of a renewal: the new certificate with the old key, and the reverse
    for half in PAIR {
        renew(&machine);
        machine.write(half, &M1.files[half].content);
        machine.boot().ok("hand-over checked");
        assert!(PAIR.iter().all(|p| seeds(p)), "{half}");
    }
    // written before the seed was made: the seed's is newer
    renew(&machine);
    for path in PAIR {
        made_at(&machine, path, -86_400);
    }
    machine.boot().ok("hand-over checked");
    machine.holds(&M1);
}
