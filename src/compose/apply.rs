//! The objects that masters apply: RBAC, kube-proxy, DNS, in waves.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::object::{self, find, set};
use super::tree::{Kind, NodeTree};
use super::{network, overlay};
use crate::config::model::ProxyMode;
use crate::identity::{Identities, Secret};
use crate::plan::{Node, Plan};

const FOLDER: &str = "/etc/firstlight/apply";

/// Each wave as one file, and the inventory of all.
pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node, ids: &Identities) {
    for (name, wave) in waves(plan, node, ids) {
        let path = format!("{FOLDER}/{name}");
        if wave.secret {
            let text = Secret::new(wave.text);
            tree.secret(
                &path,
                &text,
                Kind::Fixed,
                "know the Secrets of the cluster that are in it",
            );
        } else {
            tree.public(&path, wave.text);
        }
    }
}

/// A file of objects.
pub(super) struct Wave {
    pub(super) text: String,
    /// Whether it holds a Secret.
    secret: bool,
}

/// File name to content: `NN-name.yaml` in the order in which they are applied, and `inventory`.
pub(super) fn waves(plan: &Plan, node: &Node, ids: &Identities) -> BTreeMap<String, Wave> {
    let mut waves = vec![
        ("10-rbac.yaml", rbac(plan)),
        ("20-kube-proxy.yaml", kube_proxy(plan, node)),
    ];
    waves.extend(network::waves(plan, node, ids));
    if plan.addons.contains("coredns") {
        waves.push(("30-coredns.yaml", coredns(plan, node)));
    }
    let mut inventory: Vec<String> = waves
        .iter()
        .flat_map(|(_, objects)| objects.iter().map(object::reference))
        .collect();
    inventory.sort_unstable();
    let files = waves.into_iter().map(|(name, objects)| {
        let wave = Wave {
            text: object::stream(&objects),
            secret: objects.iter().any(|object| object["kind"] == "Secret"),
        };
        (name.to_owned(), wave)
    });
    let inventory = Wave {
        text: inventory.join("\n") + "\n",
        secret: false,
    };
    files.chain([("inventory".to_owned(), inventory)]).collect()
}

fn rbac(plan: &Plan) -> Vec<Value> {
    let mut objects = object::read(overlay::file("firstlight/manifests/rbac.yaml"));
    let join = |nets: &[ipnet::IpNet]| {
        nets.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",")
    };
    let own = plan
        .masters()
        .map(|m| format!("https://{}:2379", super::host::bracketed(m.ip())));
    let external = plan.etcd.external.as_ref();
    let members: Vec<_> = external.map_or_else(|| own.collect(), |e| e.endpoints.clone());
    // what kubeadm's own tools look for; etcd is external to them, because it is a unit here
    let configuration = json!({
        "apiVersion": plan.release.settings.api_versions.kubeadm,
        "kind": "ClusterConfiguration",
        "clusterName": plan.cluster,
        "kubernetesVersion": format!("v{}", plan.release.kubernetes),
        "certificatesDir": "/etc/kubernetes/pki",
        "imageRepository": "registry.k8s.io",
        "controlPlaneEndpoint": plan.endpoint.as_ref().map_or("127.0.0.1:6443".to_owned(), |e| format!("{e}:6443")),
        "networking": { "dnsDomain": plan.domain, "podSubnet": join(&plan.pod_cidrs), "serviceSubnet": join(&plan.service_cidrs) },
        "etcd": { "external": {
            "endpoints": members,
            "caFile": "/etc/kubernetes/pki/etcd/ca.crt",
            "certFile": "/etc/kubernetes/pki/apiserver-etcd-client.crt",
            "keyFile": "/etc/kubernetes/pki/apiserver-etcd-client.key",
        } },
    });
    set(
        find(&mut objects, "ConfigMap", "kubeadm-config"),
        "/data/ClusterConfiguration",
        json!(object::yaml(&configuration)),
    );
    objects
}

