//! The gate as an nftables table of our own (nft 0.9.4 and Linux 5.6 for ranges in concatenations).

use std::fmt::{Display, Write as _};

use ipnet::IpNet;

use super::{Allowed, Gate, family};
use crate::plan::ports::Peer;

/// A file for `nft -f`: one transaction, which leaves all other tables as they are.
pub(super) fn rules(gate: &Gate) -> String {
    let mut sets = String::new();
    let mut chain = String::new();
    port_set(&mut sets, "open", &gate.open);
    writeln!(chain, "    meta l4proto . th dport @open accept").expect(TEXT);
    protocols(&mut chain, "", &gate.open);
    networks(&mut sets, "everything", &gate.everything);
    networks(&mut sets, "pods", &gate.pods);
    networks(&mut sets, "services", &gate.services);
    for (peer, (from, allowed)) in &gate.peers {
        let name = peer.as_str();
        if *peer != Peer::Pods {
            networks(&mut sets, name, from);
        }
        port_set(&mut sets, &format!("{name}_open"), allowed);
        for (header, _, number) in FAMILIES {
            let source = format!("{header} saddr @{name}{number} ");
            writeln!(
                chain,
                "    {source}meta l4proto . th dport @{name}_open accept"
            )
            .expect(TEXT);
            protocols(&mut chain, &source, allowed);
        }
    }
    let ssh = if gate.ssh { "    # ssh\n" } else { "" };
    format!(
        "# written by firstlight from the port contract\n\
         table inet firstlight\n\
         delete table inet firstlight\n\
         table inet firstlight {{\n\
         {sets}  chain gate {{\n    \
         type filter hook prerouting priority -150; policy accept;\n    \
         iif \"lo\" accept\n    \
         fib daddr type != {{ local, broadcast }} accept\n    \
         ct state established,related accept\n    \
         meta l4proto {{ icmp, ipv6-icmp, igmp }} accept\n    \
         ip saddr @everything4 accept\n    \
         ip6 saddr @everything6 accept\n    \
         ip saddr @pods4 ip daddr @services4 accept\n    \
         ip6 saddr @pods6 ip6 daddr @services6 accept\n\
         {chain}{ssh}    \
         counter drop\n  \
         }}\n}}\n"
    )
}

const TEXT: &str = "writing to a String";

/// Name of the header, type of its addresses, number.
const FAMILIES: [(&str, &str, u8); 2] = [("ip", "ipv4_addr", 4), ("ip6", "ipv6_addr", 6)];

fn elements<T: Display>(items: &[T]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = items.iter().map(ToString::to_string).collect();
    format!(" elements = {{ {} }};", shown.join(", "))
}

fn networks(sets: &mut String, name: &str, nets: &[IpNet]) {
    for (_, kind, number) in FAMILIES {
        let of: Vec<&IpNet> = family(nets, number == 4).collect();
        let of = elements(&of);
        writeln!(
            sets,
            "  set {name}{number} {{ type {kind}; flags interval;{of} }}"
        )
        .expect(TEXT);
    }
}

fn port_set(sets: &mut String, name: &str, allowed: &[Allowed]) {
    let with_ports = allowed
        .iter()
        .filter_map(|(protocol, ports)| Some((protocol, (*ports)?)));
    let shown: Vec<String> = with_ports
        .map(|(protocol, ports)| format!("{} . {ports}", protocol.as_str()))
        .collect();
    let of = elements(&shown);
    writeln!(
        sets,
        "  set {name} {{ type inet_proto . inet_service; flags interval;{of} }}"
    )
    .expect(TEXT);
}

/// Protocols without ports, by number: not every system has names for all. What ESP has carried
/// comes by again: it was let in as what carried it.
fn protocols(chain: &mut String, source: &str, allowed: &[Allowed]) {
    for (protocol, _) in allowed.iter().filter(|(_, ports)| ports.is_none()) {
        writeln!(
            chain,
            "    {source}meta l4proto {} accept",
            protocol.number()
        )
        .expect(TEXT);
        if protocol.as_str() == "esp" {
            writeln!(chain, "    {source}meta ipsec exists accept").expect(TEXT);
        }
    }
}
