//! Whether what the cluster's manifests open on a machine is in the port contract.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::object;
use super::tree::NodeTree;
use crate::plan::Plan;
use crate::plan::ports::{Exposure, Port, Ports, Protocol, ports};

/// Where our manifests are.
const FOLDERS: [&str; 2] = ["/etc/firstlight/manifests/", "/etc/firstlight/apply/"];

/// Ports that a manifest of `tree` opens on its machines (`hostPort`, and all that a pod in the host's
/// network names) and that are in no row, as `path: port`.
pub fn undeclared(plan: &Plan, tree: &NodeTree) -> Vec<String> {
    let rows = ports(plan);
    let mut found = Vec::new();
    for (path, file) in &tree.files {
        let yaml = Path::new(path).extension().is_some_and(|end| end == "yaml");
        if !yaml || !FOLDERS.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        let mut opened = BTreeSet::new();
        for manifest in object::read(&String::from_utf8_lossy(&file.content)) {
            pods(&manifest, &mut opened);
        }
        let lacking = opened.into_iter().filter(|one| !declared(&rows, *one));
        found.extend(
            lacking.map(|(port, protocol)| format!("{path}: {port}/{}", protocol.as_str())),
        );
    }
    found
}

fn declared(rows: &[Port], (port, protocol): (u16, Protocol)) -> bool {
    rows.iter().map(|p| &p.row).any(|row| {
        row.exposure != Exposure::Closed
            && row.protocol == protocol
            && row
                .port
                .is_some_and(|ports| ports.contains(Ports::from(port)))
    })
}

/// Every pod, wherever its specification is in the object.
fn pods(value: &Value, opened: &mut BTreeSet<(u16, Protocol)>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Array(containers)) = fields.get("containers") {
                let host = fields.get("hostNetwork") == Some(&Value::Bool(true));
                let init = fields.get("initContainers").and_then(Value::as_array);
                for one in containers.iter().chain(init.into_iter().flatten()) {
                    container(one, host, opened);
                }
            }
            fields.values().for_each(|field| pods(field, opened));
        }
        Value::Array(items) => items.iter().for_each(|item| pods(item, opened)),
        _ => {}
    }
}

fn container(container: &Value, host: bool, opened: &mut BTreeSet<(u16, Protocol)>) {
    let named = container["ports"].as_array().into_iter().flatten();
    for port in named {
        let udp = port["protocol"] == "UDP";
        let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
        let inside = host.then_some(&port["containerPort"]);
        for number in [Some(&port["hostPort"]), inside].into_iter().flatten() {
            opened.extend(number_of(number).map(|n| (n, protocol)));
        }
    }
    // what is probed listens, and a pod in the host's network need not say so in `ports`
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        for way in ["httpGet", "tcpSocket", "grpc"] {
            let number = number_of(&container[probe][way]["port"]);
            opened.extend(number.filter(|_| host).map(|n| (n, Protocol::Tcp)));
        }
    }
}

fn number_of(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|n| u16::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(manifest: &Value) -> Vec<(u16, Protocol)> {
        let mut all = BTreeSet::new();
        pods(manifest, &mut all);
        all.into_iter().collect()
    }

    #[test]
    fn pods_of_the_host_network_open_what_they_name_and_what_is_probed() {
        let pod = serde_json::json!({ "spec": { "template": { "spec": {
            "hostNetwork": true,
            "initContainers": [{ "ports": [{ "containerPort": 1 }] }],
            "containers": [{
                "ports": [{ "containerPort": 53, "protocol": "UDP" }, { "containerPort": 9253 }],
                "livenessProbe": { "httpGet": { "port": 8080 } },
            }],
        } } } });
        let tcp = [1, 8080, 9253].map(|port| (port, Protocol::Tcp));
        let udp = [(53, Protocol::Udp)];
        let mut expected: Vec<_> = tcp.into_iter().chain(udp).collect();
        expected.sort_unstable();
        assert_eq!(opened(&pod), expected);
    }

    #[test]
    fn other_pods_open_host_ports_alone() {
        let pod = serde_json::json!({ "spec": { "containers": [{
            "ports": [{ "containerPort": 80, "hostPort": 8080 }, { "containerPort": 443 }],
            "livenessProbe": { "httpGet": { "port": 10254 } },
        }] } });
        assert_eq!(opened(&pod), [(8080, Protocol::Tcp)]);
    }
}
