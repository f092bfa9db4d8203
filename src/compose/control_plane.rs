//! The control plane as static pods, laid out as kubeadm does.

mod apiserver;
mod args;
mod files;

use std::path::Path;

use serde_json::{Value, json};

use super::object;
use super::proxy;
use super::tree::{Kind, NodeTree};
use crate::config::model::Cloud;
use crate::identity::Identities;
use crate::plan::{Node, Plan};
use args::Args;

const PKI: &str = "/etc/kubernetes/pki";
/// What kube-apiserver reads besides.
const FOLDER: &str = "/etc/kubernetes/apiserver";
/// Configuration of a cloud provider that is part of Kubernetes.
pub(super) const CLOUD_CONFIG: &str = "/etc/kubernetes/cloud.conf";
/// What the controller manager signs for by default, in minutes.
const KUBERNETES_YEAR: u32 = 365 * 24 * 60;

/// `/etc/firstlight/manifests/kube-*.yaml`; `firstlight-manifests` puts them before the kubelet.
pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node, ids: &Identities) {
    files::add(tree, plan, ids);
    let digest = files::digest(tree);
    for pod in [
        apiserver(plan, node, ids, &digest),
        controller_manager(plan, node),
        scheduler(plan, node),
    ] {
        let text = object::yaml(&pod.object(plan, node));
        tree.private(
            &format!("/etc/firstlight/manifests/{}.yaml", pod.name),
            text,
        );
    }
}

/// `/etc/kubernetes/cloud.conf` of a node whose kubelet or components read it.
pub(super) fn add_cloud(tree: &mut NodeTree, plan: &Plan, ids: &Identities) {
    let cloud = plan.control_plane.cloud.as_ref();
    if cloud.is_some_and(|cloud| cloud.config.is_some()) {
        let config = ids.given.file("cloud.config");
        tree.secret(
            CLOUD_CONFIG,
            config,
            Kind::Fixed,
            "use the cloud as the cluster does",
        );
    }
}

/// Arguments that name the cloud.
fn cloud(args: &mut Args, cloud: &Cloud) {
    args.set([("cloud-provider", cloud.provider.as_str())]);
    if cloud.config.is_some() {
        args.set([("cloud-config", CLOUD_CONFIG)]);
    }
}

fn has_cloud_config(plan: &Plan) -> bool {
    let cloud = plan.control_plane.cloud.as_ref();
    cloud.is_some_and(|cloud| cloud.config.is_some())
}

fn apiserver(plan: &Plan, node: &Node, ids: &Identities, digest: &str) -> Pod {
    let mut volumes = vec![
        Volume::read("k8s-certs", PKI),
        Volume::read("ca-certs", "/etc/ssl/certs"),
        Volume::read("configuration", FOLDER),
    ];
    if let Some(file) = &plan.control_plane.audit.file {
        let folder = file.path.rsplit_once('/').map_or("/", |(folder, _)| folder);
        volumes.push(Volume {
            writable: true,
            ..Volume::read("audit", if folder.is_empty() { "/" } else { folder })
        });
    }
    if has_cloud_config(plan) {
        volumes.push(Volume::read("cloud-config", CLOUD_CONFIG));
    }
    let probe =
        |path: &str| json!({ "host": "127.0.0.1", "path": path, "port": 6443, "scheme": "HTTPS" });
    Pod {
        name: "kube-apiserver",
        cpu: "250m",
        args: apiserver::args(plan, node, ids),
        volumes,
        // without etcd: when the quorum is lost a restart mends nothing and adds five minutes of back-off
        live: probe("/livez?exclude=etcd"),
        ready: Some(probe("/readyz")),
        digest: Some(digest.to_owned()),
    }
}

fn controller_manager(plan: &Plan, _node: &Node) -> Pod {
    let conf = "/etc/kubernetes/controller-manager.conf";
    let mut args = Args::default();
    args.set([
        ("allocate-node-cidrs", "false"),
        ("authentication-kubeconfig", conf),
        ("authorization-kubeconfig", conf),
        ("bind-address", "127.0.0.1"),
        ("cluster-name", plan.cluster.as_str()),
        ("kubeconfig", conf),
        ("leader-elect", "true"),
        ("profiling", "false"),
        // of pods that ended; Kubernetes' own 12500 fill etcd first
        ("terminated-pod-gc-threshold", "1000"),
        ("use-service-account-credentials", "true"),
    ]);
    let pki = [
        ("client-ca-file", "ca.crt"),
        ("cluster-signing-cert-file", "ca.crt"),
        ("cluster-signing-key-file", "ca.key"),
        ("requestheader-client-ca-file", "front-proxy-ca.crt"),
        ("root-ca-file", "ca.crt"),
        ("service-account-private-key-file", "sa.key"),
    ];
    args.set(pki.map(|(name, file)| (name, format!("{PKI}/{file}"))));
    let rotated = plan.certificates.rotated_minutes;
    if rotated != KUBERNETES_YEAR {
        args.set([("cluster-signing-duration", format!("{rotated}m"))]);
    }
    if plan.release.settings.controller_manager.port_flag {
        args.set([("port", "0")]);
    }
    let mut volumes = vec![
        Volume::read("k8s-certs", PKI),
        Volume::read("kubeconfig", conf),
        Volume::read("ca-certs", "/etc/ssl/certs"),
    ];
    if let Some(provider) = &plan.control_plane.cloud {
        cloud(&mut args, provider);
    }
    if has_cloud_config(plan) {
        volumes.push(Volume::read("cloud-config", CLOUD_CONFIG));
    }
    args.gates(&plan.control_plane.feature_gates);
    args.extra(&plan.control_plane.controller_manager);
    Pod {
        name: "kube-controller-manager",
        cpu: "200m",
        args,
        volumes,
        live: json!({ "host": "127.0.0.1", "path": "/healthz", "port": 10257, "scheme": "HTTPS" }),
        ready: None,
        digest: None,
    }
}

