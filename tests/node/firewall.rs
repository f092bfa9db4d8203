//! What stands before the ports of a node, and what looks after those that listen.

use crate::machine::Machine;

/// `nft` that remembers what it was given.
const NFT: &str = "#!/bin/sh
echo \"nft $*\" >> /test/asked
[ \"$*\" != '-f -' ] || cat > /test/rules
";

fn machine() -> Machine {
    let machine = Machine::with_scripts();
    machine.write("test/bin/nft", NFT);
    machine.write("test/bin/iptables", "#!/bin/sh\nexit 1\n");
    machine.write("test/bin/ip6tables", "#!/bin/sh\nexit 1\n");
    machine
        .run("chmod 0755 /opt/firstlight/bin/* /test/bin/*")
        .ok();
    machine
}

#[test]
fn ssh_stays_reachable_wherever_it_listens() {
    let machine = machine();
    machine.write(
        "etc/firstlight/firewall/rules.nft",
        "table\n    # ssh\n    drop\n",
    );
    let load = "/opt/firstlight/bin/firstlight-firewall";
    let plain = machine.run(load).ok();
    assert!(
        plain.stdout.contains("firewall ready (the port contract)"),
        "{}",
        plain.stdout
    );
    machine.write(
        "etc/ssh/sshd_config",
        "#Port 22\nPort 2222\nListenAddress ::\nListenAddress 10.0.0.1\nListenAddress [::]:2223\n",
    );
    machine.write(
        "etc/ssh/sshd_config.d/own.conf",
        " port = 2224\nPort 2222\n",
    );
    let moved = machine.run(load).ok();
    assert!(
        moved.stdout.contains("SSH on 2222,2223,2224"),
        "{}",
        moved.stdout
    );
    assert_eq!(
        machine.read("test/rules"),
        "table\n    tcp dport { 2222,2223,2224 } accept\n    drop\n"
    );
}

#[test]
fn a_seed_without_a_firewall_takes_an_older_one_away_and_claims_nothing() {
    let machine = machine();
    // what a replaced seed leaves of it
    machine.run("mkdir -p /etc/firstlight/firewall").ok();
    let done = machine.run("/opt/firstlight/bin/firstlight-firewall").ok();
    assert_eq!(done.stdout, "");
    assert!(
        machine
            .read("test/asked")
            .contains("nft delete table inet firstlight\n")
    );
}

#[test]
fn rules_that_are_refused_are_tried_again_and_nothing_goes_on_without_them() {
    let machine = machine();
    machine.write("etc/firstlight/firewall/rules.nft", "table\n");
    machine.write(
        "test/bin/nft",
        "#!/bin/sh\necho >> /test/tries\n[ $(grep -c '' /test/tries) -gt 3 ] || { echo no nf_tables here >&2; exit 1; }\n",
    );
    machine.write("test/bin/sleep", "#!/bin/sh\n");
    let done = machine.run("/opt/firstlight/bin/firstlight-firewall").ok();
    assert!(
        done.stdout
            .contains("firewall waiting (no nf_tables here: tried again every 10 s)"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("firewall ready"), "{}", done.stdout);
}

/// What `firstlight-verify` says of these listeners.
fn verified(machine: &Machine, listeners: &str) -> String {
    machine.write(
        "test/bin/ss",
        format!("#!/bin/sh\ncat <<'E'\nNetid State Recv-Q Send-Q Local Peer\n{listeners}E\n"),
    );
    machine.run("chmod 0755 /test/bin/ss; rm -f /run/firstlight/verify; mkdir -p /run/firstlight; /opt/firstlight/bin/firstlight-verify").ok().stdout
}

#[test]
fn a_listener_is_as_its_row_says_or_is_named() {
    let machine = machine();
    machine.write(
        "etc/firstlight/ports",
        "tcp 22 22 * open ssh\ntcp 10248 10248 127.0.0.1 localhost kubelet healthz\ntcp 10255 10255 * closed kubelet read-only\n",
    );
    machine.write("etc/ssh/sshd_config", "Port 2222\n");
    let fine = "tcp LISTEN 0 128 0.0.0.0:2222 0.0.0.0:*\n\
                tcp LISTEN 0 128 [::]:22 [::]:*\n\
                tcp LISTEN 0 128 127.0.0.1:10248 0.0.0.0:*\n\
                udp UNCONN 0 0 0.0.0.0:41000 0.0.0.0:*\n";
    let said = verified(&machine, fine);
    assert!(
        said.contains("verify ready (3 listeners, each in the port contract; 1 of UDP not judged: the kernel chose their ports)"),
        "{said}"
    );
    let wrong = "tcp LISTEN 0 128 *:10248 *:*\n\
                 tcp LISTEN 0 128 *:10255 *:*\n\
                 udp UNCONN 0 0 10.0.0.11%eth0:9000 0.0.0.0:*\n";
    let said = verified(&machine, wrong);
    for why in [
        "verify failed (tcp *:10248 must listen on 127.0.0.1 alone: kubelet healthz)",
        "verify failed (tcp *:10255 must be closed: kubelet read-only)",
        "verify failed (udp 10.0.0.11:9000 is in no row)",
    ] {
        assert!(said.contains(why), "{said}");
    }
}
