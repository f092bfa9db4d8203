//! What every server of ours speaks.

/// The strong suites that each Go since 1.15 knows by these names; TLS 1.3 chooses its own.
pub(super) const CIPHER_SUITES: [&str; 4] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
];
/// As Kubernetes' flags call it.
pub(super) const MIN_VERSION: &str = "VersionTLS12";
