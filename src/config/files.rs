//! Files beside `cluster.yml` that its keys name, to be read when seeds are built.

use super::model::Config;

/// What a file must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Certificates, PEM.
    Certificates,
    /// The private key of the certificate that another key names, PEM; and what it allows.
    KeyOf(String, &'static str),
    /// An audit `Policy`.
    AuditPolicy,
    /// One line.
    Password,
    /// Anything.
    Any,
}

/// A file that a key of `cluster.yml` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// The key, such as `authentication.oidc.ca_file`.
    pub key: String,
    /// Its path, relative to `cluster.yml` unless absolute.
    pub path: String,
    /// What it must hold.
    pub form: Form,
}

/// Every file that `config` names, certificates before their keys.
pub fn named_files(config: &Config) -> Vec<NamedFile> {
    let plane = &config.control_plane;
    let mut found = Vec::new();
    let mut add = |key: &str, path: Option<&String>, form: Form| {
        found.extend(path.map(|path| NamedFile {
            key: key.to_owned(),
            path: path.clone(),
            form,
        }));
    };
    if let Some(oidc) = &plane.authentication.oidc {
        add(
            "authentication.oidc.ca_file",
            oidc.ca_file.as_ref(),
            Form::Certificates,
        );
    }
    if let Some(webhook) = &plane.authentication.token_webhook {
        let at = "authentication.token_webhook.config";
        let ca = webhook.certificate_authority.as_ref();
        add(
            &format!("{at}.cluster.certificate_authority"),
            ca,
            Form::Certificates,
        );
        let certificate = format!("{at}.user.client_certificate");
        add(
            &certificate,
            webhook.client_certificate.as_ref(),
            Form::Certificates,
        );
        let form = Form::KeyOf(certificate, "ask the token webhook who a token's user is");
        add(
            &format!("{at}.user.client_key"),
            webhook.client_key.as_ref(),
            form,
        );
    }
    if let Some(webhook) = &plane.audit.webhook {
        let ca = webhook.certificate_authority.as_ref();
        add(
            "audit.webhook.certificate_authority",
            ca,
            Form::Certificates,
        );
    }
    add(
        "audit.policy",
        plane.audit.policy.as_ref(),
        Form::AuditPolicy,
    );
    if let Some(cloud) = &plane.cloud {
        add("cloud.config", cloud.config.as_ref(), Form::Any);
    }
    for (index, registry) in config.container_runtime.registries.iter().enumerate() {
        let at = format!("container_runtime.registries[{index}]");
        let ca = registry.certificate_authority.as_ref();
        add(
            &format!("{at}.certificate_authority"),
            ca,
            Form::Certificates,
        );
        add(
            &format!("{at}.password_file"),
            registry.password_file.as_ref(),
            Form::Password,
        );
    }
    found
}
