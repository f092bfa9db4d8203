//! Settings of `cluster.yml`, followed to what the components of a node are told.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

#[path = "settings/cis.rs"]
mod cis;
#[path = "settings/control_plane.rs"]
mod control_plane;
#[path = "settings/files.rs"]
mod files;
#[path = "settings/runtime.rs"]
mod runtime;

use std::collections::BTreeMap;

use firstlight::compose::NodeTree;
use serde_json::Value;
use support::Cluster;

/// Everything on the command line of a static pod, by name without hyphens.
fn flags(cluster: &Cluster, node: &str, pod: &str) -> BTreeMap<String, String> {
    let manifest = yaml(
        &cluster.tree(node),
        &format!("/etc/firstlight/manifests/{pod}.yaml"),
    );
    let command = manifest["spec"]["containers"][0]["command"]
        .as_array()
        .unwrap()
        .clone();
    let pair = |argument: &Value| {
        let argument = argument
            .as_str()
            .unwrap()
            .strip_prefix("--")
            .unwrap()
            .to_owned();
        let (name, value) = argument.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    command[1..].iter().map(pair).collect()
}

fn text(tree: &NodeTree, path: &str) -> String {
    let file = tree.files.get(path).unwrap_or_else(|| panic!("no {path}"));
    String::from_utf8(file.content.to_vec()).unwrap()
}

fn yaml(tree: &NodeTree, path: &str) -> Value {
    firstlight::yaml::from_str(&text(tree, path)).unwrap()
}

/// One master and one worker with more in their `cluster.yml`.
fn small(train: &str, more: &str) -> Cluster {
    Cluster::new(&(support::cluster(train, 1, 1) + more))
}
