//! The pod network: CNI configuration of the provider `bridge`.

use serde_json::json;

use super::tree::NodeTree;
use crate::identity::Identities;
use crate::plan::{Node, Plan};

/// `/etc/cni/net.d/10-bridge.conflist`. Masquerading is not CNI's (`ipMasq` would hide every pod
/// from pods on other nodes) but one rule of `firstlight-network`.
pub(super) fn add(tree: &mut NodeTree, _plan: &Plan, node: &Node, ids: &Identities) {
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
    tree.public("/etc/cni/net.d/10-bridge.conflist", text + "\n");
}
