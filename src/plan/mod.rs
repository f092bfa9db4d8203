//! `Config` + profiles + catalogue → [`Plan`]: every node with everything that can be known about
//! it before a key is made.

pub mod addons;
mod build;
pub mod firewall;
pub mod installer;
mod labels;
pub mod manifests;
mod node;
pub mod ports;
pub mod profile;
mod provider;
mod settings;

pub use crate::config::IpipMode;
pub use crate::config::model::{Address, Link};
pub use build::plan;
pub use node::extra_packages;
pub use provider::{IPTABLES_LABEL, PodNetwork};

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::artefact::train::Settings;
use crate::artefact::{Artefact, Item};
use crate::config::model::{
    Arch, Artefacts, Certificates, ContainerRuntime, ControlPlane, Etcd, Firewall, HostNetwork,
    Interface, KubeProxy, Kubelet, Provider, Role, Ssh, System, Taint,
};
use profile::Profile;

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
    /// CoreDNS replicas.
    pub dns_replicas: u32,
    /// Its addons, by name.
    pub addons: Vec<addons::Addon>,
    /// What `manifests:` names, in its order.
    pub manifests: Vec<manifests::Manifest>,
    /// Pod network implementation.
    pub provider: Provider,
    /// What it needs and how it is set.
    pub network: PodNetwork,
    /// Name or address of a balancer before the masters, if any.
    pub endpoint: Option<String>,
    /// Where nodes find artefacts.
    pub artefacts: Artefacts,
    /// URL to which nodes post their progress lines, if any.
    pub beacon: Option<String>,
    /// Leaving members, snapshots.
    pub etcd: Etcd,
    /// Whether the cluster was built before: then no master may found one.
    pub cluster_exists: bool,
    /// Lifetimes.
    pub certificates: Certificates,
    /// Kubelet settings for every node.
    pub kubelet: Kubelet,
    /// What masters' components are told.
    pub control_plane: ControlPlane,
    /// containerd's registries.
    pub container_runtime: ContainerRuntime,
    /// Where the cluster's own images come from, in place of their registries.
    pub image_repository: Option<String>,
    /// kube-proxy settings.
    pub kube_proxy: KubeProxy,
    /// The operator's account.
    pub ssh: Ssh,
    /// What runs.
    pub release: Release,
    /// Firewalls of nodes.
    pub firewall: Firewall,
    /// Rows of the port contract that may exist here; [`ports::ports`] tells which do.
    pub ports: Vec<ports::Port>,
    /// Every machine, in file order.
    pub nodes: Vec<Node>,
}

/// The release train, as far as nodes need it.
#[derive(Debug, Clone)]
pub struct Release {
    /// Name of the train, such as `1.34`.
    pub train: String,
    /// Kubernetes version without `v`.
    pub kubernetes: String,
    /// What differs between releases.
    pub settings: Settings,
}

/// One machine, decided.
#[derive(Debug, Clone)]
pub struct Node {
    /// Node name.
    pub name: String,
    /// Master or worker.
    pub role: Role,
    /// Operating system.
    pub profile: Profile,
    /// Architecture.
    pub arch: Arch,
    /// Addresses as configured, the main one first.
    pub addresses: Vec<Address>,
    /// Addresses other nodes use, the main one first.
    pub ips: Vec<IpAddr>,
    /// MAC of the interface that carries them.
    pub mac: Option<String>,
    /// Name of that interface.
    pub interface: Option<String>,
    /// Gateways, resolvers.
    pub network: HostNetwork,
    /// Node labels that the kubelet sets.
    pub labels: BTreeMap<String, String>,
    /// Node labels that only an administrator may set: masters' alone.
    pub restricted_labels: BTreeMap<String, String>,
    /// Taints the kubelet registers.
    pub taints: Vec<Taint>,
    /// `/etc/environment`
    pub environment: BTreeMap<String, String>,
    /// Its other interfaces, and what the main one is made of.
    pub interfaces: Vec<Interface>,
    /// What it is given besides its place in the cluster.
    pub system: System,
    /// Distribution packages that its own repository must have, by name.
    pub packages: Vec<String>,
    /// Names of the addons whose pods it may run.
    pub addons: BTreeSet<String>,
    /// Everything it installs or imports, each by digest.
    pub needs: Vec<Artefact>,
    /// UUID of the machine, lower case.
    pub uuid: Option<String>,
    /// Serial number of the machine.
    pub serial: Option<String>,
    /// How it is installed over the network, if it is.
    pub install: Option<installer::Install>,
}

impl Plan {
    /// An addon that the cluster has.
    pub fn addon(&self, name: &str) -> Option<&addons::Addon> {
        self.addons.iter().find(|addon| addon.name == name)
    }

    /// The masters, in file order.
    pub fn masters(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|n| n.role == Role::Master)
    }

    /// Address under which clients outside reach the API: the balancer's, else the first master's.
    ///
    /// # Panics
    /// Never: a plan has a master.
    pub fn api_url(&self) -> String {
        let host = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => self
                .masters()
                .next()
                .expect("a plan has a master")
                .ip()
                .to_string(),
        };
        if host.contains(':') {
            format!("https://[{host}]:6443")
        } else {
            format!("https://{host}:6443")
        }
    }
}

impl Node {
    /// Main address.
    pub fn ip(&self) -> IpAddr {
        self.ips[0]
    }

    /// Whether it is a master.
    pub fn is_master(&self) -> bool {
        self.role == Role::Master
    }

    /// `repository:tag` and digest of the image whose repository ends in `/name`.
    pub fn image(&self, name: &str) -> Option<(&str, String)> {
        let found = self.needs.iter().find(|artefact| artefact.is_image(name))?;
        match &found.item {
            Item::Image { name, digest } => Some((name, digest.to_string())),
            _ => None,
        }
    }
}
