//! Arguments of Kubernetes' programs that firstlight sets itself, and where one has its say instead.

/// A program that takes further arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// kube-apiserver
    Apiserver,
    /// kube-controller-manager
    ControllerManager,
    /// kube-scheduler
    Scheduler,
    /// kubelet
    Kubelet,
}

const PKI: &str = "keys and certificates are issued and renewed where every part expects them";
const ETCD: &str = "`etcd:` says which etcd it speaks to";
const OIDC: &str = "write it under `authentication.oidc`";
const WEBHOOK: &str = "write it under `authentication.token_webhook`";
const AUDIT: &str = "write it under `audit`";
const CLOUD: &str = "write it under `cloud`";
const PORTS: &str = "the port table and the firewall say which ports there are";
const ACCESS: &str = "who may do what must not depend on it";
const PLUGINS: &str = "write it under `admission_plugins`";
const NETWORK: &str = "`network:` says which networks there are";
const CONF: &str = "it is how this component reaches the API server";
const OBSOLETE: &str = "it is written by firstlight into the kubelet's configuration file";
const RESERVED: &str = "write it under `kubelet`";

const APISERVER: &[(&str, &str)] = &[
    ("admission-control-config-file", PLUGINS),
    (
        "advertise-address",
        "`hosts[].address` and `private_address` say it",
    ),
    ("allow-privileged", "the cluster's own pods need it"),
    (
        "anonymous-auth",
        "probes of the API server are anonymous; from train 1.34 nothing else is",
    ),
    ("audit-log-maxage", AUDIT),
    ("audit-log-maxbackup", AUDIT),
    ("audit-log-maxsize", AUDIT),
    ("audit-log-path", AUDIT),
    ("audit-policy-file", AUDIT),
    ("audit-webhook-config-file", AUDIT),
    ("authentication-config", "write it under `authentication`"),
    ("authentication-token-webhook-cache-ttl", WEBHOOK),
    ("authentication-token-webhook-config-file", WEBHOOK),
    ("authorization-config", ACCESS),
    ("authorization-mode", ACCESS),
    ("bind-address", PORTS),
    ("client-ca-file", PKI),
    ("cloud-config", CLOUD),
    ("cloud-provider", CLOUD),
    ("disable-admission-plugins", PLUGINS),
    ("enable-admission-plugins", PLUGINS),
    ("encryption-provider-config", "write it under `encryption`"),
    ("etcd-cafile", ETCD),
    ("etcd-certfile", ETCD),
    ("etcd-keyfile", ETCD),
    ("etcd-servers", ETCD),
    (
        "feature-gates",
        "write it under `control_plane.feature_gates`",
    ),
    ("insecure-bind-address", PORTS),
    ("insecure-port", PORTS),
    ("kubelet-certificate-authority", PKI),
    ("kubelet-client-certificate", PKI),
    ("kubelet-client-key", PKI),
    ("oidc-ca-file", OIDC),
    ("oidc-client-id", OIDC),
    ("oidc-groups-claim", OIDC),
    ("oidc-groups-prefix", OIDC),
    ("oidc-issuer-url", OIDC),
    ("oidc-username-claim", OIDC),
    ("oidc-username-prefix", OIDC),
    ("proxy-client-cert-file", PKI),
    ("proxy-client-key-file", PKI),
    ("requestheader-allowed-names", PKI),
    ("requestheader-client-ca-file", PKI),
    ("requestheader-extra-headers-prefix", PKI),
    ("requestheader-group-headers", PKI),
    ("requestheader-username-headers", PKI),
    ("secure-port", PORTS),
    ("service-account-issuer", PKI),
    ("service-account-key-file", PKI),
    ("service-account-signing-key-file", PKI),
    ("service-cluster-ip-range", NETWORK),
    ("tls-cert-file", PKI),
    ("tls-private-key-file", PKI),
    (
        "token-auth-file",
        "tokens in a file never run out: use `authentication`",
    ),
];

