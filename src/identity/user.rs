//! Client certificates for people and programs: a name, groups, an end. They are not kept.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, SigningKey};
use time::{Duration, OffsetDateTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::certificate::{Request, Validity};
use super::{Authority, Facts, IdentityError, Leaf, Secret, Usage};

/// Whom the API server is to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name of the user: `CN`.
    pub name: String,
    /// Groups of the user, in order: an `O` each.
    pub groups: Vec<String>,
    /// How long.
    pub lifetime: Duration,
}

impl User {
    /// A certificate by `authority`, with a new key. It cannot be revoked: API servers read no
    /// revocation list (kubernetes/kubernetes#18982).
    pub fn issue(&self, authority: &Authority, now: OffsetDateTime) -> Result<Leaf, IdentityError> {
        let key = KeyPair::generate()?;
        let request = Request {
            common_name: self.name.clone(),
            organization: None,
            sans: BTreeSet::new(),
            usage: Usage {
                server: false,
                client: true,
            },
        };
        let limit = (now + self.lifetime).min(authority.facts.not_after);
        let validity = Validity::of(now, u32::MAX, Some(limit));
        let cert = request.sign(&key, &authority.issuer()?, validity)?;
        let signer = KeyPair::from_pem(authority.key.expose())?;
        let cert = with_subject(&cert, &self.subject(), &signer)?;
        Ok(Leaf {
            facts: Facts::parse(&cert).expect("a certificate just made is one"),
            cert,
            key: Secret::new(key.serialize_pem()),
        })
    }

    /// The distinguished name in DER: rcgen's holds one value of a kind, and each group is an `O`.
    fn subject(&self) -> Vec<u8> {
        const COMMON_NAME: &[u8] = &[0x55, 4, 3];
        const ORGANIZATION: &[u8] = &[0x55, 4, 10];
        let attribute = |oid: &[u8], value: &str| {
            let pair = [der(OID, oid), der(UTF8, value.as_bytes())].concat();
            der(SET, &der(SEQUENCE, &pair))
        };
        let groups = self.groups.iter().map(|g| attribute(ORGANIZATION, g));
        let all: Vec<u8> = groups
            .chain([attribute(COMMON_NAME, &self.name)])
            .flatten()
            .collect();
        der(SEQUENCE, &all)
    }
}

const OID: u8 = 0x06;
const UTF8: u8 = 0x0c;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// The same certificate about `subject`, signed again.
fn with_subject(pem: &str, subject: &[u8], signer: &KeyPair) -> Result<String, IdentityError> {
    let why = "a certificate just made is one";
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).expect(why);
    let (_, cert) = X509Certificate::from_der(&block.contents).expect(why);
    let tbs: &[u8] = cert.tbs_certificate.as_ref();
    let old = cert.tbs_certificate.subject.as_raw();
    let fields = content(tbs);
    // the one of the issuer may be the same bytes: the subject is what comes last of them
    let at = fields
        .windows(old.len())
        .rposition(|w| w == old)
        .expect(why);
    let fields = [&fields[..at], subject, &fields[at + old.len()..]].concat();
    let tbs_len = tbs.len();
    let tbs = der(SEQUENCE, &fields);
    // the name of the algorithm follows, shorter than 128 bytes (RFC 5758 §3.2)
    let rest = &content(&block.contents)[tbs_len..];
    let algorithm = &rest[..2 + usize::from(rest[1])];
    let signature = [vec![0], signer.sign(&tbs)?].concat();
    let whole = der(
        SEQUENCE,
        &[&tbs, algorithm, &der(BIT_STRING, &signature)].concat(),
    );
    let lines = STANDARD.encode(whole);
    let lines = lines.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let text = lines.map(|line| format!("{line}\n")).collect::<String>();
    Ok(format!(
        "-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"
    ))
}

/// A value in DER: X.690 §8.1, with the shortest form of the length.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let bytes = content.len().to_be_bytes();
    let digits = &bytes[bytes.iter().take_while(|b| **b == 0).count()..];
    let mut value = vec![tag];
    if content.len() > 127 {
        value.push(0x80 | u8::try_from(digits.len()).expect("at most eight"));
    }
    match digits {
        [] => value.push(0),
        digits => value.extend(digits),
    }
    value.extend(content);
    value
}

/// What is in a value in DER.
fn content(value: &[u8]) -> &[u8] {
    match value[1] {
        short @ 0..=127 => &value[2..2 + usize::from(short)],
        long => &value[2 + usize::from(long & 0x7f)..],
    }
}
