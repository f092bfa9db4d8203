//! Signatures (RFC 9580 §5.2, versions 3 and 4), and whether they fit.

use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::signature::{
    ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::key::{Key, Keyring, Material};
use super::packet::{Cursor, packets, subpackets};
use super::{Judged, PgpError};

/// One signature.
#[derive(Default)]
pub(super) struct Signature<'a> {
    /// What it signs, such as 0 for a file and 1 for text (§5.2.1).
    pub(super) kind: u8,
    /// Seconds since 1970.
    pub(super) made: u32,
    /// Key ids, of which one is the signer's.
    pub(super) issuers: Vec<[u8; 8]>,
    /// Seconds from the key's creation to its expiry, in a signature over a key.
    pub(super) key_lifetime: Option<u32>,
    /// What a key is for, in a signature over a key.
    pub(super) key_flags: Option<u8>,
    /// Seconds from `made`.
    lifetime: Option<u32>,
    hash: u8,
    /// Hashed after the data.
    trailer: Vec<u8>,
    /// The numbers of the signature, as the algorithm has them.
    values: &'a [u8],
    /// Has a part that must be understood, and is not.
    critical: bool,
}

/// What became of one signature.
pub(super) enum Verdict {
    Good,
    Wrong(String),
    Unknown(String),
    Revoked(String),
    Expired(String, i64),
}

/// All signatures of `bytes`; of versions that are not known, none.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Signature<'_>>, PgpError> {
    let mut found = Vec::new();
    for packet in packets(bytes)?.iter().filter(|packet| packet.tag == 2) {
        found.extend(read_one(packet.body)?);
    }
    Ok(found)
}

/// The body of one packet; `None` for a version that is not known.
pub(super) fn read_one(body: &[u8]) -> Result<Option<Signature<'_>>, PgpError> {
    let read = match body.first() {
        Some(3) => version_3(body),
        Some(4) => version_4(body),
        _ => return Ok(None),
    };
    read.map(Some).ok_or(PgpError::Malformed("a signature"))
}

/// RFC 4880 §5.2.2; the packages of Enterprise Linux are still signed so.
fn version_3(body: &[u8]) -> Option<Signature<'_>> {
    let mut cursor = Cursor(body);
    if (cursor.u8()?, cursor.u8()?) != (3, 5) {
        return None;
    }
    let trailer = cursor.0.get(..5)?.to_vec();
    let (kind, made) = (cursor.u8()?, cursor.u32()?);
    let issuers = vec![cursor.take(8)?.try_into().ok()?];
    let (_algorithm, hash, _left) = (cursor.u8()?, cursor.u8()?, cursor.u16()?);
    Some(Signature {
        kind,
        made,
        issuers,
        hash,
        trailer,
        values: cursor.0,
        ..Signature::default()
    })
}

fn version_4(body: &[u8]) -> Option<Signature<'_>> {
    let mut cursor = Cursor(body);
    let (_version, kind) = (cursor.u8()?, cursor.u8()?);
    let (_algorithm, hash) = (cursor.u8()?, cursor.u8()?);
    let length = cursor.u16()?;
    let hashed = cursor.take(usize::from(length))?;
    // §5.2.4: what was hashed of this packet, then its length
    let covered = 6 + usize::from(length);
    let mut trailer = body[..covered].to_vec();
    trailer.extend([4, 0xff]);
    trailer.extend(u32::try_from(covered).ok()?.to_be_bytes());
    let length = cursor.u16()?;
    let unhashed = cursor.take(usize::from(length))?;
    let _left = cursor.u16()?;
    let mut signature = Signature {
        kind,
        hash,
        trailer,
        values: cursor.0,
        ..Signature::default()
    };
    for (part, bytes) in subpackets(hashed)? {
        signature.told(part, bytes)?;
    }
    // unprotected: only a hint at which key to try
    for (part, bytes) in subpackets(unhashed)? {
        if matches!(part & 0x7f, 16 | 33) {
            signature.told(part, bytes)?;
        }
    }
    Some(signature)
}

