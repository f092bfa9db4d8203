//! The gate as a chain of our own in the table `mangle`, for systems whose nftables is too old or absent.

use std::fmt::Write as _;

use super::{Allowed, Gate, family};
use crate::plan::ports::Protocol;

/// What `multiport` takes in one rule; a range counts twice.
const MOST: usize = 15;

/// A file for `iptables-restore --noflush`, or `ip6tables-restore`: the chain is filled anew in one
/// transaction. `firstlight-firewall` puts the jump to it into PREROUTING.
pub(super) fn rules(gate: &Gate, v4: bool) -> String {
    let icmp = if v4 { "icmp" } else { "ipv6-icmp" };
    let mut text = format!(
        "# written by firstlight from the port contract\n\
         *mangle\n:FIRSTLIGHT - [0:0]\n\
         -A FIRSTLIGHT -i lo -j RETURN\n\
         -A FIRSTLIGHT -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN\n\
         -A FIRSTLIGHT -p {icmp} -j RETURN\n"
    );
    let mut rule = |rule: String| {
        writeln!(text, "-A FIRSTLIGHT {rule}-j RETURN").expect("writing to a String");
    };
    if v4 {
        rule("-p igmp ".to_owned());
    }
    for net in family(&gate.everything, v4) {
        rule(format!("-s {net} "));
    }
    for pods in family(&gate.pods, v4) {
        for services in family(&gate.services, v4) {
            rule(format!("-s {pods} -d {services} "));
        }
    }
    let open = matches(&gate.open);
    for one in open {
        rule(one);
    }
    for (from, allowed) in gate.peers.values() {
        for one in matches(allowed) {
            for net in family(from, v4) {
                rule(format!("-s {net} {one}"));
            }
        }
    }
    if gate.ssh {
        text.push_str("# ssh\n");
    }
    text + "-A FIRSTLIGHT -j DROP\nCOMMIT\n"
}

/// Each with a blank at its end.
fn matches(allowed: &[Allowed]) -> Vec<String> {
    let mut all = Vec::new();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let ports = allowed.iter().filter(|(p, _)| *p == protocol);
        let mut group: Vec<String> = Vec::new();
        let mut weight = 0;
        let mut flush = |group: &mut Vec<String>| {
            if !group.is_empty() {
                let name = protocol.as_str();
                all.push(format!(
                    "-p {name} -m multiport --dports {} ",
                    group.join(",")
                ));
                group.clear();
            }
        };
        for ports in ports.filter_map(|(_, ports)| *ports) {
            let counts = if ports.first == ports.last { 1 } else { 2 };
            if weight + counts > MOST {
                flush(&mut group);
                weight = 0;
            }
            weight += counts;
            group.push(ports.to_string().replace('-', ":"));
        }
        flush(&mut group);
    }
    for (protocol, _) in allowed.iter().filter(|(_, ports)| ports.is_none()) {
        all.push(format!("-p {} ", protocol.number()));
        if *protocol == Protocol::Esp {
            // what it carried comes by again
            all.push("-m policy --dir in --pol ipsec ".to_owned());
        }
    }
    all
}
