//! local-path: the folder, the pod that makes volumes there, and whether it is the default class.

use serde_json::{Value, json};

use super::super::object::{set, yaml};
use super::{Context, find};
use crate::plan::addons::Addon;

pub(super) fn patch(_: &Context<'_>, addon: &Addon, objects: &mut [Value]) {
    if let Some(map) = find(objects, "ConfigMap", "local-path-config") {
        let config = json!({
            "nodePathMap": [{ "node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [addon.text("path")] }],
        });
        set(map, "/data/config.json", json!(config.to_string()));
        let image = addon.images.get("docker.io/library/nginx");
        let helper = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": "helper-pod" },
            "spec": {
                "priorityClassName": "system-node-critical",
                "tolerations": [{ "operator": "Exists" }],
                "containers": [{ "name": "helper-pod", "image": image, "imagePullPolicy": "IfNotPresent" }],
            },
        });
        set(map, "/data/helperPod.yaml", json!(yaml(&helper)));
    }
    if !addon.is_on("default_class")
        && let Some(class) = find(objects, "StorageClass", "local-path")
    {
        set(class, "/metadata/annotations", json!({}));
    }
}
