//! The planning itself.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::profile::{Profile, Profiles};
use super::{Node, Plan, Release};
use crate::artefact::{Catalogue, Train};
use crate::config::Document;
use crate::config::model::{Config, Host, Provider, Role, Taint};
use crate::diagnostic::{Diagnostic, Severity};

/// Decides everything that needs no key, or says what cannot work, at the line that causes it.
///
/// # Errors
/// Every reason at once: an operating system or architecture no profile supports, a train the
/// system cannot run, a provider or setting that this version does not build.
pub fn plan(
    config: &Config,
    document: &Document,
    profiles: &Profiles,
    catalogue: &Catalogue,
) -> Result<Plan, Vec<Diagnostic>> {
    let mut problems = Problems {
        document,
        found: Vec::new(),
    };
    let train = catalogue.train(&config.kubernetes.version).map_err(|e| {
        vec![problems.error(
            "kubernetes/unknown-train",
            "kubernetes.version",
            e.to_string(),
            None,
        )]
    })?;
    provider(config, &mut problems);
    let nodes: Vec<Node> = config
        .hosts
        .iter()
        .enumerate()
        .filter_map(|(i, host)| node(config, host, i, profiles, &train, &mut problems))
        .collect();
    if !problems.found.is_empty() {
        return Err(problems.found);
    }
    let dns = |n| {
        config
            .network
            .service_cidrs
            .iter()
            .filter_map(move |c| nth(c, n))
            .collect::<Vec<_>>()
    };
    Ok(Plan {
        cluster: config.name.clone(),
        domain: config.network.domain.clone(),
        pod_cidrs: config.network.pod_cidrs.clone(),
        service_cidrs: config.network.service_cidrs.clone(),
        api_ips: dns(1),
        dns_ips: dns(10),
        dns_replicas: config
            .network
            .dns_replicas
            .unwrap_or_else(|| default_dns_replicas(nodes.len())),
        addons: addons(config),
        provider: config.network.provider,
        endpoint: config.api.endpoint.clone(),
        artefacts: config.artefacts.clone(),
        beacon: config.progress.beacon.clone(),
        etcd: config.etcd.clone(),
        cluster_exists: false,
        certificates: config.certificates,
        kubelet: config.kubelet.clone(),
        kube_proxy: config.kube_proxy.clone(),
        ssh: config.ssh.clone(),
        release: Release {
            train: train.name().to_owned(),
            kubernetes: train.kubernetes().to_owned(),
            settings: train.settings().clone(),
        },
        nodes,
    })
}

struct Problems<'a> {
    document: &'a Document,
    found: Vec<Diagnostic>,
}

impl Problems<'_> {
    fn error(
        &self,
        code: &'static str,
        path: &str,
        message: String,
        help: Option<String>,
    ) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            path: path.to_owned(),
            span: self.document.span(path),
            message,
            help,
        }
    }

    fn add(
        &mut self,
        code: &'static str,
        path: &str,
        message: String,
        help: impl Into<Option<String>>,
    ) {
        let finding = self.error(code, path, message, help.into());
        self.found.push(finding);
    }
}

/// CoreDNS is on unless it is turned off; what else exists is applied when it is turned on.
fn addons(config: &Config) -> BTreeSet<String> {
    let mut on: BTreeSet<String> = config
        .addons
        .iter()
        .filter(|(_, a)| a.enabled)
        .map(|(n, _)| n.clone())
        .collect();
    if config.addons.get("coredns").is_none_or(|a| a.enabled) {
        on.insert("coredns".to_owned());
    }
    on
}

/// One on a single host, else two. Pharos added one for every ten hosts, but the number of workers
/// must not be part of any master's seed: `dns_replicas` says more where more are wanted.
const fn default_dns_replicas(hosts: usize) -> u32 {
    if hosts <= 1 { 1 } else { 2 }
}

fn nth(network: &IpNet, n: u32) -> Option<IpAddr> {
    match network {
        IpNet::V4(net) => u32::from(net.network())
            .checked_add(n)
            .map(|a| IpAddr::from(a.to_be_bytes())),
        IpNet::V6(net) => u128::from(net.network())
            .checked_add(u128::from(n))
            .map(|a| IpAddr::from(a.to_be_bytes())),
    }
}

