//! autoinstall: answers of Subiquity, of Ubuntu 22.04 and 24.04, as the live system's cloud-init finds them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::plan::Node;
use crate::plan::installer::{Install, StaticNetwork};

use super::boot::time_zone;
use super::cloud_init::yaml;

/// Stands for the device until the live system knows it; an early command puts that in its place.
const PLACE: &str = "/dev/firstlight-disk";

/// `user-data` and what must lie beside it: what is missing over HTTP is asked for eleven times.
pub fn files(node: &Node, install: &Install, hook: &str) -> BTreeMap<&'static str, Vec<u8>> {
    let user_data = format!(
        "#cloud-config\n{}",
        yaml(&json!({ "autoinstall": answers(node, install, hook) }))
    );
    let meta_data = yaml(&json!({ "instance-id": format!("install-{}", node.name) }));
    BTreeMap::from([
        ("user-data", user_data.into_bytes()),
        ("meta-data", meta_data.into_bytes()),
        ("vendor-data", Vec::new()),
        ("network-config", Vec::new()),
    ])
}

fn answers(node: &Node, install: &Install, hook: &str) -> Value {
    let zone = time_zone(node);
    let put = format!("cat > /run/hook.sh <<'END OF HOOK'\n{hook}END OF HOOK\n");
    let choose =
        format!("disk=$(sh /run/hook.sh disk) && sed -i \"s#{PLACE}#$disk#\" /autoinstall.yaml");
    let seed = "cp /run/hook.sh /target/root/hook.sh && curtin in-target --target=/target -- sh /root/hook.sh seed && rm /target/root/hook.sh";
    let mut answers = json!({
        "version": 1,
        "locale": "en_US.UTF-8",
        "keyboard": { "layout": "us" },
        "timezone": zone,
        "refresh-installer": { "update": false },
        "early-commands": [put, choose],
        "storage": {
            // the kubelet wants none
            "swap": { "size": 0 },
            "layout": { "name": "direct", "match": { "path": PLACE } },
        },
        "ssh": { "install-server": true, "allow-pw": false },
        "packages": node.profile.installer.packages,
        "updates": "security",
        // in the place of an account: those are the seed's
        "user-data": { "disable_root": true },
        "late-commands": [seed],
        "shutdown": "reboot",
    });
    if let Some(url) = &install.proxy {
        answers["proxy"] = json!(url);
    }
    if let Some(network) = &install.network {
        answers["network"] = fixed(node, network);
    }
    answers
}

fn fixed(node: &Node, network: &StaticNetwork) -> Value {
    let mut card = json!({
        "dhcp4": false,
        "accept-ra": false,
        "addresses": [format!("{}/{}", network.ip, network.prefix)],
        "nameservers": { "addresses": network.nameservers, "search": node.network.search },
    });
    let name = match (&node.mac, &node.interface) {
        (Some(mac), _) => {
            card["match"] = json!({ "macaddress": mac });
            "node0"
        }
        (None, Some(name)) => name,
        (None, None) => "node0",
    };
    if let Some(gateway) = network.gateway {
        card["routes"] = json!([{ "to": "default", "via": gateway }]);
    }
    json!({ "version": 2, "ethernets": { name: card } })
}
