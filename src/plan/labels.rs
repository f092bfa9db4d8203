//! Which of a node's labels its kubelet may set itself.

use std::collections::BTreeMap;

use super::build::Problems;
use crate::config::model::{Host, Role};

type Labels = BTreeMap<String, String>;

/// Labels in `kubernetes.io` and `k8s.io` that a kubelet may set on itself (`--node-labels`;
/// `k8s.io/kubelet/pkg/apis/well_known_labels.go`).
const ALLOWED: [&str; 12] = [
    "kubernetes.io/hostname",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.kubernetes.io/zone",
];

/// The labels that the kubelet sets, and those that only an administrator may set: a master gives its
/// own Node these. A worker cannot: what it could ask for, whoever took it over could ask for too, and
/// no master's seed knows the workers.
pub(super) fn split(host: &Host, path: &str, problems: &mut Problems<'_>) -> (Labels, Labels) {
    let all = host.labels.clone().into_iter();
    let (restricted, free): (Labels, Labels) = all.partition(|(key, _)| is_restricted(key));
    if host.role == Role::Worker {
        for key in restricted.keys() {
            problems.add(
                "hosts/restricted-label",
                path,
                format!("a kubelet may not give itself the label `{key}`"),
                format!(
                    "use a prefix of your own, or `node.kubernetes.io/`; or give it when the node is there: `kubectl label node {} {key}=…`",
                    host.name
                ),
            );
        }
    }
    (free, restricted)
}

fn is_restricted(key: &str) -> bool {
    let Some((prefix, _)) = key.split_once('/') else {
        return false;
    };
    let in_domain = |domain: &str| prefix == domain || prefix.ends_with(&format!(".{domain}"));
    let free = ["kubelet.kubernetes.io", "node.kubernetes.io"];
    (in_domain("kubernetes.io") || in_domain("k8s.io"))
        && !free.iter().any(|domain| in_domain(domain))
        && !ALLOWED.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::is_restricted;

    #[test]
    fn a_kubelet_s_own_labels_are_few() {
        for own in [
            "disk",
            "example.com/disk",
            "node.kubernetes.io/rack",
            "a.node.kubernetes.io/b",
            "topology.kubernetes.io/zone",
        ] {
            assert!(!is_restricted(own), "{own}");
        }
        for other in [
            "node-role.kubernetes.io/ingress",
            "node-restriction.kubernetes.io/pci",
            "k8s.io/a",
            "topology.kubernetes.io/rack",
        ] {
            assert!(is_restricted(other), "{other}");
        }
    }
}
