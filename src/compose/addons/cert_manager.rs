//! cert-manager: which issuers there are, and the image of the pods that answer ACME's questions.

use serde_json::{Value, json};

use super::super::object::set;
use super::{Context, find};
use crate::plan::addons::Addon;

const SOLVER: &str = "quay.io/jetstack/cert-manager-acmesolver";

pub(super) fn patch(_: &Context<'_>, addon: &Addon, objects: &mut [Value]) {
    if let (Some(controller), Some(image)) = (
        find(objects, "Deployment", "cert-manager"),
        addon.images.get(SOLVER),
    ) && let Some(Value::Array(args)) =
        controller.pointer_mut("/spec/template/spec/containers/0/args")
    {
        args.push(json!(format!("--acme-http01-solver-image={image}")));
    }
    let email = addon.text("acme.email");
    let wanted = |name: &str| match name {
        "self-signed" => addon.text("issuer") != "none",
        "ca" | "cluster-users-ca" => addon.text("issuer") == "ca",
        "acme" => !email.is_empty(),
        _ => true,
    };
    for object in objects.iter_mut() {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if object["apiVersion"] == "cert-manager.io/v1" && !wanted(name) {
            *object = Value::Null;
        }
    }
    if let Some(acme) = find(objects, "ClusterIssuer", "acme") {
        set(acme, "/spec/acme/email", json!(email));
        set(acme, "/spec/acme/server", json!(addon.text("acme.server")));
    }
}
