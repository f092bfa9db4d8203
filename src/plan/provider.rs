//! Which pod network the cluster has, and whether its machines and its train can run it.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::Node;
use super::build::Problems;
use super::manifests::Manifest;
use super::profile::Profile;
use crate::artefact::{Catalogue, Family, Provider, Train};
use crate::config::model::{Config, Host};
use crate::config::{Calico, PodNetworks, Weave};

/// The cluster's pod network.
#[derive(Debug, Clone)]
pub struct PodNetwork {
    /// What it needs, and what it brings to a host.
    pub needs: Provider,
    /// Settings of Weave Net.
    pub weave: Weave,
    /// Settings of Calico.
    pub calico: Calico,
    /// The user's own manifests of it.
    pub manifests: Vec<Manifest>,
}

/// Says which rules a host's `iptables` writes: pod networks that write some beside it have their pods
/// go by it. A kubelet may give itself a label outside `kubernetes.io`.
pub const IPTABLES_LABEL: &str = "firstlight/iptables";

/// Components of the catalogue that are another pod network than the cluster's.
pub(super) fn left_out(config: &Config, catalogue: &Catalogue) -> BTreeSet<String> {
    let chosen = config.network.provider.as_str();
    let networks = catalogue
        .components
        .iter()
        .filter(|(_, component)| component.provider.is_some());
    let others = networks.filter(|(name, _)| *name != chosen);
    others.map(|(name, _)| name.clone()).collect()
}

/// What the catalogue says of the cluster's pod network, if its train and its families of addresses
/// can have it.
pub(super) fn network(
    config: &Config,
    settings: PodNetworks,
    train: &Train<'_>,
    problems: &mut Problems<'_>,
) -> Option<PodNetwork> {
    let (name, path) = (config.network.provider.as_str(), "network.provider");
    let component = train.catalogue().components.get(name);
    let Some(needs) = component.and_then(|component| component.provider.clone()) else {
        problems.add(
            "network/no-provider",
            path,
            format!("the catalogue has no pod network `{name}`"),
            "`overlays/README.md` says how a component is one".to_owned(),
        );
        return None;
    };
    let images = component.is_some_and(|component| !component.images.is_empty());
    let absent = format!("the train names no version of `{name}`");
    let absent = (images && train.version(name).is_none()).then_some(&absent);
    if let Some(why) = needs.refused.get(train.name()).or(absent) {
        problems.add(
            "network/provider-does-not-run",
            path,
            format!(
                "the provider `{name}` cannot run on train {}: {why}",
                train.name()
            ),
            others(config, train, |other| {
                !other.refused.contains_key(train.name())
            }),
        );
    }
    families(config, &needs, problems);
    if needs.one_link {
        shared_subnet(config, problems);
    }
    Some(PodNetwork {
        needs,
        weave: settings.weave,
        calico: settings.calico,
        manifests: Vec::new(),
    })
}

/// Whether a host can have the cluster's pod network; if not, why, and which it can.
pub(super) fn host_fits(
    config: &Config,
    host: &Host,
    profile: &Profile,
    train: &Train<'_>,
    path: &str,
    problems: &mut Problems<'_>,
) -> Option<()> {
    let name = config.network.provider.as_str();
    let lacks = |network: &Provider| {
        let (system, kernel) = (&profile.name, profile.kernel);
        network.lacks(system, kernel, host.arch, profile.iptables)
    };
    let component = train.catalogue().components.get(name);
    let needs = component.and_then(|component| component.provider.as_ref());
    let Some(why) = needs.and_then(lacks) else {
        return Some(());
    };
    problems.add(
        "network/provider-does-not-run",
        path,
        format!("`{}` cannot have the provider `{name}`: {why}", host.name),
        others(config, train, |other| {
            lacks(other).is_none() && !other.refused.contains_key(train.name())
        }),
    );
    None
}

impl PodNetwork {
    /// Has a node say what its pod network goes by.
    pub(super) fn label(&self, node: &mut Node) {
        if !self.needs.iptables.is_empty() {
            let backend = node.profile.iptables.as_str().to_owned();
            node.labels.insert(IPTABLES_LABEL.to_owned(), backend);
        }
    }
}

/// Names of the other pod networks of the catalogue that `fit`.
fn others(config: &Config, train: &Train<'_>, fit: impl Fn(&Provider) -> bool) -> String {
    let chosen = config.network.provider.as_str();
    let able = train.catalogue().components.iter();
    let able: Vec<String> = able
        .filter(|(name, component)| {
            *name != chosen && component.provider.as_ref().is_some_and(&fit)
        })
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    format!("`network.provider` that can: {}", able.join(", "))
}

fn families(config: &Config, needs: &Provider, problems: &mut Problems<'_>) {
    if needs.families.contains(&Family::Ipv6) {
        return;
    }
    let name = config.network.provider.as_str();
    let pods = &config.network.pod_cidrs;
    if pods.len() > 1 || pods.iter().any(|net| matches!(net, IpNet::V6(_))) {
        problems.add(
            "network/provider-ipv4-only",
            "network.pod_network_cidr",
            format!("the provider `{name}` carries one IPv4 pod network"),
            None,
        );
    }
    for (i, host) in config.hosts.iter().enumerate() {
        if !host.addresses.iter().any(|a| a.ip.is_ipv4()) {
            problems.add(
                "network/provider-ipv4-only",
                &format!("hosts[{i}].address"),
                format!("the provider `{name}` needs an IPv4 address on every host"),
                None,
            );
        }
    }
}

/// Proxy ARP reaches only what is on the same link.
fn shared_subnet(config: &Config, problems: &mut Problems<'_>) {
    let name = config.network.provider.as_str();
    let subnet = |h: &Host| {
        h.addresses
            .iter()
            .find(|a| a.ip.is_ipv4())
            .and_then(|a| IpNet::new(a.ip, a.prefix?).ok())
            .map(|n| n.trunc())
    };
    let Some(first) = config.hosts.iter().find_map(subnet) else {
        return;
    };
    for (i, host) in config.hosts.iter().enumerate() {
        if subnet(host).is_some_and(|s| s != first) {
            problems.add(
                "network/provider-needs-one-subnet",
                &format!("hosts[{i}].address"),
                format!("the provider `{name}` needs all hosts on one layer-2 network: `{}` is not in `{first}`", host.addresses[0].ip),
                "`weave` and `calico` need no such network".to_owned(),
            );
        }
    }
}
