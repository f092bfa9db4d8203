//! The typed `cluster.yml`: what the user said, defaults filled in, before anything is planned.

mod control_plane;
mod runtime;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use super::firewall::{Firewall, OpenPort};
pub use control_plane::{
    AdmissionPlugin, Argument, Audit, AuditFile, AuditWebhook, Authentication, Cipher, Cloud,
    ControlPlane, Encryption, Oidc, PodSecurity, TokenWebhook,
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

/// What a machine is in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Control plane and etcd member.
    Master,
    /// Workloads only.
    Worker,
}

impl Role {
    /// As in `cluster.yml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Worker => "worker",
        }
    }
}

/// Processor architecture, by Go's and Debian's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// x86-64
    Amd64,
    /// `AArch64`
    Arm64,
}

impl Arch {
    /// The name everybody here uses: `amd64`, `arm64`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// An address as written: with a prefix it is static, without one it comes from DHCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The address itself.
    pub ip: IpAddr,
    /// Prefix length in bits; `None` means the machine asks DHCP.
    pub prefix: Option<u8>,
}

/// One machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Node name, a DNS label; defaults to `ip-<address with hyphens>`.
    pub name: String,
    /// One address per family, the first is the node's main one.
    pub addresses: Vec<Address>,
    /// Address other nodes use, where it differs (Pharos).
    pub private_address: Option<IpAddr>,
    /// Interface whose address other nodes use (Pharos).
    pub private_interface: Option<String>,
    /// MAC of the interface that carries `addresses`, lower case with colons.
    pub mac: Option<String>,
    /// Name of that interface.
    pub interface: Option<String>,
    /// Master or worker.
    pub role: Role,
    /// Profile name, such as `debian-12`.
    pub os: String,
    /// Architecture.
    pub arch: Arch,
    /// Target disk of installers.
    pub disk: Option<String>,
    /// Planned memory in MiB, where known.
    pub memory_mib: Option<u64>,
    /// Planned disk size in GiB, where known.
    pub disk_gib: Option<u64>,
    /// Default gateway and resolvers.
    pub network: HostNetwork,
    /// Node labels.
    pub labels: BTreeMap<String, String>,
    /// Node taints; `None` means the role's default, an empty list means none.
    pub taints: Option<Vec<Taint>>,
    /// `/etc/environment`; proxy variables also reach containerd and what downloads.
    pub environment: BTreeMap<String, String>,
    /// Its other interfaces, and what those of `addresses` are made of.
    pub interfaces: Vec<Interface>,
    /// What it is given besides its place in the cluster.
    pub system: System,
}

impl Host {
    /// The first static address of one of its other interfaces.
    pub fn address_of(&self, interface: &str) -> Option<IpAddr> {
        let found = self.interfaces.iter().find(|i| i.name == interface)?;
        found.addresses.first().map(|address| address.ip)
    }
}

/// One of `hosts[].interfaces`.
#[derive(Debug, Clone, PartialEq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// What it is.
    pub link: Link,
    /// Static addresses with their prefix; the host's own stand in [`Host::addresses`].
    pub addresses: Vec<Address>,
    /// Whether it asks DHCP.
    pub dhcp: bool,
    /// Largest packet in bytes; `None` is the driver's.
    pub mtu: Option<u32>,
}

/// What an interface is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Link {
    /// A network card, found by its MAC where that is known.
    Card(Option<String>),
    /// Several interfaces that act as one.
    Bond(Vec<String>, BondMode),
    /// A tagged network on another interface: which, and the tag.
    Vlan(String, u32),
}

/// Bonding modes of the kernel (Documentation/networking/bonding.rst).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the kernel's own names")]
pub enum BondMode {
    BalanceRr,
    ActiveBackup,
    BalanceXor,
    Broadcast,
    Lacp,
    BalanceTlb,
    BalanceAlb,
}

impl BondMode {
    /// By the kernel's name.
    pub const ALL: [(&'static str, BondMode); 7] = [
        ("active-backup", Self::ActiveBackup),
        ("802.3ad", Self::Lacp),
        ("balance-rr", Self::BalanceRr),
        ("balance-xor", Self::BalanceXor),
        ("broadcast", Self::Broadcast),
        ("balance-tlb", Self::BalanceTlb),
        ("balance-alb", Self::BalanceAlb),
    ];

    /// The kernel's name.
    ///
    /// # Panics
    /// Never: each mode has one.
    pub fn as_str(self) -> &'static str {
        let named = Self::ALL.iter().find(|(_, mode)| *mode == self);
        named.expect("every mode is in the list").0
    }
}

/// What a host is given besides its place in the cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct System {
    /// Of the tz database.
    pub time_zone: Option<String>,
    /// Distribution packages, by name.
    pub packages: Vec<String>,
    /// Kernel settings.
    pub sysctls: BTreeMap<String, String>,
    /// Files.
    pub files: Vec<ExtraFile>,
    /// Certificates that every program of it trusts, PEM.
    pub ca_certificates: Vec<String>,
    /// Where its packages come from besides.
    pub repositories: Vec<Repository>,
}

/// One of `hosts[].files`.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraFile {
    /// Where, absolute.
    pub path: String,
    /// Any bytes.
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
}

/// One of `hosts[].repositories`.
#[derive(Debug, Clone, PartialEq)]
pub struct Repository {
    /// File name, as the package manager wants it.
    pub name: String,
    /// The file, as the package manager reads it.
    pub contents: String,
    /// The key that signs it.
    pub key: Option<OpenPgpKey>,
}

/// A public key of `OpenPGP`, in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPgpKey {
    /// As it was given, in ASCII armour.
    pub armoured: String,
    /// The same as bytes, which apt before 1.4 reads alone.
    pub binary: Vec<u8>,
}

/// `hosts[].network:`
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostNetwork {
    /// Default gateways, at most one per family.
    pub gateways: Vec<IpAddr>,
    /// DNS resolvers.
    pub nameservers: Vec<IpAddr>,
    /// DNS search domains.
    pub search: Vec<String>,
    /// NTP servers; empty keeps the distribution's.
    pub ntp: Vec<String>,
    /// Largest packet in bytes; `None` is the driver's, or DHCP's.
    pub mtu: Option<u32>,
}

/// One node taint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// Label key.
    pub key: String,
    /// Label value, may be empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
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
