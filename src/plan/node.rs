//! One host of `cluster.yml` → one [`Node`]: what its system can run, fetch and be labelled with.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Node;
use super::addons::{Addon, labels as node_labels, runs_on};
use super::build::Problems;
use super::profile::{Profile, Profiles};
use super::settings::relocate;
use super::{installer, labels, provider};
use crate::artefact::{Artefact, CatalogueError, Lacking, Train};
use crate::config::model::{Config, Host, Role, Taint};

/// Decides one host, or says what cannot work.
pub(super) fn node(
    config: &Config,
    host: &Host,
    index: usize,
    profiles: &Profiles,
    train: &Train<'_>,
    addons: &[Addon],
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
    provider::host_fits(config, host, profile, train, &at("os"), problems)?;
    let (labels, restricted_labels) = labels::split(host, &at("labels"), problems);
    let lacking = profile.packages.lacking.as_deref();
    let extra = &extra_packages(config, host, profile);
    let lacking = lacking.map(|list| Lacking { list, extra });
    let on: BTreeSet<String> = addons.iter().map(|addon| addon.name.clone()).collect();
    let needs = train.artefacts(lacking, host.arch, &on).and_then(|needs| {
        let names = lacking.map(|l| train.catalogue().unpinned_packages(&l, host.arch));
        Ok((needs, names.transpose()?.unwrap_or_else(|| extra.clone())))
    });
    let (needs, packages) = match needs {
        Ok(all) => all,
        Err(e) => {
            let unpinned = matches!(e, CatalogueError::Unpinned { .. });
            let help = "`firstlight overlay lock` finds the digests out and remembers them";
            problems.add(
                "kubernetes/not-pinned",
                "kubernetes.version",
                e.to_string(),
                unpinned.then(|| help.to_owned()),
            );
            return None;
        }
    };
    images(host.role, &needs, train, problems)?;
    sources(config, host, profile, &packages, &at("os"), problems);
    let on_this_role = |a: &crate::artefact::Artefact| match host.role {
        Role::Master => a.on.on_masters(),
        Role::Worker => a.on.on_workers(),
    };
    let pins = &train.catalogue().pins;
    let install = installer::install(host, index, profile, pins, problems);
    let lone = config.hosts.len() == 1;
    let own = train.settings().control_plane.taint.key();
    let taints = host.taints.clone();
    let taints = taints.unwrap_or_else(|| default_taints(host.role, lone, own));
    let all_labels = node_labels(host, train);
    let runs = addons
        .iter()
        .filter(|addon| runs_on(addon, &all_labels, &taints, own));
    let runs: BTreeSet<String> = runs.map(|addon| addon.name.clone()).collect();
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
        labels,
        restricted_labels,
        taints,
        environment: host.environment.clone(),
        interfaces: host.interfaces.clone(),
        system: host.system.clone(),
        packages,
        needs: needs
            .into_iter()
            .filter(on_this_role)
            .filter(|a| a.component != "etcd" || config.etcd.external.is_none())
            .filter(|a| runs.contains(&a.component) || !on.contains(&a.component))
            .map(|a| relocate(config.image_repository.as_deref(), a))
            .fold(Vec::new(), once_each),
        addons: runs,
        uuid: host.uuid.clone(),
        serial: host.serial.clone(),
        install,
    })
}

/// Two addons may run the same image.
fn once_each(mut all: Vec<Artefact>, more: Artefact) -> Vec<Artefact> {
    if !all.iter().any(|artefact| artefact.item == more.item) {
        all.push(more);
    }
    all
}

/// What the operator adds, and what the firewall needs.
pub fn extra_packages(config: &Config, host: &Host, profile: &Profile) -> Vec<String> {
    let mut names = host.system.packages.clone();
    if config.network.firewall.enabled {
        names.extend(profile.firewall.packages.iter().cloned());
    }
    names.sort();
    names.dedup();
    names
}

/// What the manifests of a role run must be in the train.
fn images(
    role: Role,
    needs: &[Artefact],
    train: &Train<'_>,
    problems: &mut Problems<'_>,
) -> Option<()> {
    let mut run = vec!["pause", "kube-proxy"];
    match role {
        Role::Master => run.extend([
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
        ]),
        Role::Worker => run.push("haproxy"),
    }
    let has = |image: &&str| needs.iter().any(|artefact| artefact.is_image(image));
    let lacking: Vec<String> = run
        .into_iter()
        .filter(|image| !has(image))
        .map(|image| format!("`{image}`"))
        .collect();
    if lacking.is_empty() {
        return Some(());
    }
    problems.add(
        "kubernetes/no-image",
        "kubernetes.version",
        format!(
            "release train `{}` has no image {}, which a manifest runs",
            train.name(),
            lacking.join(", ")
        ),
        "name a component that has it under `components` of the train".to_owned(),
    );
    None
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
            "pin them with `firstlight overlay lock`, set `artefacts.upstream: true`, or name a repository of your own in `repositories`"
                .to_owned(),
        );
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
