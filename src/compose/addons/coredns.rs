//! Cluster DNS: the Corefile, replicas and how they spread.

use std::fmt::Write as _;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::super::object::set;
use super::{Context, find};
use crate::plan::addons::Addon;
use crate::plan::{Node, Plan};

pub(super) fn patch(context: &Context<'_>, addon: &Addon, objects: &mut [Value]) {
    let plan = context.plan;
    if let Some(map) = find(objects, "ConfigMap", "coredns") {
        set(map, "/data/Corefile", json!(corefile(plan, addon)));
    }
    if let Some(deployment) = find(objects, "Deployment", "coredns") {
        spread(plan, deployment);
    }
    if let Some(service) = find(objects, "Service", "kube-dns") {
        set(
            service,
            "/spec/clusterIP",
            json!(plan.dns_ips[0].to_string()),
        );
    }
}

/// On several hosts no two replicas share one: a rollout frees a place before it fills it. On a lone host
/// the new one starts before the old one ends.
fn spread(plan: &Plan, deployment: &mut Value) {
    let lone = plan.dns_replicas == 1;
    let (surge, unavailable) = if lone { (1, 0) } else { (0, 1) };
    let strategy = "/spec/strategy/rollingUpdate";
    set(deployment, &format!("{strategy}/maxSurge"), json!(surge));
    set(
        deployment,
        &format!("{strategy}/maxUnavailable"),
        json!(unavailable),
    );
    if lone {
        set(deployment, "/spec/template/spec/affinity", json!({}));
    }
    if plan.addon("dns-autoscaler").is_none() {
        set(deployment, "/spec/replicas", json!(plan.dns_replicas));
    }
}

fn corefile(plan: &Plan, addon: &Addon) -> String {
    let mut text = format!(
        ".:53 {{\n    errors\n    health {{\n        lameduck 5s\n    }}\n    ready\n    kubernetes {} in-addr.arpa ip6.arpa {{\n        \
         pods insecure\n        fallthrough in-addr.arpa ip6.arpa\n        ttl 30\n    }}\n    prometheus :9153\n",
        plan.domain
    );
    if let Some(servers) = forward(plan, addon) {
        write!(
            text,
            "    forward . {servers} {{\n        max_concurrent 1000\n    }}\n"
        )
        .expect("writing to a String");
    }
    text.push_str("    cache 30\n    loop\n    reload\n    loadbalance\n}\n");
    for (domain, servers) in addon.mapping("stub_domains") {
        write!(
            text,
            "{domain}:53 {{\n    errors\n    cache 30\n    loop\n    forward . {servers}\n}}\n"
        )
        .expect("writing to a String");
    }
    text
}

/// Where names of other domains are asked for: the setting, or else the masters' planned resolvers, or what
/// DHCP gave. Without any, `forward . /etc/resolv.conf` would end again and again (coredns#5764), and one
/// that leads back here ends by `loop`.
fn forward(plan: &Plan, addon: &Addon) -> Option<String> {
    let given = addon.list("forward");
    if !given.is_empty() {
        return Some(given.join(" "));
    }
    let master: &Node = plan.masters().next()?;
    let leads_back = |ip: &&IpAddr| ip.is_loopback() || plan.dns_ips.contains(ip);
    let resolvers: Vec<String> = master
        .network
        .nameservers
        .iter()
        .filter(|ip| !leads_back(ip))
        .map(ToString::to_string)
        .collect();
    if !resolvers.is_empty() {
        return Some(resolvers.join(" "));
    }
    let dhcp = master
        .addresses
        .iter()
        .any(|address| address.prefix.is_none());
    (dhcp && master.network.nameservers.is_empty()).then(|| "/etc/resolv.conf".to_owned())
}