fn scheduler(plan: &Plan, _node: &Node) -> Pod {
    let conf = "/etc/kubernetes/scheduler.conf";
    let mut args = Args::default();
    args.set([
        ("authentication-kubeconfig", conf),
        ("authorization-kubeconfig", conf),
        ("bind-address", "127.0.0.1"),
        ("kubeconfig", conf),
        ("leader-elect", "true"),
        ("profiling", "false"),
    ]);
    if plan.release.settings.scheduler.port_flag {
        args.set([("port", "0")]);
    }
    args.gates(&plan.control_plane.feature_gates);
    args.extra(&plan.control_plane.scheduler);
    Pod {
        name: "kube-scheduler",
        cpu: "100m",
        args,
        volumes: vec![Volume::read("kubeconfig", conf)],
        live: json!({ "host": "127.0.0.1", "path": "/healthz", "port": 10259, "scheme": "HTTPS" }),
        ready: None,
        digest: None,
    }
}

/// A path of the host, mounted where it is.
struct Volume {
    name: &'static str,
    path: String,
    writable: bool,
}

impl Volume {
    fn read(name: &'static str, path: &str) -> Self {
        Self {
            name,
            path: path.to_owned(),
            writable: false,
        }
    }

    fn mount(&self) -> Value {
        json!({ "name": self.name, "mountPath": self.path, "readOnly": !self.writable })
    }

    fn source(&self) -> Value {
        let file = Path::new(&self.path)
            .extension()
            .is_some_and(|end| end == "conf");
        let kind = if file { "File" } else { "DirectoryOrCreate" };
        json!({ "name": self.name, "hostPath": { "path": self.path, "type": kind } })
    }
}

/// One static pod; `live` and `ready` are the requests of its probes.
struct Pod {
    name: &'static str,
    cpu: &'static str,
    args: Args,
    volumes: Vec<Volume>,
    live: Value,
    ready: Option<Value>,
    /// Of the configuration that it reads at its start.
    digest: Option<String>,
}

impl Pod {
    fn object(&self, plan: &Plan, node: &Node) -> Value {
        let name = self.name;
        let (image, digest) = node.image(name).expect("every train has the control plane");
        let mut container = json!({
            "name": name,
            "image": format!("{image}@{digest}"),
            "imagePullPolicy": "IfNotPresent",
            "command": self.args.command(name),
            "resources": { "requests": { "cpu": self.cpu } },
            "startupProbe": { "httpGet": self.live, "periodSeconds": 2, "timeoutSeconds": 15, "failureThreshold": 150 },
            "livenessProbe": { "httpGet": self.live, "initialDelaySeconds": 10, "periodSeconds": 10, "timeoutSeconds": 15, "failureThreshold": 8 },
            "volumeMounts": self.volumes.iter().map(Volume::mount).collect::<Vec<_>>(),
        });
        if let Some(ready) = &self.ready {
            container["readinessProbe"] = json!({ "httpGet": ready, "periodSeconds": 1, "timeoutSeconds": 15, "failureThreshold": 3 });
        }
        let environment = proxy::environment(plan, node);
        if plan.control_plane.use_proxy && !environment.is_empty() {
            let variable =
                |(name, value): (String, String)| json!({ "name": name, "value": value });
            container["env"] = environment.into_iter().map(variable).collect();
        }
        let mut metadata = json!({ "name": name, "namespace": "kube-system", "labels": { "component": name, "tier": "control-plane" } });
        if let Some(digest) = &self.digest {
            metadata["annotations"] = json!({ "firstlight/configuration": digest });
        }
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {
                "hostNetwork": true,
                "priorityClassName": "system-node-critical",
                "terminationGracePeriodSeconds": 15,
                "containers": [container],
                "volumes": self.volumes.iter().map(Volume::source).collect::<Vec<_>>(),
            },
        })
    }
}
