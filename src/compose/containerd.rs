//! containerd's configuration, in the version its release reads.

use serde_json::{Value, json};

use super::registries;
use super::tree::{Kind, NodeTree};
use crate::identity::{Identities, Secret};
use crate::plan::{Node, Plan};

/// `/etc/containerd/config.toml` with what each registry is reached by, and crictl's pointer to the socket.
pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node, ids: &Identities) {
    let (pause, _) = node.image("pause").expect("every train has pause");
    let logins = registries::logins(plan, &ids.given);
    let mut registry = json!({ "config_path": registries::FOLDER });
    if !logins.is_empty() {
        registry["configs"] = Value::Object(logins);
    }
    let config = match plan.release.settings.containerd_config {
        2 => version_2(pause, &registry),
        _ => version_3(pause, &registry),
    };
    let text = toml::to_string(&config).expect("tables of plain values have a TOML form");
    let path = "/etc/containerd/config.toml";
    if registries::has_logins(plan) {
        let allows = "pull images from the registries that it logs in to";
        tree.secret(path, &Secret::new(text), Kind::Fixed, allows);
    } else {
        tree.public(path, text);
    }
    registries::add(tree, plan, &ids.given);
    tree.public(
        "/etc/crictl.yaml",
        "runtime-endpoint: unix:///run/containerd/containerd.sock\nimage-endpoint: unix:///run/containerd/containerd.sock\n",
    );
}

/// The kubelet's driver is systemd too: two drivers on one host account for memory twice.
fn runc() -> Value {
    json!({ "runc": { "runtime_type": "io.containerd.runc.v2", "options": { "BinaryName": "/opt/firstlight/bin/runc", "SystemdCgroup": true } } })
}

/// containerd 1.x, docs/cri/config.md
fn version_2(pause: &str, registry: &Value) -> Value {
    json!({
        "version": 2,
        "imports": ["/etc/containerd/conf.d/*.toml"],
        "plugins": { "io.containerd.grpc.v1.cri": {
            "sandbox_image": pause,
            // a fixed port: the port table must name it
            "stream_server_address": "127.0.0.1",
            "stream_server_port": "10010",
            "cni": { "bin_dir": "/opt/cni/bin", "conf_dir": "/etc/cni/net.d" },
            "containerd": { "default_runtime_name": "runc", "runtimes": runc() },
            "registry": registry,
        } },
    })
}

/// containerd 2.x, docs/cri/config.md
fn version_3(pause: &str, registry: &Value) -> Value {
    json!({
        "version": 3,
        "imports": ["/etc/containerd/conf.d/*.toml"],
        "plugins": {
            "io.containerd.cri.v1.images": { "pinned_images": { "sandbox": pause }, "registry": registry },
            "io.containerd.cri.v1.runtime": {
                "cni": { "bin_dirs": ["/opt/cni/bin"], "conf_dir": "/etc/cni/net.d" },
                "containerd": { "default_runtime_name": "runc", "runtimes": runc() },
            },
            "io.containerd.grpc.v1.cri": { "stream_server_address": "127.0.0.1", "stream_server_port": "10010" },
        },
    })
}
