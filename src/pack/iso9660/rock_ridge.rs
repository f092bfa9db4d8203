//! Rock Ridge: names, modes and times in the system use area of directory records.
//!
//! Version RRIP 1.10 (`RRIP_1991A`), as genisoimage and xorriso write it by default: every reader
//! knows it. `RR`, which 1.10 dropped, is left out.

use super::SECTOR;
use super::field::{Stamp, both32};

/// File types of POSIX `st_mode`.
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;

/// The longest piece of a name: an entry's length has one byte, five are the head (RRIP §4.1.4).
const NAME_PIECE: usize = 250;

/// Bytes of a `CE` entry, SUSP §5.1.
const CE: usize = 28;

/// The most bytes of a system use area after the longest interchange name (33 bytes with its
/// version, padded) in a record of at most 254.
const ROOM: usize = 254 - 33 - 33;

/// The system use entries of one directory record.
#[derive(Debug, Clone, Default)]
pub(super) struct SystemUse {
    inline: Vec<u8>,
    /// Where the rest is in the continuation area.
    rest: Option<Rest>,
}

#[derive(Debug, Clone, Copy)]
struct Rest {
    /// Sector, counted from the start of the area.
    sector: u32,
    offset: u32,
    len: u32,
}

/// Entries that do not fit into their records. One for each folder.
#[derive(Debug, Default)]
pub(super) struct ContinuationArea {
    bytes: Vec<u8>,
}

/// What POSIX knows about a file or folder besides its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    mode: u32,
    links: u32,
    stamp: Stamp,
}

impl Attributes {
    pub(super) fn file(mode: u32, stamp: Stamp) -> Self {
        Self {
            mode: S_IFREG | mode & 0o7777,
            links: 1,
            stamp,
        }
    }

    /// `subfolders` each hold a link (`..`) to it.
    pub(super) fn folder(mode: u32, subfolders: usize, stamp: Stamp) -> Self {
        Self {
            mode: S_IFDIR | mode & 0o7777,
            links: u32::try_from(subfolders).map_or(u32::MAX, |n| n.saturating_add(2)),
            stamp,
        }
    }

    /// `PX` (RRIP §4.1.1, owner and group root) and `TF` (§4.1.6: modified, accessed, changed).
    fn entries(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(36 + 26);
        out.extend([b'P', b'X', 36, 1]);
        for number in [self.mode, self.links, 0, 0] {
            out.extend(both32(number));
        }
        out.extend([b'T', b'F', 5 + 3 * 7, 1, 0x02 | 0x04 | 0x08]);
        for _ in 0..3 {
            out.extend(self.stamp.short);
        }
        out
    }
}

impl SystemUse {
    /// For the first record of the root: `SP` (SUSP §5.3) must be its first entry, and `ER`
    /// (SUSP §5.5), too long for a record, names the extension.
    pub(super) fn root(attributes: Attributes, area: &mut ContinuationArea) -> Self {
        let mut inline = vec![b'S', b'P', 7, 1, 0xbe, 0xef, 0];
        inline.extend(attributes.entries());
        Self {
            inline,
            rest: Some(area.push(&extension_reference())),
        }
    }

    /// For `.` and `..`, which need no name.
    pub(super) fn unnamed(attributes: Attributes) -> Self {
        Self {
            inline: attributes.entries(),
            rest: None,
        }
    }

    pub(super) fn named(name: &str, attributes: Attributes, area: &mut ContinuationArea) -> Self {
        let mut inline = attributes.entries();
        let name = name_entries(name.as_bytes());
        if inline.len() + name.len() <= ROOM {
            inline.extend(name);
            return Self { inline, rest: None };
        }
        Self {
            inline,
            rest: Some(area.push(&name)),
        }
    }

    /// Bytes in the directory record.
    pub(super) fn len(&self) -> usize {
        self.inline.len() + self.rest.map_or(0, |_| CE)
    }

    /// The bytes, once it is known in which sector the continuation area starts.
    pub(super) fn encode(&self, area: u32) -> Vec<u8> {
        let mut out = self.inline.clone();
        if let Some(Rest {
            sector,
            offset,
            len,
        }) = self.rest
        {
            out.extend([b'C', b'E', 28, 1]);
            for number in [area + sector, offset, len] {
                out.extend(both32(number));
            }
        }
        out
    }
}

impl ContinuationArea {
    /// Linux reads one block per continuation, so that none may cross a sector.
    fn push(&mut self, entries: &[u8]) -> Rest {
        let used = self.bytes.len() % SECTOR;
        if used + entries.len() > SECTOR {
            self.bytes.resize(self.bytes.len() + SECTOR - used, 0);
        }
        let at = self.bytes.len();
        self.bytes.extend(entries);
        let number = |n: usize| u32::try_from(n).expect("a folder's records are less than 4 GiB");
        Rest {
            sector: number(at / SECTOR),
            offset: number(at % SECTOR),
            len: number(entries.len()),
        }
    }

    /// The area, filled up to whole sectors.
    pub(super) fn into_sectors(mut self) -> Vec<u8> {
        let len = self.bytes.len().next_multiple_of(SECTOR);
        self.bytes.resize(len, 0);
        self.bytes
    }
}

/// `NM`, RRIP §4.1.4: flag 1 says that the name goes on in the next entry.
fn name_entries(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + 10);
    let mut pieces = name.chunks(NAME_PIECE).peekable();
    while let Some(piece) = pieces.next() {
        let len = u8::try_from(5 + piece.len()).expect("a piece has at most 250 bytes");
        let continues = u8::from(pieces.peek().is_some());
        out.extend([b'N', b'M', len, 1, continues]);
        out.extend(piece);
    }
    out
}

/// `ER`, RRIP 1.10 §4.3.
fn extension_reference() -> Vec<u8> {
    const ID: &str = "RRIP_1991A";
    const DESCRIPTION: &str =
        "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS";
    const SOURCE: &str = "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER \
        IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION.";
    let parts = [ID, DESCRIPTION, SOURCE];
    let len = |text: &str| u8::try_from(text.len()).expect("the texts are short");
    let total = parts.iter().map(|part| len(part)).sum::<u8>() + 8;
    let mut out = vec![b'E', b'R', total, 1];
    out.extend(parts.map(len));
    out.push(1);
    out.extend(parts.concat().bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuations_stay_in_a_sector() {
        let mut area = ContinuationArea::default();
        for _ in 0..100 {
            let Rest { offset, len, .. } = area.push(&[1; 265]);
            assert!(offset + len <= 2048);
        }
        assert_eq!(area.into_sectors().len(), 2048 * 15);
    }

    #[test]
    fn long_names_are_cut_into_pieces() {
        let entries = name_entries(&[b'n'; 255]);
        assert_eq!(entries[..5], [b'N', b'M', 255, 1, 1]);
        assert_eq!(entries[255..260], [b'N', b'M', 10, 1, 0]);
        assert_eq!(entries.len(), 265);
    }
}
