//! Release trains: versions that belong together, what they ask of a host, and what differs
//! between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use super::catalogue::Catalogue;

/// A train with the catalogue it is part of.
#[derive(Debug, Clone, Copy)]
pub struct Train<'c> {
    pub(super) name: &'c str,
    pub(super) spec: &'c TrainSpec,
    pub(super) catalogue: &'c Catalogue,
}

impl<'c> Train<'c> {
    /// What it would say without some of its components.
    #[must_use]
    pub fn without(&self, components: &BTreeSet<String>) -> TrainSpec {
        let mut spec = self.spec.clone();
        spec.components.retain(|name, _| !components.contains(name));
        spec
    }

    /// The same train, saying that.
    #[must_use]
    pub const fn with<'s>(&self, spec: &'s TrainSpec) -> Train<'s>
    where
        'c: 's,
    {
        Train {
            name: self.name,
            spec,
            catalogue: self.catalogue,
        }
    }

    /// Such as `1.34`.
    pub fn name(&self) -> &'c str {
        self.name
    }

    /// Kubernetes version without `v`, such as `1.34.7`.
    pub fn kubernetes(&self) -> &'c str {
        &self.spec.kubernetes
    }

    /// Version of a component, if the train has it.
    pub fn version(&self, component: &str) -> Option<&'c str> {
        self.spec.components.get(component).map(String::as_str)
    }

    /// What a machine must offer.
    pub fn host(&self) -> &'c Host {
        &self.spec.host
    }

    /// The catalogue that it is part of.
    pub fn catalogue(&self) -> &'c Catalogue {
        self.catalogue
    }

    /// What differs between releases.
    pub fn settings(&self) -> &'c Settings {
        &self.spec.settings
    }
}

/// `overlays/trains/<train>.yml`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSpec {
    /// Kubernetes version without `v`.
    pub kubernetes: String,
    /// Component to version.
    pub components: BTreeMap<String, String>,
    /// What a machine must offer.
    pub host: Host,
    /// What differs between releases.
    pub settings: Settings,
}

/// What a train asks of a machine; `None` where upstream states nothing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Oldest kernel.
    pub kernel: MajorMinor,
    /// Control group versions, 1 and 2.
    pub cgroup: Vec<u8>,
    /// Oldest systemd.
    #[serde(default)]
    pub systemd: Option<u32>,
    /// Oldest glibc as `2.<minor>`.
    #[serde(default)]
    pub glibc: Option<MajorMinor>,
}

/// `major.minor`, ordered as numbers (4.9 is older than 4.19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MajorMinor(pub u32, pub u32);

impl FromStr for MajorMinor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` must be `major.minor`, such as `4.19`");
        let (major, minor) = text.split_once('.').ok_or_else(error)?;
        let number = |part: &str| part.parse().map_err(|_| error());
        Ok(Self(number(major)?, number(minor)?))
    }
}

impl fmt::Display for MajorMinor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl<'de> Deserialize<'de> for MajorMinor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// What differs between releases, so that nobody has to compare version numbers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `version` of containerd's `config.toml`: 2 (containerd 1.x) or 3 (2.x).
    pub containerd_config: u8,
    /// The kubelet.
    pub kubelet: KubeletSettings,
    /// kube-apiserver.
    pub apiserver: ApiserverSettings,
    /// kube-controller-manager.
    pub controller_manager: PortSettings,
    /// kube-scheduler.
    pub scheduler: PortSettings,
    /// `external`, and the cloud providers that are part of it (until 1.30).
    pub cloud_providers: Vec<String>,
    /// How a master's Node is marked.
    pub control_plane: ControlPlaneSettings,
    /// kube-proxy.
    pub kube_proxy: KubeProxySettings,
    /// Versions of the API groups that changed.
    pub api_versions: ApiVersions,
}

/// kube-proxy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeProxySettings {
    /// Its modes that are no trial any more, with what they need.
    pub modes: BTreeMap<String, ProxyNeeds>,
}

/// What a mode of kube-proxy asks of every node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyNeeds {
    /// Oldest kernel.
    #[serde(default)]
    pub kernel: Option<MajorMinor>,
    /// Kernel modules to load.
    #[serde(default)]
    pub modules: Vec<String>,
}

/// Kubelet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeletSettings {
    /// It needs `--container-runtime=remote` and `--container-runtime-endpoint`; without it the
    /// endpoint is `containerRuntimeEndpoint` of the configuration file (from 1.27).
    pub container_runtime_flag: bool,
    /// The configuration file knows `failCgroupV1` (from 1.31).
    pub fail_cgroup_v1: bool,
    /// The configuration file knows `seccompDefault` without a feature gate (from 1.25).
    pub seccomp_default: bool,
}

/// kube-apiserver.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiserverSettings {
    /// It knows `--insecure-port`, which must be 0 (until 1.23).
    pub insecure_port: bool,
    /// Pods get tokens that run out (from 1.21), which `--service-account-extend-token-expiration` makes last a year.
    pub bound_tokens: bool,
    /// It reads an `AuthenticationConfiguration`, where anonymous requests can be limited to some paths (from 1.34).
    pub authentication_config: bool,
    /// What holds pods to a policy.
    pub pod_security: PodSecurityBy,
    /// Names it knows (`pkg/kubeapiserver/options/plugins.go`).
    pub admission_plugins: Vec<String>,
}

/// What holds pods to a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PodSecurityBy {
    /// `PodSecurityPolicy` objects (until 1.24).
    Policies,
    /// The admission plugin `PodSecurity` and labels of namespaces (from 1.23).
    Admission,
}

/// kube-controller-manager and kube-scheduler.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortSettings {
    /// It serves plain HTTP unless told `--port=0` (until 1.22).
    pub port_flag: bool,
}

/// How a master's Node is marked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlPlaneSettings {
    /// Labels `node-role.kubernetes.io/<role>` with empty values.
    pub labels: Vec<NodeRole>,
    /// Key of the `NoSchedule` taint.
    pub taint: NodeRole,
}

/// The part after `node-role.kubernetes.io/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeRole {
    /// Until 1.24.
    Master,
    /// The taint from 1.25, the label from 1.20.
    ControlPlane,
}

impl NodeRole {
    /// The whole key of the label or taint.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Master => "node-role.kubernetes.io/master",
            Self::ControlPlane => "node-role.kubernetes.io/control-plane",
        }
    }
}

/// Versions of the API groups that changed, as `apiVersion` has them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiVersions {
    /// `ClusterConfiguration`
    pub kubeadm: String,
    /// `KubeSchedulerConfiguration`
    pub kube_scheduler: String,
    /// `PodDisruptionBudget`
    pub pod_disruption_budget: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_compare_as_numbers() {
        let version = |text: &str| text.parse::<MajorMinor>().unwrap();
        assert!(version("4.9") < version("4.19"));
        assert!(version("3.10") < version("4.4"));
        assert_eq!(version("4.19").to_string(), "4.19");
        assert!("5".parse::<MajorMinor>().is_err());
    }
}
