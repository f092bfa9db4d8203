//! Weave Net: its `DaemonSet`s, one for each kind of iptables rules, and the password of its peers.

use serde_json::{Value, json};

use super::super::object::{self, find, set};
use super::super::overlay;
use super::{api, node_name, variable};
use crate::artefact::IptablesBackend;
use crate::identity::Identities;
use crate::plan::{IPTABLES_LABEL, Node, Plan};

/// The Secret with the password of the peers.
pub(in super::super) const SECRET: &str = "weave-password";

pub(super) fn waves(plan: &Plan, node: &Node, ids: &Identities) -> Vec<(&'static str, Vec<Value>)> {
    vec![("15-network.yaml", objects(plan, node, ids))]
}

fn objects(plan: &Plan, node: &Node, ids: &Identities) -> Vec<Value> {
    let mut objects = object::read(overlay::file("weave/manifests/weave.yaml"));
    let launch = find(&mut objects, "ConfigMap", "weave-launch");
    for name in ["launch.sh", "ring.sh", "10-weave.conflist"] {
        let text = overlay::file(&format!("weave/{name}"));
        launch["data"][name] = json!(text);
    }
    let last = objects.pop().expect("the manifest ends with the DaemonSet");
    let backends = &plan.network.needs.iptables;
    let sets = backends
        .iter()
        .map(|(host, pods)| daemon_set(last.clone(), plan, node, ids, *host, *pods));
    objects.extend(sets);
    objects
}

/// The peers of the hosts whose iptables writes `host` rules; they write `pods` rules.
fn daemon_set(
    mut set_: Value,
    plan: &Plan,
    node: &Node,
    ids: &Identities,
    host: IptablesBackend,
    pods: IptablesBackend,
) -> Value {
    let word = host.as_str();
    set(
        &mut set_,
        "/metadata/name",
        json!(format!("weave-net-{word}")),
    );
    for labels in [
        "/spec/selector/matchLabels",
        "/spec/template/metadata/labels",
    ] {
        set(&mut set_, &format!("{labels}/iptables"), json!(word));
    }
    let pod = set_.pointer_mut("/spec/template/spec");
    let pod = pod.expect("a DaemonSet has pods");
    pod["nodeSelector"][IPTABLES_LABEL] = json!(word);
    let backend = variable("IPTABLES_BACKEND", pods.as_str());
    pod["initContainers"][0]["env"] = json!([backend]);
    pod["containers"][0]["env"] = json!(peer(plan, ids, &backend));
    let [host_env, port_env] = api();
    pod["containers"][1]["env"] = json!([node_name("HOSTNAME"), host_env, port_env, backend]);
    for (list, at, image) in [
        ("initContainers", 0, "weave-kube"),
        ("containers", 0, "weave-kube"),
        ("containers", 1, "weave-npc"),
    ] {
        let (name, digest) = node.image(image).expect("the train has Weave Net's images");
        pod[list][at]["image"] = json!(format!("{name}@{digest}"));
    }
    set_
}

/// The environment of the container `weave`.
fn peer(plan: &Plan, ids: &Identities, backend: &Value) -> Vec<Value> {
    let settings = &plan.network.weave;
    let mut options = Vec::new();
    if !settings.trusted_subnets.is_empty() {
        let subnets: Vec<_> = settings
            .trusted_subnets
            .iter()
            .map(ToString::to_string)
            .collect();
        options.push(format!("--trusted-subnets={}", subnets.join(",")));
    }
    if let Some(subnet) = settings.ipalloc_default_subnet {
        options.push(format!("--ipalloc-default-subnet={subnet}"));
    }
    let known: Vec<_> = settings
        .known_peers
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut env = vec![node_name("NODE"), node_name("HOSTNAME")];
    env.extend(api());
    env.extend([
        variable("CLUSTER_ID", &ids.cluster_id),
        variable("KNOWN_PEERS", known.join(" ")),
        variable("OPTIONS", options.join(" ")),
        variable("INIT_CONTAINER", "true"),
        variable("CHECKPOINT_DISABLE", "1"),
        variable("CONN_LIMIT", "0"),
        variable("IPALLOC_RANGE", plan.pod_cidrs[0].to_string()),
        variable("NO_MASQ_LOCAL", if settings.no_masq_local { "1" } else { "0" }),
        backend.clone(),
        json!({ "name": "WEAVE_PASSWORD", "valueFrom": { "secretKeyRef": { "name": SECRET, "key": "password" } } }),
    ]);
    env.extend(
        settings
            .mtu
            .map(|mtu| variable("WEAVE_MTU", mtu.to_string())),
    );
    env
}
