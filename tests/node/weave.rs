//! The start of a peer of Weave Net, beside an API, tools and a weaver that only remember what they were asked.

use crate::machine::Machine;

const PEERS: &str = r#"{"Router":{"Connections":[{"Address":"10.0.0.2:6783","Outbound":true,"State":"established","#;

/// The machine of `m1`, with everything that its peer begins with.
fn machine() -> Machine {
    let machine = Machine::new();
    machine.copy("tests/node/weave", "test/weave");
    machine.copy("tests/node/weave", "home/weave");
    machine.copy("overlays/weave", "firstlight");
    let path = machine.read("test/path");
    machine.write("test/path", format!("/test/weave:{path}"));
    let account = "var/run/secrets/kubernetes.io/serviceaccount";
    machine.write(&format!("{account}/token"), "token");
    for folder in ["weavedb", "host/etc/cni/net.d"] {
        machine.write(&format!("{folder}/.here"), "");
    }
    machine
}

/// Starts the peer once; how the image's own script was started.
fn start(machine: &Machine) -> String {
    for file in ["test/sleeps", "test/launched"] {
        machine.write(file, "");
    }
    fs_err::remove_file(machine.at("test/killed")).ok();
    machine.run("CLUSTER_ID=c NODE=m1 KNOWN_PEERS=192.0.2.7 OPTIONS=--o sh /firstlight/launch.sh");
    machine.read("test/launched")
}

fn killed(machine: &Machine) -> bool {
    machine.at("test/killed").exists()
}

/// sha256 of `c/m1`.
const PEER: &str = "0a:95:0c:eb:1d:bc";

#[test]
fn the_first_peer_founds_alone_and_again_after_a_crash_until_it_gave_an_address() {
    let machine = machine();
    let founds = start(&machine);
    assert!(
        founds.starts_with(&format!("init seed={PEER}\n")),
        "{founds}"
    );
    assert!(founds.contains("peers  192.0.2.7\n"), "{founds}");
    assert!(
        founds.contains(&format!("arguments --name={PEER} --o\n")),
        "{founds}"
    );
    // listed before it runs: else the next start would take its ring for one that another peer took over
    assert!(founds.contains(&format!("listed {PEER}\n")), "{founds}");
    machine.write("weavedb/weave-netdata.db", "a ring");
    let again = start(&machine);
    assert!(again.starts_with(&format!("init seed={PEER}\n")), "{again}");
    assert!(again.contains("data\n"), "{again}");
    assert!(
        machine
            .read("host/etc/cni/net.d/10-weave.conflist")
            .is_empty()
    );

    machine.write("test/address", "inet 10.32.0.1/12");
    start(&machine);
    assert!(
        machine
            .read("host/etc/cni/net.d/10-weave.conflist")
            .contains("weave-net")
    );
    let later = start(&machine);
    assert!(
        later.starts_with("init observer\n"),
        "a second ring: {later}"
    );
    assert!(later.contains("data\n"), "{later}");
}

#[test]
fn a_peer_that_another_one_removed_begins_without_its_old_ring() {
    let machine = machine();
    machine.write("test/ring", "7\nsomebody else's");
    machine.write("test/nodes", "10.0.0.2\n10.0.0.3\n");
    machine.write("weavedb/weave-netdata.db", "a ring that was taken over");
    let started = start(&machine);
    assert!(
        started.starts_with("init observer\npeers 10.0.0.2\n10.0.0.3 192.0.2.7\n"),
        "{started}"
    );
    assert!(!started.contains("data\n"), "{started}");
    assert!(started.contains(&format!("listed {PEER}\n")), "{started}");
}

#[test]
fn a_ring_that_all_have_lost_is_founded_again_by_one() {
    let machine = machine();
    machine.write("test/ring", "7\na life that is over");
    machine.write("test/nodes", "10.0.0.2\n");
    let none = format!(r#"{PEERS}"Info":"","Attrs":{{}}}}]}},"IPAM":{{"Entries":null}}}}"#);
    for (report, nodes, why) in [
        ("", "10.0.0.2\n", "weaver says nothing"),
        (
            none.as_str(),
            "10.0.0.2\n10.0.0.3\n",
            "a Node's peer may have the ring",
        ),
        (
            &none.replace("established", "pending"),
            "10.0.0.2\n",
            "it is not connected",
        ),
        (
            &none.replace("null", r#"[{"Token":"10.32.0.0"}]"#),
            "10.0.0.2\n",
            "there is one",
        ),
    ] {
        machine.write("test/report", report);
        machine.write("test/nodes", nodes);
        assert!(start(&machine).starts_with("init observer\n"), "{why}");
        assert!(!killed(&machine), "{why}");
        assert_eq!(machine.read("test/ring"), "7\na life that is over", "{why}");
    }
    machine.write("test/report", &none);
    machine.write("test/nodes", "10.0.0.2\n");
    start(&machine);
    assert!(killed(&machine));
    assert!(
        machine.read("test/ring").starts_with("8\n"),
        "{}",
        machine.read("test/ring")
    );
    let founds = start(&machine);
    assert!(
        founds.starts_with(&format!("init seed={PEER}\n")),
        "{founds}"
    );
}

#[test]
fn of_two_that_would_found_again_one_does() {
    let machine = machine();
    machine.write("test/ring", "7\na life that is over");
    machine.write("test/nodes", "10.0.0.2\n");
    machine.write(
        "test/report",
        format!(r#"{PEERS}"Info":""}}]}},"IPAM":{{"Entries":null}}}}"#),
    );
    machine.write("test/listed", format!("-peer-name={PEER}\n"));
    machine.write("test/rival", "8\nthe rival's");
    start(&machine);
    assert!(!killed(&machine));
    assert_eq!(machine.read("test/ring"), "8\nthe rival's");
}
