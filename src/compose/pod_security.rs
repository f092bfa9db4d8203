//! What holds pods to a policy where the release has no Pod Security admission.

use std::iter;

use serde_json::{Value, json};

use super::object::{self, find, set};
use super::overlay;
use crate::artefact::train::PodSecurityBy;
use crate::config::model::PodSecurity;
use crate::plan::Plan;

/// Whether anything is enforced, and by such objects.
fn by_policies(plan: &Plan) -> bool {
    plan.control_plane.pod_security != PodSecurity::Privileged
        && plan.release.settings.apiserver.pod_security == PodSecurityBy::Policies
}

/// `PodSecurityPolicy` objects and who may use them; none where nothing is enforced, or by other means.
pub(super) fn objects(plan: &Plan) -> Vec<Value> {
    if !by_policies(plan) {
        return Vec::new();
    }
    let mut objects = object::read(overlay::file("control-plane/pod-security-policies.yaml"));
    let binding = find(&mut objects, "ClusterRoleBinding", "default");
    let role = format!(
        "firstlight:psp:{}",
        plan.control_plane.pod_security.as_str()
    );
    // what a binding refers to can never change: another policy is another binding, and this one is pruned
    set(
        binding,
        "/metadata/name",
        json!(format!("{role}-by-default")),
    );
    set(binding, "/roleRef/name", json!(role));
    objects
}

/// The label of a namespace by which its pods may ask for more, or less, than is the default.
const LEVEL: &str = "pod-security.kubernetes.io/enforce";

/// The objects, and behind each labelled namespace what the label does by itself where the release has Pod
/// Security admission: its pods may use the policy of that level.
pub(super) fn by_label(plan: &Plan, objects: Vec<Value>) -> Vec<Value> {
    if !by_policies(plan) {
        return objects;
    }
    let with_binding = |object: Value| {
        let binding = binding(&object);
        iter::once(object).chain(binding)
    };
    objects.into_iter().flat_map(with_binding).collect()
}

fn binding(object: &Value) -> Option<Value> {
    if object["kind"] != "Namespace" {
        return None;
    }
    let namespace = object["metadata"]["name"].as_str()?;
    let level = object["metadata"]["labels"][LEVEL].as_str()?;
    let role = format!("firstlight:psp:{level}");
    let group = format!("system:serviceaccounts:{namespace}");
    Some(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": { "name": role, "namespace": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group }],
    }))
}
