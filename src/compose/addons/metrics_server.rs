//! metrics-server: how often it asks, and by whom the API server knows it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::object::set;
use super::{Context, find};
use crate::artefact::Digest;
use crate::plan::addons::Addon;

pub(super) fn patch(context: &Context<'_>, addon: &Addon, objects: &mut [Value]) {
    let resolution = format!("--metric-resolution={}", addon.text("resolution"));
    let leaf = context.ids.metrics_server.as_ref();
    if let (Some(deployment), Some(leaf)) = (find(objects, "Deployment", "metrics-server"), leaf) {
        if let Some(Value::Array(args)) =
            deployment.pointer_mut("/spec/template/spec/containers/0/args")
        {
            args.push(json!(resolution));
        }
        // another certificate is another pod, and another generation
        let named = Digest::sha256(leaf.cert.as_bytes()).hex();
        set(
            deployment,
            "/spec/template/metadata/annotations",
            json!({ "firstlight/certificate": named }),
        );
    }
    if let Some(service) = find(objects, "APIService", "v1beta1.metrics.k8s.io") {
        let bundle = STANDARD.encode(&context.ids.cluster_ca.cert);
        set(service, "/spec/caBundle", json!(bundle));
    }
}
