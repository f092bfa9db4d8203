//! The port contract of a planned cluster: who listens, for whom, behind what.

use super::Plan;

/// How far a port reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// May be reached by anyone: it authenticates every request, or tells nothing.
    Open,
    /// Meant for some machines only; a filter outside the node should see to it.
    Restricted,
    /// Bound to the loopback address.
    Localhost,
    /// Nothing listens.
    Closed,
}

impl Exposure {
    /// The word of the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Exposure::Open => "open",
            Exposure::Restricted => "restricted",
            Exposure::Localhost => "localhost",
            Exposure::Closed => "closed",
        }
    }
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// `tcp` or `udp`
    pub protocol: &'static str,
    /// Number.
    pub port: u16,
    /// What listens.
    pub service: &'static str,
    /// Nodes that have it: `masters`, `workers`, `all`.
    pub on: &'static str,
    /// Who connects.
    pub from: &'static str,
    /// How far it reaches.
    pub exposure: Exposure,
    /// What a client has to show.
    pub authentication: &'static str,
}

impl Port {
    /// `6443/tcp`
    pub fn port_text(&self) -> String {
        format!("{}/{}", self.port, self.protocol)
    }
}

const fn tcp(
    port: u16,
    service: &'static str,
    on: &'static str,
    from: &'static str,
    exposure: Exposure,
    authentication: &'static str,
) -> Port {
    Port {
        protocol: "tcp",
        port,
        service,
        on,
        from,
        exposure,
        authentication,
    }
}

use Exposure::{Closed, Localhost, Open, Restricted};

const CERTIFICATE: &str = "TLS client certificate";
const NONE: &str = "none";

/// Rows that every cluster has, by port.
const ROWS: [Port; 15] = [
    tcp(
        22,
        "ssh",
        "all",
        "operators",
        Open,
        "as the image sets it; nothing here needs it",
    ),
    tcp(
        2379,
        "etcd clients",
        "masters",
        "masters",
        Restricted,
        CERTIFICATE,
    ),
    tcp(
        2380,
        "etcd peers",
        "masters",
        "masters",
        Restricted,
        CERTIFICATE,
    ),
    tcp(
        2382,
        "roll call, until etcd serves",
        "masters",
        "masters",
        Restricted,
        CERTIFICATE,
    ),
    tcp(
        6443,
        "kube-apiserver",
        "masters",
        "anyone",
        Open,
        "TLS client certificate, or token with RBAC",
    ),
    tcp(
        10010,
        "containerd streaming",
        "all",
        "kubelet",
        Localhost,
        "one-time token",
    ),
    tcp(10248, "kubelet healthz", "all", "kubelet", Localhost, NONE),
    tcp(
        10249,
        "kube-proxy metrics",
        "all",
        "localhost",
        Localhost,
        NONE,
    ),
    tcp(
        10250,
        "kubelet",
        "all",
        "masters",
        Restricted,
        "TLS client certificate or token, by webhook",
    ),
    tcp(
        10251,
        "kube-scheduler, unauthenticated",
        "masters",
        "nobody",
        Closed,
        NONE,
    ),
    tcp(
        10252,
        "kube-controller-manager, unauthenticated",
        "masters",
        "nobody",
        Closed,
        NONE,
    ),
    tcp(10255, "kubelet read-only", "all", "nobody", Closed, NONE),
    tcp(
        10256,
        "kube-proxy healthz",
        "all",
        "load balancers",
        Open,
        "none; tells health only",
    ),
    tcp(
        10257,
        "kube-controller-manager",
        "masters",
        "localhost",
        Localhost,
        CERTIFICATE,
    ),
    tcp(
        10259,
        "kube-scheduler",
        "masters",
        "localhost",
        Localhost,
        CERTIFICATE,
    ),
];

/// Every row that exists in this cluster, sorted by port.
pub fn ports(plan: &Plan) -> Vec<Port> {
    let mut rows = ROWS.to_vec();
    if plan.etcd.external.is_some() {
        rows.retain(|r| ![2379, 2380, 2382].contains(&r.port));
    }
    if plan.nodes.iter().any(|n| !n.is_master()) {
        rows.push(tcp(
            6443,
            "haproxy to every kube-apiserver",
            "workers",
            "localhost",
            Localhost,
            "passes TLS through",
        ));
    }
    rows.sort_by_key(|r| (r.port, r.on));
    rows
}
