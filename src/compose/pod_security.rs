//! What holds pods to a policy where the release has no Pod Security admission.

use serde_json::{Value, json};

use super::object::{self, find, set};
use super::overlay;
use crate::artefact::train::PodSecurityBy;
use crate::config::model::PodSecurity;
use crate::plan::Plan;

/// `PodSecurityPolicy` objects and who may use them; none where nothing is enforced, or by other means.
pub(super) fn objects(plan: &Plan) -> Vec<Value> {
    let policy = plan.control_plane.pod_security;
    let by = plan.release.settings.apiserver.pod_security;
    if policy == PodSecurity::Privileged || by != PodSecurityBy::Policies {
        return Vec::new();
    }
    let mut objects = object::read(overlay::file("control-plane/pod-security-policies.yaml"));
    let binding = find(&mut objects, "ClusterRoleBinding", "default");
    let role = format!("firstlight:psp:{}", policy.as_str());
    // what a binding refers to can never change: another policy is another binding, and this one is pruned
    set(
        binding,
        "/metadata/name",
        json!(format!("{role}-by-default")),
    );
    set(binding, "/roleRef/name", json!(role));
    objects
}
