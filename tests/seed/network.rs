//! network-config through cloud-init's own parser and its renderer for netplan.

use firstlight::render::network::network_config;
use serde_json::{Value, json};

use super::{cloud_init, pyyaml};
use crate::support::plan;

/// What a renderer of cloud-init's makes of the network of a host with these settings: a folder.
fn rendered(os: &str, renderer: &str, host: &str, network: &str) -> tempfile::TempDir {
    let text = format!(
        "name: demo\nkubernetes: {{ version: \"1.20\" }}\nnetwork: {{ provider: bridge }}\n\
         artefacts: {{ mirror: \"http://mirror.example.com\" }}\nhosts:\n  \
         - {{ name: m1, role: master, os: {os}, network: {{ {network} }}, {host} }}\n"
    );
    let plan = plan(&text);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network-config");
    fs_err::write(&path, network_config(&plan.nodes[0]).unwrap()).unwrap();
    let arg = |p: &std::path::Path| p.to_str().unwrap().to_owned();
    let (path, out) = (arg(&path), arg(&folder.path().join("out")));
    let distribution = if renderer == "sysconfig" {
        "rhel"
    } else {
        "debian"
    };
    cloud_init(&[
        "devel",
        "net-convert",
        "-p",
        &path,
        "-k",
        "yaml",
        "-d",
        &out,
        "-D",
        distribution,
        "-O",
        renderer,
    ])
    .ok();
    folder
}

/// What netplan is given for a host with these settings.
fn netplan(host: &str, network: &str) -> Value {
    let folder = rendered("debian-12", "netplan", host, network);
    pyyaml(&folder.path().join("out/etc/netplan/50-cloud-init.yaml"))["network"].clone()
}

/// A VLAN on a bond of two cards carries the host's address, a third card another one.
const LINKS: &str = "address: 10.0.0.11/24, interface: bond0.100, interfaces: [{ name: bond0, bond: [ens3, ens4], mode: 802.3ad }, \
     { name: bond0.100, vlan: 100, of: bond0 }, { name: ens5, mac: \"52:54:00:00:00:55\", address: 10.9.0.11/16, mtu: 9000 }]";

#[test]
fn a_vlan_on_a_bond_and_another_card() {
    let found = netplan(
        LINKS,
        "gateway: 10.0.0.1, nameservers: [10.0.0.1], mtu: 1400",
    );
    let quiet = json!({ "accept-ra": false });
    assert_eq!(
        found["ethernets"],
        json!({ "ens3": quiet, "ens4": quiet, "ens5": {
            "accept-ra": false,
            "addresses": ["10.9.0.11/16"],
            "mtu": 9000,
            "match": { "macaddress": "52:54:00:00:00:55" },
            "set-name": "ens5",
        } })
    );
    let bond = &found["bonds"]["bond0"];
    assert_eq!(bond["interfaces"], json!(["ens3", "ens4"]));
    assert_eq!(
        (
            &bond["parameters"]["mode"],
            &bond["parameters"]["mii-monitor-interval"]
        ),
        (&json!("802.3ad"), &json!(100))
    );
    let vlan = &found["vlans"]["bond0.100"];
    assert_eq!((&vlan["id"], &vlan["link"]), (&json!(100), &json!("bond0")));
    assert_eq!(vlan["addresses"], json!(["10.0.0.11/24"]));
    assert_eq!(vlan["mtu"], json!(1400));
}

#[test]
fn the_same_in_the_files_of_ifupdown_and_of_el() {
    let folder = rendered(
        "debian-9",
        "eni",
        LINKS,
        "gateway: 10.0.0.1, nameservers: [10.0.0.1]",
    );
    let files = crate::support::files(&folder.path().join("out/etc/network"));
    let text: String = files
        .into_values()
        .map(|f| String::from_utf8(f).unwrap())
        .collect();
    for line in [
        "iface bond0.100 inet static",
        "address 10.0.0.11/24",
        "gateway 10.0.0.1",
        "vlan-raw-device bond0",
        "bond-mode 802.3ad",
        "bond-master bond0",
        "address 10.9.0.11/16",
        "mtu 9000",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }

    let folder = rendered(
        "centos-7.4",
        "sysconfig",
        LINKS,
        "gateway: 10.0.0.1, nameservers: [10.0.0.1]",
    );
    let read = |name: &str| {
        let path = format!("out/etc/sysconfig/network-scripts/ifcfg-{name}");
        fs_err::read_to_string(folder.path().join(path)).unwrap()
    };
    let has = |name: &str, lines: &[&str]| {
        let text = read(name);
        for line in lines {
            assert!(text.lines().any(|l| l == *line), "{name} {line}:\n{text}");
        }
    };
    has(
        "bond0.100",
        &[
            "IPADDR=10.0.0.11",
            "NETMASK=255.255.255.0",
            "GATEWAY=10.0.0.1",
            "VLAN=yes",
            "PHYSDEV=bond0",
        ],
    );
    has("ens3", &["MASTER=bond0", "SLAVE=yes"]);
    has(
        "ens5",
        &[
            "IPADDR=10.9.0.11",
            "NETMASK=255.255.0.0",
            "MTU=9000",
            "HWADDR=52:54:00:00:00:55",
        ],
    );
    assert!(read("bond0").contains("mode=802.3ad"), "{}", read("bond0"));
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
