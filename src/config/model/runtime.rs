//! `container_runtime:` and `kubelet:`

use std::collections::BTreeMap;

use super::Argument;

/// `container_runtime:`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerRuntime {
    /// Registries that may be without TLS, or with a certificate that nobody vouches for.
    pub insecure_registries: Vec<String>,
    /// Registries with mirrors, an authority or a login of their own.
    pub registries: Vec<Registry>,
}

/// One of `container_runtime.registries[]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// Host, with a port where it is not 443; as images name it.
    pub name: String,
    /// Asked before the registry itself, in this order; without a slash at the end.
    pub mirrors: Vec<String>,
    /// Path of the authority's certificate.
    pub certificate_authority: Option<String>,
    /// Who logs in.
    pub username: Option<String>,
    /// Path of a file with the password.
    pub password_file: Option<String>,
}

/// `kubelet:`
#[derive(Debug, Clone, PartialEq)]
pub struct Kubelet {
    /// `systemReserved` of the kubelet configuration.
    pub system_reserved: BTreeMap<String, String>,
    /// `kubeReserved` of the kubelet configuration.
    pub kube_reserved: BTreeMap<String, String>,
    /// Feature gates.
    pub feature_gates: BTreeMap<String, bool>,
    /// Whether port 10255 is open, to everybody.
    pub read_only_port: bool,
    /// Further arguments.
    pub extra_args: Vec<Argument>,
    /// Whether CPU limits are enforced.
    pub cpu_cfs_quota: bool,
    /// Their period, such as `10ms`.
    pub cpu_cfs_quota_period: Option<String>,
    /// Most pods of a node.
    pub max_pods: Option<u32>,
    /// Most processes of a pod.
    pub pod_pids_limit: u32,
    /// Signals and thresholds at which pods are evicted at once.
    pub eviction_hard: BTreeMap<String, String>,
}
