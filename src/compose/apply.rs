//! The objects that masters apply: RBAC, kube-proxy, addons, in waves.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::addons::{self, Context};
use super::object::{self, find, set};
use super::tree::{Kind, NodeTree};
use super::{network, overlay, pod_security};
use crate::artefact::Digest;
use crate::identity::{self, Identities};
use crate::plan::{Node, Plan};

const FOLDER: &str = "/etc/firstlight/apply";

/// Each wave as one file, and the inventory of all.
pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node, ids: &Identities) {
    for (name, content) in waves(plan, node, ids) {
        let path = format!("{FOLDER}/{name}");
        if content.contains("\nkind: Secret\n") {
            let content = identity::Secret::new(content);
            tree.secret(&path, &content, Kind::Fixed, "what `manifests` put there");
        } else {
            tree.public(&path, content);
        }
    }
    for secret in secrets(ids) {
        let (namespace, name) = (secret.namespace, secret.name);
        for (key, value) in &secret.data {
            let path = format!("{FOLDER}/secrets/{namespace}/{name}/{key}");
            tree.secret(&path, value, Kind::Fixed, secret.allows);
        }
    }
}

/// A Secret of the cluster. Its values are files for root alone, of which masters make it: what is in a
/// manifest anybody on the machine may read.
struct Secret {
    namespace: &'static str,
    name: &'static str,
    data: Vec<(&'static str, identity::Secret)>,
    allows: &'static str,
}

/// Every Secret that the cluster's objects need.
fn secrets(ids: &Identities) -> Vec<Secret> {
    let mut secrets = Vec::new();
    if let Some(leaf) = &ids.metrics_server {
        secrets.push(Secret {
            namespace: "kube-system",
            name: "metrics-server",
            data: vec![
                ("tls.crt", identity::Secret::new(leaf.cert.clone())),
                ("tls.key", leaf.key.clone()),
            ],
            allows: "answer as metrics-server",
        });
    }
    if let Some(password) = &ids.weave_password {
        secrets.push(Secret {
            namespace: "kube-system",
            name: network::WEAVE_SECRET,
            data: vec![("password", password.clone())],
            allows: "join the pod network as a peer, and read what peers tell each other",
        });
    }
    secrets
}

/// What stands for the Secrets where it is asked whether the cluster's objects have changed.
pub(super) fn secret_digests(ids: &Identities) -> impl Iterator<Item = String> {
    let values = secrets(ids).into_iter().flat_map(|secret| secret.data);
    values.map(|(key, value)| format!("{key} {}\n", Digest::sha256(value.expose().as_bytes())))
}

/// File name to content: `NN-name.yaml` in the order in which they are applied, and `inventory`.
pub(super) fn waves(plan: &Plan, node: &Node, ids: &Identities) -> BTreeMap<String, String> {
    let mut first = rbac(plan);
    first.extend(pod_security::objects(plan));
    let mut waves = vec![
        ("10-rbac.yaml".to_owned(), first),
        ("20-kube-proxy.yaml".to_owned(), kube_proxy(plan, node)),
    ];
    let network = network::waves(plan, node, ids).into_iter();
    waves.extend(network.map(|(name, objects)| (name.to_owned(), objects)));
    waves.extend(addons::waves(&Context { plan, ids }));
    for (number, manifest) in plan.manifests.iter().enumerate() {
        waves.push((given_name(number, &manifest.name), manifest.objects.clone()));
    }
    let waves = waves
        .into_iter()
        .map(|(name, objects)| (name, pod_security::by_label(plan, objects)))
        .map(|(name, objects)| {
            let objects = objects.into_iter().map(object::default_protocols);
            (name, objects.collect())
        });
    let waves: Vec<_> = waves.flat_map(definitions_first).collect();
    let objects = waves.iter().flat_map(|(_, objects)| objects);
    let own = secrets(ids).into_iter();
    let mut inventory: Vec<String> = objects
        .map(object::reference)
        .chain(own.map(|secret| format!("{}/secret/{}", secret.namespace, secret.name)))
        .collect();
    inventory.sort_unstable();
    let files = waves
        .into_iter()
        .map(|(name, objects)| (name, object::stream(&objects)));
    files
        .chain([("inventory".to_owned(), inventory.join("\n") + "\n")])
        .collect()
}

/// `90-001-web.yaml`: the number keeps the order of `manifests:`.
fn given_name(number: usize, path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let stem: String = stem.chars().map(plain).collect();
    format!("90-{number:03}-{stem}.yaml")
}

/// Definitions of kinds are a wave of their own, which has to be established before objects of them come.
fn definitions_first((name, objects): (String, Vec<Value>)) -> Vec<(String, Vec<Value>)> {
    let defines = |object: &Value| object["kind"] == "CustomResourceDefinition";
    let (definitions, others): (Vec<_>, Vec<_>) = objects.into_iter().partition(defines);
    let stem = name.strip_suffix(".yaml").unwrap_or(&name).to_owned();
    [(format!("{stem}-crds.yaml"), definitions), (name, others)]
        .into_iter()
        .filter(|(_, objects)| !objects.is_empty())
        .collect()
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
        "imageRepository": plan.image_repository.as_deref().unwrap_or("registry.k8s.io"),
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
        "mode": plan.kube_proxy.mode.as_str(),
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
