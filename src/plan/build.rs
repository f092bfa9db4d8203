//! The planning itself.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::addons::{addons, selectors};
use super::node::node;
use super::profile::Profiles;
use super::{Node, Plan, Release, firewall, ports, provider, settings};
use crate::artefact::{Catalogue, Train};
use crate::config::model::Config;
use crate::config::{Document, pod_networks};
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
    let left_out = provider::left_out(config, catalogue);
    let spec = train.without(&left_out);
    let train = train.with(&spec);
    let networks = pod_networks(document);
    let network = provider::network(config, networks, &train, &mut problems);
    settings::check(config, &train, &mut problems);
    proxy_mode(config, profiles, &train, &mut problems);
    let mut addons = addons(config, &train, &mut problems);
    for image in addons
        .iter_mut()
        .flat_map(|addon| addon.images.values_mut())
    {
        *image = settings::relocated(config.image_repository.as_deref(), image);
    }
    let mut nodes: Vec<Node> = config
        .hosts
        .iter()
        .enumerate()
        .filter_map(|(i, host)| node(config, host, i, profiles, &train, &addons, &mut problems))
        .collect();
    if nodes.len() == config.hosts.len() {
        selectors(&addons, &nodes, &mut problems);
    }
    let (true, Some(network)) = (problems.found.is_empty(), network) else {
        return Err(problems.found);
    };
    for node in &mut nodes {
        network.label(node);
    }
    let dns = |n| {
        config
            .network
            .service_cidrs
            .iter()
            .filter_map(move |c| nth(c, n))
            .collect::<Vec<_>>()
    };
    let on: BTreeSet<String> = addons.iter().map(|addon| addon.name.clone()).collect();
    let plan = Plan {
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
        firewall: config.network.firewall.clone(),
        ports: ports::rows(config, catalogue, &train, &nodes, &on),
        addons,
        manifests: Vec::new(),
        provider: config.network.provider,
        network,
        endpoint: config.api.endpoint.clone(),
        artefacts: config.artefacts.clone(),
        beacon: config.progress.beacon.clone(),
        etcd: config.etcd.clone(),
        cluster_exists: false,
        certificates: config.certificates,
        kubelet: config.kubelet.clone(),
        control_plane: config.control_plane.clone(),
        container_runtime: config.container_runtime.clone(),
        image_repository: config.image_repository.clone(),
        kube_proxy: config.kube_proxy.clone(),
        ssh: config.ssh.clone(),
        release: Release {
            train: train.name().to_owned(),
            kubernetes: train.kubernetes().to_owned(),
            settings: train.settings().clone(),
        },
        nodes,
    };
    ports::overlaps(&plan, &mut problems);
    firewall::check(config, &plan, &mut problems);
    if !problems.found.is_empty() {
        return Err(problems.found);
    }
    Ok(plan)
}

/// What is found, with where it was written.
pub(super) struct Problems<'a> {
    document: &'a Document,
    found: Vec<Diagnostic>,
}

impl Problems<'_> {
    pub(super) fn document(&self) -> &Document {
        self.document
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Diagnostic>) {
        self.found.extend(findings);
    }

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

    pub(super) fn add(
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

/// Whether the train has the mode of kube-proxy, and every system the kernel for it.
fn proxy_mode(
    config: &Config,
    profiles: &Profiles,
    train: &Train<'_>,
    problems: &mut Problems<'_>,
) {
    let (path, mode) = ("kube_proxy.mode", config.kube_proxy.mode.as_str());
    let modes = &train.settings().kube_proxy.modes;
    let Some(needs) = modes.get(mode) else {
        let known: Vec<String> = modes.keys().map(|mode| format!("`{mode}`")).collect();
        let message = format!("kube-proxy of train {} has no mode `{mode}`", train.name());
        let help = format!("must be one of: {}", known.join(", "));
        return problems.add("kube-proxy/unknown-mode", path, message, help);
    };
    let Some(needed) = needs.kernel else { return };
    for host in &config.hosts {
        if let Some(profile) = profiles.get(&host.os).filter(|p| p.kernel < needed) {
            problems.add(
                "kube-proxy/old-kernel",
                path,
                format!(
                    "kube-proxy's mode `{mode}` needs kernel {needed}, and `{}` of `{}` has {}",
                    profile.name, host.name, profile.kernel
                ),
                "`iptables` works on every system".to_owned(),
            );
            return;
        }
    }
}
