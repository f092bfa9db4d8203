//! The pod network: what of it is a node's own, and what masters apply of it.

mod calico;
mod weave;

pub(super) use weave::SECRET as WEAVE_SECRET;

use serde_json::{Value, json};

use super::tree::NodeTree;
use crate::config::model::Provider;
use crate::identity::Identities;
use crate::plan::{Node, Plan};

/// The files of a node that only its pod network needs.
pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node, ids: &Identities) {
    match plan.provider {
        Provider::Bridge => bridge(tree, node, ids),
        // of the others every node gets its configuration in the cluster, once the network gives addresses
        Provider::Weave | Provider::Calico | Provider::Custom => {}
    }
}

/// `/etc/cni/net.d/10-bridge.conflist`. Masquerading is not CNI's (`ipMasq` would hide every pod
/// from pods on other nodes) but one rule of `firstlight-network`.
fn bridge(tree: &mut NodeTree, node: &Node, ids: &Identities) {
    let subnets = ids
        .pod_subnets
        .get(&node.name)
        .expect("every node has its subnet");
    let ranges: Vec<_> = subnets
        .iter()
        .map(|net| json!([{ "subnet": net.to_string() }]))
        .collect();
    let config = json!({
        "cniVersion": "0.4.0",
        "name": "bridge",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "hairpinMode": true,
                "ipam": { "type": "host-local", "dataDir": "/run/cni/networks", "ranges": ranges, "routes": [{ "dst": "0.0.0.0/0" }] },
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    });
    let text = serde_json::to_string_pretty(&config).expect("plain values have a JSON form");
    tree.private("/etc/cni/net.d/10-bridge.conflist", text + "\n");
}

/// The objects of the pod network, wave by wave.
pub(super) fn waves(plan: &Plan, node: &Node, ids: &Identities) -> Vec<(&'static str, Vec<Value>)> {
    match plan.provider {
        Provider::Bridge => Vec::new(),
        Provider::Weave => weave::waves(plan, node, ids),
        Provider::Calico => calico::waves(plan, node),
        Provider::Custom => custom(plan),
    }
}

/// The user's own manifests.
fn custom(plan: &Plan) -> Vec<(&'static str, Vec<Value>)> {
    let objects = plan.network.manifests.iter().flat_map(|m| &m.objects);
    vec![("15-network.yaml", objects.cloned().collect())]
}

/// One variable of a container's environment.
fn variable(name: &str, value: impl Into<String>) -> Value {
    json!({ "name": name, "value": value.into() })
}

/// A variable that is the name of the node.
fn node_name(name: &str) -> Value {
    json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } } })
}

/// The API as pods of the network reach it, which are there before any Service is: every node has one.
fn api() -> [Value; 2] {
    [
        variable("KUBERNETES_SERVICE_HOST", "127.0.0.1"),
        variable("KUBERNETES_SERVICE_PORT", "6443"),
    ]
}