impl Signature<'_> {
    /// A subpacket (§5.2.3.7).
    fn told(&mut self, part: u8, bytes: &[u8]) -> Option<()> {
        let seconds = || Some(u32::from_be_bytes(bytes.try_into().ok()?));
        match part & 0x7f {
            2 => self.made = seconds()?,
            3 => self.lifetime = Some(seconds()?),
            9 => self.key_lifetime = Some(seconds()?),
            16 => self.issuers.push(bytes.try_into().ok()?),
            27 => self.key_flags = bytes.first().copied(),
            // the issuer's fingerprint ends with its id in version 4
            33 if bytes.len() == 21 => self.issuers.push(bytes[13..].try_into().ok()?),
            // its user id; notes for people
            20 | 28 | 33 if part & 0x80 == 0 => {}
            _ => self.critical |= part & 0x80 != 0,
        }
        Some(())
    }

    /// Whether it is a good signature of `data` by one of `keys`.
    pub(super) fn verify(&self, data: &[u8], keys: &Keyring, judged: Judged) -> Verdict {
        let mut known = keys.keys.iter().filter(|k| self.issuers.contains(&k.id));
        let signer = self
            .issuers
            .first()
            .map_or("unknown".to_owned(), |id| hex(*id));
        // certificates sign keys, not files: their kinds never vouch for data
        let (Some(key), 0 | 1, false) = (known.next(), self.kind, self.critical) else {
            return Verdict::Unknown(signer);
        };
        let signer = hex(key.id);
        match self.fits(data, key) {
            None => return Verdict::Unknown(signer),
            Some(false) => return Verdict::Wrong(signer),
            Some(true) => {}
        }
        if key.status.revoked {
            return Verdict::Revoked(signer);
        }
        let made = i64::from(self.made);
        let at = match judged {
            Judged::At(now) => now,
            Judged::WhenMade => made,
        };
        let lifetime = self.lifetime.filter(|seconds| *seconds > 0);
        let own = lifetime.map(|seconds| made + i64::from(seconds));
        match [key.status.expires, own].into_iter().flatten().min() {
            Some(end) if end < at => Verdict::Expired(signer, end),
            _ => Verdict::Good,
        }
    }

    /// `None` for a hash function that is not accepted (any older than SHA-2).
    fn fits(&self, data: &[u8], key: &Key) -> Option<bool> {
        let (rsa, sha): (&RsaParameters, _) = match self.hash {
            8 => (&RSA_PKCS1_2048_8192_SHA256, &digest::SHA256),
            9 => (&RSA_PKCS1_2048_8192_SHA384, &digest::SHA384),
            10 => (&RSA_PKCS1_2048_8192_SHA512, &digest::SHA512),
            _ => return None,
        };
        let message = [data, &self.trailer].concat();
        let mut values = Cursor(self.values);
        let fits = match &key.material {
            Material::Rsa(n, e) => values.mpi().is_some_and(|value| {
                // as long as the modulus, where the number has lost its leading zeros
                let value = padded(value, n.len());
                RsaPublicKeyComponents { n, e }
                    .verify(rsa, &message, &value)
                    .is_ok()
            }),
            Material::Ed25519(point) => ed25519_value(values).is_some_and(|value| {
                // OpenPGP signs the hash, which Ed25519 takes as its message
                let hashed = digest(sha, &message);
                UnparsedPublicKey::new(&ED25519, point)
                    .verify(hashed.as_ref(), &value)
                    .is_ok()
            }),
        };
        Some(fits)
    }
}

/// 64 bytes as they are (algorithm 27), or two numbers (algorithm 22).
fn ed25519_value(mut values: Cursor<'_>) -> Option<Vec<u8>> {
    if values.0.len() == 64 {
        return Some(values.0.to_vec());
    }
    let (r, s) = (values.mpi()?, values.mpi()?);
    Some([padded(r, 32), padded(s, 32)].concat())
}

/// With leading zeros to `length`.
fn padded(value: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length.saturating_sub(value.len())];
    bytes.extend(value);
    bytes
}

fn hex(id: [u8; 8]) -> String {
    id.iter().map(|byte| format!("{byte:02X}")).collect()
}
