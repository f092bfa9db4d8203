//! The DNS cache on every node: what it asks.

use serde_json::{Value, json};

use super::super::object::set;
use super::{Context, find};
use crate::plan::addons::Addon;

/// The address that it listens on: a link-local one, which the node puts on its loopback interface.
pub(in super::super) const ADDRESS: &str = "169.254.20.10";

/// Everything is asked of CoreDNS, which knows the cluster's names and whom to ask for others; over TCP,
/// so that a lost packet costs no five seconds.
pub(super) fn patch(context: &Context<'_>, _: &Addon, objects: &mut [Value]) {
    let servers = context.plan.dns_ips.iter().find(|ip| ip.is_ipv4());
    let (Some(server), Some(map)) = (servers, find(objects, "ConfigMap", "node-local-dns")) else {
        return;
    };
    let corefile = format!(
        ".:53 {{\n    errors\n    cache {{\n        success 9984 30\n        denial 9984 5\n    }}\n    reload\n    loop\n    bind {ADDRESS}\n    \
         forward . {server} {{\n        force_tcp\n    }}\n    prometheus {ADDRESS}:9253\n    health {ADDRESS}:8080\n}}\n"
    );
    set(map, "/data/Corefile", json!(corefile));
}
