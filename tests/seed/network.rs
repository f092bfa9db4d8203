//! network-config through cloud-init's own parser and its renderer for netplan.

use firstlight::render::cloud_init::network_config;
use serde_json::{Value, json};

use super::{cloud_init, pyyaml};
use crate::support::plan;

/// What netplan is given for a host with these settings.
fn netplan(host: &str, network: &str) -> Value {
    let text = format!(
        "name: demo\nnetwork: {{ provider: bridge }}\nhosts:\n  - {{ name: m1, role: master, network: {{ {network} }}, {host} }}\n"
    );
    let plan = plan(&text);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network-config");
    fs_err::write(&path, network_config(&plan.nodes[0]).unwrap()).unwrap();
    let out = folder.path().join("out");
    let arg = |p: &std::path::Path| p.to_str().unwrap().to_owned();
    cloud_init(&[
        "devel",
        "net-convert",
        "-p",
        &arg(&path),
        "-k",
        "yaml",
        "-d",
        &arg(&out),
        "-D",
        "debian",
        "-O",
        "netplan",
    ])
    .ok();
    pyyaml(&out.join("etc/netplan/50-cloud-init.yaml"))["network"].clone()
}

#[test]
fn a_static_address_by_interface() {
    let found = netplan(
        "address: 10.0.0.11/24, interface: ens3",
        "gateway: 10.0.0.1, nameservers: [10.0.0.1, 9.9.9.9], search: [example.com, lab]",
    );
    let expected = json!({ "version": 2, "ethernets": { "ens3": {
        "addresses": ["10.0.0.11/24"],
        "accept-ra": false,
        "nameservers": { "addresses": ["10.0.0.1", "9.9.9.9"], "search": ["example.com", "lab"] },
    } } });
    assert_eq!(without_gateway(found, "ens3", &["10.0.0.1"]), expected);
}

#[test]
fn a_static_address_by_mac_alone() {
    let found = netplan(
        "address: 10.0.0.11/20, mac: \"52:54:00:12:34:56\"",
        "gateway: 10.0.0.1",
    );
    let expected = json!({ "version": 2, "ethernets": { "node0": {
        "addresses": ["10.0.0.11/20"],
        "accept-ra": false,
        "match": { "macaddress": "52:54:00:12:34:56" },
        "set-name": "node0",
    } } });
    assert_eq!(without_gateway(found, "node0", &["10.0.0.1"]), expected);
}

#[test]
fn an_address_by_dhcp() {
    // no prefix: the address comes from the lease
    let found = netplan("address: 10.0.0.11, mac: \"52:54:00:12:34:56\"", "");
    let expected = json!({ "version": 2, "ethernets": { "node0": {
        "dhcp4": true,
        "match": { "macaddress": "52:54:00:12:34:56" },
        "set-name": "node0",
    } } });
    assert_eq!(found, expected);
}

#[test]
fn both_families() {
    let found = netplan(
        "address: [10.0.0.11/24, \"fd00::11/64\"], interface: ens3",
        "gateway: [10.0.0.1, \"fd00::1\"], nameservers: [\"fd00::53\"]",
    );
    let expected = json!({ "version": 2, "ethernets": { "ens3": {
        "addresses": ["10.0.0.11/24", "fd00::11/64"],
        "accept-ra": false,
        "nameservers": { "addresses": ["fd00::53"] },
    } } });
    assert_eq!(
        without_gateway(found, "ens3", &["10.0.0.1", "fd00::1"]),
        expected
    );
}

#[test]
fn nothing_is_said_where_dhcp_is_all_there_is() {
    let plan = plan(
        "name: demo\nnetwork: { provider: bridge }\nhosts:\n  - { name: m1, role: master, address: 10.0.0.11 }\n",
    );
    assert_eq!(network_config(&plan.nodes[0]), None);
}

/// Takes the default routes out: `gateway4` and `gateway6`, or `routes` in newer versions.
fn without_gateway(mut network: Value, interface: &str, gateways: &[&str]) -> Value {
    let settings = network["ethernets"][interface].as_object_mut().unwrap();
    let mut found: Vec<String> = Vec::new();
    for key in ["gateway4", "gateway6"] {
        found.extend(
            settings
                .remove(key)
                .and_then(|v| v.as_str().map(str::to_owned)),
        );
    }
    if let Some(routes) = settings.remove("routes") {
        for route in routes.as_array().unwrap() {
            assert!(
                ["default", "0.0.0.0/0", "::/0"].contains(&route["to"].as_str().unwrap()),
                "{route}"
            );
            found.push(route["via"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(found, gateways);
    network
}
