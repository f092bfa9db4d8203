//! The kubelet: flags, `KubeletConfiguration`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::addons::node_local_dns;
use super::control_plane::CLOUD_CONFIG;
use super::object;
use super::tls;
use super::tree::NodeTree;
use crate::config::model::Kubelet;
use crate::plan::{Node, Plan};

const SOCKET: &str = "unix:///run/containerd/containerd.sock";

/// Flags that have no place in the configuration file, separated by blanks.
pub(super) fn flags(plan: &Plan, node: &Node) -> String {
    let mut flags = vec![
        "--config=/var/lib/kubelet/config.yaml".to_owned(),
        "--kubeconfig=/etc/kubernetes/kubelet.conf".to_owned(),
        format!("--hostname-override={}", node.name),
    ];
    match &plan.control_plane.cloud {
        // it takes the addresses that the cloud knows
        Some(cloud) if !cloud.is_external() => {
            flags.push(format!("--cloud-provider={}", cloud.provider));
            if cloud.config.is_some() {
                flags.push(format!("--cloud-config={CLOUD_CONFIG}"));
            }
        }
        cloud => {
            flags.push(format!("--node-ip={}", ips(plan, node).join(",")));
            flags.extend(
                cloud
                    .as_ref()
                    .map(|_| "--cloud-provider=external".to_owned()),
            );
        }
    }
    if plan.release.settings.kubelet.container_runtime_flag {
        flags.push("--container-runtime=remote".to_owned());
        flags.push(format!("--container-runtime-endpoint={SOCKET}"));
        // a full disk has it delete every image that it does not know to be in use; later ones ask the runtime
        let (pause, _) = node.image("pause").expect("every train has pause");
        flags.push(format!("--pod-infra-container-image={pause}"));
    }
    if !node.labels.is_empty() {
        let labels: Vec<_> = node
            .labels
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        flags.push(format!("--node-labels={}", labels.join(",")));
    }
    if !node.taints.is_empty() {
        let taints: Vec<_> = node
            .taints
            .iter()
            .map(|t| format!("{}={}:{}", t.key, t.value, t.effect))
            .collect();
        flags.push(format!("--register-with-taints={}", taints.join(",")));
    }
    let extra = plan.kubelet.extra_args.iter();
    flags.extend(extra.map(|a| format!("--{}={}", a.name, a.value)));
    flags.join(" ")
}

/// Addresses of the families that pods have: before dual stack was general, a kubelet ends where it is
/// given two families and the cluster has one.
fn ips(plan: &Plan, node: &Node) -> Vec<String> {
    let has = |ip: &&IpAddr| {
        plan.pod_cidrs
            .iter()
            .any(|net| net.addr().is_ipv4() == ip.is_ipv4())
    };
    node.ips
        .iter()
        .filter(has)
        .map(ToString::to_string)
        .collect()
}

/// `/var/lib/kubelet/config.yaml`, where kubeadm has it.
pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node) {
    let settings = &plan.release.settings.kubelet;
    let cache = plan
        .addon("node-local-dns")
        .map(|_| node_local_dns::ADDRESS);
    let servers = plan.dns_ips.iter().map(ToString::to_string);
    // the second is asked where the first does not answer
    let dns: Vec<String> = cache
        .map(str::to_owned)
        .into_iter()
        .chain(servers)
        .collect();
    let mut config = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": "/etc/kubernetes/pki/ca.crt" },
        },
        "authorization": { "mode": "Webhook" },
        "cgroupDriver": "systemd",
        "clusterDNS": dns,
        "clusterDomain": plan.domain,
        "healthzBindAddress": "127.0.0.1",
        // what the seed's images are kept by where containerd cannot pin them for the kubelet
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        // changes reach the API within 2 s: at the default, 10 s, first light is late. What did not change is reported
        // at the default of 5 min, which must be named: else every node writes its status every 2 s
        "nodeStatusReportFrequency": "5m",
        "nodeStatusUpdateFrequency": "2s",
        "podPidsLimit": plan.kubelet.pod_pids_limit,
        // what it would change otherwise is set before it starts
        "protectKernelDefaults": true,
        "readOnlyPort": if plan.kubelet.read_only_port { 10255 } else { 0 },
        "resolvConf": node.profile.resolv_conf,
        "rotateCertificates": true,
        "staticPodPath": "/etc/kubernetes/manifests",
        "systemReserved": plan.kubelet.system_reserved,
        "kubeReserved": plan.kubelet.kube_reserved,
        "tlsCertFile": "/var/lib/kubelet/pki/kubelet.crt",
        "tlsCipherSuites": tls::CIPHER_SUITES,
        "tlsMinVersion": tls::MIN_VERSION,
        "tlsPrivateKeyFile": "/var/lib/kubelet/pki/kubelet.key",
    });
    let fields = config.as_object_mut().expect("an object literal");
    limits(fields, &plan.kubelet);
    optional(
        fields,
        "containerRuntimeEndpoint",
        !settings.container_runtime_flag,
        json!(SOCKET),
    );
    optional(
        fields,
        "seccompDefault",
        settings.seccomp_default,
        json!(true),
    );
    optional(
        fields,
        "failCgroupV1",
        settings.fail_cgroup_v1 && node.profile.cgroup == 1,
        json!(false),
    );
    tree.private("/var/lib/kubelet/config.yaml", object::yaml(&config));
    if plan.control_plane.use_proxy && !node.environment.is_empty() {
        tree.public(
            "/etc/systemd/system/kubelet.service.d/10-proxy.conf",
            "# control_plane.use_proxy\n[Service]\nEnvironmentFile=/etc/firstlight/proxy.env\n",
        );
    }
}

/// What the user sets in place of the kubelet's own choice.
fn limits(fields: &mut Map<String, Value>, kubelet: &Kubelet) {
    let mut gates = kubelet.feature_gates.clone();
    if let Some(period) = &kubelet.cpu_cfs_quota_period {
        // alpha, and so off, in every release since 1.12
        gates
            .entry("CustomCPUCFSQuotaPeriod".to_owned())
            .or_insert(true);
        fields.insert("cpuCFSQuotaPeriod".to_owned(), json!(period));
    }
    optional(fields, "featureGates", !gates.is_empty(), json!(gates));
    optional(fields, "cpuCFSQuota", !kubelet.cpu_cfs_quota, json!(false));
    if let Some(pods) = kubelet.max_pods {
        fields.insert("maxPods".to_owned(), json!(pods));
    }
    if !kubelet.eviction_hard.is_empty() {
        // those it is not given it would drop
        let mut all: BTreeMap<&str, &str> = EVICTION.into();
        all.extend(
            kubelet
                .eviction_hard
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str())),
        );
        fields.insert("evictionHard".to_owned(), json!(all));
    }
}

/// Its own thresholds (`k8s.io/kubernetes/pkg/kubelet/apis/config/v1beta1`, `DefaultEvictionHard`).
const EVICTION: [(&str, &str); 4] = [
    ("imagefs.available", "15%"),
    ("memory.available", "100Mi"),
    ("nodefs.available", "10%"),
    ("nodefs.inodesFree", "5%"),
];

fn optional(fields: &mut Map<String, Value>, key: &str, when: bool, value: Value) {
    if when {
        fields.insert(key.to_owned(), value);
    }
}
