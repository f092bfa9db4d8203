//! Volume descriptors, ECMA-119 §8.

use super::SECTOR;
use super::field::{NO_DATE, Stamp, both16, both32};

/// Who reads the system area and who made the image: fixed, so that bytes do not depend on where
/// and by which build of this program an image was made.
const SYSTEM: &str = "LINUX";
const APPLICATION: &str = "FIRSTLIGHT";

/// What a descriptor says about its hierarchy.
pub(super) struct Volume<'a> {
    pub(super) identifier: &'a str,
    /// Sectors of the whole volume.
    pub(super) sectors: u32,
    /// Bytes of a path table.
    pub(super) path_table_len: u32,
    /// Sectors of the path tables with little-endian and big-endian numbers.
    pub(super) path_tables: [u32; 2],
    pub(super) root: Vec<u8>,
    pub(super) stamp: Stamp,
}

/// How texts are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Charset {
    Ascii,
    /// UCS-2 big-endian, half as many characters to a field.
    Ucs2,
}

impl Volume<'_> {
    /// Primary volume descriptor, ECMA-119 §8.4.
    pub(super) fn write_primary(&self, out: &mut Vec<u8>) {
        self.write(out, 1, Charset::Ascii, [0; 32]);
    }

    /// Supplementary volume descriptor of Joliet: ECMA-119 §8.5 with the escape sequence of UCS-2
    /// level 3 (Joliet Specification, "SVD Escape Sequences Field").
    pub(super) fn write_joliet(&self, out: &mut Vec<u8>) {
        let mut escape = [0; 32];
        escape[..3].copy_from_slice(b"%/E");
        self.write(out, 2, Charset::Ucs2, escape);
    }

    fn write(&self, out: &mut Vec<u8>, kind: u8, charset: Charset, escape: [u8; 32]) {
        let start = out.len();
        head(out, kind);
        // Unused; for Joliet the volume flags, 0: all escape sequences are registered.
        out.push(0);
        text(out, SYSTEM, 32, charset);
        text(out, self.identifier, 32, charset);
        out.extend([0; 8]);
        out.extend(both32(self.sectors));
        out.extend(escape);
        // Volume set size, volume sequence number, logical block size.
        for number in [1, 1, 2048] {
            out.extend(both16(number));
        }
        out.extend(both32(self.path_table_len));
        let [little, big] = self.path_tables;
        out.extend(little.to_le_bytes());
        out.extend([0; 4]);
        out.extend(big.to_be_bytes());
        out.extend([0; 4]);
        out.extend(&self.root);
        // Volume set, publisher, data preparer, application.
        for name in ["", "", "", APPLICATION] {
            text(out, name, 128, charset);
        }
        // Copyright, abstract and bibliographic file: none.
        for _ in 0..3 {
            text(out, "", 37, charset);
        }
        // Created, modified, expires, effective from.
        for date in [self.stamp.long, self.stamp.long, NO_DATE, NO_DATE] {
            out.extend(date);
        }
        // File structure version, ECMA-119 §8.4.31.
        out.push(1);
        out.resize(start + SECTOR, 0);
    }
}

/// Volume descriptor set terminator, ECMA-119 §8.3.
pub(super) fn write_terminator(out: &mut Vec<u8>) {
    let start = out.len();
    head(out, 255);
    out.resize(start + SECTOR, 0);
}

/// Type, standard identifier and version: ECMA-119 §8.1.
fn head(out: &mut Vec<u8>, kind: u8) {
    out.push(kind);
    out.extend(b"CD001");
    out.push(1);
}

/// `text` in a field of `len` bytes, cut off or filled up with spaces (ECMA-119 §7.4.3.2). A
/// UCS-2 field of odd length ends with a zero byte.
fn text(out: &mut Vec<u8>, text: &str, len: usize, charset: Charset) {
    let padded = text.bytes().chain(std::iter::repeat(b' '));
    let end = out.len() + len;
    match charset {
        Charset::Ascii => out.extend(padded.take(len)),
        Charset::Ucs2 => out.extend(padded.take(len / 2).flat_map(|byte| [0, byte])),
    }
    out.resize(end, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_where_the_standard_has_them() {
        let volume = Volume {
            identifier: "cidata",
            sectors: 0x1234,
            path_table_len: 10,
            path_tables: [19, 20],
            root: vec![0xaa; 34],
            stamp: Stamp::new(0).unwrap(),
        };
        let mut out = Vec::new();
        volume.write_primary(&mut out);
        volume.write_joliet(&mut out);
        write_terminator(&mut out);
        assert_eq!(out.len(), 3 * SECTOR);
        assert_eq!(&out[..7], b"\x01CD001\x01");
        // Offsets are the standard's byte positions less one.
        assert_eq!(&out[40..72], format!("{:<32}", "cidata").as_bytes());
        assert_eq!(out[80..88], both32(0x1234));
        assert_eq!(out[140..144], [19, 0, 0, 0]);
        assert_eq!(out[148..152], [0, 0, 0, 20]);
        assert_eq!(out[156..190], [0xaa; 34]);
        assert_eq!(&out[813..830], b"1970010100000000\0");
        assert_eq!(out[881], 1);
        let joliet = &out[SECTOR..];
        assert_eq!(&joliet[40..46], b"\0c\0i\0d");
        assert_eq!(&joliet[88..91], b"%/E");
        assert_eq!(&joliet[813..830], b"1970010100000000\0");
        assert_eq!(joliet[881], 1);
    }
}
