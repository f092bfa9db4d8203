//! The variables that name proxies, completed by what must not go through one.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::plan::{Node, Plan};

/// Every proxy variable of a host, in lower case too where only capitals are given: curl and wget do
/// not read `HTTP_PROXY`, while Go's programs read both. What is to be reached without a proxy is
/// the user's list, and the cluster itself: its networks as Go's programs, curl from 7.86 and Python
/// read them, and the masters by their addresses, which all read. No other node is named: a worker
/// that is added must not change this one.
pub(super) fn environment(plan: &Plan, node: &Node) -> BTreeMap<String, String> {
    let is_proxy = |name: &str| name.to_lowercase().ends_with("_proxy");
    let given = node.environment.iter().filter(|(name, _)| is_proxy(name));
    let mut all: BTreeMap<_, _> = given
        .clone()
        .map(|(name, value)| (name.to_lowercase(), value.clone()))
        .collect();
    all.extend(given.map(|(name, value)| (name.clone(), value.clone())));
    let exception = |name: &str| name.to_lowercase() == "no_proxy";
    if all.keys().all(|name| exception(name)) {
        return all;
    }
    let own = all.iter().find(|(name, _)| exception(name));
    let list = without_proxy(own.map_or("", |(_, value)| value), plan, node);
    for name in ["NO_PROXY", "no_proxy"] {
        all.insert(name.to_owned(), list.clone());
    }
    all
}

fn without_proxy(own: &str, plan: &Plan, node: &Node) -> String {
    let static_networks = node.addresses.iter().filter_map(|address| {
        let net = IpNet::new(address.ip, address.prefix?).ok()?;
        Some(net.trunc().to_string())
    });
    let networks = plan.pod_cidrs.iter().chain(&plan.service_cidrs);
    let masters = plan.masters().map(|master| master.ip().to_string());
    let fixed = ["localhost", "127.0.0.1", "::1", ".svc"].map(str::to_owned);
    let domain = [format!(".{}", plan.domain)];
    let mut list: Vec<String> = own
        .split(',')
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    let more = fixed
        .into_iter()
        .chain(domain)
        .chain(node.ips.iter().map(ToString::to_string))
        .chain(masters)
        .chain(plan.endpoint.clone())
        .chain(static_networks)
        .chain(networks.map(ToString::to_string));
    for part in more {
        if !list.contains(&part) {
            list.push(part);
        }
    }
    list.join(",")
}
