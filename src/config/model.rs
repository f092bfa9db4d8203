//! The typed `cluster.yml`: what the user said, defaults filled in, before anything is planned.

mod control_plane;
mod host;
mod runtime;

use std::collections::BTreeMap;

use ipnet::IpNet;

pub use super::firewall::{Firewall, OpenPort};
pub use super::installer::{Disk, Installer, InstallerNetwork};
pub use control_plane::{
    AdmissionPlugin, Argument, Audit, AuditFile, AuditWebhook, Authentication, Cipher, Cloud,
    ControlPlane, Encryption, Oidc, PodSecurity, TokenWebhook,
};
pub use host::{
    Address, Arch, BondMode, ExtraFile, Host, HostNetwork, Interface, Link, OpenPgpKey, Repository,
    Role, System, Taint,
};
pub use runtime::{ContainerRuntime, Kubelet, Registry};

/// A whole `cluster.yml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Cluster name, a DNS label.
    pub name: String,
    /// What runs.
    pub kubernetes: Kubernetes,
    /// Every machine, in file order, with `defaults:` merged in.
    pub hosts: Vec<Host>,
    /// The optional operator account on every machine.
    pub ssh: Ssh,
    /// Pod and service networks.
    pub network: Network,
    /// The name clients use for the API, when it is not a master's own address.
    pub api: Api,
    /// Where machines find what the seed only names.
    pub artefacts: Artefacts,
    /// Who hears of first boots.
    pub progress: Progress,
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
    /// Addons by name; their settings are read when it is known what they are.
    pub addons: BTreeMap<String, Addon>,
    /// Files and folders of Kubernetes objects, applied last.
    pub manifests: Vec<String>,
    /// The cluster's memory.
    pub etcd: Etcd,
    /// Lifetimes of what the build issues.
    pub certificates: Certificates,
}

/// `etcd:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Etcd {
    /// Members that are to leave: masters of an earlier file, by name.
    pub remove: Vec<String>,
    /// Snapshots on every master.
    pub snapshots: Snapshots,
    /// An etcd that is not ours, in place of members on the masters.
    pub external: Option<ExternalEtcd>,
}

/// `etcd.endpoints:` and its files (paths, relative to the file).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalEtcd {
    /// Client URLs.
    pub endpoints: Vec<String>,
    /// The authority of its servers.
    pub ca_certificate: Option<String>,
    /// The client certificate.
    pub certificate: Option<String>,
    /// Its key.
    pub key: Option<String>,
}

/// `etcd.snapshots:`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshots {
    /// Hours between two.
    pub every_hours: u32,
    /// How many are kept.
    pub keep: u32,
}

/// `kubernetes:`
#[derive(Debug, Clone, PartialEq)]
pub struct Kubernetes {
    /// Release train of the catalogue, such as `1.34`.
    pub version: String,
}

/// `ssh:`: an account for people; nothing of firstlight uses it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ssh {
    /// Account name; none is made when there are no keys.
    pub user: Option<String>,
    /// OpenSSH public keys, one line each.
    pub authorized_keys: Vec<String>,
}

/// Pod network implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Weave Net.
    Weave,
    /// Calico.
    Calico,
    /// One on-link route and proxy ARP on a flat network.
    Bridge,
    /// The user's own manifests.
    Custom,
}

/// `network:`
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Pod network implementation.
    pub provider: Provider,
    /// Pod networks, one per family.
    pub pod_cidrs: Vec<IpNet>,
    /// Service networks, one per family.
    pub service_cidrs: Vec<IpNet>,
    /// DNS domain of the cluster.
    pub domain: String,
    /// The firewall of every node.
    pub firewall: Firewall,
    /// `CoreDNS` replicas; `None` leaves them to the size of the cluster.
    pub dns_replicas: Option<u32>,
    /// Whether every node has a DNS cache; `None`: where that can be.
    pub node_local_dns_cache: Option<bool>,
}

/// `api:`
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Api {
    /// Host name or address of a balancer before the masters.
    pub endpoint: Option<String>,
}

/// `artefacts:`
#[derive(Debug, Clone, PartialEq)]
pub struct Artefacts {
    /// HTTP(S) root of a store made by `firstlight overlay build`.
    pub mirror: Option<String>,
    /// Whether machines may ask upstream.
    pub upstream: bool,
}

/// `progress:`
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// URL to which every node posts its progress lines.
    pub beacon: Option<String>,
}

/// kube-proxy's mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyMode {
    /// iptables rules.
    Iptables,
    /// Kernel virtual server.
    Ipvs,
    /// nftables rules.
    Nftables,
}

impl ProxyMode {
    /// kube-proxy's own name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Iptables => "iptables",
            Self::Ipvs => "ipvs",
            Self::Nftables => "nftables",
        }
    }
}

/// `kube_proxy:`
#[derive(Debug, Clone, PartialEq)]
pub struct KubeProxy {
    /// Mode.
    pub mode: ProxyMode,
    /// Settings of `conntrack` in `KubeProxyConfiguration`, verbatim.
    pub conntrack: BTreeMap<String, String>,
}

/// One entry of `addons:`
#[derive(Debug, Clone, PartialEq)]
pub struct Addon {
    /// Whether it is applied, where the file says so.
    pub enabled: Option<bool>,
}

/// `certificates:`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificates {
    /// Lifetime of the certificate authorities in days.
    pub ca_days: u32,
    /// Lifetime of what travels in seeds in days; never past the authority's.
    pub leaf_days: u32,
    /// Lifetime of what nodes renew by themselves, in minutes; never past the authority's.
    pub rotated_minutes: u32,
}
