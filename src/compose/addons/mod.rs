//! Objects of addons: their manifests with the values of settings and of the plan put in.
//!
//! What an addon's `component.yml` says is put in by the functions here; what needs the plan, or more than
//! a value in a place, is a function in a file of the addon's own.

mod cert_manager;
mod coredns;
mod ingress_nginx;
mod kured;
mod local_path;
mod metrics_server;
pub(super) mod node_local_dns;
pub(super) mod upgrades;

use serde_json::{Map, Value};

use super::object;
use crate::identity::Identities;
use crate::plan::Plan;
use crate::plan::addons::Addon;

/// Puts the plan's values into the objects of one file; one that is not wanted becomes null.
type Patch = fn(&Context<'_>, &Addon, &mut [Value]);

/// What patches may ask for.
pub(super) struct Context<'a> {
    pub(super) plan: &'a Plan,
    pub(super) ids: &'a Identities,
}

/// Addons with more to them than values in places.
const PATCHES: [(&str, Patch); 7] = [
    ("cert-manager", cert_manager::patch),
    ("coredns", coredns::patch),
    ("ingress-nginx", ingress_nginx::patch),
    ("kured", kured::patch),
    ("local-path", local_path::patch),
    ("metrics-server", metrics_server::patch),
    ("node-local-dns", node_local_dns::patch),
];

/// Every wave of every addon: `NN-ADDON.yaml`, or `NN-ADDON-FILE.yaml` where it has several.
pub(super) fn waves(context: &Context<'_>) -> Vec<(String, Vec<Value>)> {
    let plan = context.plan;
    plan.addons
        .iter()
        .flat_map(|addon| {
            let mut files: Vec<(String, Vec<Value>)> = Vec::new();
            for (file, wave) in &addon.about.waves {
                let stem = file.strip_suffix(".yaml").unwrap_or(file);
                let name = match addon.about.waves.len() {
                    1 => format!("{wave:02}-{}.yaml", addon.name),
                    _ => format!("{wave:02}-{}-{stem}.yaml", addon.name),
                };
                files.push((name, objects(context, addon, file)));
            }
            files
        })
        .filter(|(_, objects)| !objects.is_empty())
        .collect()
}

fn objects(context: &Context<'_>, addon: &Addon, file: &str) -> Vec<Value> {
    let mut objects = addon.manifests[file].clone();
    for (name, setting) in &addon.about.settings {
        for place in &setting.at {
            if let Some(value) = addon.settings.get(name) {
                put(&mut objects, place, value);
            }
        }
    }
    for object in &mut objects {
        if object["kind"] == "PodDisruptionBudget" {
            let version = &context
                .plan
                .release
                .settings
                .api_versions
                .pod_disruption_budget;
            object::set(object, "/apiVersion", version.as_str().into());
        }
    }
    if let Some((_, patch)) = PATCHES.iter().find(|(name, _)| *name == addon.name) {
        patch(context, addon, &mut objects);
    }
    objects.retain(|object| !object.is_null());
    for object in &mut objects {
        pin(object, addon);
    }
    objects
}

/// Puts a value at `KIND/NAME/POINTER`, when the object is in this file: mappings are merged, lists
/// appended. A pointer that ends with `/-` appends one value.
fn put(objects: &mut [Value], place: &str, value: &Value) {
    let mut parts = place.splitn(3, '/');
    let (Some(kind), Some(name), Some(pointer)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let mut found = objects
        .iter_mut()
        .filter(|o| o["kind"] == kind && o["metadata"]["name"] == name);
    if let Some(object) = found.next() {
        merge(entry(object, pointer), value);
    }
}

/// The value at a pointer without its first slash, made where it is missing.
fn entry<'v>(object: &'v mut Value, pointer: &str) -> &'v mut Value {
    pointer.split('/').fold(object, |value, part| {
        let part = part.replace("~1", "/").replace("~0", "~");
        match part.parse::<usize>() {
            Ok(index) if value.is_array() => &mut value[index],
            _ => {
                if value.is_null() {
                    *value = Value::Object(Map::new());
                }
                &mut value[part]
            }
        }
    })
}

fn merge(target: &mut Value, value: &Value) {
    match (&mut *target, value) {
        (Value::Object(own), Value::Object(given)) => {
            for (key, value) in given {
                merge(own.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(own), Value::Array(given)) => own.extend(given.iter().cloned()),
        _ => *target = value.clone(),
    }
}

/// Every container's image that is a repository of the addon's gets tag and digest.
fn pin(value: &mut Value, addon: &Addon) {
    match value {
        Value::Object(fields) => {
            let container = fields.contains_key("name");
            for (key, field) in fields {
                match (key.as_str(), &mut *field) {
                    ("image", Value::String(image)) if container => {
                        if let Some(pinned) = addon.images.get(image.as_str()) {
                            *image = pinned.clone();
                        }
                    }
                    (_, field) => pin(field, addon),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| pin(item, addon)),
        _ => {}
    }
}

/// The object of that kind and name, if it is in this file.
fn find<'a>(objects: &'a mut [Value], kind: &str, name: &str) -> Option<&'a mut Value> {
    objects
        .iter_mut()
        .find(|o| o["kind"] == kind && o["metadata"]["name"] == name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_merged_appended_or_put_in_its_place() {
        let mut objects = vec![json!({
            "kind": "DaemonSet", "metadata": { "name": "a" },
            "spec": { "selector": { "os": "linux" }, "containers": [{ "args": ["--one"] }] },
        })];
        put(
            &mut objects,
            "DaemonSet/a/spec/selector",
            &json!({ "zone": "dmz" }),
        );
        put(
            &mut objects,
            "DaemonSet/a/spec/containers/0/args",
            &json!(["--two"]),
        );
        put(
            &mut objects,
            "DaemonSet/a/spec/tolerations",
            &json!([{ "key": "b" }]),
        );
        put(
            &mut objects,
            "DaemonSet/a/metadata/annotations/x.io~1y",
            &json!("z"),
        );
        put(
            &mut objects,
            "DaemonSet/other/spec/selector",
            &json!({ "not": "here" }),
        );
        assert_eq!(
            objects[0],
            json!({
                "kind": "DaemonSet", "metadata": { "name": "a", "annotations": { "x.io/y": "z" } },
                "spec": {
                    "selector": { "os": "linux", "zone": "dmz" }, "containers": [{ "args": ["--one", "--two"] }],
                    "tolerations": [{ "key": "b" }],
                },
            })
        );
    }
}