const CONTROLLER_MANAGER: &[(&str, &str)] = &[
    ("allocate-node-cidrs", NETWORK),
    ("authentication-kubeconfig", CONF),
    ("authorization-kubeconfig", CONF),
    ("bind-address", PORTS),
    ("client-ca-file", PKI),
    ("cloud-config", CLOUD),
    ("cloud-provider", CLOUD),
    ("cluster-cidr", NETWORK),
    ("cluster-name", "`name` says it"),
    ("cluster-signing-cert-file", PKI),
    ("cluster-signing-key-file", PKI),
    (
        "feature-gates",
        "write it under `control_plane.feature_gates`",
    ),
    ("kubeconfig", CONF),
    ("leader-elect", "several masters need it"),
    ("port", PORTS),
    ("requestheader-client-ca-file", PKI),
    ("root-ca-file", PKI),
    ("secure-port", PORTS),
    ("service-account-private-key-file", PKI),
    ("service-cluster-ip-range", NETWORK),
    ("use-service-account-credentials", ACCESS),
];

const SCHEDULER: &[(&str, &str)] = &[
    ("authentication-kubeconfig", CONF),
    ("authorization-kubeconfig", CONF),
    ("bind-address", PORTS),
    (
        "feature-gates",
        "write it under `control_plane.feature_gates`",
    ),
    ("kubeconfig", CONF),
    ("leader-elect", "several masters need it"),
    ("port", PORTS),
    ("secure-port", PORTS),
];

const KUBELET: &[(&str, &str)] = &[
    ("address", PORTS),
    ("anonymous-auth", ACCESS),
    ("authentication-token-webhook", ACCESS),
    ("authorization-mode", ACCESS),
    (
        "cgroup-driver",
        "containerd and the kubelet must agree on it",
    ),
    ("client-ca-file", PKI),
    ("cloud-config", CLOUD),
    ("cloud-provider", CLOUD),
    ("cluster-dns", NETWORK),
    ("cluster-domain", NETWORK),
    ("config", OBSOLETE),
    ("container-runtime", "it is always containerd"),
    ("container-runtime-endpoint", "it is always containerd"),
    ("cpu-cfs-quota", RESERVED),
    ("cpu-cfs-quota-period", RESERVED),
    ("eviction-hard", RESERVED),
    ("fail-swap-on", OBSOLETE),
    ("feature-gates", RESERVED),
    ("healthz-bind-address", PORTS),
    ("healthz-port", PORTS),
    ("hostname-override", "`hosts[].name` says it"),
    (
        "image-gc-high-threshold",
        "it would delete images that a node without network cannot get again",
    ),
    (
        "image-gc-low-threshold",
        "it would delete images that a node without network cannot get again",
    ),
    ("kube-reserved", RESERVED),
    ("kubeconfig", CONF),
    ("max-pods", RESERVED),
    ("node-ip", "`hosts[].address` and `private_address` say it"),
    ("node-labels", "write it under `hosts[].labels`"),
    ("pod-infra-container-image", "the train says it"),
    ("pod-manifest-path", OBSOLETE),
    ("pod-max-pids", RESERVED),
    ("port", PORTS),
    ("protect-kernel-defaults", OBSOLETE),
    ("read-only-port", RESERVED),
    ("register-with-taints", "write it under `hosts[].taints`"),
    ("resolv-conf", "the profile says it"),
    ("root-dir", "everything else expects it at its usual place"),
    ("rotate-certificates", PKI),
    ("rotate-server-certificates", PKI),
    ("seccomp-default", OBSOLETE),
    ("system-reserved", RESERVED),
    ("tls-cert-file", PKI),
    ("tls-private-key-file", PKI),
];

impl Program {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apiserver => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
        }
    }

    /// Why an argument of it is not the user's, if it is not.
    pub fn managed(self, argument: &str) -> Option<&'static str> {
        let all = match self {
            Self::Apiserver => APISERVER,
            Self::ControllerManager => CONTROLLER_MANAGER,
            Self::Scheduler => SCHEDULER,
            Self::Kubelet => KUBELET,
        };
        let found = all.iter().find(|(name, _)| *name == argument)?;
        Some(found.1)
    }
}
