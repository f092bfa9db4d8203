//! Which pod network runs where: the section `provider:` of a component.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::train::MajorMinor;
use crate::config::model::Arch;

/// A component that is a pod network: what it needs, and what it brings to a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Families of addresses that it carries.
    pub families: Vec<Family>,
    /// Oldest kernel; absent where any will do that a train runs on.
    #[serde(default)]
    pub kernel: Option<MajorMinor>,
    /// Architectures that it was made for.
    pub architectures: Vec<Arch>,
    /// Trains, systems (names of profiles) where it does not run, and why.
    #[serde(default)]
    pub refused: BTreeMap<String, String>,
    /// Where its pods write rules: by what the host's `iptables` writes, what theirs does.
    #[serde(default)]
    pub iptables: BTreeMap<IptablesBackend, IptablesBackend>,
    /// Names of the interfaces that it makes, with `*`: the host's network manager leaves them alone.
    pub interfaces: Vec<String>,
    /// Kernel modules that a host loads for it.
    #[serde(default)]
    pub modules: Vec<String>,
    /// Needs an own part of the pod network for each node, given when the cluster is built.
    #[serde(default)]
    pub subnets: bool,
    /// Needs all hosts on one layer-2 network.
    #[serde(default)]
    pub one_link: bool,
}

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4
    Ipv4,
    /// IPv6
    Ipv6,
}

/// What the `iptables` programs of a host or a container write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IptablesBackend {
    /// `ip_tables`, as before 1.8.
    Legacy,
    /// `nf_tables`, by way of `iptables-nft`.
    Nft,
}

impl IptablesBackend {
    /// The word of profiles and labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Nft => "nft",
        }
    }
}

impl Provider {
    /// Why a host cannot have it, if it cannot.
    pub fn lacks(
        &self,
        system: &str,
        kernel: MajorMinor,
        arch: Arch,
        host: IptablesBackend,
    ) -> Option<String> {
        if let Some(why) = self.refused.get(system) {
            return Some(why.clone());
        }
        if let Some(needed) = self.kernel.filter(|needed| *needed > kernel) {
            return Some(format!(
                "the kernel of `{system}` is {kernel}, it needs {needed}"
            ));
        }
        if !self.architectures.contains(&arch) {
            return Some(format!("it is not made for `{}`", arch.as_str()));
        }
        (!self.iptables.is_empty() && !self.iptables.contains_key(&host)).then(|| {
            let word = host.as_str();
            format!("it was never seen beside a host whose iptables writes `{word}` rules")
        })
    }
}