fn kube_proxy(plan: &Plan, node: &Node) -> Vec<Value> {
    let mut objects = object::read(overlay::file("kube-proxy/manifests/kube-proxy.yaml"));
    let pods: Vec<_> = plan.pod_cidrs.iter().map(ToString::to_string).collect();
    let config = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": { "kubeconfig": "/var/lib/kube-proxy/kubeconfig.conf" },
        "clusterCIDR": pods.join(","),
        "conntrack": conntrack(plan),
        "healthzBindAddress": "0.0.0.0:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "mode": match plan.kube_proxy.mode {
            ProxyMode::Iptables => "iptables",
            ProxyMode::Ipvs => "ipvs",
        },
    });
    let token = "/var/run/secrets/kubernetes.io/serviceaccount";
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "default", "cluster": { "certificate-authority": format!("{token}/ca.crt"), "server": "https://127.0.0.1:6443" } }],
        "contexts": [{ "name": "default", "context": { "cluster": "default", "namespace": "default", "user": "default" } }],
        "current-context": "default",
        "users": [{ "name": "default", "user": { "tokenFile": format!("{token}/token") } }],
    });
    let map = find(&mut objects, "ConfigMap", "kube-proxy");
    set(map, "/data/config.conf", json!(object::yaml(&config)));
    set(
        map,
        "/data/kubeconfig.conf",
        json!(object::yaml(&kubeconfig)),
    );
    image(
        find(&mut objects, "DaemonSet", "kube-proxy"),
        node,
        "kube-proxy",
    );
    objects
}

/// Numbers stay numbers: `maxPerCore: 0` is an integer to kube-proxy, `tcpEstablishedTimeout: 0s` a duration.
fn conntrack(plan: &Plan) -> Value {
    let typed = |text: &String| {
        text.parse::<i64>()
            .map_or_else(|_| json!(text), |n| json!(n))
    };
    Value::Object(
        plan.kube_proxy
            .conntrack
            .iter()
            .map(|(k, v)| (k.clone(), typed(v)))
            .collect::<Map<_, _>>(),
    )
}

fn coredns(plan: &Plan, node: &Node) -> Vec<Value> {
    let mut objects = object::read(overlay::file("coredns/manifests/coredns.yaml"));
    let resolvers: Vec<_> = node
        .network
        .nameservers
        .iter()
        .map(ToString::to_string)
        .collect();
    let forward = if resolvers.is_empty() {
        "/etc/resolv.conf".to_owned()
    } else {
        resolvers.join(" ")
    };
    let corefile = format!(
        ".:53 {{\n    errors\n    health {{\n        lameduck 5s\n    }}\n    ready\n    kubernetes {} in-addr.arpa ip6.arpa {{\n        \
         pods insecure\n        fallthrough in-addr.arpa ip6.arpa\n        ttl 30\n    }}\n    prometheus :9153\n    forward . {forward} {{\n        \
         max_concurrent 1000\n    }}\n    cache 30\n    loop\n    reload\n    loadbalance\n}}\n",
        plan.domain
    );
    set(
        find(&mut objects, "ConfigMap", "coredns"),
        "/data/Corefile",
        json!(corefile),
    );
    let deployment = find(&mut objects, "Deployment", "coredns");
    image(deployment, node, "coredns");
    set(deployment, "/spec/replicas", json!(plan.dns_replicas));
    let service = find(&mut objects, "Service", "kube-dns");
    set(
        service,
        "/spec/clusterIP",
        json!(plan.dns_ips[0].to_string()),
    );
    objects
}

/// The first container's image, by digest.
fn image(workload: &mut Value, node: &Node, name: &str) {
    let (image, digest) = node
        .image(name)
        .expect("the train has the image of every manifest");
    set(
        workload,
        "/spec/template/spec/containers/0/image",
        json!(format!("{image}@{digest}")),
    );
}
