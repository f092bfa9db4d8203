//! Settings of pod networks: of Weave Net, Calico and the user's own. Only one of them has an effect.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::document::Document;
use super::key::key;
use super::model::Provider;
use super::network::providers;
use super::read::{Context, Reader};

/// Settings of every pod network that has some.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PodNetworks {
    /// Settings of Weave Net.
    pub weave: Weave,
    /// Settings of Calico.
    pub calico: Calico,
    /// The user's own manifests.
    pub custom: Custom,
}

/// What a document that was read says of them; what is wrong there was said.
pub fn pod_networks(document: &Document) -> PodNetworks {
    let mut context = Context::default();
    let mut reader = Reader::root(&document.root, &mut context);
    reader.section(&key("network", "pod and service networks"), providers)
}

impl Provider {
    /// The word of `cluster.yml`, and the component's folder in `overlays/`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Weave => "weave",
            Self::Calico => "calico",
            Self::Bridge => "bridge",
            Self::Custom => "custom",
        }
    }
}

/// `network.weave:`
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weave {
    /// Networks of hosts between which nothing is encrypted.
    pub trusted_subnets: Vec<IpNet>,
    /// Peers to connect to besides the cluster's nodes.
    pub known_peers: Vec<IpAddr>,
    /// Path of the file with the password; `None` has one made.
    pub password: Option<String>,
    /// Part of the pod network that addresses are given from.
    pub ipalloc_default_subnet: Option<IpNet>,
    /// Pods of this node see the addresses of clients outside.
    pub no_masq_local: bool,
    /// Largest packet of pods in bytes; `None` is what the underlay leaves, 1376 at most.
    pub mtu: Option<u32>,
}

/// `network.calico:`
#[derive(Debug, Clone, PartialEq)]
pub struct Calico {
    /// Between which nodes packets are put into IP-in-IP.
    pub ipip_mode: IpipMode,
    /// Whether what leaves the pod network gets the node's address.
    pub nat_outgoing: bool,
    /// MTU of the hosts' network in bytes; pods get what IP-in-IP leaves of it.
    pub mtu: u32,
    /// Environment of calico-node.
    pub environment: BTreeMap<String, String>,
}

/// Between which nodes Calico puts packets into IP-in-IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpipMode {
    /// All.
    Always,
    /// Those of different subnets.
    CrossSubnet,
    /// None: the network between them routes pod addresses.
    Never,
}

impl IpipMode {
    /// The word of `cluster.yml`, and of Calico's `IPPool`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::CrossSubnet => "CrossSubnet",
            Self::Never => "Never",
        }
    }
}

/// `network.custom:`
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Custom {
    /// File or folder of manifests.
    pub manifest_path: Option<String>,
}
