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

/// Gives ports of Services and of containers the API's default of a protocol. Their lists are merged by it, and
/// server-side apply of Kubernetes 1.20.2 refuses a port without (kubernetes-sigs/structured-merge-diff#183).
pub(super) fn default_protocols(mut object: Value) -> Value {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    // what a port is to others' kinds is theirs to say
    if version
        .split_once('/')
        .is_some_and(|(group, _)| group.contains('.'))
    {
        return object;
    }
    if object["kind"] == "Service"
        && let Some(ports) = object.pointer_mut("/spec/ports")
    {
        with_protocols(ports);
    }
    container_ports(&mut object);
    object
}

fn with_protocols(ports: &mut Value) {
    for port in ports.as_array_mut().into_iter().flatten() {
        if let Value::Object(port) = port {
            port.entry("protocol").or_insert_with(|| "TCP".into());
        }
    }
}

fn container_ports(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match key.as_str() {
                    "containers" | "initContainers" => {
                        for container in field.as_array_mut().into_iter().flatten() {
                            container
                                .get_mut("ports")
                                .into_iter()
                                .for_each(with_protocols);
                        }
                    }
                    _ => container_ports(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(container_ports),
        _ => {}
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_name_their_protocol_where_lists_are_merged_by_it() {
        let of = |text: &str| default_protocols(read(text).remove(0));
        let service = of(
            "apiVersion: v1\nkind: Service\nspec: { ports: [{ port: 80 }, { port: 53, protocol: UDP }] }\n",
        );
        assert_eq!(service["spec"]["ports"][0]["protocol"], "TCP");
        assert_eq!(service["spec"]["ports"][1]["protocol"], "UDP");
        let pods = "kind: A\nspec: { template: { spec: { containers: [{ ports: [{ containerPort: 80 }] }, { name: b }] } } }\n";
        let protocol = "/spec/template/spec/containers/0/ports/0/protocol";
        let own = of(&format!("apiVersion: apps/v1\n{pods}"));
        assert_eq!(own.pointer(protocol), Some(&"TCP".into()));
        let custom = of(&format!("apiVersion: example.com/v1\n{pods}"));
        assert_eq!(custom.pointer(protocol), None);
    }
}
