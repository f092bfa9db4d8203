//! cloud-init's network-config: version 1 with netmask, which every renderer since 0.7.9 reads as meant;
//! version 2 is unknown to EL7's. Where that one reads less, see [`DefaultGateway::Route`].

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::cloud_init::yaml;
use crate::plan::profile::DefaultGateway;
use crate::plan::{Address, Link, Node};

/// The document; `None` where the machine asks DHCP on its only interface, which is what cloud-init
/// does by itself.
pub fn network_config(node: &Node) -> Option<String> {
    if node.mac.is_none() && node.interface.is_none() && node.interfaces.is_empty() {
        return None;
    }
    // where only the MAC is known the interface is given a name that no distribution uses
    let main = node.interface.as_deref().unwrap_or("node0");
    let made_of = node.interfaces.iter().find(|i| i.name == main);
    let card = Link::Card(node.mac.clone());
    let subnets = node.addresses.iter().enumerate();
    let mut interfaces = vec![entry(
        main,
        made_of.map_or(&card, |i| &i.link),
        &subnets
            .map(|(at, address)| subnet(node, at, address))
            .collect::<Vec<_>>(),
        // all planned: without this netplan waits for a router advertisement that may never come
        // (13 s of a first boot of 21 s); cloud-init before 20.1 ignores it
        node.addresses.iter().all(|a| a.prefix.is_some()),
        node.network.mtu,
    )];
    for other in node.interfaces.iter().filter(|i| i.name != main) {
        let mut subnets: Vec<_> = {
            let form = node.profile.network.default_gateway;
            other
                .addresses
                .iter()
                .filter_map(|a| fixed(a, form))
                .collect()
        };
        if other.dhcp {
            subnets.push(Map::from_iter([("type".to_owned(), json!("dhcp4"))]));
        }
        interfaces.push(entry(
            &other.name,
            &other.link,
            &subnets,
            !other.dhcp,
            other.mtu,
        ));
    }
    interfaces
        .extend(unnamed(node, main).map(|name| entry(name, &Link::Card(None), &[], true, None)));
    // what others are made of comes first
    interfaces.sort_by_key(|interface| match interface["type"].as_str() {
        Some("bond") => 1,
        Some("vlan") => 2,
        _ => 0,
    });
    if node.profile.network.default_gateway == DefaultGateway::Route {
        interfaces.extend(nameservers(node));
    }
    Some(yaml(&json!({ "version": 1, "config": interfaces })))
}

fn entry(
    name: &str,
    link: &Link,
    subnets: &[Map<String, Value>],
    quiet: bool,
    mtu: Option<u32>,
) -> Value {
    let mut entry = Map::new();
    let mut set = |key: &str, value: Value| entry.insert(key.to_owned(), value);
    match link {
        Link::Card(mac) => {
            set("type", json!("physical"));
            set("name", json!(name));
            if let Some(mac) = mac {
                set("mac_address", json!(mac));
            }
        }
        Link::Bond(of, mode) => {
            set("type", json!("bond"));
            set("name", json!(name));
            set("bond_interfaces", json!(of));
            // without looking at the carrier a bond never changes over
            let params = json!({ "bond-mode": mode.as_str(), "bond-miimon": 100 });
            set("params", params);
        }
        Link::Vlan(on, id) => {
            set("type", json!("vlan"));
            set("name", json!(name));
            set("vlan_link", json!(on));
            set("vlan_id", json!(id));
        }
    }
    if let Some(mtu) = mtu {
        set("mtu", json!(mtu));
    }
    if quiet {
        set("accept-ra", json!(false));
    }
    if !subnets.is_empty() {
        set("subnets", json!(subnets));
    }
    Value::Object(entry)
}

/// Cards that only bonds and VLANs name: netplan wants to hear of each.
fn unnamed<'n>(node: &'n Node, main: &'n str) -> impl Iterator<Item = &'n str> {
    let used = node.interfaces.iter().flat_map(|i| match &i.link {
        Link::Card(_) => &[],
        Link::Bond(of, _) => of.as_slice(),
        Link::Vlan(on, _) => std::slice::from_ref(on),
    });
    let used: BTreeSet<&str> = used.map(String::as_str).collect();
    let named = move |name: &&str| *name == main || node.interfaces.iter().any(|i| i.name == *name);
    used.into_iter().filter(move |name| !named(name))
}

/// Resolvers at the top, where EL7's 0.7.9 looks for them.
fn nameservers(node: &Node) -> Option<Value> {
    let network = &node.network;
    if network.nameservers.is_empty() && network.search.is_empty() {
        return None;
    }
    Some(json!({
        "type": "nameserver",
        "address": texts(&network.nameservers),
        "search": network.search,
    }))
}

fn texts(ips: &[IpAddr]) -> Vec<String> {
    ips.iter().map(ToString::to_string).collect()
}

/// One of the host's own addresses, with the way out; the first has the resolvers.
fn subnet(node: &Node, index: usize, address: &Address) -> Map<String, Value> {
    let ip = address.ip;
    let form = node.profile.network.default_gateway;
    let Some(mut subnet) = fixed(address, form) else {
        let kind = if ip.is_ipv4() { "dhcp4" } else { "dhcp6" };
        return Map::from_iter([("type".to_owned(), json!(kind))]);
    };
    let mut gateways = node.network.gateways.iter();
    if let Some(gateway) = gateways.find(|g| g.is_ipv4() == ip.is_ipv4()) {
        match form {
            DefaultGateway::Gateway => {
                subnet.insert("gateway".to_owned(), json!(gateway.to_string()));
            }
            DefaultGateway::Route => {
                let any = if ip.is_ipv4() { "0.0.0.0" } else { "::" };
                let route =
                    json!({ "network": any, "netmask": any, "gateway": gateway.to_string() });
                subnet.insert("routes".to_owned(), json!([route]));
            }
        }
    }
    if index == 0 && !node.network.nameservers.is_empty() {
        let servers = texts(&node.network.nameservers);
        subnet.insert("dns_nameservers".to_owned(), json!(servers));
    }
    if index == 0 && !node.network.search.is_empty() {
        subnet.insert("dns_search".to_owned(), json!(node.network.search));
    }
    subnet
}

/// A static address; `None` where DHCP gives it. IPv6 is `static`, too: 18.2 to 19.4 lose a `static6` when they
/// write netplan's files, and with one EL7's writes no network at all.
fn fixed(address: &Address, form: DefaultGateway) -> Option<Map<String, Value>> {
    let (ip, prefix) = (address.ip, address.prefix?);
    let net = IpNet::new(ip, prefix).expect("prefixes are validated");
    let apart = ip.is_ipv4() || form == DefaultGateway::Route;
    let mut subnet = Map::new();
    let mut set = |key: &str, value: Value| subnet.insert(key.to_owned(), value);
    set("type", json!("static"));
    if apart {
        set("address", json!(ip.to_string()));
        set("netmask", json!(net.netmask().to_string()));
    } else {
        set("address", json!(format!("{ip}/{prefix}")));
    }
    // or EL7's puts its gateway into the place of IPv4's
    if ip.is_ipv6() && apart {
        set("ipv6", json!(true));
    }
    Some(subnet)
}
