//! Calico: its kinds, calico-node on every node, its controllers.

use serde_json::{Value, json};

use super::super::object::{self, find};
use super::super::overlay;
use super::{api, node_name, variable};

use crate::plan::{IpipMode, Node, Plan};

/// What IP-in-IP takes of every packet, in bytes: an IPv4 header.
const IPIP: u32 = 20;

/// The kinds first: objects of them are refused before.
pub(super) fn waves(plan: &Plan, node: &Node) -> Vec<(&'static str, Vec<Value>)> {
    let kinds = object::read(overlay::file("calico/manifests/kinds.yaml"));
    let mut objects = object::read(overlay::file("calico/manifests/calico.yaml"));
    let pod = "/spec/template/spec";
    let daemon_set = find(&mut objects, "DaemonSet", "calico-node").pointer_mut(pod);
    let daemon_set = daemon_set.expect("a DaemonSet has pods");
    daemon_set["initContainers"][0]["env"] = json!(install(plan));
    daemon_set["initContainers"][0]["image"] = json!(image(node, "cni"));
    daemon_set["containers"][0]["env"] = json!(environment(plan));
    daemon_set["containers"][0]["image"] = json!(image(node, "node"));
    let controllers = find(&mut objects, "Deployment", "calico-kube-controllers");
    controllers["spec"]["template"]["spec"]["containers"][0]["image"] =
        json!(image(node, "kube-controllers"));
    vec![
        ("14-network-kinds.yaml", kinds),
        ("15-network.yaml", objects),
    ]
}

fn image(node: &Node, name: &str) -> String {
    let (image, digest) = node.image(name).expect("the train has Calico's images");
    format!("{image}@{digest}")
}

/// MTU of pods and tunnels.
fn mtu(plan: &Plan) -> u32 {
    let calico = &plan.network.calico;
    match calico.ipip_mode {
        IpipMode::Always | IpipMode::CrossSubnet => calico.mtu - IPIP,
        IpipMode::Never => calico.mtu,
    }
}

/// What installs the plugins and `/etc/cni/net.d/10-calico.conflist`.
fn install(plan: &Plan) -> Vec<Value> {
    // the words in capitals are filled in on each node
    let config = json!({
        "name": "k8s-pod-network",
        "cniVersion": "0.3.1",
        "plugins": [
            {
                "type": "calico",
                "log_level": "info",
                "log_file_path": "/var/log/calico/cni/cni.log",
                "datastore_type": "kubernetes",
                "nodename": "__KUBERNETES_NODE_NAME__",
                "mtu": mtu(plan),
                "ipam": { "type": "calico-ipam" },
                "policy": { "type": "k8s" },
                "kubernetes": { "kubeconfig": "__KUBECONFIG_FILEPATH__" },
            },
            { "type": "portmap", "snat": true, "capabilities": { "portMappings": true } },
        ],
    });
    let mut env = Vec::from(api());
    env.extend([
        variable("CNI_CONF_NAME", "10-calico.conflist"),
        variable("CNI_NETWORK_CONFIG", config.to_string()),
        node_name("KUBERNETES_NODE_NAME"),
        variable("SLEEP", "false"),
    ]);
    env
}

/// calico-node's, in which what the user names takes the place of what is here.
fn environment(plan: &Plan) -> Vec<Value> {
    let settings = &plan.network.calico;
    let mtu = mtu(plan).to_string();
    let mut env = Vec::from(api());
    env.push(node_name("NODENAME"));
    let ours = [
        ("DATASTORE_TYPE", "kubernetes"),
        ("WAIT_FOR_DATASTORE", "true"),
        ("CALICO_NETWORKING_BACKEND", "bird"),
        ("CLUSTER_TYPE", "k8s,bgp"),
        ("IP", "autodetect"),
        ("IP_AUTODETECTION_METHOD", "kubernetes-internal-ip"),
        ("CALICO_IPV4POOL_CIDR", &plan.pod_cidrs[0].to_string()),
        ("CALICO_IPV4POOL_IPIP", settings.ipip_mode.as_str()),
        ("CALICO_IPV4POOL_VXLAN", "Never"),
        (
            "CALICO_IPV4POOL_NAT_OUTGOING",
            if settings.nat_outgoing {
                "true"
            } else {
                "false"
            },
        ),
        ("CALICO_IPV6POOL_VXLAN", "Never"),
        ("FELIX_IPINIPMTU", &mtu),
        ("CALICO_DISABLE_FILE_LOGGING", "true"),
        ("FELIX_DEFAULTENDPOINTTOHOSTACTION", "ACCEPT"),
        ("FELIX_IPV6SUPPORT", "false"),
        ("FELIX_HEALTHENABLED", "true"),
        // the same on hosts of both kinds; found out by itself where it is not said
        ("FELIX_IPTABLESBACKEND", "Auto"),
    ];
    let theirs = &settings.environment;
    let ours = ours
        .into_iter()
        .filter(|(name, _)| !theirs.contains_key(*name));
    env.extend(ours.map(|(name, value)| variable(name, value)));
    env.extend(theirs.iter().map(|(name, value)| variable(name, value)));
    env
}
