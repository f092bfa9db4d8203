//! The three authorities.

use std::fmt;

use rcgen::{Issuer, KeyPair};
use time::OffsetDateTime;

use super::certificate::{Validity, sign_authority};
use super::{Facts, IdentityError, Secret};

/// Which authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthorityKind {
    /// Signs users, nodes and the API server.
    Cluster,
    /// Signs everything that speaks to etcd.
    Etcd,
    /// Signs what may speak for users to extension API servers.
    FrontProxy,
}

impl AuthorityKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cluster, Self::Etcd, Self::FrontProxy];

    /// The name in `firstlight.lock` and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Etcd => "etcd",
            Self::FrontProxy => "front-proxy",
        }
    }

    /// Where the pair lives in the state folder, without `.crt` or `.key`: as below
    /// `/etc/kubernetes` on a master.
    pub fn path(self) -> &'static str {
        match self {
            Self::Cluster => "pki/ca",
            Self::Etcd => "pki/etcd/ca",
            Self::FrontProxy => "pki/front-proxy-ca",
        }
    }

    /// The common name, as kubeadm's.
    pub fn common_name(self) -> &'static str {
        match self {
            Self::Cluster => "kubernetes",
            Self::Etcd => "etcd-ca",
            Self::FrontProxy => "front-proxy-ca",
        }
    }

    /// What its key allows whoever holds it.
    pub fn allows(self) -> &'static str {
        match self {
            Self::Cluster => "sign any certificate of the cluster: become any node or user",
            Self::Etcd => "sign any certificate of etcd: read and write everything in it",
            Self::FrontProxy => "sign proxies that may speak for any user",
        }
    }
}

impl fmt::Display for AuthorityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An authority: its certificate and the key that signs.
#[derive(Debug, Clone)]
pub struct Authority {
    /// Certificate, PEM.
    pub cert: String,
    /// Private key, PEM (PKCS #8).
    pub key: Secret,
    /// What the certificate says.
    pub facts: Facts,
}

impl Authority {
    /// Makes a new one.
    pub(super) fn create(
        kind: AuthorityKind,
        now: OffsetDateTime,
        days: u32,
    ) -> Result<Self, IdentityError> {
        let key = KeyPair::generate()?;
        let cert = sign_authority(kind.common_name(), &key, Validity::of(now, days, None))?;
        Ok(Self {
            facts: Facts::parse(&cert).expect("a certificate just made is one"),
            cert,
            key: Secret::new(key.serialize_pem()),
        })
    }

    /// Ready to sign.
    pub(super) fn issuer(&self) -> Result<Issuer<'static, KeyPair>, IdentityError> {
        let key = KeyPair::from_pem(self.key.expose())?;
        Ok(Issuer::from_ca_cert_pem(&self.cert, key)?)
    }
}
