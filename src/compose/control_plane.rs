//! The control plane as static pods, laid out as kubeadm does.

use serde_json::{Value, json};

use super::host::bracketed;
use super::object;
use super::tree::NodeTree;
use crate::plan::{Node, Plan};

const PKI: &str = "/etc/kubernetes/pki";

/// `/etc/firstlight/manifests/kube-*.yaml`; `firstlight-manifests` puts them before the kubelet.
pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node) {
    for pod in [
        apiserver(plan, node),
        controller_manager(plan, node),
        scheduler(plan, node),
    ] {
        let name = pod["metadata"]["name"]
            .as_str()
            .expect("pods here have names");
        tree.public(
            &format!("/etc/firstlight/manifests/{name}.yaml"),
            object::yaml(&pod),
        );
    }
}

fn apiserver(plan: &Plan, node: &Node) -> Value {
    let services: Vec<_> = plan.service_cidrs.iter().map(ToString::to_string).collect();
    let mut args = vec![
        format!("--advertise-address={}", node.ip()),
        "--allow-privileged=true".to_owned(),
        "--authorization-mode=Node,RBAC".to_owned(),
        format!("--client-ca-file={PKI}/ca.crt"),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        format!("--kubelet-certificate-authority={PKI}/ca.crt"),
        format!("--kubelet-client-certificate={PKI}/apiserver-kubelet-client.crt"),
        format!("--kubelet-client-key={PKI}/apiserver-kubelet-client.key"),
        "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname".to_owned(),
        "--profiling=false".to_owned(),
        format!("--proxy-client-cert-file={PKI}/front-proxy-client.crt"),
        format!("--proxy-client-key-file={PKI}/front-proxy-client.key"),
        "--requestheader-allowed-names=front-proxy-client".to_owned(),
        format!("--requestheader-client-ca-file={PKI}/front-proxy-ca.crt"),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        "--secure-port=6443".to_owned(),
        format!(
            "--service-account-issuer=https://kubernetes.default.svc.{}",
            plan.domain
        ),
        format!("--service-account-key-file={PKI}/sa.pub"),
        format!("--service-account-signing-key-file={PKI}/sa.key"),
        format!("--service-cluster-ip-range={}", services.join(",")),
        format!("--tls-cert-file={PKI}/apiserver.crt"),
        format!("--tls-private-key-file={PKI}/apiserver.key"),
    ];
    args.extend(etcd(plan, node));
    if plan.release.settings.apiserver.insecure_port {
        args.push("--insecure-port=0".to_owned());
    }
    args.sort_unstable();
    pod(
        node,
        "kube-apiserver",
        "250m",
        &args,
        &[("k8s-certs", PKI), ("ca-certs", "/etc/ssl/certs")],
        &|path| {
            // liveness without etcd: when the quorum is lost a restart mends nothing and adds five minutes of back-off
            let path = if path == "livez" {
                "/livez?exclude=etcd"
            } else {
                "/readyz"
            };
            json!({ "host": "127.0.0.1", "path": path, "port": 6443, "scheme": "HTTPS" })
        },
    )
}

/// How the API server reaches etcd.
fn etcd(plan: &Plan, node: &Node) -> Vec<String> {
    let (servers, ca, client) = if let Some(external) = &plan.etcd.external {
        (
            external.endpoints.clone(),
            external.ca_certificate.is_some(),
            external.certificate.is_some(),
        )
    } else {
        // the own member first; a client that lists all survives the loss of its own
        let others = plan.masters().filter(|m| m.name != node.name);
        let others = others.map(|m| format!("https://{}:2379", bracketed(m.ip())));
        let own = std::iter::once("https://127.0.0.1:2379".to_owned());
        (own.chain(others).collect(), true, true)
    };
    let mut args = vec![format!("--etcd-servers={}", servers.join(","))];
    if ca {
        args.push(format!("--etcd-cafile={PKI}/etcd/ca.crt"));
    }
    if client {
        args.push(format!("--etcd-certfile={PKI}/apiserver-etcd-client.crt"));
        args.push(format!("--etcd-keyfile={PKI}/apiserver-etcd-client.key"));
    }
    args
}

