//! Kubernetes objects: read from `overlays/`, patched by small typed functions, written by one
//! serializer.

use serde_json::Value;

/// One object or configuration as YAML.
///
/// # Panics
/// Never for what this stage composes: keys are ASCII.
pub(super) fn yaml(value: &Value) -> String {
    crate::yaml::to_string(value).expect("composed objects have a YAML form")
}

/// Several objects as one stream.
pub(super) fn stream(objects: &[Value]) -> String {
    objects
        .iter()
        .map(|o| format!("---\n{}", yaml(o)))
        .collect()
}

/// The documents of a manifest in `overlays/`.
pub(super) fn read(text: &str) -> Vec<Value> {
    serde_yaml::from_multiple(text).expect("manifests in overlays/ are tested")
}

/// `namespace/kind.group/name`, as `kubectl -n NAMESPACE delete KIND.GROUP/NAME` wants it.
pub(super) fn reference(object: &Value) -> String {
    let text = |path: &str| {
        object
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let kind = text("/kind").to_lowercase();
    let kind = match text("/apiVersion").split_once('/') {
        Some((group, _)) => format!("{kind}.{group}"),
        None => kind,
    };
    let namespace = object
        .pointer("/metadata/namespace")
        .and_then(Value::as_str)
        .unwrap_or("default");
    format!("{namespace}/{kind}/{}", text("/metadata/name"))
}

/// Sets a value at a JSON pointer whose parent exists.
///
/// # Panics
/// When it does not: the manifest in `overlays/` and its patch are changed together.
pub(super) fn set(object: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a JSON pointer");
    let parent = object
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("no {parent} in the manifest"));
    parent
        .as_object_mut()
        .expect("a mapping")
        .insert(key.to_owned(), value);
}

/// The object of that kind and name.
///
/// # Panics
/// When there is none, for the same reason.
pub(super) fn find<'a>(objects: &'a mut [Value], kind: &str, name: &str) -> &'a mut Value {
    objects
        .iter_mut()
        .find(|o| o["kind"] == kind && o["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {kind} {name} in the manifest"))
}
