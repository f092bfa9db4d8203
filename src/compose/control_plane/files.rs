//! Configuration that kube-apiserver reads: one folder, for root alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::FOLDER;
use crate::artefact::train::PodSecurityBy;
use crate::compose::tree::{Kind, NodeTree};
use crate::compose::{object, overlay};
use crate::config::model::{Oidc, PodSecurity};
use crate::identity::{EncryptionKeys, Given, Identities, Secret};
use crate::plan::Plan;

pub(super) const ADMISSION: &str = "/etc/kubernetes/apiserver/admission.yaml";
pub(super) const AUDIT_POLICY: &str = "/etc/kubernetes/apiserver/audit-policy.yaml";
pub(super) const AUDIT_WEBHOOK: &str = "/etc/kubernetes/apiserver/audit-webhook.conf";
pub(super) const AUTHENTICATION: &str = "/etc/kubernetes/apiserver/authentication.yaml";
pub(super) const ENCRYPTION: &str = "/etc/kubernetes/apiserver/encryption.yaml";
pub(super) const OIDC_CA: &str = "/etc/kubernetes/apiserver/oidc-ca.crt";
pub(super) const TOKEN_WEBHOOK: &str = "/etc/kubernetes/apiserver/token-webhook.conf";

/// Namespaces whose pods are the cluster's own.
const OWN_NAMESPACES: [&str; 1] = ["kube-system"];

/// Puts them in place.
pub(super) fn add(tree: &mut NodeTree, plan: &Plan, ids: &Identities) {
    let settings = &plan.release.settings.apiserver;
    let plane = &plan.control_plane;
    if settings.pod_security == PodSecurityBy::Admission {
        tree.private(ADMISSION, object::yaml(&admission(plane.pod_security)));
    }
    let oidc = plane.authentication.oidc.as_ref();
    if settings.authentication_config {
        let config = authentication(oidc, &ids.given);
        tree.private(AUTHENTICATION, object::yaml(&config));
    } else if oidc.is_some_and(|oidc| oidc.ca_file.is_some()) {
        let ca = ids.given.file("authentication.oidc.ca_file");
        tree.private(OIDC_CA, ca.expose().to_owned());
    }
    token_webhook(tree, plan, &ids.given);
    audit(tree, plan, &ids.given);
    if !ids.encryption.keys.is_empty() {
        let text = Secret::new(object::yaml(&encryption(&ids.encryption)));
        tree.secret(ENCRYPTION, &text, Kind::Fixed, EncryptionKeys::ALLOWS);
    }
}

/// A name for all of them together, which the pod bears: a changed one starts it anew.
pub(super) fn digest(tree: &NodeTree) -> String {
    let start = format!("{FOLDER}/");
    let own = tree
        .files
        .range(start.clone()..)
        .take_while(|(path, _)| path.starts_with(&start));
    let all: Vec<u8> = own
        .flat_map(|(path, file)| [path.as_bytes(), b"\n", file.content.as_ref(), b"\n"].concat())
        .collect();
    crate::artefact::Digest::sha256(&all).hex()[..16].to_owned()
}

/// Pod Security admission: what namespaces without a label of their own get.
fn admission(enforce: PodSecurity) -> Value {
    let told = match enforce {
        PodSecurity::Privileged => PodSecurity::Baseline,
        stricter => stricter,
    };
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{
            "name": "PodSecurity",
            "configuration": {
                "apiVersion": "pod-security.admission.config.k8s.io/v1",
                "kind": "PodSecurityConfiguration",
                "defaults": {
                    "enforce": enforce.as_str(), "enforce-version": "latest",
                    "audit": told.as_str(), "audit-version": "latest",
                    "warn": told.as_str(), "warn-version": "latest",
                },
                "exemptions": { "namespaces": OWN_NAMESPACES },
            },
        }],
    })
}

/// Anonymous requests only where probes and balancers ask; `OpenID` Connect as its flags would have it.
fn authentication(oidc: Option<&Oidc>, given: &Given) -> Value {
    let paths = ["/livez", "/readyz", "/healthz"].map(|path| json!({ "path": path }));
    let mut config = json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "anonymous": { "enabled": true, "conditions": paths },
    });
    if let Some(oidc) = oidc {
        config["jwt"] = json!([issuer(oidc, given)]);
    }
    config
}

