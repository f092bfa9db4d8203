//! Who is who to a firewall, and what its settings must not say.

use std::net::IpAddr;

use ipnet::IpNet;

use super::build::Problems;
use super::ports::{Exposure, On, Peer, Port, PortRow, Ports, Protocol};
use super::{Node, Plan};
use crate::config::model::{Config, OpenPort, Role};

/// Whose rows they are that `open_ports` makes.
pub const OPENED: &str = "cluster.yml";

/// Networks of each kind of peer, disjoint and sorted. None depends on how many workers there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Every address of every master.
    pub masters: Vec<IpNet>,
    /// Networks that addresses of nodes are in.
    pub nodes: Vec<IpNet>,
    /// Pod networks.
    pub pods: Vec<IpNet>,
    /// Networks between whose hosts pods' packets go unencrypted: those of the pod network, and `everything`.
    pub trusted: Vec<IpNet>,
    /// Who may reach every port: `network.firewall.trusted_subnets`.
    pub everything: Vec<IpNet>,
}

impl Sources {
    /// Networks of one kind of peer; none for those that no address tells.
    pub fn of(&self, peer: Peer) -> &[IpNet] {
        match peer {
            Peer::Masters => &self.masters,
            Peer::Nodes => &self.nodes,
            Peer::Pods => &self.pods,
            Peer::Trusted => &self.trusted,
            Peer::Anyone | Peer::Operators | Peer::Localhost | Peer::Nobody => &[],
        }
    }
}

/// Of a planned cluster.
pub fn sources(plan: &Plan) -> Sources {
    let masters = plan.masters().flat_map(|master| {
        let own = master.addresses.iter().map(|a| a.ip);
        let more = master.interfaces.iter().flat_map(|i| &i.addresses);
        own.chain(more.map(|a| a.ip)).chain(master.ips.clone())
    });
    let nodes = plan.nodes.iter().flat_map(|node| {
        let subnets = node.ips.iter().filter_map(|ip| subnet(node, *ip));
        subnets.collect::<Vec<_>>()
    });
    let everything = &plan.firewall.trusted_subnets;
    let trusted = [&plan.network.weave.trusted_subnets, everything].into_iter();
    Sources {
        masters: disjoint(masters.map(IpNet::from).collect()),
        nodes: disjoint(nodes.collect()),
        pods: disjoint(plan.pod_cidrs.clone()),
        trusted: disjoint(trusted.flatten().copied().collect()),
        everything: disjoint(everything.clone()),
    }
}

fn disjoint(mut nets: Vec<IpNet>) -> Vec<IpNet> {
    nets.sort();
    IpNet::aggregate(&nets)
}

/// The network of one of a node's addresses, where its prefix is known.
fn subnet(node: &Node, ip: IpAddr) -> Option<IpNet> {
    let more = node.interfaces.iter().flat_map(|i| &i.addresses);
    let mut all = node.addresses.iter().chain(more);
    let prefix = all.find(|a| a.ip == ip)?.prefix?;
    IpNet::new(ip, prefix).ok().map(|net| net.trunc())
}

/// A row for each role and range of `open_ports`.
pub(super) fn opened(config: &Config) -> Vec<Port> {
    let firewall = &config.network.firewall;
    let open = firewall.open_ports.iter().filter(|_| firewall.enabled);
    open.map(|open| Port {
        component: OPENED.to_owned(),
        row: PortRow {
            port: Some(ports(open)),
            protocol: protocol(open),
            service: "open_ports".to_owned(),
            on: on(open),
            from: vec![Peer::Anyone],
            exposure: Exposure::Open,
            authentication: "not ours".to_owned(),
            client_certificate: false,
            anonymous: None,
            address: None,
            when: Vec::new(),
            unless: Vec::new(),
        },
    })
    .collect()
}

fn ports(open: &OpenPort) -> Ports {
    Ports {
        first: open.first,
        last: open.last,
    }
}

fn protocol(open: &OpenPort) -> Protocol {
    if open.udp {
        Protocol::Udp
    } else {
        Protocol::Tcp
    }
}

fn on(open: &OpenPort) -> On {
    match (
        open.roles.contains(&Role::Master),
        open.roles.contains(&Role::Worker),
    ) {
        (true, false) => On::Masters,
        (false, true) => On::Workers,
        _ => On::All,
    }
}

/// What the settings must not say.
pub(super) fn check(config: &Config, plan: &Plan, problems: &mut Problems<'_>) {
    let firewall = &config.network.firewall;
    if !firewall.enabled {
        return;
    }
    let rows = super::ports::ports(plan);
    for (index, open) in firewall.open_ports.iter().enumerate() {
        let path = format!("network.firewall.open_ports[{index}]");
        let shut = rows.iter().find(|port| contradicts(&port.row, open));
        if let Some(row) = shut.filter(|_| !open.against_contract).map(|p| &p.row) {
            let who: Vec<&str> = row.from.iter().map(|peer| peer.as_str()).collect();
            let message = format!(
                "`{}` is {}, which the contract keeps {} ({})",
                row.port_text(),
                row.service,
                row.exposure.as_str(),
                who.join(", ")
            );
            let help = "leave it out; `against_contract: true` beside it opens it all the same";
            problems.add(
                "firewall/contradicts-contract",
                &path,
                message,
                help.to_owned(),
            );
        }
    }
    let known = sources(plan);
    for (index, node) in plan.nodes.iter().enumerate() {
        let known = known
            .nodes
            .iter()
            .chain(&known.everything)
            .chain(&known.masters);
        let known: Vec<&IpNet> = known.collect();
        let unknown = |ip: &&IpAddr| !known.iter().any(|net| net.contains(*ip));
        if let Some(ip) = node.ips.iter().find(unknown) {
            problems.add(
                "firewall/unknown-network",
                &format!("hosts[{index}].address"),
                format!("which network `{ip}` of `{}` is in is not known, so that no firewall would let it in", node.name),
                "give it a prefix, or add its network to `network.firewall.trusted_subnets`".to_owned(),
            );
        }
    }
}

/// Whether a row is not for everybody that `open` opens. Node ports are what it is there for.
fn contradicts(row: &PortRow, open: &OpenPort) -> bool {
    let both = matches!(
        (row.on, on(open)),
        (On::Masters, On::Workers) | (On::Workers, On::Masters)
    );
    row.exposure != Exposure::Open
        && row.service != super::ports::NODE_PORTS
        && row.protocol == protocol(open)
        && row.port.is_some_and(|p| p.overlaps(ports(open)))
        && !both
}
