//! The port contract of a planned cluster: who listens, for whom, behind what.

use std::collections::BTreeSet;

use super::build::Problems;
use super::firewall::OPENED;
use super::profile::TimeService;
use super::{Node, Plan};
pub use crate::artefact::port::{Condition, Exposure, On, Peer, PortRow, Ports, Protocol};
use crate::artefact::{Catalogue, Train};
use crate::config::model::Config;

/// The service of ports that users of the cluster ask for.
pub const NODE_PORTS: &str = "NodePorts";

/// A row with the component that brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Folder in the catalogue; empty for rows of every cluster.
    pub component: String,
    /// The row.
    pub row: PortRow,
}

/// Every row that exists on some node of this cluster, sorted by port.
pub fn ports(plan: &Plan) -> Vec<Port> {
    let exists = |port: &&Port| plan.nodes.iter().any(|node| exists(plan, node, port));
    sorted(plan.ports.iter().filter(exists))
}

/// Every row of one node, sorted by port.
pub fn of_node(plan: &Plan, node: &Node) -> Vec<Port> {
    sorted(plan.ports.iter().filter(|port| exists(plan, node, port)))
}

fn sorted<'p>(rows: impl Iterator<Item = &'p Port>) -> Vec<Port> {
    let mut rows: Vec<Port> = rows.cloned().collect();
    rows.sort_by(|a, b| key(a).cmp(&key(b)));
    rows
}

/// By port, rows without one last.
fn key(port: &Port) -> (u16, Protocol, On, &str) {
    let row = &port.row;
    (
        row.port.map_or(u16::MAX, |p| p.first),
        row.protocol,
        row.on,
        row.bound(),
    )
}

/// Whether a node has the row.
fn exists(plan: &Plan, node: &Node, port: &Port) -> bool {
    let on = match port.row.on {
        On::All => true,
        On::Masters => node.is_master(),
        On::Workers => !node.is_master(),
        On::Selector => node.addons.contains(&port.component),
    };
    on && port.row.when.iter().all(|c| holds(plan, node, *c))
        && !port.row.unless.iter().any(|c| holds(plan, node, *c))
}

fn holds(plan: &Plan, node: &Node, condition: Condition) -> bool {
    let settings = &plan.release.settings;
    match condition {
        Condition::EtcdMember => plan.etcd.external.is_none(),
        Condition::ControllerManagerPort => settings.controller_manager.port_flag,
        Condition::SchedulerPort => settings.scheduler.port_flag,
        Condition::Firewall => plan.firewall.enabled,
        Condition::Dhcp => {
            node.addresses.iter().any(|a| a.prefix.is_none())
                || node.interfaces.iter().any(|i| i.dhcp)
        }
        Condition::Resolved => node.profile.resolv_conf.starts_with("/run/systemd/resolve"),
        Condition::Chrony => node.profile.time.service == TimeService::Chrony,
    }
}

/// Rows of every cluster, and of the components that are part of this one.
pub(super) fn rows(
    config: &Config,
    catalogue: &Catalogue,
    train: &Train<'_>,
    nodes: &[Node],
    addons: &BTreeSet<String>,
) -> Vec<Port> {
    let needed = |name: &str| {
        nodes
            .iter()
            .flat_map(|n| &n.needs)
            .any(|a| a.component == name)
    };
    let part = |name: &str| {
        addons.contains(name)
            || config.network.provider.as_str() == name
            || (train.version(name).is_some() && needed(name))
    };
    let rows = catalogue.ports.iter().map(|row| ("", row));
    let components = catalogue.components.iter().filter(|(name, _)| part(name));
    let more = components.flat_map(|(name, c)| c.ports.iter().map(move |row| (name.as_str(), row)));
    let mut all = merged(rows.chain(more));
    all.extend(super::firewall::opened(config));
    all
}

/// Rows of one listener are one row, open for those that any of them names.
fn merged<'r>(rows: impl Iterator<Item = (&'r str, &'r PortRow)>) -> Vec<Port> {
    let mut all: Vec<Port> = Vec::new();
    for (component, row) in rows {
        let same = |other: &&mut Port| {
            let o = &other.row;
            (o.port, o.protocol, &o.service, o.on, o.exposure)
                == (row.port, row.protocol, &row.service, row.on, row.exposure)
                && (&o.when, &o.unless, o.bound()) == (&row.when, &row.unless, row.bound())
        };
        match all.iter_mut().find(same) {
            Some(first) => {
                let more = row.from.iter().filter(|p| !first.row.from.contains(p));
                let more: Vec<Peer> = more.copied().collect();
                first.row.from.extend(more);
            }
            None => all.push(Port {
                component: component.to_owned(),
                row: row.clone(),
            }),
        }
    }
    all
}

/// Two listeners of one node on one port.
pub(super) fn overlaps(plan: &Plan, problems: &mut Problems<'_>) {
    let mut said = BTreeSet::new();
    for node in &plan.nodes {
        let rows = of_node(plan, node);
        let rows: Vec<&Port> = rows.iter().filter(|p| p.component != OPENED).collect();
        for (index, a) in rows.iter().enumerate() {
            for b in rows[index + 1..].iter().filter(|b| collide(&a.row, &b.row)) {
                let addon = if b.component.is_empty() { a } else { b };
                let message = collision(&a.row, &b.row, &node.name);
                if said.insert((a.row.service.clone(), b.row.service.clone())) {
                    let path = format!("addons.{}", addon.component);
                    let help =
                        "leave one of them out, or give them nodes of their own by `node_selector`";
                    problems.add("ports/overlap", &path, message, help.to_owned());
                }
            }
        }
    }
}

/// Rows of one port and one service are one listener, whomever each lets in.
fn collide(a: &PortRow, b: &PortRow) -> bool {
    if a.service == b.service || (listens(a), listens(b)) == (false, false) {
        return false;
    }
    let ports = match (a.port, b.port) {
        (Some(a), Some(b)) => a.overlaps(b),
        (None, None) => true,
        _ => false,
    };
    let apart = a.bound() != "*" && b.bound() != "*" && a.bound() != b.bound();
    a.protocol == b.protocol && ports && !apart
}

/// Node ports are taken even where a firewall keeps everybody away from them.
fn listens(row: &PortRow) -> bool {
    row.exposure != Exposure::Closed || row.service == NODE_PORTS
}

fn collision(a: &PortRow, b: &PortRow, node: &str) -> String {
    let port = b.port_text();
    match (listens(a), listens(b)) {
        (true, true) => format!(
            "`{}` and `{}` both listen on {port} of `{node}`",
            a.service, b.service
        ),
        (one, _) => {
            let (listener, closed) = if one { (a, b) } else { (b, a) };
            format!(
                "`{}` listens on {port} of `{node}`, which the contract keeps closed ({})",
                listener.service, closed.service
            )
        }
    }
}
