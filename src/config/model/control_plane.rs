//! What the control plane is told: `control_plane:` and the sections of the API server.

use std::collections::BTreeMap;

/// Everything that the components on masters are told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ControlPlane {
    /// Whether its components use the hosts' proxy variables.
    pub use_proxy: bool,
    /// Feature gates of its three components.
    pub feature_gates: BTreeMap<String, bool>,
    /// Further arguments of kube-apiserver.
    pub apiserver: Vec<Argument>,
    /// Further arguments of kube-controller-manager.
    pub controller_manager: Vec<Argument>,
    /// Further arguments of kube-scheduler.
    pub scheduler: Vec<Argument>,
    /// `admission_plugins:`
    pub admission_plugins: Vec<AdmissionPlugin>,
    /// `authentication:`
    pub authentication: Authentication,
    /// `audit:`
    pub audit: Audit,
    /// `encryption:`
    pub encryption: Encryption,
    /// `pod_security_policy.default_policy`
    pub pod_security: PodSecurity,
    /// `cloud:`
    pub cloud: Option<Cloud>,
}

/// One argument of a program, `--name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Without its hyphens.
    pub name: String,
    /// What stands behind the `=`; `true` where nothing does.
    pub value: String,
}

/// One of `admission_plugins[]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionPlugin {
    /// As the API server knows it.
    pub name: String,
    /// Whether it is on.
    pub enabled: bool,
}

/// `authentication:`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authentication {
    /// `OpenID` Connect.
    pub oidc: Option<Oidc>,
    /// A service that reviews tokens.
    pub token_webhook: Option<TokenWebhook>,
}

/// `authentication.oidc:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// URL of the issuer, https.
    pub issuer_url: String,
    /// The client that tokens are for.
    pub client_id: String,
    /// Claim with the user's name.
    pub username_claim: String,
    /// What is put before it; `-` is nothing, `None` is kube-apiserver's own choice.
    pub username_prefix: Option<String>,
    /// Claim with the groups.
    pub groups_claim: Option<String>,
    /// What is put before them.
    pub groups_prefix: Option<String>,
    /// Path of the issuer's authority.
    pub ca_file: Option<String>,
}

/// `authentication.token_webhook:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenWebhook {
    /// Name of the service in its kubeconfig.
    pub cluster: String,
    /// Its URL.
    pub server: String,
    /// Path of its authority's certificate.
    pub certificate_authority: Option<String>,
    /// Name of who asks in the kubeconfig.
    pub user: String,
    /// Path of the client certificate.
    pub client_certificate: Option<String>,
    /// Path of its key.
    pub client_key: Option<String>,
    /// How long an answer holds; `None` is kube-apiserver's 2 minutes.
    pub cache_ttl: Option<String>,
}

/// `audit:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// A file on every master, if there is one.
    pub file: Option<AuditFile>,
    /// A service that takes the record.
    pub webhook: Option<AuditWebhook>,
    /// Path of a policy in place of ours.
    pub policy: Option<String>,
}

impl Audit {
    /// Whether anything is recorded.
    pub const fn wanted(&self) -> bool {
        self.file.is_some() || self.webhook.is_some()
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            file: Some(AuditFile::default()),
            webhook: None,
            policy: None,
        }
    }
}

/// `audit.file:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFile {
    /// Absolute.
    pub path: String,
    /// Days that rotated files are kept.
    pub max_age: u32,
    /// MiB before it is rotated.
    pub max_size: u32,
    /// Rotated files that are kept.
    pub max_backups: u32,
}

impl Default for AuditFile {
    /// Pharos's.
    fn default() -> Self {
        Self {
            path: "/var/log/kubernetes/audit.json".to_owned(),
            max_age: 30,
            max_size: 100,
            max_backups: 20,
        }
    }
}

/// `audit.webhook:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditWebhook {
    /// Its URL.
    pub server: String,
    /// Path of its authority's certificate.
    pub certificate_authority: Option<String>,
}

/// `encryption:`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encryption {
    /// Whether what is secret is written to etcd encrypted.
    pub enabled: bool,
    /// By what.
    pub cipher: Cipher,
}

impl Default for Encryption {
    fn default() -> Self {
        Self {
            enabled: true,
            cipher: Cipher::Secretbox,
        }
    }
}

/// What encrypts at rest (`EncryptionConfiguration`, both with keys of 32 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// `XSalsa20` and Poly1305.
    Secretbox,
    /// AES-CBC with PKCS #7 padding.
    Aescbc,
}

impl Cipher {
    /// As `EncryptionConfiguration` calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secretbox => "secretbox",
            Self::Aescbc => "aescbc",
        }
    }
}

/// Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PodSecurity {
    /// Everything.
    #[default]
    Privileged,
    /// Nothing that is known to reach the host.
    Baseline,
    /// What hardened pods need, and no more.
    Restricted,
}

impl PodSecurity {
    /// The standard's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// `cloud:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    /// `external`, or one that is part of the train's Kubernetes.
    pub provider: String,
    /// Path of its configuration.
    pub config: Option<String>,
}

impl Cloud {
    /// The name of every provider that is not part of Kubernetes.
    pub const EXTERNAL: &'static str = "external";

    /// Whether its controller is a program of its own.
    pub fn is_external(&self) -> bool {
        self.provider == Self::EXTERNAL
    }
}
