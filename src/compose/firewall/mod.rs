//! The firewall of a node: who may reach which port of this machine, asked before any translation.
//!
//! One gate at prerouting, behind connection tracking and before DNAT: node ports and host ports are
//! seen as they were sent. It judges what is addressed to this machine and nothing else: pods'
//! traffic, forwarding, and the chains of kube-proxy, CNI plugins and the operator stay as they are.

mod firewalld;
mod iptables;
mod nft;

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::tree::NodeTree;
use crate::artefact::IptablesBackend;
use crate::plan::firewall::sources;
use crate::plan::ports::{Exposure, NODE_PORTS, Peer, PortRow, Ports, Protocol, of_node};
use crate::plan::profile::FirewallBackend;
use crate::plan::{Node, Plan};

/// Where the node's rules are.
const FOLDER: &str = "/etc/firstlight/firewall";

/// What may reach a node.
#[derive(Debug, Default)]
struct Gate {
    /// For everybody, disjoint.
    open: Vec<Allowed>,
    /// For one kind of peer: its networks, and what they may reach.
    peers: BTreeMap<Peer, (Vec<IpNet>, Vec<Allowed>)>,
    /// Who may reach everything.
    everything: Vec<IpNet>,
    /// Pods may reach service addresses, which are the machine's own under ipvs.
    pods: Vec<IpNet>,
    services: Vec<IpNet>,
    /// SSH is let in wherever sshd listens: the node puts its ports where the mark `# ssh` is.
    ssh: bool,
}

/// A protocol, and its ports where it has such.
type Allowed = (Protocol, Option<Ports>);

/// What the rows of a node come to.
fn gate(plan: &Plan, node: &Node) -> Gate {
    let sources = sources(plan);
    let mut gate = Gate {
        everything: sources.everything.clone(),
        pods: sources.pods.clone(),
        services: plan.service_cidrs.clone(),
        ssh: plan.firewall.ssh,
        ..Gate::default()
    };
    let mut closed = |peer: &Peer| *peer == Peer::Operators && !plan.firewall.ssh;
    for row in of_node(plan, node).into_iter().map(|port| port.row) {
        let what = (row.protocol, row.port);
        match row.exposure {
            Exposure::Open if !row.from.iter().any(&mut closed) => gate.open.push(what),
            Exposure::Restricted => {
                for peer in &row.from {
                    let networks = sources.of(*peer);
                    if !networks.is_empty() {
                        let entry = gate.peers.entry(*peer);
                        let (_, allowed) = entry.or_insert_with(|| (networks.to_vec(), Vec::new()));
                        allowed.push(what);
                    }
                }
            }
            _ => {}
        }
    }
    gate.open = disjoint(gate.open);
    for (_, allowed) in gate.peers.values_mut() {
        *allowed = disjoint(std::mem::take(allowed));
    }
    gate
}

/// Sorted, and ranges that touch or overlap are one: a set of intervals holds no port twice.
fn disjoint(mut all: Vec<Allowed>) -> Vec<Allowed> {
    all.sort_unstable();
    let mut out: Vec<Allowed> = Vec::new();
    for (protocol, ports) in all {
        match (out.last_mut(), ports) {
            (Some((last, Some(before))), Some(ports))
                if *last == protocol && ports.first <= before.last.saturating_add(1) =>
            {
                before.last = before.last.max(ports.last);
            }
            (Some(last), None) if *last == (protocol, None) => {}
            _ => out.push((protocol, ports)),
        }
    }
    out
}

/// Rules in the form that the node's system takes; the unit that loads them is of every node, so that a
/// seed without a firewall takes an older one's away.
pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node) {
    tree.public("/etc/firstlight/ports", listeners(plan, node));
    if !plan.firewall.enabled {
        return;
    }
    let gate = gate(plan, node);
    let firewall = &node.profile.firewall;
    let nft = match firewall.backend {
        FirewallBackend::Nftables => true,
        FirewallBackend::Iptables => false,
        FirewallBackend::Firewalld => {
            firewalld::add(tree, &gate, firewall);
            node.profile.iptables == IptablesBackend::Nft
        }
    };
    if nft {
        tree.public(&format!("{FOLDER}/rules.nft"), nft::rules(&gate));
    } else {
        tree.public(&format!("{FOLDER}/rules.v4"), iptables::rules(&gate, true));
        tree.public(&format!("{FOLDER}/rules.v6"), iptables::rules(&gate, false));
    }
}

/// The gate of a node for `nft -f`.
pub fn nftables(plan: &Plan, node: &Node) -> String {
    nft::rules(&gate(plan, node))
}

/// The gate of a node as commands for firewalld.
pub fn firewall_cmd(plan: &Plan, node: &Node) -> String {
    firewalld::commands(&gate(plan, node))
}

/// What may listen, for `firstlight-verify`: protocol, first and last port, address, exposure, service.
fn listeners(plan: &Plan, node: &Node) -> String {
    let rows = of_node(plan, node).into_iter().map(|port| port.row);
    let line = |row: PortRow| {
        let ports = row.port?;
        // kube-proxy before 1.23 holds a socket on each of them, whether a gate keeps others away or not
        let exposure = match row.exposure {
            Exposure::Closed if row.service == NODE_PORTS => Exposure::Restricted,
            other => other,
        };
        let (protocol, exposure) = (row.protocol.as_str(), exposure.as_str());
        let (first, last, bound, service) = (ports.first, ports.last, row.bound(), &row.service);
        Some(format!(
            "{protocol} {first} {last} {bound} {exposure} {service}\n"
        ))
    };
    rows.filter_map(line).collect()
}

/// Networks of one family.
fn family(networks: &[IpNet], v4: bool) -> impl Iterator<Item = &IpNet> {
    networks
        .iter()
        .filter(move |net| matches!(net, IpNet::V4(_)) == v4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one() {
        let ports = |text| Ports::read(text);
        let given = vec![
            (Protocol::Tcp, ports("30080")),
            (Protocol::Udp, ports("81")),
            (Protocol::Tcp, ports("30000-32767")),
            (Protocol::Tcp, ports("22")),
            (Protocol::Tcp, ports("23-24")),
            (Protocol::Esp, None),
            (Protocol::Esp, None),
            (Protocol::Tcp, ports("65535")),
        ];
        assert_eq!(
            disjoint(given),
            [
                (Protocol::Tcp, ports("22-24")),
                (Protocol::Tcp, ports("30000-32767")),
                (Protocol::Tcp, ports("65535")),
                (Protocol::Udp, ports("81")),
                (Protocol::Esp, None),
            ]
        );
    }
}
