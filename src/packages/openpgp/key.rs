//! Public keys (RFC 9580 §5.5.2, version 4), and what their own signatures say of them.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::packet::{Cursor, packets};
use super::signature::{self, Signature};
use super::{PgpError, armor};

/// The keys that a repository may be signed with.
#[derive(Debug, Default)]
pub(in crate::packages) struct Keyring {
    pub(super) keys: Vec<Key>,
}

/// A public key, or a subkey of one.
#[derive(Debug)]
pub(super) struct Key {
    /// The last eight bytes of its fingerprint.
    pub(super) id: [u8; 8],
    pub(super) material: Material,
    pub(super) status: Status,
    /// Of the primary key, among those of its file.
    owner: usize,
}

/// What its owner says of a key.
#[derive(Debug, Default)]
pub(super) struct Status {
    /// Seconds since 1970.
    pub(super) expires: Option<i64>,
    pub(super) revoked: bool,
    created: u32,
    /// When the signature was made that `expires` is from.
    said: u32,
    /// A subkey for something else than signing, such as encryption.
    other_purpose: bool,
}

/// What a signature is verified with.
#[derive(Debug)]
pub(super) enum Material {
    /// Modulus and exponent, big-endian.
    Rsa(Vec<u8>, Vec<u8>),
    /// Of 32 bytes.
    Ed25519(Vec<u8>),
}

const PUBLIC_KEY: u8 = 6;
const SUBKEY: u8 = 14;
const SIGNATURE: u8 = 2;
/// RFC 9580 §9.1
const RSA: [u8; 2] = [1, 3];
const EDDSA_LEGACY: u8 = 22;
const ED25519: u8 = 27;
/// 1.3.6.1.4.1.11591.15.1, as RFC 9580 §9.2 writes it
const ED25519_OID: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
/// Key flag «may sign data» (§5.2.3.29).
const MAY_SIGN: u8 = 2;

impl Keyring {
    /// Adds the keys of an armoured file. Keys of a kind that cannot be verified are left out; a
    /// file without any other is refused.
    pub(in crate::packages) fn add(&mut self, armoured: &str) -> Result<(), PgpError> {
        let bytes = armor::dearmour(armoured, "PGP PUBLIC KEY BLOCK")?;
        let before = self.keys.len();
        // primary keys, also such as cannot be verified: what is said of one holds for its subkeys
        let mut owners: Vec<([u8; 8], Status)> = Vec::new();
        let mut of_primary = false;
        // what the signatures that follow speak of; `None`: of a key that was left out
        let mut subject: Option<usize> = None;
        for packet in packets(&bytes)? {
            match packet.tag {
                PUBLIC_KEY | SUBKEY => {
                    let id = key_id(packet.body);
                    of_primary = packet.tag == PUBLIC_KEY;
                    if of_primary {
                        owners.push((id, Status::of(packet.body)));
                    }
                    let owner = owners.len().saturating_sub(1);
                    subject = Key::read(packet.body, id, owner).map(|key| {
                        self.keys.push(key);
                        self.keys.len() - 1
                    });
                }
                SIGNATURE => {
                    let Ok(Some(signature)) = signature::read_one(packet.body) else {
                        continue;
                    };
                    let Some((id, owner)) = owners.last_mut() else {
                        continue;
                    };
                    if !signature.issuers.contains(id) {
                        continue;
                    }
                    if of_primary {
                        owner.told(&signature);
                    }
                    if let Some(index) = subject {
                        self.keys[index].status.told(&signature);
                    }
                }
                _ => {}
            }
        }
        for key in &mut self.keys[before..] {
            if let Some((_, owner)) = owners.get(key.owner) {
                key.status.revoked |= owner.revoked;
                let ends = [key.status.expires, owner.expires];
                key.status.expires = ends.into_iter().flatten().min();
            }
        }
        let mut fit = |index: usize| !self.keys[index].status.other_purpose;
        if !(before..self.keys.len()).any(&mut fit) {
            return Err(PgpError::Malformed("a key file"));
        }
        self.keys.retain(|key| !key.status.other_purpose);
        // a key that two files have: a revocation counts, then what was said last
        self.keys
            .sort_by_key(|key| std::cmp::Reverse((key.status.revoked, key.status.said)));
        Ok(())
    }
}

/// The fingerprint of a version 4 key is SHA-1 over its packet (§5.5.4.2). It only says which key
/// to try, so that SHA-1 is weak does no harm here.
fn key_id(body: &[u8]) -> [u8; 8] {
    let length = u16::try_from(body.len()).unwrap_or_default().to_be_bytes();
    let hashed = [&[0x99][..], &length, body].concat();
    let fingerprint = digest(&SHA1_FOR_LEGACY_USE_ONLY, &hashed);
    let mut id = [0; 8];
    id.copy_from_slice(&fingerprint.as_ref()[12..]);
    id
}

impl Key {
    /// `None` for versions and algorithms that are not verified here.
    fn read(body: &[u8], id: [u8; 8], owner: usize) -> Option<Self> {
        let mut cursor = Cursor(body);
        if cursor.u8()? != 4 {
            return None;
        }
        cursor.u32()?;
        let algorithm = cursor.u8()?;
        let material = if RSA.contains(&algorithm) {
            Material::Rsa(cursor.mpi()?.to_vec(), cursor.mpi()?.to_vec())
        } else if algorithm == ED25519 {
            Material::Ed25519(cursor.take(32)?.to_vec())
        } else if algorithm == EDDSA_LEGACY {
            let length = cursor.u8()?;
            if cursor.take(usize::from(length))? != ED25519_OID {
                return None;
            }
            // a point of prefix 0x40 and 32 bytes (§11.2)
            let (prefix, point) = cursor.mpi()?.split_first()?;
            if (*prefix, point.len()) != (0x40, 32) {
                return None;
            }
            Material::Ed25519(point.to_vec())
        } else {
            return None;
        };
        Some(Self {
            id,
            material,
            status: Status::of(body),
            owner,
        })
    }
}

impl Status {
    /// Nothing but when the key of this packet was made.
    fn of(body: &[u8]) -> Self {
        let mut cursor = Cursor(body);
        let created = cursor.u8().and_then(|_| cursor.u32());
        Self {
            created: created.unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Takes what its owner's signature says: the newest one counts.
    fn told(&mut self, signature: &Signature<'_>) {
        match signature.kind {
            // certifications of a user id, a direct signature, the binding of a subkey
            0x10..=0x13 | 0x18 | 0x1f if signature.made >= self.said => {
                self.said = signature.made;
                self.expires = signature
                    .key_lifetime
                    .filter(|seconds| *seconds > 0)
                    .map(|seconds| i64::from(self.created) + i64::from(seconds));
                if let (0x18, Some(flags)) = (signature.kind, signature.key_flags) {
                    self.other_purpose = flags & MAY_SIGN == 0;
                }
            }
            0x20 | 0x28 => self.revoked = true,
            _ => {}
        }
    }
}
