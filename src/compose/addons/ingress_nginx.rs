//! ingress-nginx: whether it is the default class, and has a default backend.

use serde_json::{Value, json};

use super::super::object::set;
use super::{Context, find};
use crate::plan::addons::Addon;

const BACKEND: &str = "default-backend";

pub(super) fn patch(_: &Context<'_>, addon: &Addon, objects: &mut [Value]) {
    if !addon.is_on("default_class")
        && let Some(class) = find(objects, "IngressClass", "nginx")
    {
        set(class, "/metadata/annotations", json!({}));
    }
    if !addon.is_on("default_backend.enabled") {
        for object in objects
            .iter_mut()
            .filter(|o| o["metadata"]["name"] == BACKEND)
        {
            *object = Value::Null;
        }
        if let Some(controller) = find(objects, "DaemonSet", "ingress-nginx-controller")
            && let Some(args) = controller
                .pointer_mut("/spec/template/spec/containers/0/args")
                .and_then(Value::as_array_mut)
        {
            args.retain(|arg| {
                arg.as_str()
                    .is_none_or(|arg| !arg.starts_with("--default-backend-service="))
            });
        }
    }
}
