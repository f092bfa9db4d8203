//! `network.firewall` of `cluster.yml`.

use ipnet::IpNet;

use super::key::{At, Kind, key, quoted, wrong_type};
use super::kinds::{BOOL, SUBNETS};
use super::model::Role;
use super::read::Reader;
use crate::yaml::{Node, Value};

/// `network.firewall:`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Firewall {
    /// Whether nodes have one of ours.
    pub enabled: bool,
    /// Whether SSH stays reachable.
    pub ssh: bool,
    /// What is open besides the contract.
    pub open_ports: Vec<OpenPort>,
    /// Who may reach every port.
    pub trusted_subnets: Vec<IpNet>,
}

/// One of `network.firewall.open_ports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPort {
    /// The lowest port.
    pub first: u16,
    /// The highest.
    pub last: u16,
    /// UDP rather than TCP.
    pub udp: bool,
    /// Nodes of these roles.
    pub roles: Vec<Role>,
    /// The contract restricts it, and the operator knows.
    pub against_contract: bool,
}

/// The section.
pub(super) fn firewall(reader: &mut Reader<'_, '_>) -> Firewall {
    let enabled = key(
        "enabled",
        "whether every node filters by the port contract (`firstlight ports`); Pharos's default",
    );
    let ssh = key(
        "ssh",
        "whether SSH stays reachable, on 22 and wherever sshd listens",
    );
    let open = key(
        "open_ports",
        "ports that anyone may reach besides those of the contract; NodePorts are closed without",
    );
    let trusted = key(
        "trusted_subnets",
        "networks that may reach every port; some node must be in them",
    );
    Firewall {
        enabled: reader
            .optional(&enabled.default("false").example("true"), &BOOL)
            .unwrap_or(false),
        ssh: reader
            .optional(&ssh.default("true").example("false"), &BOOL)
            .unwrap_or(true),
        open_ports: reader
            .sections(&open, open_port)
            .unwrap_or_default()
            .into_iter()
            .flatten()
            .collect(),
        trusted_subnets: reader
            .optional(&trusted.default("[]").example("[10.0.0.0/24]"), &SUBNETS)
            .unwrap_or_default(),
    }
}

fn open_port(reader: &mut Reader<'_, '_>) -> Option<OpenPort> {
    let port = key("port", "a port or a range").example("30000-32767");
    let protocol = key("protocol", "what carries it").default("tcp");
    let roles = key("roles", "nodes of these roles; `\"*\"` is all").default("[\"*\"]");
    let against = key(
        "against_contract",
        "that it is meant, although the contract does not let anyone in there",
    );
    let ports = reader.required(&port, &PORTS);
    let udp = reader.optional(&protocol.example("udp"), &PROTOCOL);
    let roles = reader.optional(&roles.example("[worker]"), &ROLES);
    let against = reader.optional(&against.default("false").example("true"), &BOOL);
    let (first, last) = ports?;
    Some(OpenPort {
        first,
        last,
        udp: udp.unwrap_or(false),
        roles: roles.unwrap_or_else(|| vec![Role::Master, Role::Worker]),
        against_contract: against.unwrap_or(false),
    })
}

/// `443` or `30000-32767`
const PORTS: Kind<(u16, u16)> = Kind {
    name: "port or range",
    parse: |node, at| {
        let expected = "a port from 1 to 65535, or a range such as `30000-32767`";
        let Value::Scalar { text, .. } = &node.value else {
            return wrong_type(at, node, expected);
        };
        let number = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Some((first, last)),
            _ => at.error(
                node.span,
                "firewall/bad-port",
                format!("`{text}` is not {expected}"),
                "",
            ),
        }
    },
};

/// Whether it is UDP.
const PROTOCOL: Kind<bool> = Kind {
    name: "`tcp` or `udp`",
    parse: |node, at| match &node.value {
        Value::Scalar { text, .. } if text.eq_ignore_ascii_case("tcp") => Some(false),
        Value::Scalar { text, .. } if text.eq_ignore_ascii_case("udp") => Some(true),
        Value::Scalar { text, .. } => at.error(
            node.span,
            "firewall/bad-protocol",
            format!("`{text}` must be one of: `tcp`, `udp`"),
            "",
        ),
        _ => wrong_type(at, node, "`tcp` or `udp`"),
    },
};

const ROLES: Kind<Vec<Role>> = Kind {
    name: "list of roles",
    parse: |node, at| {
        let items = match &node.value {
            Value::Seq(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if items.is_empty() {
            let message = "no node has no role".to_owned();
            return at.error(
                node.span,
                "firewall/bad-role",
                message,
                "leave `roles` out for all",
            );
        }
        let mut roles = Vec::new();
        for (index, item) in items.iter().enumerate() {
            roles.extend(
                role(item, &mut at.part(&format!("[{index}]")))
                    .into_iter()
                    .flatten(),
            );
        }
        Some(roles)
    },
};

fn role(node: &Node, at: &mut At<'_>) -> Option<Vec<Role>> {
    let Value::Scalar { text, .. } = &node.value else {
        return wrong_type(at, node, "a role");
    };
    match text.as_str() {
        "*" => Some(vec![Role::Master, Role::Worker]),
        "master" => Some(vec![Role::Master]),
        "worker" => Some(vec![Role::Worker]),
        _ => at.error(
            node.span,
            "firewall/bad-role",
            format!(
                "`{text}` must be one of: {}",
                quoted(&["master", "worker", "*"])
            ),
            "",
        ),
    }
}
