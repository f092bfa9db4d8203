//! Which part of the pod network belongs to which node: decided once, by node name, for ever.

use std::collections::{BTreeMap, HashSet};

use ipnet::IpNet;

use super::IdentityError;
use crate::plan::Plan;

/// Gives every node of the plan a /24 (IPv4) or /64 (IPv6) of each pod network, in the order of the
/// plan, the first free one, where the pod network asks for them. Subnets once given stay, a removed node's too: it may return.
pub(super) fn allocate(
    plan: &Plan,
    remembered: &BTreeMap<String, Vec<IpNet>>,
) -> Result<BTreeMap<String, Vec<IpNet>>, IdentityError> {
    let mut all = remembered.clone();
    if !plan.network.needs.subnets {
        return Ok(all);
    }
    let place = |net: &IpNet| plan.pod_cidrs.iter().position(|cidr| cidr.contains(net));
    for node in &plan.nodes {
        let subnets = all.entry(node.name.clone()).or_default();
        if let Some(subnet) = subnets.iter().find(|net| place(net).is_none()) {
            return Err(IdentityError::SubnetOutside {
                node: node.name.clone(),
                subnet: *subnet,
            });
        }
    }
    for cidr in &plan.pod_cidrs {
        allocate_in(*cidr, plan, &mut all)?;
    }
    for node in &plan.nodes {
        let subnets = all.entry(node.name.clone()).or_default();
        subnets.sort_by_key(place);
    }
    Ok(all)
}

fn allocate_in(
    cidr: IpNet,
    plan: &Plan,
    all: &mut BTreeMap<String, Vec<IpNet>>,
) -> Result<(), IdentityError> {
    let prefix = match cidr {
        IpNet::V4(_) => 24,
        IpNet::V6(_) => 64,
    };
    let given = all.values().flatten().copied();
    let taken: HashSet<IpNet> = given.filter(|net| cidr.contains(net)).collect();
    let lacking: Vec<&str> = plan
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .filter(|name| {
            !all.get(*name)
                .is_some_and(|nets| nets.iter().any(|n| cidr.contains(n)))
        })
        .collect();
    let subnets = cidr.trunc().subnets(prefix).into_iter().flatten();
    let mut free = subnets.filter(|net| !taken.contains(net));
    for name in &lacking {
        let Some(subnet) = free.next() else {
            let bits = prefix.checked_sub(cidr.prefix_len());
            return Err(IdentityError::SubnetsExhausted {
                cidr,
                prefix,
                room: bits.map_or(0, |bits| 1 << bits),
                reserved: taken.len(),
                wanted: lacking.len(),
            });
        };
        all.entry((*name).to_owned()).or_default().push(subnet);
    }
    Ok(())
}
