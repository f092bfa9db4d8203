//! gzip with the same bytes on every machine (RFC 1952).
//!
//! zlib-rs chooses its code paths by CPU, but all of them find the same matches, so the output
//! depends on the crate's version (pinned by `Cargo.lock`) and the level alone.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

/// Level of [`gzip`]: a seed is small and often meets a size limit, so the best there is.
const BEST: u32 = 9;

/// "Unknown" operating system (RFC 1952 §2.3.1); the crate's default differs per platform.
const OS_UNKNOWN: u8 = 255;

/// Compresses `bytes` at the best level: no name, no time.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = encoder(Vec::with_capacity(bytes.len() / 2), BEST);
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("writing to memory cannot fail")
}

/// A compressor in front of `out`, for what does not fit into memory. Level 0 to 9; end it with
/// `finish()`, or the trailer with the checksum is lost.
pub fn encoder<W: Write>(out: W, level: u32) -> GzEncoder<W> {
    GzBuilder::new()
        .mtime(0)
        .operating_system(OS_UNKNOWN)
        .write(out, Compression::new(level.min(BEST)))
}

/// Decompresses `bytes`, at most `limit` bytes of result: a small file can unpack to a huge one.
pub fn gunzip(bytes: &[u8], limit: u64) -> io::Result<Vec<u8>> {
    use std::io::Read;
    let mut plain = Vec::new();
    let decoder = flate2::read::MultiGzDecoder::new(bytes);
    decoder
        .take(limit.saturating_add(1))
        .read_to_end(&mut plain)?;
    if plain.len() as u64 > limit {
        let text = format!("unpacks to more than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_neither_time_nor_system() {
        let packed = gzip(b"hello");
        // Magic, deflate, no flags, mtime 0, XFL 2 (best), OS unknown.
        assert_eq!(packed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
        assert_eq!(gunzip(&packed, 5).unwrap(), b"hello");
        assert!(gunzip(&packed, 4).is_err());
    }

    /// Recorded bytes: a new zlib-rs that packs differently must be noticed, because every
    /// digest of a compressed file changes with it.
    #[test]
    fn bytes_are_fixed() {
        let text: Vec<u8> = (0..5000_u32)
            .flat_map(|n| format!("line {}\n", n * n % 977).into_bytes())
            .collect();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &gzip(&text));
        insta::assert_snapshot!(format!("{digest:?}"), @"SHA256:47b77320834183678dc0434ee2d4b40d3c28b64d8dd7e2608fa8d9cb98f750e4");
    }
}
