//! Keeps the host's network manager away from the interfaces, routes and rules that pods come with.

use super::tree::NodeTree;
use crate::plan::profile::{NetworkOwner, Renderer};
use crate::plan::{Node, Plan};

/// systemd that gives interfaces MACs of its own, after CNI has set them (`MACAddressPolicy=persistent`
/// in 99-default.link; systemd's NEWS, 242). udev reads it, whoever owns the network.
const REWRITES_MACS: u32 = 242;
/// systemd-networkd that can be told to leave foreign routes alone (NEWS, 246).
const KNOWS_FOREIGN_ROUTES: u32 = 246;
/// The same for routing policy rules (NEWS, 249).
const KNOWS_FOREIGN_RULES: u32 = 249;

/// systemd that reads drop-ins of .network files, wherever those are (NEWS, 244).
const KNOWS_DROP_INS: u32 = 244;

pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node) {
    let profile = &node.profile;
    let pods = &plan.network.needs.interfaces;
    if profile.systemd >= REWRITES_MACS {
        tree.public(
            "/etc/systemd/network/50-firstlight-pods.link",
            format!(
                "[Match]\nOriginalName={}\n\n[Link]\nMACAddressPolicy=none\n",
                pods.join(" ")
            ),
        );
    }
    match profile.network.owner {
        NetworkOwner::Networkd => {
            networkd(tree, profile.systemd, pods);
            dhcp(tree, node);
        }
        // EL7 may have NetworkManager beside its own scripts; without it the file harms nobody
        NetworkOwner::NetworkManager | NetworkOwner::Initscripts => {
            let names: Vec<_> = pods
                .iter()
                .map(|name| format!("interface-name:{name}"))
                .collect();
            tree.public(
                "/etc/NetworkManager/conf.d/90-firstlight.conf",
                format!("[keyfile]\nunmanaged-devices+={}\n", names.join(";")),
            );
        }
        // configures what its own files name, and nothing else
        NetworkOwner::Ifupdown => {}
    }
}

/// systemd-networkd shows DHCP a DUID made from the machine-id, which clones share and for which no
/// server has a reservation: the planned address is reserved for the MAC.
fn dhcp(tree: &mut NodeTree, node: &Node) {
    let profile = &node.profile;
    let asks = node.addresses.iter().any(|a| a.prefix.is_none());
    if let (true, Renderer::Netplan, true) = (
        asks && node.mac.is_some(),
        profile.network.renderer,
        profile.systemd >= KNOWS_DROP_INS,
    ) {
        let name = node.interface.as_deref().unwrap_or("node0");
        tree.public(
            &format!("/etc/systemd/network/10-netplan-{name}.network.d/90-firstlight.conf"),
            "[DHCPv4]\nClientIdentifier=mac\n",
        );
    }
}

/// systemd-networkd drops routes and rules it did not make when it restarts.
fn networkd(tree: &mut NodeTree, systemd: u32, pods: &[String]) {
    tree.public(
        "/etc/systemd/network/50-firstlight-pods.network",
        format!(
            "[Match]\nName={}\n\n[Link]\nUnmanaged=yes\n",
            pods.join(" ")
        ),
    );
    if systemd >= KNOWS_FOREIGN_ROUTES {
        let rules = if systemd >= KNOWS_FOREIGN_RULES {
            "ManageForeignRoutingPolicyRules=no\n"
        } else {
            ""
        };
        tree.public(
            "/etc/systemd/networkd.conf.d/90-firstlight.conf",
            format!("[Network]\nManageForeignRoutes=no\n{rules}"),
        );
    }
}
