//! Programs and units, and which of them this node starts.

use super::overlay;
use super::tree::NodeTree;
use crate::config::model::Provider;
use crate::plan::{Node, Plan};

/// Units of every node.
const ALL: [&str; 18] = [
    "containerd.service",
    "firstlight-address.service",
    "firstlight-again@.service",
    "firstlight-artefacts.service",
    "firstlight-clock-moved.service",
    "firstlight-clock-moved.timer",
    "firstlight-clock.service",
    "firstlight-converge.service",
    "firstlight-firewall.service",
    "firstlight-host.service",
    "firstlight-images-again.service",
    "firstlight-images-again.timer",
    "firstlight-images.service",
    "firstlight-ready.service",
    "firstlight-verify.service",
    "firstlight-verify.timer",
    "firstlight.service",
    "kubelet.service",
];

/// The unit of the pod network `bridge`.
const BRIDGE: &str = "firstlight-network.service";

/// Units of masters.
const MASTER: [&str; 4] = [
    "firstlight-apply.service",
    "firstlight-manifests.service",
    "firstlight-renew.service",
    "firstlight-renew.timer",
];

/// Units of masters with a member of etcd.
const MEMBER: [&str; 3] = [
    "etcd.service",
    "firstlight-etcd-snapshot.service",
    "firstlight-etcd-snapshot.timer",
];

/// systemd that counts the tasks of a unit, and by default limits them (NEWS, 227 and 228).
const KNOWS_TASKS_MAX: u32 = 227;

/// Where programs go: writable on systems with a read-only `/usr`, never mounted noexec.
const BIN: &str = "/opt/firstlight/bin";

pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node) {
    let etcd = node.is_master() && plan.etcd.external.is_none();
    let bridge = plan.provider == Provider::Bridge;
    for (name, content) in overlay::folder("firstlight/bin") {
        if match whose(name) {
            Whose::Etcd => etcd,
            Whose::Masters => node.is_master(),
            Whose::Bridge => bridge,
            Whose::All => true,
        } {
            tree.program(&format!("{BIN}/{name}"), content);
        }
    }
    tree.public(
        "/etc/systemd/system/firstlight.target",
        overlay::file("firstlight/units/firstlight.target"),
    );
    let master: &[&str] = if node.is_master() { &MASTER } else { &[] };
    let member: &[&str] = if etcd { &MEMBER } else { &[] };
    let network = bridge.then_some(&BRIDGE);
    for unit in ALL.iter().chain(network).chain(master).chain(member) {
        let path = format!("/etc/systemd/system/{unit}");
        let content = overlay::file(&format!("firstlight/units/{unit}"));
        match *unit {
            "kubelet.service" => tree.private(&path, content),
            _ => tree.public(&path, content),
        }
        // one link is enabled (multi-user.target.wants, by the boot format); all else hangs on the target, or on a timer
        if ![
            "firstlight.service",
            "firstlight-again@.service",
            "firstlight-clock-moved.service",
            "firstlight-converge.service",
            "firstlight-images-again.service",
            "firstlight-verify.service",
            "firstlight-etcd-snapshot.service",
        ]
        .contains(unit)
        {
            tree.links.insert(
                format!("/etc/systemd/system/firstlight.target.wants/{unit}"),
                format!("../{unit}"),
            );
        }
    }
    if node.profile.systemd >= KNOWS_TASKS_MAX {
        tree.public(
            "/etc/systemd/system/containerd.service.d/10-tasks.conf",
            "# the processes of all pods' shims\n[Service]\nTasksMax=infinity\n",
        );
    }
    tree.public(
        "/etc/firstlight/effects",
        overlay::file("firstlight/effects"),
    );
    let mut tools = vec!["status", "reset", "update"];
    if node.is_master() {
        tools.push("renew");
        tree.public(
            "/etc/firstlight/lease.yaml",
            overlay::file("firstlight/manifests/lease.yaml"),
        );
        // often enough that several runs come before what is left of a certificate has gone; counted from the end of
        // a run, which takes a minute where a machine has too much to do
        let every = (plan.certificates.rotated_minutes / 30).clamp(1, 12 * 60);
        tree.public(
            "/etc/systemd/system/firstlight-renew.timer.d/every.conf",
            format!("[Timer]\nOnUnitInactiveSec={every}min\n"),
        );
    }
    if etcd {
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
    let upstream = ["kubectl", "crictl", "ctr", "kubeadm"].into_iter();
    for tool in upstream.chain(etcd.then_some("etcdctl")) {
        tree.links
            .insert(format!("/usr/local/bin/{tool}"), format!("{BIN}/{tool}"));
    }
}

/// Where a program has work.
enum Whose {
    /// Where a member of etcd runs.
    Etcd,
    Masters,
    /// Where the pod network is `bridge`.
    Bridge,
    All,
}

fn whose(program: &str) -> Whose {
    match program.trim_start_matches("firstlight-") {
        "ask" | "roll" | "rollcall" | "show" => Whose::Etcd,
        name if name.starts_with("etcd") => Whose::Etcd,
        "apply" | "lease" | "renew" | "sign" => Whose::Masters,
        "network" => Whose::Bridge,
        _ => Whose::All,
    }
}

/// What cloud-init runs on every boot: stages `archive` (base64 lines) and starts `firstlight.service`.
pub(super) fn foothold(archive: &str, digest_hex: &str) -> String {
    overlay::file("firstlight/foothold.sh")
        .replace("@DIGEST@", digest_hex)
        .replace("@SEED@", archive)
}
