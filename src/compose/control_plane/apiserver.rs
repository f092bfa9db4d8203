//! Arguments of kube-apiserver.

use super::args::Args;
use super::{PKI, files};
use crate::artefact::train::PodSecurityBy;
use crate::compose::host::bracketed;
use crate::compose::tls;
use crate::config::model::{Oidc, PodSecurity};
use crate::identity::Identities;
use crate::plan::{Node, Plan};

/// Everything on its command line.
pub(super) fn args(plan: &Plan, node: &Node, ids: &Identities) -> Args {
    let settings = &plan.release.settings.apiserver;
    let plane = &plan.control_plane;
    let mut args = Args::default();
    fixed(&mut args);
    let services: Vec<_> = plan.service_cidrs.iter().map(ToString::to_string).collect();
    let issuer = format!("https://kubernetes.default.svc.{}", plan.domain);
    args.set([
        ("advertise-address", node.ip().to_string()),
        ("service-account-issuer", issuer),
        ("service-cluster-ip-range", services.join(",")),
        ("tls-cipher-suites", tls::CIPHER_SUITES.join(",")),
        ("tls-min-version", tls::MIN_VERSION.to_owned()),
    ]);
    etcd(&mut args, plan, node);
    if settings.insecure_port {
        args.set([("insecure-port", "0")]);
    }
    if settings.bound_tokens {
        // else tokens of pods last a year
        args.set([("service-account-extend-token-expiration", "false")]);
    }
    admission(&mut args, plan);
    authentication(&mut args, plan);
    audit(&mut args, plan);
    if !ids.encryption.keys.is_empty() {
        args.set([("encryption-provider-config", files::ENCRYPTION)]);
    }
    if let Some(cloud) = plane.cloud.as_ref().filter(|cloud| !cloud.is_external()) {
        super::cloud(&mut args, cloud);
    }
    args.gates(&plane.feature_gates);
    args.extra(&plane.apiserver);
    args
}

