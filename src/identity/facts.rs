//! What a certificate says, in our own words.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use super::Fingerprint;

/// A subject alternative name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum San {
    /// A host name.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl San {
    /// The address that `host` is, or else the name.
    pub fn parse(host: &str) -> Self {
        host.parse()
            .map_or_else(|_| Self::Dns(host.to_owned()), Self::Ip)
    }
}

impl fmt::Display for San {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Ip(ip) => write!(f, "IP:{ip}"),
        }
    }
}

/// Who a certificate is about, as Kubernetes reads it: the common name is the user, the
/// organisation the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `CN`
    pub common_name: String,
    /// `O`
    pub organization: Option<String>,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(organization) = &self.organization {
            write!(f, "O={organization}, ")?;
        }
        write!(f, "CN={}", self.common_name)
    }
}

/// Extended key usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// `serverAuth`
    pub server: bool,
    /// `clientAuth`
    pub client: bool,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.server, self.client) {
            (true, true) => "server and client",
            (true, false) => "server",
            (false, true) => "client",
            (false, false) => "none",
        })
    }
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Whom it is about.
    pub subject: Subject,
    /// Who signed it.
    pub issuer: Subject,
    /// Valid from.
    pub not_before: OffsetDateTime,
    /// Valid until.
    pub not_after: OffsetDateTime,
    /// Names and addresses it answers for.
    pub sans: BTreeSet<San>,
    /// Extended key usage.
    pub usage: Usage,
    /// Whether it may sign certificates.
    pub authority: bool,
    /// Its public key's name.
    pub fingerprint: Fingerprint,
}

impl Facts {
    /// Reads one PEM certificate; `None` when `pem` does not hold exactly that.
    pub(super) fn parse(pem: &str) -> Option<Self> {
        with_x509(pem, Self::of)?
    }

    fn of(cert: &X509Certificate<'_>) -> Option<Self> {
        let usage = cert.extended_key_usage().ok()?;
        Some(Self {
            subject: subject(cert.subject())?,
            issuer: subject(cert.issuer())?,
            not_before: cert.validity().not_before.to_datetime(),
            not_after: cert.validity().not_after.to_datetime(),
            sans: sans(cert)?,
            usage: Usage {
                server: usage.as_ref().is_some_and(|u| u.value.server_auth),
                client: usage.as_ref().is_some_and(|u| u.value.client_auth),
            },
            authority: cert.is_ca(),
            fingerprint: Fingerprint::of_public_key(cert.public_key().raw),
        })
    }
}

/// Whether the key of the certificate `issuer` signed the certificate `cert`, and the names agree.
pub(super) fn signed_by(cert: &str, issuer: &str) -> bool {
    with_x509(cert, |cert| {
        with_x509(issuer, |issuer| {
            let key = aws_lc_rs::signature::UnparsedPublicKey::new(
                &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1,
                issuer.public_key().subject_public_key.data.as_ref(),
            );
            cert.issuer().as_raw() == issuer.subject().as_raw()
                && key
                    .verify(cert.tbs_certificate.as_ref(), &cert.signature_value.data)
                    .is_ok()
        })
    })
    .flatten()
    .unwrap_or(false)
}

fn with_x509<T>(pem: &str, read: impl FnOnce(&X509Certificate<'_>) -> T) -> Option<T> {
    let (rest, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).ok()?;
    let whole = rest.trim_ascii().is_empty() && block.label == "CERTIFICATE";
    let (left, cert) = X509Certificate::from_der(&block.contents).ok()?;
    (whole && left.is_empty()).then(|| read(&cert))
}

fn subject(name: &x509_parser::x509::X509Name<'_>) -> Option<Subject> {
    let organization = name.iter_organization().next();
    Some(Subject {
        common_name: name.iter_common_name().next()?.as_str().ok()?.to_owned(),
        organization: organization
            .and_then(|o| o.as_str().ok())
            .map(ToOwned::to_owned),
    })
}

fn sans(cert: &X509Certificate<'_>) -> Option<BTreeSet<San>> {
    let Some(extension) = cert.subject_alternative_name().ok()? else {
        return Some(BTreeSet::new());
    };
    let read = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(San::Dns((*name).to_owned())),
        GeneralName::IPAddress(bytes) => ip(bytes).map(San::Ip),
        _ => None,
    };
    extension.value.general_names.iter().map(read).collect()
}

/// An iPAddress name (RFC 5280 §4.2.1.6): 4 or 16 bytes.
fn ip(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}