fn provider(config: &Config, problems: &mut Problems<'_>) {
    if config.network.provider != Provider::Bridge {
        problems.add(
            "network/provider-not-available",
            "network.provider",
            "this version builds the provider `bridge` only".to_owned(),
            "set `provider: bridge` where all hosts share one layer-2 network".to_owned(),
        );
        return;
    }
    if config.network.pod_cidrs.len() > 1
        || config
            .network
            .pod_cidrs
            .iter()
            .any(|c| matches!(c, IpNet::V6(_)))
    {
        problems.add(
            "network/bridge-ipv4-only",
            "network.pod_network_cidr",
            "the provider `bridge` carries one IPv4 pod network".to_owned(),
            None,
        );
    }
    for (i, host) in config.hosts.iter().enumerate() {
        if !host.addresses.iter().any(|a| a.ip.is_ipv4()) {
            problems.add(
                "network/bridge-ipv4-only",
                &format!("hosts[{i}].address"),
                "the provider `bridge` needs an IPv4 address on every host".to_owned(),
                None,
            );
        }
    }
    shared_subnet(config, problems);
}

/// Proxy ARP reaches only what is on the same link.
fn shared_subnet(config: &Config, problems: &mut Problems<'_>) {
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
                "network/bridge-needs-one-subnet",
                &format!("hosts[{i}].address"),
                format!("the provider `bridge` needs all hosts on one layer-2 network: `{}` is not in `{first}`", host.addresses[0].ip),
                None,
            );
        }
    }
}

fn node(
    config: &Config,
    host: &Host,
    index: usize,
    profiles: &Profiles,
    train: &Train<'_>,
    problems: &mut Problems<'_>,
) -> Option<Node> {
    let at = |key: &str| format!("hosts[{index}].{key}");
    let Some(profile) = profiles.get(&host.os) else {
        problems.add(
            "hosts/unknown-os",
            &at("os"),
            format!("no profile is named `{}`", host.os),
            format!("must be one of: {}", profiles.describe()),
        );
        return None;
    };
    if !profile.architectures.contains(&host.arch) {
        problems.add(
            "hosts/unsupported-pair",
            &at("arch"),
            format!("`{}` has no profile for `{}`", host.os, host.arch.as_str()),
            format!("supported are: {}", profiles.describe()),
        );
        return None;
    }
    host_fits(profile, train, &at("os"), problems)?;
    labels(host, &at("labels"), problems);
    let lacking = profile.packages.lacking.as_deref();
    let needs = train.artefacts(lacking, host.arch).and_then(|needs| {
        let list = lacking.map(|name| train.catalogue().package_set(name));
        let names = list.transpose()?.map(|list| list.from_repository.clone());
        Ok((needs, names.unwrap_or_default()))
    });
    let (needs, mut packages) = match needs {
        Ok(all) => all,
        Err(e) => {
            problems.add(
                "kubernetes/not-pinned",
                "kubernetes.version",
                e.to_string(),
                None,
            );
            return None;
        }
    };
    packages.extend(host.system.packages.iter().cloned());
    sources(config, host, profile, &packages, &at("os"), problems);
    let on_this_role = |a: &crate::artefact::Artefact| match host.role {
        Role::Master => a.on.on_masters(),
        Role::Worker => a.on.on_workers(),
    };
    let lone = config.hosts.len() == 1;
    Some(Node {
        name: host.name.clone(),
        role: host.role,
        profile: profile.clone(),
        arch: host.arch,
        addresses: host.addresses.clone(),
        ips: ips(host),
        mac: host.mac.clone(),
        interface: host.interface.clone(),
        network: host.network.clone(),
        labels: host.labels.clone(),
        taints: host.taints.clone().unwrap_or_else(|| {
            default_taints(host.role, lone, train.settings().control_plane.taint.key())
        }),
        environment: host.environment.clone(),
        interfaces: host.interfaces.clone(),
        system: host.system.clone(),
        packages,
        needs: needs
            .into_iter()
            .filter(on_this_role)
            .filter(|a| a.component != "etcd" || config.etcd.external.is_none())
            .filter(|a| a.component != "coredns" || addons(config).contains("coredns"))
            .collect(),
    })
}