fn controller_manager(plan: &Plan, node: &Node) -> Value {
    let conf = "/etc/kubernetes/controller-manager.conf";
    let mut args = vec![
        "--allocate-node-cidrs=false".to_owned(),
        format!("--authentication-kubeconfig={conf}"),
        format!("--authorization-kubeconfig={conf}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--client-ca-file={PKI}/ca.crt"),
        format!("--cluster-name={}", plan.cluster),
        format!("--cluster-signing-cert-file={PKI}/ca.crt"),
        format!("--cluster-signing-key-file={PKI}/ca.key"),
        format!("--kubeconfig={conf}"),
        "--leader-elect=true".to_owned(),
        "--profiling=false".to_owned(),
        format!("--requestheader-client-ca-file={PKI}/front-proxy-ca.crt"),
        format!("--root-ca-file={PKI}/ca.crt"),
        format!("--service-account-private-key-file={PKI}/sa.key"),
        "--use-service-account-credentials=true".to_owned(),
    ];
    if plan.release.settings.controller_manager.port_flag {
        args.push("--port=0".to_owned());
    }
    let volumes = [
        ("k8s-certs", PKI),
        ("kubeconfig", conf),
        ("ca-certs", "/etc/ssl/certs"),
    ];
    pod(
        node,
        "kube-controller-manager",
        "200m",
        &args,
        &volumes,
        &|_| json!({ "host": "127.0.0.1", "path": "/healthz", "port": 10257, "scheme": "HTTPS" }),
    )
}

fn scheduler(plan: &Plan, node: &Node) -> Value {
    let conf = "/etc/kubernetes/scheduler.conf";
    let mut args = vec![
        format!("--authentication-kubeconfig={conf}"),
        format!("--authorization-kubeconfig={conf}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--kubeconfig={conf}"),
        "--leader-elect=true".to_owned(),
        "--profiling=false".to_owned(),
    ];
    if plan.release.settings.scheduler.port_flag {
        args.push("--port=0".to_owned());
    }
    pod(
        node,
        "kube-scheduler",
        "100m",
        &args,
        &[("kubeconfig", conf)],
        &|_| json!({ "host": "127.0.0.1", "path": "/healthz", "port": 10259, "scheme": "HTTPS" }),
    )
}

/// One static pod: `volumes` are host paths, mounted read-only where they are; `probe` gives the
/// request for `livez` and `readyz`.
fn pod(
    node: &Node,
    name: &str,
    cpu: &str,
    args: &[String],
    volumes: &[(&str, &str)],
    probe: &dyn Fn(&str) -> Value,
) -> Value {
    let (image, digest) = node.image(name).expect("every train has the control plane");
    let command: Vec<_> = std::iter::once(name.to_owned())
        .chain(args.iter().cloned())
        .collect();
    let kind = |path: &str| {
        if path.rsplit('.').next() == Some("conf") {
            "File"
        } else {
            "DirectoryOrCreate"
        }
    };
    let mut container = json!({
        "name": name,
        "image": format!("{image}@{digest}"),
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "resources": { "requests": { "cpu": cpu } },
        "startupProbe": { "httpGet": probe("livez"), "periodSeconds": 2, "timeoutSeconds": 15, "failureThreshold": 150 },
        "livenessProbe": { "httpGet": probe("livez"), "initialDelaySeconds": 10, "periodSeconds": 10, "timeoutSeconds": 15, "failureThreshold": 8 },
        "volumeMounts": volumes.iter().map(|(name, path)| json!({ "name": name, "mountPath": path, "readOnly": true })).collect::<Vec<_>>(),
    });
    if name == "kube-apiserver" {
        container["readinessProbe"] = json!({ "httpGet": probe("readyz"), "periodSeconds": 1, "timeoutSeconds": 15, "failureThreshold": 3 });
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": "kube-system", "labels": { "component": name, "tier": "control-plane" } },
        "spec": {
            "hostNetwork": true,
            "priorityClassName": "system-node-critical",
            "terminationGracePeriodSeconds": 15,
            "containers": [container],
            "volumes": volumes.iter().map(|(name, path)| json!({ "name": name, "hostPath": { "path": path, "type": kind(path) } })).collect::<Vec<_>>(),
        },
    })
}
