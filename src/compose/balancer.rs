//! A worker's way to all API servers: haproxy on 127.0.0.1:6443, as a static pod.

use serde_json::json;

use super::host::bracketed;
use super::object;
use super::tree::NodeTree;
use crate::plan::{Node, Plan};

/// Its configuration and its pod.
pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node) {
    let servers: String = plan
        .masters()
        .map(|m| format!("  server {} {}:6443 check\n", m.name, bracketed(m.ip())))
        .collect();
    // unchecked: one that is slow to say that it is ready is better than none
    let last: String = plan
        .masters()
        .map(|m| {
            let address = bracketed(m.ip());
            format!("  server last-{} {address}:6443 backup\n", m.name)
        })
        .collect();
    tree.public(
        "/etc/firstlight/haproxy.cfg",
        format!(
            "# health by the API server's own word, over TLS with our CA: a master that accepts and hangs is down\n\
             global\n  log stdout format raw local0 notice\n  maxconn 4096\n\n\
             defaults\n  mode tcp\n  log global\n  timeout connect 3s\n  timeout client 1h\n  timeout server 1h\n  timeout check 2s\n\n\
             frontend api\n  bind 127.0.0.1:6443\n  default_backend masters\n\n\
             backend masters\n  balance leastconn\n  option allbackups\n  option httpchk GET /readyz\n  http-check expect status 200\n  \
             default-server check-ssl verify required ca-file /etc/kubernetes/pki/ca.crt inter 1s fall 3 rise 1 on-marked-down shutdown-sessions\n\
             {servers}{last}"
        ),
    );
    let (image, digest) = node
        .image("haproxy")
        .expect("every train has haproxy for workers");
    let volume = |name: &str, path: &str| json!({ "name": name, "hostPath": { "path": path, "type": "File" } });
    let mount =
        |name: &str, path: &str| json!({ "name": name, "mountPath": path, "readOnly": true });
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "haproxy", "namespace": "kube-system", "labels": { "component": "haproxy", "tier": "node" } },
        "spec": {
            "hostNetwork": true,
            "priorityClassName": "system-node-critical",
            "securityContext": { "runAsUser": 65534, "runAsGroup": 65534, "runAsNonRoot": true },
            "containers": [{
                "name": "haproxy",
                "image": format!("{image}@{digest}"),
                "imagePullPolicy": "IfNotPresent",
                // -W: a master process that ends on SIGTERM; the first process of a pod otherwise ignores it, for 90 s at shutdown
                "command": ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
                "resources": { "requests": { "cpu": "25m", "memory": "32Mi" } },
                "volumeMounts": [
                    mount("config", "/usr/local/etc/haproxy/haproxy.cfg"),
                    mount("ca", "/etc/kubernetes/pki/ca.crt"),
                ],
            }],
            "volumes": [volume("config", "/etc/firstlight/haproxy.cfg"), volume("ca", "/etc/kubernetes/pki/ca.crt")],
        },
    });
    tree.private("/etc/firstlight/manifests/haproxy.yaml", object::yaml(&pod));
}
