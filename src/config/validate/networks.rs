//! Checks of pod and service networks against each other and the hosts.

use std::collections::HashSet;

use ipnet::IpNet;

use super::super::model::Provider;
use super::Check;
use super::hosts::subnet;

/// A network that something occupies.
struct Claim {
    what: String,
    net: IpNet,
    path: String,
}

/// Private networks to propose (RFC 1918), the usual ones first.
const PROPOSALS: [&str; 6] = [
    "10.32.0.0/12",
    "10.96.0.0/12",
    "10.128.0.0/12",
    "172.16.0.0/13",
    "172.24.0.0/13",
    "192.168.128.0/17",
];

impl Check<'_> {
    pub(super) fn networks(&mut self) {
        let network = &self.config.network;
        let cluster: Vec<Claim> = [
            ("pod", "network.pod_network_cidr", &network.pod_cidrs),
            ("service", "network.service_cidr", &network.service_cidrs),
        ]
        .into_iter()
        .flat_map(|(what, path, nets)| {
            nets.iter().enumerate().map(move |(at, net)| Claim {
                what: format!("the {what} network"),
                net: *net,
                path: format!("{path}[{at}]"),
            })
        })
        .collect();
        let hosts = self.host_claims();
        self.one_per_family(&cluster);
        self.overlaps(&cluster, &hosts);
        self.sizes(&cluster);
    }

    /// Every network of a host once, and the addresses that name none.
    fn host_claims(&self) -> Vec<Claim> {
        let mut seen = HashSet::new();
        let mut claims = Vec::new();
        for (index, host) in self.config.hosts.iter().enumerate() {
            let own = host.addresses.iter().enumerate().map(|(at, address)| {
                let net = subnet(address).unwrap_or_else(|| IpNet::from(address.ip));
                (
                    net,
                    format!("address[{at}]"),
                    if address.prefix.is_some() {
                        "the network"
                    } else {
                        "the address"
                    },
                )
            });
            let private = host.private_address.map(|ip| {
                (
                    IpNet::from(ip),
                    "private_address".to_owned(),
                    "the private address",
                )
            });
            for (net, key, what) in own.chain(private) {
                if seen.insert(net) {
                    claims.push(Claim {
                        what: format!("{what} of `{}`", host.name),
                        net,
                        path: format!("hosts[{index}].{key}"),
                    });
                }
            }
        }
        claims
    }

    fn one_per_family(&mut self, cluster: &[Claim]) {
        for (at, claim) in cluster.iter().enumerate() {
            let is_v4 = |claim: &Claim| matches!(claim.net, IpNet::V4(_));
            if cluster[..at]
                .iter()
                .any(|other| other.what == claim.what && is_v4(other) == is_v4(claim))
            {
                let message = format!("`{}` is a second network of its family", claim.net);
                self.error(
                    "network/two-of-a-family",
                    &claim.path,
                    message,
                    "give at most one IPv4 and one IPv6 network",
                );
            }
        }
    }

    fn overlaps(&mut self, cluster: &[Claim], hosts: &[Claim]) {
        let overlap = |a: &Claim, b: &Claim| a.net.contains(&b.net) || b.net.contains(&a.net);
        for (at, claim) in cluster.iter().enumerate() {
            let taken = cluster
                .iter()
                .filter(|side| side.path != claim.path)
                .chain(hosts);
            let taken: Vec<IpNet> = taken.map(|side| side.net).collect();
            for other in cluster[at + 1..]
                .iter()
                .filter(|other| other.what != claim.what)
            {
                if overlap(claim, other) {
                    self.overlap(claim, other, 0, &taken);
                }
            }
            // One network chosen badly is one finding, however many hosts are in it.
            let mut hosts = hosts.iter().filter(|host| overlap(claim, host));
            if let Some(first) = hosts.next() {
                self.overlap(claim, first, hosts.count(), &taken);
            }
        }
    }

    fn overlap(&mut self, claim: &Claim, other: &Claim, more: usize, taken: &[IpNet]) {
        // Point at what the file says; a default has no line.
        let (here, there) = if self.document.exact(&claim.path).is_none() {
            (other, claim)
        } else {
            (claim, other)
        };
        let key = claim.path.split('[').next().unwrap_or_default();
        let help = match proposal(taken) {
            Some(free) if matches!(claim.net, IpNet::V4(_)) => {
                format!("choose another network, such as `{key}: {free}`")
            }
            _ => format!("choose another network for `{key}`"),
        };
        let more = if more == 0 {
            String::new()
        } else {
            format!(", and {more} more of the hosts")
        };
        let (a, b) = (&here.what, &there.what);
        let message = format!("{a} `{}` overlaps {b} `{}`{more}", here.net, there.net);
        self.error("network/overlapping-cidr", &here.path, message, help);
    }

    fn sizes(&mut self, cluster: &[Claim]) {
        let hosts = self.config.hosts.len();
        for claim in cluster {
            let bits = claim.net.prefix_len();
            if claim.path.starts_with("network.service_cidr") {
                // kube-apiserver takes at most 20 bits of host part and needs a handful of addresses.
                let (widest, narrowest) = if matches!(claim.net, IpNet::V4(_)) {
                    (12, 28)
                } else {
                    (108, 124)
                };
                if !(widest..=narrowest).contains(&bits) {
                    let message = format!(
                        "the service network `{}` is not between /{widest} and /{narrowest}",
                        claim.net
                    );
                    self.error(
                        "network/service-cidr-size",
                        &claim.path,
                        message,
                        "the API server serves no other size",
                    );
                }
            } else if let (Provider::Bridge, IpNet::V4(_)) =
                (self.config.network.provider, claim.net)
            {
                let room = if bits > 24 { 0 } else { 1_usize << (24 - bits) };
                if hosts > room {
                    // Smallest prefix with room: one /24 for every host.
                    let needed = 24 - hosts.next_power_of_two().ilog2();
                    let message = format!(
                        "the pod network `{}` has room for {room} of {hosts} hosts",
                        claim.net
                    );
                    self.error(
                        "network/pod-cidr-too-small",
                        &claim.path,
                        message,
                        format!("every host gets a /24: make it a /{needed} or larger"),
                    );
                }
            }
        }
    }
}

fn proposal(taken: &[IpNet]) -> Option<IpNet> {
    PROPOSALS
        .iter()
        .filter_map(|text| text.parse::<IpNet>().ok())
        .find(|free| {
            !taken
                .iter()
                .any(|net| net.contains(free) || free.contains(net))
        })
}