fn ips(host: &Host) -> Vec<IpAddr> {
    let own = host.addresses.iter().map(|a| a.ip);
    let interface = host.private_interface.as_deref();
    let private = interface.and_then(|name| host.address_of(name));
    match host.private_address.or(private) {
        Some(private) => std::iter::once(private)
            .chain(own.filter(|ip| ip.is_ipv4() != private.is_ipv4()))
            .collect(),
        None => own.collect(),
    }
}

/// Whether the system can run the train; if not, why, and which trains it can.
fn host_fits(
    profile: &Profile,
    train: &Train<'_>,
    path: &str,
    problems: &mut Problems<'_>,
) -> Option<()> {
    let Some(why) = profile.lacks(train.host()) else {
        return Some(());
    };
    let trains = &train.catalogue().trains;
    let able: Vec<_> = trains
        .iter()
        .filter(|(_, other)| profile.lacks(&other.host).is_none())
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    problems.add(
        "kubernetes/train-does-not-run",
        path,
        format!(
            "`{}` cannot run train {}: {why}",
            profile.name,
            train.name()
        ),
        format!("trains that it can run: {}", able.join(", ")),
    );
    None
}

/// Whether a node of this system can get what it needs from where `artefacts:` sends it.
fn sources(
    config: &Config,
    host: &Host,
    profile: &Profile,
    packages: &[String],
    path: &str,
    problems: &mut Problems<'_>,
) {
    let settings = &config.artefacts;
    if settings.upstream && settings.mirror.is_none() && !profile.downloads {
        problems.add(
            "artefacts/old-downloader",
            path,
            format!(
                "what `{}` downloads with does not reach today's hosts: its TLS or its roots are too old",
                profile.name
            ),
            "set `artefacts.mirror`, or `artefacts.upstream: false` and attach a disk that \
             `firstlight overlay build` made"
                .to_owned(),
        );
    }
    // an operator's own repository is no upstream
    if !settings.upstream && !packages.is_empty() && host.system.repositories.is_empty() {
        problems.add(
            "artefacts/packages-without-digest",
            path,
            format!(
                "`{}` must install packages that no digest is known of: {}",
                host.name,
                packages.join(", ")
            ),
            "set `artefacts.upstream: true`, or name a repository of your own in `repositories`"
                .to_owned(),
        );
    }
}

/// Labels in `kubernetes.io` and `k8s.io` that a kubelet may set on itself (`--node-labels`;
/// `k8s.io/kubelet/pkg/apis/well_known_labels.go`).
fn labels(host: &Host, path: &str, problems: &mut Problems<'_>) {
    const ALLOWED: [&str; 12] = [
        "kubernetes.io/hostname",
        "kubernetes.io/arch",
        "kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.kubernetes.io/zone",
    ];
    for key in host.labels.keys() {
        let Some((prefix, _)) = key.split_once('/') else {
            continue;
        };
        let in_domain = |domain: &str| prefix == domain || prefix.ends_with(&format!(".{domain}"));
        let free = ["kubelet.kubernetes.io", "node.kubernetes.io"]
            .iter()
            .any(|d| in_domain(d));
        if (in_domain("kubernetes.io") || in_domain("k8s.io"))
            && !free
            && !ALLOWED.contains(&key.as_str())
        {
            problems.add(
                "hosts/restricted-label",
                path,
                format!("a kubelet may not give itself the label `{key}`"),
                "use a prefix of your own, or `node.kubernetes.io/`".to_owned(),
            );
        }
    }
}

/// A master carries the control-plane taint; a lone node must run workloads.
fn default_taints(role: Role, lone: bool, key: &str) -> Vec<Taint> {
    if role == Role::Master && !lone {
        vec![Taint {
            key: key.to_owned(),
            value: String::new(),
            effect: "NoSchedule".to_owned(),
        }]
    } else {
        Vec::new()
    }
}
