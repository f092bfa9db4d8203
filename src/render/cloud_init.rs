//! `NoCloud` cloud-init, in the form that every version since 0.7.9 reads as meant: plain ASCII,
//! network-config version 1 with netmask, no `write_files` (it does not resume after a power cut).
//! EL7's is the exception, see [`DefaultGateway::Route`].

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::compose::foothold;
use crate::plan::profile::DefaultGateway;
use crate::plan::{Node, Plan};

/// cloud-init parses user-data several times per boot with a pure Python parser, about a third of a
/// second per megabyte each; larger seeds still work.
pub const COMFORTABLE_BYTES: usize = 256 * 1024;

/// Stands for the archive until the rest of the document is there.
const PLACE: &str = "@SEED@";

/// File name to content. `network-config` is absent where the machine asks DHCP on its only
/// interface, which is what cloud-init does by itself.
pub fn files(
    plan: &Plan,
    node: &Node,
    archive: &[u8],
    digest_hex: &str,
) -> BTreeMap<&'static str, Vec<u8>> {
    let mut files = BTreeMap::from([
        (
            "user-data",
            user_data(plan, archive, digest_hex).into_bytes(),
        ),
        ("meta-data", meta_data(node, digest_hex).into_bytes()),
        ("vendor-data", Vec::new()),
    ]);
    if let Some(network) = network_config(node) {
        files.insert("network-config", network.into_bytes());
    }
    files
}

/// A changed seed is a new instance: cloud-init would not look at it otherwise. The node writes the
/// same line into its seed folder (`firstlight-keep-seed`). No `local-hostname`: a power cut that
/// leaves cloud-init's note of it empty (`/var/lib/cloud/data/set-hostname`) makes every later boot
/// fail before anything of ours runs; the name is a file of the seed instead.
fn meta_data(node: &Node, digest_hex: &str) -> String {
    yaml(&json!({ "instance-id": format!("{}-{}", node.name, &digest_hex[..16]) }))
}

fn user_data(plan: &Plan, archive: &[u8], digest_hex: &str) -> String {
    let mut config = json!({
        // firstlight-settle sets it, see `meta_data`
        "preserve_hostname": true,
        "manage_etc_hosts": false,
        "package_update": false,
        "package_upgrade": false,
        "ssh_pwauth": false,
        "disable_root": true,
        // a new seed for the same machine must not change the host keys that people know
        "ssh_deletekeys": false,
        "bootcmd": [foothold(PLACE, digest_hex)],
    });
    if let (Some(user), false) = (&plan.ssh.user, plan.ssh.authorized_keys.is_empty()) {
        config["users"] = json!([{
            "name": user,
            "gecos": "Operator",
            "shell": "/bin/bash",
            "lock_passwd": true,
            "sudo": "ALL=(ALL) NOPASSWD:ALL",
            "ssh_authorized_keys": plan.ssh.authorized_keys,
        }]);
    }
    fill(&format!("#cloud-config\n{}", yaml(&config)), archive)
}

/// `text` with `archive` in its [`PLACE`], a line of a literal block: base64 in lines of 76 characters,
/// each indented as the block is. It is put in afterwards because it is nearly all of the text and
/// has nothing that a YAML writer would have to look at.
fn fill(text: &str, archive: &[u8]) -> String {
    let (before, after) = text.split_once(PLACE).expect("the foothold has a place");
    let indent = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    let mut filled = String::with_capacity(text.len() + archive.len() * 3 / 2);
    filled.push_str(before);
    // 57 bytes are 76 characters
    for (number, bytes) in archive.chunks(57).enumerate() {
        if number > 0 {
            filled.push('\n');
            filled.push_str(indent);
        }
        STANDARD.encode_string(bytes, &mut filled);
    }
    filled.push_str(after);
    filled
}

/// Version 1, read alike by every renderer; version 2 is unknown to EL7's 0.7.9.
pub fn network_config(node: &Node) -> Option<String> {
    if node.mac.is_none() && node.interface.is_none() {
        return None;
    }
    let subnets: Vec<Value> = node
        .addresses
        .iter()
        .enumerate()
        .map(|(i, a)| subnet(node, i, a.ip, a.prefix))
        .collect();
    let mut interface = Map::new();
    interface.insert("type".to_owned(), json!("physical"));
    // where only the MAC is known the interface is given a name that no distribution uses
    interface.insert(
        "name".to_owned(),
        json!(node.interface.as_deref().unwrap_or("node0")),
    );
    if let Some(mac) = &node.mac {
        interface.insert("mac_address".to_owned(), json!(mac));
    }
    // all planned: without this netplan waits for a router advertisement that may never come
    // (13 s of a first boot of 21 s); cloud-init before 20.1 ignores it
    if node.addresses.iter().all(|a| a.prefix.is_some()) {
        interface.insert("accept-ra".to_owned(), json!(false));
    }
    interface.insert("subnets".to_owned(), json!(subnets));
    let mut config = vec![Value::Object(interface)];
    if node.profile.network.default_gateway == DefaultGateway::Route {
        config.extend(nameservers(node));
    }
    Some(yaml(&json!({ "version": 1, "config": config })))
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

fn subnet(node: &Node, index: usize, ip: IpAddr, prefix: Option<u8>) -> Value {
    let Some(prefix) = prefix else {
        return json!({ "type": if ip.is_ipv4() { "dhcp4" } else { "dhcp6" } });
    };
    let mut subnet = Map::new();
    match ip {
        IpAddr::V4(_) => {
            let net = IpNet::new(ip, prefix).expect("prefixes are validated");
            subnet.insert("type".to_owned(), json!("static"));
            subnet.insert("address".to_owned(), json!(ip.to_string()));
            subnet.insert("netmask".to_owned(), json!(net.netmask().to_string()));
        }
        IpAddr::V6(_) => {
            subnet.insert("type".to_owned(), json!("static6"));
            subnet.insert("address".to_owned(), json!(format!("{ip}/{prefix}")));
        }
    }
    if let Some(gateway) = node
        .network
        .gateways
        .iter()
        .find(|g| g.is_ipv4() == ip.is_ipv4())
    {
        match node.profile.network.default_gateway {
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
        subnet.insert(
            "dns_nameservers".to_owned(),
            json!(texts(&node.network.nameservers)),
        );
    }
    if index == 0 && !node.network.search.is_empty() {
        subnet.insert("dns_search".to_owned(), json!(node.network.search));
    }
    Value::Object(subnet)
}

fn yaml(value: &Value) -> String {
    crate::yaml::to_string(value).expect("plain values have a YAML form")
}
