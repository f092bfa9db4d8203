//! `Config` + profiles + catalogue → `Plan`: every node with everything that can be known about
//! it before a key is made.

pub mod profile;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::model::{Arch, Certificates, Role, Taint};

/// The whole cluster, decided.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Cluster name.
    pub cluster: String,
    /// DNS domain of the cluster, such as `cluster.local`.
    pub domain: String,
    /// Pod networks, one per family.
    pub pod_cidrs: Vec<IpNet>,
    /// Service networks, one per family.
    pub service_cidrs: Vec<IpNet>,
    /// First address of each service network: the API server's.
    pub api_ips: Vec<IpAddr>,
    /// Tenth address of each service network: cluster DNS.
    pub dns_ips: Vec<IpAddr>,
    /// Name or address of a balancer before the masters, if any.
    pub endpoint: Option<String>,
    /// Lifetimes.
    pub certificates: Certificates,
    /// Every machine, in file order.
    pub nodes: Vec<Node>,
}

/// One machine, decided.
#[derive(Debug, Clone)]
pub struct Node {
    /// Node name.
    pub name: String,
    /// Master or worker.
    pub role: Role,
    /// Architecture.
    pub arch: Arch,
    /// Addresses other nodes use, the main one first.
    pub ips: Vec<IpAddr>,
    /// Node labels.
    pub labels: BTreeMap<String, String>,
    /// Taints the kubelet registers.
    pub taints: Vec<Taint>,
}

impl Plan {
    /// The masters, in file order.
    pub fn masters(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|n| n.role == Role::Master)
    }
}
