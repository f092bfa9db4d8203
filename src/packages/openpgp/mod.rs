//! Verifies OpenPGP signatures (RFC 9580): signed text, detached signatures and those inside RPM
//! packages. It signs and decrypts nothing, and the mathematics are aws-lc's.
//!
//! Read are signatures of version 3 and 4 by RSA keys of 2048 bits or more and by Ed25519 keys,
//! over SHA-256, SHA-384 or SHA-512: what the distributions sign with. Everything else counts as
//! a signature by nobody known. As with `gpgv`, a key file is trusted as it lies there: whoever
//! may change it may add a key, so the signatures that bind keys to each other are read for what
//! they say (expiry, revocation, purpose) and not verified.

mod armor;
mod key;
mod packet;
mod signature;

use thiserror::Error;
use time::OffsetDateTime;

pub(super) use key::Keyring;
pub(super) use packet::Cursor;
use signature::{Signature, Verdict};

/// Why a signature, or a key, is not accepted.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PgpError {
    /// Not the bytes that were expected.
    #[error("{0} cannot be read")]
    Malformed(&'static str),
    /// No signature is by a known key.
    #[error("signed by {} that {} not among its keys", keys(signers), are(signers))]
    Unknown {
        /// Key ids, sixteen hexadecimal digits.
        signers: Vec<String>,
    },
    /// The only known signers' keys have expired.
    #[error("signed by the key {signer}, which expired on {on}")]
    Expired {
        /// Key id.
        signer: String,
        /// `YYYY-MM-DD`
        on: String,
    },
    /// The only known signers' keys are withdrawn.
    #[error("signed by the key {signer}, which is revoked")]
    Revoked {
        /// Key id.
        signer: String,
    },
    /// A known key's signature does not fit.
    #[error("the signature of the key {signer} is wrong: somebody changed what it signs")]
    Bad {
        /// Key id.
        signer: String,
    },
    /// There is none.
    #[error("not signed")]
    Unsigned,
}

/// When keys and signatures must be valid.
#[derive(Debug, Clone, Copy)]
pub(super) enum Judged {
    /// Now, in seconds since 1970.
    At(i64),
    /// When the signature was made: for releases that have ended, whose keys expire without
    /// anybody signing anew.
    WhenMade,
}

/// Signed text: what was signed, once a known key's signature fits.
pub(super) fn cleartext(text: &str, keys: &Keyring, judged: Judged) -> Result<String, PgpError> {
    let signed = armor::signed(text)?;
    let signatures = signature::read(&signed.signatures)?;
    decide(&signatures, &signed.canonical, keys, judged)?;
    Ok(signed.text)
}

/// Whether a text says that it is signed in itself.
pub(super) fn is_cleartext(text: &str) -> bool {
    armor::is_signed(text)
}

/// A signature in a file of its own, armoured or not.
pub(super) fn detached(
    data: &[u8],
    signature: &[u8],
    keys: &Keyring,
    judged: Judged,
) -> Result<(), PgpError> {
    let bytes = match str::from_utf8(signature) {
        Ok(text) if text.starts_with("-----") => armor::dearmour(text, "PGP SIGNATURE")?,
        _ => signature.to_vec(),
    };
    decide(&signature::read(&bytes)?, data, keys, judged)
}

/// One good signature suffices; one of a known key that is wrong condemns all, as somebody
/// tampered with the file.
fn decide(
    signatures: &[Signature<'_>],
    data: &[u8],
    keys: &Keyring,
    judged: Judged,
) -> Result<(), PgpError> {
    let mut good = false;
    let mut problem = None;
    let mut signers = Vec::new();
    for signature in signatures {
        match signature.verify(data, keys, judged) {
            Verdict::Good => good = true,
            Verdict::Wrong(signer) => return Err(PgpError::Bad { signer }),
            Verdict::Unknown(signer) => signers.push(signer),
            Verdict::Revoked(signer) => problem = Some(PgpError::Revoked { signer }),
            Verdict::Expired(signer, at) => {
                let on = day(at);
                problem = Some(PgpError::Expired { signer, on });
            }
        }
    }
    match problem {
        _ if good => Ok(()),
        Some(problem) => Err(problem),
        None if signers.is_empty() => Err(PgpError::Unsigned),
        None => Err(PgpError::Unknown { signers }),
    }
}

/// `YYYY-MM-DD` of seconds since 1970.
fn day(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds)
        .map_or_else(|_| "an unknown day".to_owned(), |t| t.date().to_string())
}

fn keys(signers: &[String]) -> String {
    let plural = if signers.len() == 1 { "" } else { "s" };
    format!("the key{plural} {}", signers.join(", "))
}

const fn are(signers: &[String]) -> &'static str {
    if signers.len() == 1 { "is" } else { "are" }
}
