//! Whether what the cluster's manifests run is what its machines are given.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::object;
use super::tree::NodeTree;
use crate::artefact::Item;
use crate::plan::Plan;

/// Where our manifests are.
const FOLDERS: [&str; 2] = ["/etc/firstlight/manifests/", "/etc/firstlight/apply/"];

/// Images that a manifest of `tree` names and that no machine of the cluster is given by digest, as
/// `path: image`. A node without network would wait for one of them for ever.
pub fn unpinned(plan: &Plan, tree: &NodeTree) -> Vec<String> {
    let pinned: BTreeSet<String> = plan
        .nodes
        .iter()
        .flat_map(|node| &node.needs)
        .filter_map(|artefact| match &artefact.item {
            Item::Image { name, digest } => Some(format!("{name}@{digest}")),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for (path, file) in &tree.files {
        let yaml = Path::new(path).extension().is_some_and(|end| end == "yaml");
        if !yaml || !FOLDERS.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        let mut named = BTreeSet::new();
        for manifest in object::read(&String::from_utf8_lossy(&file.content)) {
            images(&manifest, &mut named);
        }
        let lacking = named.into_iter().filter(|image| !pinned.contains(image));
        found.extend(lacking.map(|image| format!("{path}: {image}")));
    }
    found
}

/// Every `image:` of containers, wherever they are in the object.
fn images(value: &Value, named: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let (Some(Value::String(image)), true) =
                (fields.get("image"), fields.contains_key("name"))
            {
                named.insert(image.clone());
            }
            fields.values().for_each(|field| images(field, named));
        }
        Value::Array(items) => items.iter().for_each(|item| images(item, named)),
        _ => {}
    }
}
