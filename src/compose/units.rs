//! Programs and units, and which of them this node starts.

use super::overlay;
use super::tree::NodeTree;
use crate::plan::{Node, Plan};

/// Units of every node.
const ALL: [&str; 10] = [
    "containerd.service",
    "firstlight-address.service",
    "firstlight-artefacts.service",
    "firstlight-clock.service",
    "firstlight-host.service",
    "firstlight-images.service",
    "firstlight-network.service",
    "firstlight-ready.service",
    "firstlight.service",
    "kubelet.service",
];

/// Units of masters.
const MASTER: [&str; 5] = [
    "etcd.service",
    "firstlight-apply.service",
    "firstlight-etcd-snapshot.service",
    "firstlight-etcd-snapshot.timer",
    "firstlight-manifests.service",
];

/// Where programs go: writable on systems with a read-only `/usr`, never mounted noexec.
const BIN: &str = "/opt/firstlight/bin";

pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node) {
    for (name, content) in overlay::folder("firstlight/bin") {
        if node.is_master() || !of_masters(name) {
            tree.program(&format!("{BIN}/{name}"), content);
        }
    }
    tree.public(
        "/etc/systemd/system/firstlight.target",
        overlay::file("firstlight/units/firstlight.target"),
    );
    let master: &[&str] = if node.is_master() { &MASTER } else { &[] };
    for unit in ALL.iter().chain(master) {
        tree.public(
            &format!("/etc/systemd/system/{unit}"),
            overlay::file(&format!("firstlight/units/{unit}")),
        );
        // one link is enabled (multi-user.target.wants, by the boot format); all else hangs on the target, or on a timer
        if !["firstlight.service", "firstlight-etcd-snapshot.service"].contains(unit) {
            tree.links.insert(
                format!("/etc/systemd/system/firstlight.target.wants/{unit}"),
                format!("../{unit}"),
            );
        }
    }
    let mut tools = vec!["status", "reset"];
    if node.is_master() {
        tools.extend(["etcdctl", "etcd-snapshot", "etcd-restore"]);
        tree.public(
            "/etc/systemd/system/firstlight-etcd-snapshot.timer.d/every.conf",
            format!(
                "[Timer]\nOnUnitActiveSec={}h\n",
                plan.etcd.snapshots.every_hours
            ),
        );
    }
    for tool in tools {
        tree.links.insert(
            format!("/usr/local/sbin/firstlight-{tool}"),
            format!("{BIN}/firstlight-{tool}"),
        );
    }
    for tool in ["kubectl", "crictl", "etcdctl", "ctr", "kubeadm"] {
        tree.links
            .insert(format!("/usr/local/bin/{tool}"), format!("{BIN}/{tool}"));
    }
}

/// Whether a program has work on masters alone.
fn of_masters(program: &str) -> bool {
    program.starts_with("firstlight-etcd")
        || ["apply", "ask", "roll", "rollcall", "show"]
            .iter()
            .any(|name| program.strip_prefix("firstlight-") == Some(name))
}

/// What cloud-init runs on every boot: stages `archive` (base64 lines) and starts `firstlight.service`.
pub(super) fn foothold(archive: &str, digest_hex: &str) -> String {
    overlay::file("firstlight/foothold.sh")
        .replace("@DIGEST@", digest_hex)
        .replace("@SEED@", archive)
}
