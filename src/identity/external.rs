//! The client certificate for an etcd that is not ours.

use std::path::{Path, PathBuf};

use super::{Facts, Fingerprint, IdentityError, Secret, private_keys};
use crate::config::model::ExternalEtcd as Settings;

/// What an API server shows an etcd that is not ours, read from the user's files.
#[derive(Debug, Clone)]
pub struct ExternalEtcd {
    /// The authority of its servers, PEM; `None` takes the system's.
    pub ca: Option<String>,
    /// Certificate and key, PEM; `None` where it asks for none.
    pub client: Option<(String, Secret)>,
    /// Of the key.
    pub fingerprint: Option<Fingerprint>,
}

impl ExternalEtcd {
    /// What the key allows whoever holds it.
    pub const ALLOWS: &'static str = "speak to the cluster's external etcd";

    /// Reads the files that `settings` names, below `base` where their paths are relative.
    pub fn read(settings: &Settings, base: &Path) -> Result<Self, IdentityError> {
        let ca = settings.ca_certificate.as_ref().map(|path| {
            let (path, text) = read(base, path)?;
            certificate(&path, &text).map(|_| text)
        });
        let (mut client, mut fingerprint) = (None, None);
        if let (Some(cert), Some(key)) = (&settings.certificate, &settings.key) {
            let (cert_path, cert) = read(base, cert)?;
            let (key_path, key) = read(base, key)?;
            let key = Secret::new(key);
            let facts = certificate(&cert_path, &cert)?;
            if private_keys(key.expose().as_bytes()) != [facts.fingerprint] {
                return Err(IdentityError::OtherKey {
                    key: key_path,
                    certificate: cert_path,
                });
            }
            fingerprint = Some(facts.fingerprint);
            client = Some((cert, key));
        }
        Ok(Self {
            ca: ca.transpose()?,
            client,
            fingerprint,
        })
    }
}

fn read(base: &Path, path: &str) -> Result<(PathBuf, String), IdentityError> {
    let path = base.join(path);
    let text = fs_err::read_to_string(&path)?;
    Ok((path, text))
}

/// The first certificate of a file, which may hold a chain.
fn certificate(path: &Path, text: &str) -> Result<Facts, IdentityError> {
    const END: &str = "-----END CERTIFICATE-----\n";
    let first = text.find("-----BEGIN CERTIFICATE-----").and_then(|from| {
        let to = text[from..].find(END)? + END.len();
        Facts::parse(&text[from..from + to])
    });
    first.ok_or_else(|| IdentityError::NoCertificate {
        path: path.to_owned(),
    })
}
