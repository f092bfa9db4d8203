//! A machine: what it is, how it is reached, what its system has besides.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::super::installer::{Disk, Installer};

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
    /// UUID of the machine, lower case.
    pub uuid: Option<String>,
    /// Serial number of the machine.
    pub serial: Option<String>,
    /// Target disk of installers.
    pub disk: Option<Disk>,
    /// How it is installed.
    pub installer: Installer,
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