fn issuer(oidc: &Oidc, given: &Given) -> Value {
    let mut issuer = json!({ "url": oidc.issuer_url, "audiences": [oidc.client_id] });
    if oidc.ca_file.is_some() {
        let ca = given.file("authentication.oidc.ca_file");
        issuer["certificateAuthority"] = json!(ca.expose());
    }
    // what `--oidc-username-prefix` does: https://kubernetes.io/docs/reference/access-authn-authz/authentication/
    let prefix = match oidc.username_prefix.as_deref() {
        Some("-") => String::new(),
        Some(prefix) => prefix.to_owned(),
        None if oidc.username_claim == "email" => String::new(),
        None => format!("{}#", oidc.issuer_url),
    };
    let mut mappings = json!({ "username": { "claim": oidc.username_claim, "prefix": prefix } });
    if let Some(claim) = &oidc.groups_claim {
        let prefix = oidc.groups_prefix.as_deref().unwrap_or_default();
        mappings["groups"] = json!({ "claim": claim, "prefix": prefix });
    }
    json!({ "issuer": issuer, "claimMappings": mappings })
}

fn token_webhook(tree: &mut NodeTree, plan: &Plan, given: &Given) {
    let Some(webhook) = &plan.control_plane.authentication.token_webhook else {
        return;
    };
    let at = "authentication.token_webhook.config";
    let ca = format!("{at}.cluster.certificate_authority");
    let ca = webhook
        .certificate_authority
        .as_ref()
        .map(|_| given.file(&ca));
    let mut user = Map::new();
    if webhook.client_key.is_some() {
        for (field, key) in [
            ("client-certificate-data", "client_certificate"),
            ("client-key-data", "client_key"),
        ] {
            let file = given.file(&format!("{at}.user.{key}"));
            user.insert(field.to_owned(), encoded(file));
        }
    }
    let holds_key = !user.is_empty();
    let service = (webhook.cluster.as_str(), webhook.server.as_str(), ca);
    let text = object::yaml(&kubeconfig(service, &webhook.user, &user));
    if holds_key {
        let allows = "ask the token webhook who a token's user is";
        tree.secret(TOKEN_WEBHOOK, &Secret::new(text), Kind::Fixed, allows);
    } else {
        tree.private(TOKEN_WEBHOOK, text);
    }
}

fn audit(tree: &mut NodeTree, plan: &Plan, given: &Given) {
    let record = &plan.control_plane.audit;
    if !record.wanted() {
        return;
    }
    match &record.policy {
        Some(_) => tree.private(AUDIT_POLICY, given.file("audit.policy").expose().to_owned()),
        None => tree.private(
            AUDIT_POLICY,
            overlay::file("control-plane/audit-policy.yaml"),
        ),
    }
    if let Some(webhook) = &record.webhook {
        let ca = webhook.certificate_authority.as_ref();
        let ca = ca.map(|_| given.file("audit.webhook.certificate_authority"));
        let service = ("audit", webhook.server.as_str(), ca);
        let text = object::yaml(&kubeconfig(service, "kube-apiserver", &Map::new()));
        tree.private(AUDIT_WEBHOOK, text);
    }
}

/// How webhooks are described: a kubeconfig with one service (name, URL, authority) and one user.
fn kubeconfig(
    service: (&str, &str, Option<&Secret>),
    user: &str,
    credentials: &Map<String, Value>,
) -> Value {
    let (name, server, ca) = service;
    let mut cluster = json!({ "server": server });
    if let Some(ca) = ca {
        cluster["certificate-authority-data"] = encoded(ca);
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": name, "cluster": cluster }],
        "users": [{ "name": user, "user": credentials }],
        "contexts": [{ "name": "webhook", "context": { "cluster": name, "user": user } }],
        "current-context": "webhook",
    })
}

fn encoded(file: &Secret) -> Value {
    json!(STANDARD.encode(file.expose()))
}

/// The key that is written with first; what is not encrypted is read in any case.
fn encryption(keys: &EncryptionKeys) -> Value {
    let provider = |key: &crate::identity::EncryptionKey| {
        let cipher = key.cipher.as_str();
        json!({ cipher: { "keys": [{ "name": key.name, "secret": key.secret.expose() }] } })
    };
    let mut providers: Vec<Value> = keys.in_order().map(provider).collect();
    let plain = json!({ "identity": {} });
    let at = if keys.writer.is_some() {
        providers.len()
    } else {
        0
    };
    providers.insert(at, plain);
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{ "resources": ["secrets"], "providers": providers }],
    })
}