/// What is the same in every cluster.
fn fixed(args: &mut Args) {
    args.set([
        ("allow-privileged", "true"),
        ("authorization-mode", "Node,RBAC"),
        (
            "kubelet-preferred-address-types",
            "InternalIP,ExternalIP,Hostname",
        ),
        ("profiling", "false"),
        ("requestheader-allowed-names", "front-proxy-client"),
        ("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
        ("requestheader-group-headers", "X-Remote-Group"),
        ("requestheader-username-headers", "X-Remote-User"),
        ("secure-port", "6443"),
    ]);
    let pki = [
        ("client-ca-file", "ca.crt"),
        ("kubelet-certificate-authority", "ca.crt"),
        ("kubelet-client-certificate", "apiserver-kubelet-client.crt"),
        ("kubelet-client-key", "apiserver-kubelet-client.key"),
        ("proxy-client-cert-file", "front-proxy-client.crt"),
        ("proxy-client-key-file", "front-proxy-client.key"),
        ("requestheader-client-ca-file", "front-proxy-ca.crt"),
        ("service-account-key-file", "sa.pub"),
        ("service-account-signing-key-file", "sa.key"),
        ("tls-cert-file", "apiserver.crt"),
        ("tls-private-key-file", "apiserver.key"),
    ];
    args.set(pki.map(|(name, file)| (name, format!("{PKI}/{file}"))));
}

/// How it reaches etcd.
fn etcd(args: &mut Args, plan: &Plan, node: &Node) {
    let (servers, ca, client) = if let Some(external) = &plan.etcd.external {
        (
            external.endpoints.clone(),
            external.ca_certificate.is_some(),
            external.certificate.is_some(),
        )
    } else {
        // the own member first; a client that lists all survives the loss of its own
        let others = plan.masters().filter(|m| m.name != node.name);
        let others = others.map(|m| format!("https://{}:2379", bracketed(m.ip())));
        let own = std::iter::once("https://127.0.0.1:2379".to_owned());
        (own.chain(others).collect(), true, true)
    };
    args.set([("etcd-servers", servers.join(","))]);
    if ca {
        args.set([("etcd-cafile", format!("{PKI}/etcd/ca.crt"))]);
    }
    if client {
        args.set([
            ("etcd-certfile", format!("{PKI}/apiserver-etcd-client.crt")),
            ("etcd-keyfile", format!("{PKI}/apiserver-etcd-client.key")),
        ]);
    }
}

fn admission(args: &mut Args, plan: &Plan) {
    let settings = &plan.release.settings.apiserver;
    let plugins = &plan.control_plane.admission_plugins;
    let named = |name: &str| plugins.iter().any(|plugin| plugin.name == name);
    // without the second any tenant takes traffic to any address (CVE-2020-8554)
    let mut on: Vec<&str> = ["NodeRestriction", "DenyServiceExternalIPs"]
        .into_iter()
        .filter(|own| settings.admission_plugins.iter().any(|known| known == own) && !named(own))
        .collect();
    match settings.pod_security {
        PodSecurityBy::Admission => {
            args.set([("admission-control-config-file", files::ADMISSION)]);
        }
        PodSecurityBy::Policies if plan.control_plane.pod_security != PodSecurity::Privileged => {
            on.push("PodSecurityPolicy");
        }
        PodSecurityBy::Policies => {}
    }
    let user = |enabled: bool| {
        plugins
            .iter()
            .filter(move |plugin| plugin.enabled == enabled)
    };
    on.extend(user(true).map(|plugin| plugin.name.as_str()));
    let off: Vec<&str> = user(false).map(|plugin| plugin.name.as_str()).collect();
    args.set([("enable-admission-plugins", on.join(","))]);
    if !off.is_empty() {
        args.set([("disable-admission-plugins", off.join(","))]);
    }
}

fn authentication(args: &mut Args, plan: &Plan) {
    let people = &plan.control_plane.authentication;
    if plan.release.settings.apiserver.authentication_config {
        args.set([("authentication-config", files::AUTHENTICATION)]);
    } else if let Some(issuer) = &people.oidc {
        oidc(args, issuer);
    }
    if let Some(webhook) = &people.token_webhook {
        args.set([(
            "authentication-token-webhook-config-file",
            files::TOKEN_WEBHOOK,
        )]);
        if let Some(ttl) = &webhook.cache_ttl {
            args.set([("authentication-token-webhook-cache-ttl", ttl.as_str())]);
        }
    }
}

fn oidc(args: &mut Args, issuer: &Oidc) {
    args.set([
        ("oidc-client-id", issuer.client_id.as_str()),
        ("oidc-issuer-url", issuer.issuer_url.as_str()),
        ("oidc-username-claim", issuer.username_claim.as_str()),
    ]);
    let more = [
        ("oidc-username-prefix", issuer.username_prefix.as_deref()),
        ("oidc-groups-claim", issuer.groups_claim.as_deref()),
        ("oidc-groups-prefix", issuer.groups_prefix.as_deref()),
        (
            "oidc-ca-file",
            issuer.ca_file.as_ref().map(|_| files::OIDC_CA),
        ),
    ];
    args.set(
        more.into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
}

fn audit(args: &mut Args, plan: &Plan) {
    let record = &plan.control_plane.audit;
    if record.wanted() {
        args.set([("audit-policy-file", files::AUDIT_POLICY)]);
    }
    if let Some(file) = &record.file {
        args.set([
            ("audit-log-path", file.path.clone()),
            ("audit-log-maxage", file.max_age.to_string()),
            ("audit-log-maxbackup", file.max_backups.to_string()),
            ("audit-log-maxsize", file.max_size.to_string()),
        ]);
    }
    if record.webhook.is_some() {
        args.set([("audit-webhook-config-file", files::AUDIT_WEBHOOK)]);
    }
}
