//! Checks of hosts, alone and against each other.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::super::model::{Address, Host, Taint};
use super::Check;

impl Check<'_> {
    pub(super) fn hosts(&mut self) {
        self.duplicates();
        let config = self.config;
        for (index, host) in config.hosts.iter().enumerate() {
            let path = format!("hosts[{index}]");
            self.addresses(&path, host);
            self.gateways(&path, host);
            self.way_out(&path, host);
            self.given_by_dhcp(&path, host);
            self.taints(&path, host);
            self.interfaces(&path, host);
        }
        self.gateways_of_others();
    }

    /// Names, addresses and MACs that two hosts claim.
    fn duplicates(&mut self) {
        let (mut names, mut ips, mut macs) = (HashMap::new(), HashMap::new(), HashMap::new());
        let config = self.config;
        for (index, host) in config.hosts.iter().enumerate() {
            let path = format!("hosts[{index}]");
            let unread = host.name.is_empty();
            if !unread && let Some(other) = names.insert(host.name.as_str(), index) {
                self.twice(
                    "hosts/duplicate-name",
                    &format!("{path}.name"),
                    "name",
                    &host.name,
                    other,
                );
            }
            let own = host
                .addresses
                .iter()
                .enumerate()
                .map(|(at, address)| (format!("{path}.address[{at}]"), address.ip));
            // A private address may repeat the host's own.
            let private = host
                .private_address
                .filter(|ip| !host.addresses.iter().any(|own| own.ip == *ip));
            for (path, ip) in own.chain(private.map(|ip| (format!("{path}.private_address"), ip))) {
                if let Some(other) = ips.insert(ip, index) {
                    self.twice(
                        "hosts/duplicate-address",
                        &path,
                        "address",
                        &ip.to_string(),
                        other,
                    );
                }
            }
            if let Some(mac) = &host.mac
                && let Some(other) = macs.insert(mac.as_str(), index)
            {
                self.twice(
                    "hosts/duplicate-mac",
                    &format!("{path}.mac"),
                    "MAC",
                    mac,
                    other,
                );
            }
        }
    }

    /// The API server takes a key with an effect once (`ValidateTaintsInNodeAnnotations`'s rule too).
    fn taints(&mut self, path: &str, host: &Host) {
        let taints = host.taints.as_deref().unwrap_or_default();
        for (at, taint) in taints.iter().enumerate() {
            let same = |other: &Taint| other.key == taint.key && other.effect == taint.effect;
            if taints[..at].iter().any(same) {
                let message = format!(
                    "the taint `{}` with the effect `{}` is listed twice",
                    taint.key, taint.effect
                );
                let help = "keep one of them: a key has one value for each effect";
                self.error(
                    "hosts/duplicate-taint",
                    &format!("{path}.taints[{at}]"),
                    message,
                    help,
                );
            }
        }
    }

    pub(super) fn twice(
        &mut self,
        code: &'static str,
        path: &str,
        what: &str,
        value: &str,
        other: usize,
    ) {
        let name = &self.config.hosts[other].name;
        let message = format!("{what} `{value}` is already that of `hosts[{other}]` (`{name}`)");
        self.error(
            code,
            path,
            message,
            format!("give every host its own {what}"),
        );
    }

    fn addresses(&mut self, path: &str, host: &Host) {
        for (at, address) in host.addresses.iter().enumerate() {
            let path = format!("{path}.address[{at}]");
            if host.addresses[..at]
                .iter()
                .any(|other| other.ip.is_ipv4() == address.ip.is_ipv4())
            {
                let message = format!("`{}` is a second address of its family", address.ip);
                self.error(
                    "hosts/two-of-a-family",
                    &path,
                    message,
                    "give a host at most one IPv4 and one IPv6 address",
                );
            }
            if let Some(reason) = unusable(address) {
                let message = format!(
                    "`{}` cannot be a host's address: it is {reason}",
                    address.ip
                );
                self.error(
                    "hosts/unusable-address",
                    &path,
                    message,
                    "choose another address of the network",
                );
            }
        }
        let is_static = host
            .addresses
            .iter()
            .any(|address| address.prefix.is_some());
        if is_static && host.mac.is_none() && host.interface.is_none() {
            let document = self.document;
            // A MAC that could not be read has its own finding.
            if document.exact(&format!("{path}.mac")).is_none()
                && document.exact(&format!("{path}.interface")).is_none()
            {
                let message = "a static address must say which interface carries it".into();
                let help = "add `mac: \"52:54:00:…\"` or `interface: ens3`; or remove the prefix when DHCP gives the address";
                self.error(
                    "hosts/unbound-address",
                    &format!("{path}.address"),
                    message,
                    help,
                );
            }
        }
    }

    fn gateways(&mut self, path: &str, host: &Host) {
        for (at, gateway) in host.network.gateways.iter().enumerate() {
            let path = format!("{path}.network.gateway[{at}]");
            let same_family = |other: &IpAddr| other.is_ipv4() == gateway.is_ipv4();
            if host.network.gateways[..at].iter().any(same_family) {
                let message = format!("`{gateway}` is a second gateway of its family");
                self.error(
                    "hosts/two-gateways",
                    &path,
                    message,
                    "give at most one gateway per family",
                );
            }
            let own: Vec<&Address> = host
                .addresses
                .iter()
                .filter(|address| same_family(&address.ip))
                .collect();
            if own.iter().any(|address| address.ip == *gateway) {
                let message = format!(
                    "the gateway `{gateway}` of `{}` is the host itself",
                    host.name
                );
                self.error(
                    "hosts/gateway-is-host",
                    &path,
                    message,
                    "name the router of the network",
                );
                continue;
            }
            // RFC 4861 §6.1.2: routers announce themselves by their link-local address.
            let link_local = matches!(gateway, IpAddr::V6(ip) if ip.is_unicast_link_local());
            let nets: Vec<IpNet> = own.iter().filter_map(|address| subnet(address)).collect();
            if let Some(net) = nets.first()
                && !link_local
                && !nets.iter().any(|net| net.contains(gateway))
            {
                let message = format!(
                    "the gateway `{gateway}` is outside the network `{net}` of `{}`",
                    host.name
                );
                self.error(
                    "hosts/gateway-outside-subnet",
                    &path,
                    message,
                    "use a router of that network, or correct the prefix of the address",
                );
            }
        }
    }

    /// A static host that must leave its networks for what it downloads needs a router.
    fn way_out(&mut self, path: &str, host: &Host) {
        let config = self.config;
        let nets: Vec<IpNet> = host.addresses.iter().filter_map(subnet).collect();
        let proxied = |name: &String| name.to_lowercase().ends_with("_proxy");
        if nets.len() < host.addresses.len()
            || nets.is_empty()
            || !host.network.gateways.is_empty()
            || host.environment.keys().any(proxied)
        {
            return;
        }
        let mirror = config.artefacts.mirror.as_deref().map(host_of);
        let outside = match mirror {
            Some(Ok(ip)) => !nets.iter().any(|net| net.contains(&ip)),
            // a name may be anywhere
            Some(Err(_)) => false,
            None => config.artefacts.upstream,
        };
        if outside {
            let message = format!(
                "`{}` has static addresses, no gateway, and must reach {}",
                host.name,
                mirror.map_or("upstream", |_| "a mirror outside its network")
            );
            self.error(
                "hosts/no-gateway",
                &format!("{path}.address"),
                message,
                "add `network: { gateway: … }`, or a mirror in its network (`artefacts.mirror`), or \
                 `artefacts.upstream: false` and a disk that `firstlight overlay build` made",
            );
        }
    }

    /// What the file says, and DHCP says otherwise: cloud-init writes none of it where DHCP gives the address.
    fn given_by_dhcp(&mut self, path: &str, host: &Host) {
        let network = &host.network;
        let asks = |v4: bool| {
            let same = |a: &&Address| a.ip.is_ipv4() == v4;
            host.addresses
                .iter()
                .find(same)
                .is_some_and(|a| a.prefix.is_none())
        };
        let first = host.addresses.first().is_some_and(|a| a.prefix.is_none());
        let unbound = first && host.mac.is_none() && host.interface.is_none();
        let given = [
            (
                "gateway",
                network.gateways.iter().any(|g| asks(g.is_ipv4())),
            ),
            ("nameservers", first && !network.nameservers.is_empty()),
            ("search", first && !network.search.is_empty()),
            ("mtu", unbound && network.mtu.is_some()),
        ];
        for (key, given) in given {
            if given {
                self.warning(
                    "hosts/given-by-dhcp",
                    &format!("{path}.network.{key}"),
                    format!(
                        "`{key}` has no effect on `{}`: DHCP gives its address, and this",
                        host.name
                    ),
                    "let the DHCP server give it, or write the address with its prefix",
                );
            }
        }
    }

    /// A cluster's machine as the others' router: possible, and hardly ever meant.
    fn gateways_of_others(&mut self) {
        let config = self.config;
        let owners: HashMap<IpAddr, usize> = config
            .hosts
            .iter()
            .enumerate()
            .flat_map(|(index, host)| {
                host.addresses
                    .iter()
                    .map(move |address| (address.ip, index))
            })
            .collect();
        let mut seen = Vec::new();
        for (index, host) in config.hosts.iter().enumerate() {
            for (at, gateway) in host.network.gateways.iter().enumerate() {
                let Some(owner) = owners
                    .get(gateway)
                    .filter(|owner| **owner != index && !seen.contains(gateway))
                else {
                    continue;
                };
                seen.push(*gateway);
                let message = format!(
                    "the gateway `{gateway}` is the address of `{}`, a host of this cluster",
                    config.hosts[*owner].name
                );
                let path = format!("hosts[{index}].network.gateway[{at}]");
                self.warning(
                    "hosts/gateway-is-another-host",
                    &path,
                    message,
                    "make sure that this host is meant to be the router",
                );
            }
        }
    }
}

