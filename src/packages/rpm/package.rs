//! The signature inside an RPM package (rpm's `format_v4.md`): over its header, which has
//! the digest of its payload; in older packages over both.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::artefact::Digest;
use crate::packages::index::{self, Listed};
use crate::packages::openpgp::{self, Cursor, Judged};
use crate::packages::pool::Candidate;
use crate::packages::{ResolveError, Source};

const LEAD: usize = 96;
const LEAD_MAGIC: &[u8] = &[0xed, 0xab, 0xee, 0xdb];
const HEADER_MAGIC: &[u8] = &[0x8e, 0xad, 0xe8, 1];
/// What rpm itself reads at most (lib/header.c).
const MOST_TAGS: u32 = 0xffff;
const MOST_BYTES: u32 = 256 << 20;

/// Tags of the signature header: over the header, over header and payload; RSA and others.
const HEADER_ONLY: [u32; 2] = [268, 267];
const HEADER_AND_PAYLOAD: [u32; 2] = [1002, 1005];
/// Armoured without its frame, from rpm 6 on.
const OPENPGP: u32 = 278;
/// Tags of the header.
const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const ARCH: u32 = 1022;
const PAYLOAD_DIGEST: u32 = 5092;
const PAYLOAD_ALGORITHM: u32 = 5093;
const SHA256: u32 = 8;

/// Fetches a chosen package and verifies the distribution's signature in it, and that it is the
/// package that the index, which nobody signed, says it is.
pub(in crate::packages) fn signed(
    source: &Source<'_>,
    package: &Candidate,
) -> Result<(), ResolveError> {
    let bytes = index::listed(
        source.fetch,
        &Listed {
            url: package.url.clone(),
            other: None,
            form: "",
            digest: package.digest,
            size: Some(package.size),
            open_size: None,
        },
    )?;
    let malformed = |problem: String| index::malformed(&package.url, problem);
    let parts = Parts::of(&bytes).ok_or_else(|| malformed("it is no RPM package".to_owned()))?;
    let judged = Judged::At(source.now.unix_timestamp());
    let verified =
        parts.verify(|data, signature| openpgp::detached(data, signature, source.keys, judged));
    verified.map_err(|source| ResolveError::Signature {
        url: package.url.clone(),
        source,
    })?;
    let header = &parts.header;
    let is = header.identity();
    let listed = format!("{}-{}.{}", package.name, package.version, package.arch);
    match is {
        Some(is) if is == listed => Ok(()),
        is => Err(malformed(format!(
            "it is `{}`, and listed as `{listed}`",
            is.unwrap_or_default()
        ))),
    }
}

/// A package file, taken apart.
struct Parts<'a> {
    signature: Header<'a>,
    header: Header<'a>,
    payload: &'a [u8],
    /// Header and payload.
    rest: &'a [u8],
}

/// A header: an index of tags, and a store with their values.
struct Header<'a> {
    whole: &'a [u8],
    index: &'a [u8],
    store: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        if !cursor.take(LEAD)?.starts_with(LEAD_MAGIC) {
            return None;
        }
        let signature = Header::read(&mut cursor)?;
        // only the signature is filled up to a multiple of eight
        cursor.take(signature.whole.len().wrapping_neg() % 8)?;
        let rest = cursor.0;
        let header = Header::read(&mut cursor)?;
        Some(Self {
            signature,
            header,
            payload: cursor.0,
            rest,
        })
    }

    /// Any good signature that covers everything.
    fn verify(
        &self,
        verified: impl Fn(&[u8], &[u8]) -> Result<(), openpgp::PgpError>,
    ) -> Result<(), openpgp::PgpError> {
        let covered = self.header.payload_digest() == Some(Digest::sha256(self.payload));
        let mut problem = openpgp::PgpError::Unsigned;
        let old = HEADER_AND_PAYLOAD.map(|tag| (tag, self.rest));
        let new = HEADER_ONLY.map(|tag| (tag, self.header.whole));
        for (tag, data) in new.into_iter().filter(|_| covered).chain(old) {
            if let Some(signature) = self.signature.binary(tag) {
                match verified(data, signature) {
                    Ok(()) => return Ok(()),
                    Err(error) => problem = error,
                }
            }
        }
        if let Some(text) = self.signature.text(OPENPGP)
            && covered
            && let Ok(signature) = STANDARD.decode(text)
        {
            return verified(self.header.whole, &signature);
        }
        Err(problem)
    }
}

impl<'a> Header<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let from = cursor.0;
        if !cursor.take(8)?.starts_with(HEADER_MAGIC) {
            return None;
        }
        let (tags, size) = (cursor.u32()?, cursor.u32()?);
        if tags > MOST_TAGS || size > MOST_BYTES {
            return None;
        }
        let index = cursor.take(usize::try_from(tags).ok()? * 16)?;
        let store = cursor.take(usize::try_from(size).ok()?)?;
        Some(Self {
            whole: &from[..16 + index.len() + store.len()],
            index,
            store,
        })
    }

    /// From its place in the store on, and how many values.
    fn value(&self, tag: u32) -> Option<(&'a [u8], usize)> {
        let mut entries = self.index.chunks_exact(16).map(Cursor);
        entries.find_map(|mut entry| {
            let (found, _kind, offset, count) =
                (entry.u32()?, entry.u32()?, entry.u32()?, entry.u32()?);
            let offset = usize::try_from(offset).ok()?;
            let value = self.store.get(offset..)?;
            (found == tag).then_some((value, usize::try_from(count).ok()?))
        })
    }

    fn binary(&self, tag: u32) -> Option<&'a [u8]> {
        let (value, count) = self.value(tag)?;
        value.get(..count)
    }

    /// The first text of a tag.
    fn text(&self, tag: u32) -> Option<&'a str> {
        let (value, _) = self.value(tag)?;
        let end = value.iter().position(|byte| *byte == 0)?;
        str::from_utf8(&value[..end]).ok()
    }

    fn number(&self, tag: u32) -> Option<u32> {
        Cursor(self.value(tag)?.0).u32()
    }

    fn payload_digest(&self) -> Option<Digest> {
        if self.number(PAYLOAD_ALGORITHM)? != SHA256 {
            return None;
        }
        format!("sha256:{}", self.text(PAYLOAD_DIGEST)?)
            .parse()
            .ok()
    }

    /// `name-epoch:version-release.arch`
    fn identity(&self) -> Option<String> {
        let epoch = match self.number(EPOCH) {
            None | Some(0) => String::new(),
            Some(epoch) => format!("{epoch}:"),
        };
        Some(format!(
            "{}-{epoch}{}-{}.{}",
            self.text(NAME)?,
            self.text(VERSION)?,
            self.text(RELEASE)?,
            self.text(ARCH)?
        ))
    }
}
