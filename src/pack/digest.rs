//! SHA-256 and SHA-512 (FIPS 180-4), with the text form `sha256:<hex>` of OCI and the catalogue.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256, SHA512};

/// Which hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, 64 hexadecimal digits.
    Sha256,
    /// SHA-512, 128 hexadecimal digits.
    Sha512,
}

/// The digest of some bytes. Written as `sha256:<hex>` or `sha512:<hex>`, lower case.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub enum Digest {
    /// 32 bytes.
    Sha256([u8; 32]),
    /// 64 bytes.
    Sha512([u8; 64]),
}

/// Why a text is no [`Digest`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDigestError {
    /// There is no `<algorithm>:`.
    #[error("`{0}` names no algorithm: must be `sha256:<hex>` or `sha512:<hex>`")]
    NoAlgorithm(String),
    /// Another algorithm.
    #[error("unknown digest algorithm `{0}`: must be one of: sha256, sha512")]
    Algorithm(String),
    /// Too short or too long, as when a paste went wrong.
    #[error("a {algorithm} digest has {expected} hexadecimal digits, this one has {found}")]
    Length {
        /// The algorithm named.
        algorithm: Algorithm,
        /// Digits it must have.
        expected: usize,
        /// Characters it has.
        found: usize,
    },
    /// A character that is no lower-case hexadecimal digit.
    #[error("`{0}` is no lower-case hexadecimal digit")]
    Digit(char),
}

impl Algorithm {
    /// The name before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Length of a digest in bytes.
    fn size(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn context(self) -> Context {
        Context::new(match self {
            Self::Sha256 => &SHA256,
            Self::Sha512 => &SHA512,
        })
    }

    fn finish(self, context: Context) -> Digest {
        let digest = context.finish();
        let bytes = digest.as_ref();
        match self {
            Self::Sha256 => Digest::Sha256(bytes.try_into().expect("SHA-256 has 32 bytes")),
            Self::Sha512 => Digest::Sha512(bytes.try_into().expect("SHA-512 has 64 bytes")),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Digest {
    /// SHA-256 of bytes at hand.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, bytes)
    }

    /// SHA-512 of bytes at hand.
    pub fn sha512(bytes: &[u8]) -> Self {
        Self::of(Algorithm::Sha512, bytes)
    }

    /// Digest of bytes at hand.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut context = algorithm.context();
        context.update(bytes);
        algorithm.finish(context)
    }

    /// Reads to the end; gives the digest and the number of bytes. Memory stays flat.
    pub fn of_reader(algorithm: Algorithm, reader: &mut impl Read) -> io::Result<(Self, u64)> {
        let mut writer = HashingWriter::new(io::sink(), algorithm);
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => writer.write_all(&buffer[..n])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let (_, digest, len) = writer.finish();
        Ok((digest, len))
    }

    /// Which hash it is.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(bytes) => bytes,
            Self::Sha512(bytes) => bytes,
        }
    }

    /// The digits alone, as `sha256sum` prints them and a content-addressed store names files.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |n: u8| char::from(DIGITS[usize::from(n)]);
        let bytes = self.as_bytes().iter();
        bytes
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
            .collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = ParseDigestError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, hex) = text
            .split_once(':')
            .ok_or_else(|| ParseDigestError::NoAlgorithm(text.into()))?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            other => return Err(ParseDigestError::Algorithm(other.into())),
        };
        let expected = algorithm.size() * 2;
        let found = hex.chars().count();
        if found != expected {
            return Err(ParseDigestError::Length {
                algorithm,
                expected,
                found,
            });
        }
        let mut bytes = [0; 64];
        for (at, digit) in hex.chars().enumerate() {
            let value = match digit {
                '0'..='9' => digit as u8 - b'0',
                'a'..='f' => digit as u8 - b'a' + 10,
                other => return Err(ParseDigestError::Digit(other)),
            };
            bytes[at / 2] = bytes[at / 2] << 4 | value;
        }
        Ok(match algorithm {
            Algorithm::Sha256 => {
                let (half, _) = bytes.split_at(32);
                Self::Sha256(half.try_into().expect("half of 64 is 32"))
            }
            Algorithm::Sha512 => Self::Sha512(bytes),
        })
    }
}

/// Hashes what passes through to `inner`.
pub struct HashingWriter<W> {
    inner: W,
    algorithm: Algorithm,
    context: Context,
    len: u64,
}

impl<W: Write> HashingWriter<W> {
    /// Starts with no byte hashed.
    pub fn new(inner: W, algorithm: Algorithm) -> Self {
        Self {
            inner,
            algorithm,
            context: algorithm.context(),
            len: 0,
        }
    }

    /// The inner writer, the digest, and the number of bytes. Flushes nothing.
    pub fn finish(self) -> (W, Digest, u64) {
        (self.inner, self.algorithm.finish(self.context), self.len)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.context.update(&bytes[..n]);
        self.len += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // FIPS 180-4, the example message "abc".
    const ABC_256: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const ABC_512: &str = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
        2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

    #[test]
    fn known_answers_round_trip() {
        assert_eq!(Digest::sha256(b"abc").to_string(), ABC_256);
        assert_eq!(Digest::sha512(b"abc").to_string(), ABC_512);
        assert_eq!(ABC_256.parse(), Ok(Digest::sha256(b"abc")));
        assert_eq!(ABC_512.parse(), Ok(Digest::sha512(b"abc")));
        let json = serde_json::to_string(&Digest::sha256(b"abc")).unwrap();
        assert_eq!(json, format!("\"{ABC_256}\""));
        assert_eq!(
            serde_json::from_str::<Digest>(&json).unwrap(),
            Digest::sha256(b"abc")
        );
    }

    #[test]
    fn readers_and_writers_agree() {
        let data = vec![3; 1_000_000];
        let expected = Digest::sha256(&data);
        let read = Digest::of_reader(Algorithm::Sha256, &mut data.as_slice()).unwrap();
        assert_eq!(read, (expected, 1_000_000));
        let mut writer = HashingWriter::new(Vec::new(), Algorithm::Sha256);
        writer.write_all(&data).unwrap();
        assert_eq!(writer.finish(), (data, expected, 1_000_000));
    }

    #[test]
    fn bad_texts_say_why() {
        let error = |text: &str| text.parse::<Digest>().unwrap_err().to_string();
        assert_eq!(
            error("ba78"),
            "`ba78` names no algorithm: must be `sha256:<hex>` or `sha512:<hex>`"
        );
        assert_eq!(
            error("md5:ba78"),
            "unknown digest algorithm `md5`: must be one of: sha256, sha512"
        );
        assert_eq!(
            error("sha256:ba78"),
            "a sha256 digest has 64 hexadecimal digits, this one has 4"
        );
        assert_eq!(
            error(&ABC_256.replace("ba78", "Ba78")),
            "`B` is no lower-case hexadecimal digit"
        );
    }
}
