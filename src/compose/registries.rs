//! How containerd, and `ctr --hosts-dir`, reach each registry: `certs.d/REGISTRY/hosts.toml`
//! (containerd, docs/hosts.md).

use serde_json::{Map, Value, json};

use super::tree::NodeTree;
use crate::config::model::Registry;
use crate::identity::Given;
use crate::plan::Plan;

/// Where containerd looks.
pub(super) const FOLDER: &str = "/etc/containerd/certs.d";

/// A folder for each registry that is not reached as it would be anyway.
pub(super) fn add(tree: &mut NodeTree, plan: &Plan, given: &Given) {
    let runtime = &plan.container_runtime;
    for name in &runtime.insecure_registries {
        let mut hosts = Map::new();
        let https = json!({ "capabilities": CAPABILITIES, "skip_verify": true });
        hosts.insert(format!("https://{name}"), https);
        let http = json!({ "capabilities": CAPABILITIES });
        hosts.insert(format!("http://{name}"), http);
        hosts_toml(
            tree,
            name,
            &json!({ "server": format!("https://{name}"), "host": hosts }),
        );
    }
    for (index, registry) in runtime.registries.iter().enumerate() {
        let ca = registry.certificate_authority.as_ref().map(|_| {
            let path = format!("{FOLDER}/{}/ca.crt", folder(&registry.name));
            let key = format!("container_runtime.registries[{index}].certificate_authority");
            tree.public(&path, given.file(&key).expose().to_owned());
            path
        });
        if ca.is_some() || !registry.mirrors.is_empty() {
            hosts_toml(tree, &registry.name, &hosts(registry, ca.as_deref()));
        }
    }
}

const CAPABILITIES: [&str; 2] = ["pull", "resolve"];

/// The mirrors in their order, then the registry itself.
fn hosts(registry: &Registry, ca: Option<&str>) -> Value {
    let mut hosts = Map::new();
    for url in &registry.mirrors {
        let mut host = json!({ "capabilities": CAPABILITIES });
        if let Some(ca) = ca {
            host["ca"] = json!(ca);
        }
        // containerd puts `/v2` behind a path: a mirror whose path begins with it means what it says
        let path = url
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('/'));
        if path.is_some_and(|(_, path)| path.starts_with("v2/")) {
            host["override_path"] = json!(true);
        }
        hosts.insert(url.clone(), host);
    }
    let mut config = json!({ "server": format!("https://{}", server(&registry.name)) });
    if let Some(ca) = ca {
        config["ca"] = json!(ca);
    }
    if !hosts.is_empty() {
        config["host"] = Value::Object(hosts);
    }
    config
}

fn hosts_toml(tree: &mut NodeTree, name: &str, config: &Value) {
    let text = toml::to_string(config).expect("tables of plain values have a TOML form");
    tree.public(&format!("{FOLDER}/{}/hosts.toml", folder(name)), text);
}

/// The name of a registry's folder; containerd reads both forms, and a colon is no part of a file name
/// on every system that carries seeds.
fn folder(name: &str) -> String {
    match name.rsplit_once(':') {
        Some((host, port)) => format!("{host}_{port}_"),
        None => name.to_owned(),
    }
}

/// The server behind a name: Docker's is called otherwise.
fn server(name: &str) -> &str {
    if name == "docker.io" {
        "registry-1.docker.io"
    } else {
        name
    }
}

/// Whether any registry wants a login.
pub(super) fn has_logins(plan: &Plan) -> bool {
    let mut all = plan.container_runtime.registries.iter();
    all.any(|registry| registry.username.is_some())
}

/// `registry.configs` of containerd's configuration: the only place for logins that it has.
pub(super) fn logins(plan: &Plan, given: &Given) -> Map<String, Value> {
    let mut logins = Map::new();
    for (index, registry) in plan.container_runtime.registries.iter().enumerate() {
        if let Some(username) = &registry.username {
            let key = format!("container_runtime.registries[{index}].password_file");
            let password = given.password(&key);
            let auth = json!({ "username": username, "password": password.expose() });
            logins.insert(server(&registry.name).to_owned(), json!({ "auth": auth }));
        }
    }
    logins
}
