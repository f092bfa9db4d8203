//! The contract in its forms.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::super::table::table;
use crate::plan::firewall::sources;
use crate::plan::ports::{Exposure, Peer, Port, of_node};
use crate::plan::{Node, Plan};

/// Peers that addresses tell.
const ADDRESSED: [Peer; 4] = [Peer::Masters, Peer::Nodes, Peer::Pods, Peer::Trusted];

const HEAD: [&str; 6] = [
    "port",
    "service",
    "on",
    "from",
    "exposure",
    "authentication",
];

/// What a row says, under `HEAD`.
fn cells(port: &Port) -> [String; 6] {
    let row = &port.row;
    [
        row.port_text(),
        row.service.clone(),
        row.on.as_str().to_owned(),
        joined(row.from.iter().map(|peer| peer.as_str().to_owned())),
        row.exposure.as_str().to_owned(),
        row.authentication.clone(),
    ]
}

fn joined(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(", ")
}

/// A host of a network is its address.
fn shown(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() {
        net.addr().to_string()
    } else {
        net.to_string()
    }
}

pub(super) fn text(plan: &Plan, node: Option<&Node>, rows: &[Port]) -> String {
    let head = HEAD.map(str::to_uppercase).to_vec();
    let lines = rows.iter().map(|port| cells(port).to_vec());
    let mut text = table(&std::iter::once(head).chain(lines).collect::<Vec<_>>()) + "\n";
    let mut legend = |word: &str, what: String| {
        if !what.is_empty() {
            text.push_str(&format!("{word}: {what}\n"));
        }
    };
    if let Some(node) = node {
        legend(&node.name, joined(node.ips.iter().map(ToString::to_string)));
    }
    let sources = sources(plan);
    let used = |peer: &Peer| rows.iter().any(|port| port.row.from.contains(peer));
    for peer in ADDRESSED.into_iter().filter(used) {
        legend(peer.as_str(), joined(sources.of(peer).iter().map(shown)));
    }
    legend(
        "may reach every port",
        joined(sources.everything.iter().map(shown)),
    );
    text
}

pub(super) fn json_text(plan: &Plan, node: Option<&Node>, rows: &[Port]) -> String {
    let one = |p: &Port| {
        let r = &p.row;
        json!({ "protocol": r.protocol, "port": r.port.map(|p| p.first), "end_port": r.port.map(|p| p.last),
                "address": r.bound(), "service": r.service, "component": p.component, "on": r.on, "from": r.from,
                "exposure": r.exposure, "authentication": r.authentication })
    };
    let sources = sources(plan);
    let named = ADDRESSED.map(|peer| (peer.as_str(), sources.of(peer)));
    let named = named
        .into_iter()
        .chain([("everything", &*sources.everything)]);
    let networks = named.map(|(word, of)| {
        let of: Vec<String> = of.iter().map(ToString::to_string).collect();
        (word.to_owned(), json!(of))
    });
    let value = json!({
        "schema_version": 1,
        "node": node.map(|node| node.name.as_str()),
        "sources": networks.collect::<serde_json::Map<_, _>>(),
        "ports": rows.iter().map(one).collect::<Vec<_>>(),
    });
    pretty(&value)
}

pub(super) fn markdown(rows: &[Port]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rows = rows
        .iter()
        .map(|port| line(&cells(port).map(|cell| cell.replace('|', "\\|"))));
    line(&HEAD.map(str::to_owned)) + "|---|---|---|---|---|---|\n" + &rows.collect::<String>()
}

/// `locals.firstlight_ingress.ROLE`: lists of objects whose fields are called as those of
/// `aws_security_group_rule`, for a `for_each` of whatever filters.
pub(super) fn terraform(plan: &Plan, node: Option<&Node>) -> String {
    let mut by_role = serde_json::Map::new();
    for (role, master) in [("masters", true), ("workers", false)] {
        let nodes = plan.nodes.iter().filter(|n| n.is_master() == master);
        let nodes = nodes.filter(|n| node.is_none_or(|one| one.name == n.name));
        let mut rules: Vec<Value> = Vec::new();
        for rule in nodes
            .flat_map(|n| of_node(plan, n))
            .filter_map(|port| ingress(plan, &port))
        {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        rules.extend(everything(plan).filter(|_| !rules.is_empty()));
        if !rules.is_empty() {
            by_role.insert(role.to_owned(), json!(rules));
        }
    }
    pretty(&json!({ "locals": { "firstlight_ingress": by_role } }))
}

/// Who is trusted with every port.
fn everything(plan: &Plan) -> Option<Value> {
    let trusted = sources(plan).everything;
    (!trusted.is_empty()).then(|| rule("trusted_subnets", "-1", (0, 0), &trusted))
}

fn ingress(plan: &Plan, port: &Port) -> Option<Value> {
    let row = &port.row;
    let sources = sources(plan);
    let networks: Vec<IpNet> = match row.exposure {
        Exposure::Open if row.from == [Peer::Operators] && !plan.firewall.ssh => return None,
        Exposure::Open => ["0.0.0.0/0", "::/0"]
            .map(|net| net.parse().expect("a network"))
            .to_vec(),
        Exposure::Restricted => row
            .from
            .iter()
            .flat_map(|peer| sources.of(*peer).to_vec())
            .collect(),
        Exposure::Localhost | Exposure::Closed => return None,
    };
    let ports = row.port.map_or((0, 0), |p| (p.first, p.last));
    let number = row.protocol.number().to_string();
    let protocol = if row.protocol.has_ports() {
        row.protocol.as_str()
    } else {
        &number
    };
    (!networks.is_empty()).then(|| rule(&row.service, protocol, ports, &networks))
}

fn rule(what: &str, protocol: &str, (first, last): (u16, u16), networks: &[IpNet]) -> Value {
    let family = |v4: bool| {
        let of = networks.iter().filter(|net| net.addr().is_ipv4() == v4);
        let of: BTreeSet<String> = of.map(ToString::to_string).collect();
        of
    };
    json!({
        "type": "ingress", "description": what, "protocol": protocol, "from_port": first, "to_port": last,
        "cidr_blocks": family(true), "ipv6_cidr_blocks": family(false),
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("plain values have a JSON form") + "\n"
}
