//! Files of a repository: fetched with a limit, held to their digest, unpacked with a limit.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Fetch, ResolveError};
use crate::artefact::Digest;

/// The largest signed file: those of the distributions are below 1 MiB.
pub(super) const SIGNED_LIMIT: u64 = 16 << 20;
/// The largest index, packed; Fedora's are the largest, with some 20 MiB.
pub(super) const PACKED_LIMIT: u64 = 256 << 20;
/// The largest index, unpacked; Ubuntu's universe has some 80 MiB, Fedora's primary 200 MiB.
pub(super) const OPEN_LIMIT: u64 = 1 << 30;
/// What `xz -9` needs to be unpacked, in KiB.
const XZ_MEMORY: u32 = 100 << 10;

/// What a signed file says of another.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) url: String,
    /// Where else it may be.
    pub(super) other: Option<String>,
    /// How it is packed: `gz`, `xz`, `zst`; anything else is not.
    pub(super) form: &'static str,
    pub(super) digest: Digest,
    pub(super) size: Option<u64>,
    /// Of the unpacked content, where it is said.
    pub(super) open_size: Option<u64>,
}

/// Fetches at most `limit` bytes.
pub(super) fn get(fetch: &Fetch<'_>, url: &str, limit: u64) -> Result<Vec<u8>, ResolveError> {
    let fail = |problem| ResolveError::Fetch {
        url: url.to_owned(),
        problem,
    };
    let bytes = fetch(url, limit).map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(fail(format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Fetches a file that a signed one lists; nothing of it is looked at before its digest fits.
pub(super) fn listed(fetch: &Fetch<'_>, file: &Listed) -> Result<Vec<u8>, ResolveError> {
    // an index that nobody signed may say anything
    let limit = file.size.unwrap_or(PACKED_LIMIT).min(PACKED_LIMIT);
    let bytes = match (get(fetch, &file.url, limit), &file.other) {
        (Err(first), Some(other)) => get(fetch, other, limit).map_err(|_| first)?,
        (got, _) => got?,
    };
    let got = Digest::of(file.digest.algorithm(), &bytes);
    if got != file.digest {
        return Err(ResolveError::Digest {
            url: file.url.clone(),
            expected: Box::new(file.digest),
            got: Box::new(got),
        });
    }
    Ok(bytes)
}

/// The text of a listed file, unpacked.
pub(super) fn text(fetch: &Fetch<'_>, file: &Listed) -> Result<String, ResolveError> {
    let bytes = listed(fetch, file)?;
    let limit = file.open_size.unwrap_or(OPEN_LIMIT).min(OPEN_LIMIT);
    let opened = open(file.form, &bytes, limit);
    let text = opened.and_then(|bytes| {
        String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
    });
    text.map_err(|error| malformed(&file.url, error))
}

/// What is wrong with a file, in words.
pub(super) fn malformed(url: &str, problem: impl std::fmt::Display) -> ResolveError {
    ResolveError::Malformed {
        url: url.to_owned(),
        problem: problem.to_string(),
    }
}

/// RFC 3339 in UTC, whole seconds: sorts as it is dated.
pub(super) fn shown(date: OffsetDateTime) -> String {
    date.format(&Rfc3339)
        .expect("a date between the years 0 and 9999 has this form")
}

fn open(form: &str, bytes: &[u8], limit: u64) -> io::Result<Vec<u8>> {
    match form {
        "gz" => bounded(MultiGzDecoder::new(bytes), limit),
        "xz" => bounded(XzReader::new_mem_limit(bytes, true, XZ_MEMORY), limit),
        "zst" => {
            let reader = StreamingDecoder::new(bytes).map_err(io::Error::other)?;
            bounded(reader, limit)
        }
        _ => bounded(bytes, limit),
    }
}

/// Reads to the end, unless there is more than was announced.
fn bounded(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let count = reader.take(limit + 1).read_to_end(&mut bytes)?;
    if count as u64 > limit {
        let problem = format!("it unpacks to more than {limit} bytes");
        return Err(io::Error::other(problem));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn bomb() -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(&vec![0; 1 << 20]).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let packed = bomb();
        assert_eq!(open("gz", &packed, 1 << 20).unwrap().len(), 1 << 20);
        let error = open("gz", &packed, 1000).unwrap_err();
        assert_eq!(error.to_string(), "it unpacks to more than 1000 bytes");
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        for name in ["gz", "xz", "zst"] {
            assert!(open(name, b"neither of them", 100).is_err(), "{name}");
        }
        assert_eq!(open("", b"as it is", 100).unwrap(), b"as it is");
    }

    #[test]
    fn a_server_that_sends_more_is_refused() {
        let fetch = |_: &str, _: u64| Ok(vec![0; 11]);
        let error = get(&fetch, "http://m/x", 10).unwrap_err();
        assert_eq!(
            error.to_string(),
            "http://m/x could not be fetched: it has more than 10 bytes"
        );
    }
}
