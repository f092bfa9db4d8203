//! Content digests: `sha256:<hex>` and `sha512:<hex>`, the only names the store knows.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256, SHA512};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A hash function that upstreams publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256
    Sha256,
    /// SHA-512
    Sha512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The name before the colon, and of the folder in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// The digest of some content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    /// SHA-256
    Sha256([u8; 32]),
    /// SHA-512
    Sha512([u8; 64]),
}

/// Why a text is no digest.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DigestError {
    /// No `algorithm:` in front, or one we do not know.
    #[error(
        "`{0}` is no digest, must be one of: `sha256:<64 hex digits>`, `sha512:<128 hex digits>`"
    )]
    Algorithm(String),
    /// Wrong length or a character that is no lower-case hex digit.
    #[error("`{text}` must have {digits} lower-case hex digits after the colon")]
    Hex {
        /// What was written.
        text: String,
        /// How many digits belong there.
        digits: usize,
    },
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// SHA-256 of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, bytes)
    }

    /// Reads to the end; also tells how many bytes there were.
    pub fn of_reader(algorithm: Algorithm, mut reader: impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::new(algorithm);
        let size = io::copy(&mut reader, &mut hasher)?;
        Ok((hasher.finish(), size))
    }

    /// Which hash function.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The digits after the colon.
    pub fn hex(&self) -> String {
        let bytes: &[u8] = match self {
            Self::Sha256(bytes) => bytes,
            Self::Sha512(bytes) => bytes,
        };
        let mut hex = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
            hex.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        hex
    }

    /// Where the content lies in a store: `blobs/sha256/<hex>`, as in an OCI layout.
    pub fn blob_path(&self) -> String {
        format!("blobs/{}/{}", self.algorithm().name(), self.hex())
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text.split_once(':') {
            Some(("sha256", hex)) => unhex(text, hex).map(Self::Sha256),
            Some(("sha512", hex)) => unhex(text, hex).map(Self::Sha512),
            _ => Err(DigestError::Algorithm(text.to_owned())),
        }
    }
}

fn unhex<const N: usize>(text: &str, hex: &str) -> Result<[u8; N], DigestError> {
    let error = || DigestError::Hex {
        text: text.to_owned(),
        digits: N * 2,
    };
    let value = |c: u8| DIGITS.iter().position(|digit| *digit == c);
    let digits = hex.as_bytes();
    if digits.len() != N * 2 {
        return Err(error());
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (Some(high), Some(low)) = (value(pair[0]), value(pair[1])) else {
            return Err(error());
        };
        *byte = u8::try_from(high * 16 + low).expect("two hex digits make one byte");
    }
    Ok(bytes)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm().name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Hashes what is written to it.
#[derive(Clone)]
pub struct Hasher {
    algorithm: Algorithm,
    context: Context,
}

impl Hasher {
    /// An empty one.
    pub fn new(algorithm: Algorithm) -> Self {
        let context = Context::new(match algorithm {
            Algorithm::Sha256 => &SHA256,
            Algorithm::Sha512 => &SHA512,
        });
        Self { algorithm, context }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// The digest of everything added.
    pub fn finish(self) -> Digest {
        let digest = self.context.finish();
        let bytes = digest.as_ref();
        match self.algorithm {
            Algorithm::Sha256 => Digest::Sha256(bytes.try_into().expect("SHA-256 has 32 bytes")),
            Algorithm::Sha512 => Digest::Sha512(bytes.try_into().expect("SHA-512 has 64 bytes")),
        }
    }
}

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4, the message `abc`.
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn hashes_and_prints_what_it_parses() {
        let digest = Digest::sha256(b"abc");
        assert_eq!(digest.to_string(), ABC);
        assert_eq!(ABC.parse(), Ok(digest));
        let long = Digest::of(Algorithm::Sha512, b"abc");
        assert!(long.hex().starts_with("ddaf35a193617abacc417349ae204131"));
        assert_eq!(long.to_string().parse(), Ok(long));
        assert_eq!(digest.blob_path(), format!("blobs/sha256/{}", &ABC[7..]));
    }

    #[test]
    fn a_reader_gives_the_same_and_its_size() {
        let (digest, size) = Digest::of_reader(Algorithm::Sha256, &b"abc"[..]).unwrap();
        assert_eq!((digest.to_string().as_str(), size), (ABC, 3));
    }

    #[test]
    fn refuses_other_texts() {
        for bad in ["", "md5:00", "sha256", &ABC[..70], &ABC.to_uppercase()] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
        let wrong = format!("{}g", &ABC[..70]);
        assert!(matches!(
            wrong.parse::<Digest>(),
            Err(DigestError::Hex { digits: 64, .. })
        ));
    }
}