/// The address in a URL, or its name.
fn host_of(url: &str) -> Result<IpAddr, &str> {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = after.split('/').next().unwrap_or(after);
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => host.split(':').next().unwrap_or(host),
    };
    host.parse().map_err(|_| host)
}

/// The network of a static address.
pub(super) fn subnet(address: &Address) -> Option<IpNet> {
    IpNet::new(address.ip, address.prefix?)
        .ok()
        .map(|net| net.trunc())
}

/// Why no interface may carry an address.
fn unusable(address: &Address) -> Option<&'static str> {
    let ip = address.ip;
    if ip.is_unspecified() {
        return Some("the unspecified address");
    }
    if ip.is_loopback() {
        return Some("a loopback address");
    }
    if ip.is_multicast() {
        return Some("a multicast address");
    }
    match (ip, subnet(address)?) {
        // RFC 3021: a /31 has no network or broadcast address.
        (IpAddr::V4(ip), IpNet::V4(net)) if net.prefix_len() < 31 => {
            if ip == net.network() {
                Some("the network's own")
            } else if ip == net.broadcast() {
                Some("the network's broadcast address")
            } else {
                None
            }
        }
        // RFC 4291 §2.6.1: the subnet-router anycast address.
        (IpAddr::V6(ip), IpNet::V6(net)) if net.prefix_len() < 127 && ip == net.network() => {
            Some("the network's own")
        }
        _ => None,
    }
}
