//! One hierarchy of directory records with its path tables. An image has two over the same
//! contents: ISO 9660 with Rock Ridge, and Joliet.

use super::SECTOR;
use super::field::{Stamp, both16, both32};
use super::names;
use super::rock_ridge::{Attributes, ContinuationArea, SystemUse};
use super::tree::{Target, Tree};

/// Bytes of a directory record before the identifier, ECMA-119 §9.1.
const RECORD_HEAD: usize = 33;
/// Identifiers of `.` and `..`, ECMA-119 §6.8.2.2.
const SELF: &[u8] = &[0];
const PARENT: &[u8] = &[1];

/// Whose names a hierarchy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Level 2 names, Rock Ridge beside them.
    Interchange,
    /// UCS-2 names and nothing else.
    Joliet,
}

/// Folders in the order of the path table (ECMA-119 §6.9.1): by level, by number of the parent,
/// by identifier.
pub(super) struct Hierarchy {
    folders: Vec<Folder>,
    /// Index in `folders` by index in [`Tree::folders`].
    positions: Vec<usize>,
}

struct Folder {
    identifier: Vec<u8>,
    /// Position of the folder it is in; the root is its own.
    parent: usize,
    own: SystemUse,
    above: SystemUse,
    records: Vec<Record>,
    extent: Extent,
    /// Stands right after the folder: libarchive, which reads in order, would else give a
    /// subfolder out before it has met its long name.
    continuation: Vec<u8>,
    continuation_sector: u32,
}

struct Record {
    identifier: Vec<u8>,
    target: Target,
    system_use: SystemUse,
}

/// Where bytes are: first sector, length in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    pub(super) sector: u32,
    pub(super) len: u32,
}

impl Hierarchy {
    /// Names and sizes everything; sectors are given later, by [`Hierarchy::place`].
    pub(super) fn new(tree: &Tree<'_>, scheme: Scheme, stamp: Stamp) -> Self {
        let mut folders = vec![Folder::new(SELF.to_vec(), 0)];
        let mut nodes = vec![0];
        let mut at = 0;
        while at < folders.len() {
            let node = nodes[at];
            let mut area = ContinuationArea::default();
            if scheme == Scheme::Interchange {
                let of = |node| attributes(tree, Target::Folder(node), stamp);
                folders[at].own = match at {
                    0 => SystemUse::root(of(0), &mut area),
                    _ => SystemUse::unnamed(of(node)),
                };
                folders[at].above = SystemUse::unnamed(of(tree.folders[node].parent));
            }
            folders[at].records = records(tree, node, scheme, stamp, &mut area);
            folders[at].extent.len = folders[at].planned_len();
            folders[at].continuation = area.into_sectors();
            for record in 0..folders[at].records.len() {
                let Record {
                    identifier, target, ..
                } = &folders[at].records[record];
                if let &Target::Folder(node) = target {
                    folders.push(Folder::new(identifier.clone(), at));
                    nodes.push(node);
                }
            }
            at += 1;
        }
        let mut positions = vec![0; nodes.len()];
        for (position, &node) in nodes.iter().enumerate() {
            positions[node] = position;
        }
        Self { folders, positions }
    }

    /// Bytes of one path table, ECMA-119 §9.4.
    pub(super) fn path_table_len(&self) -> usize {
        let lens = self.folders.iter().map(|folder| folder.identifier.len());
        lens.map(|len| 8 + len.next_multiple_of(2)).sum()
    }

    /// Gives all folders and continuation areas their sectors from `sector` on; returns the first
    /// sector after them.
    pub(super) fn place(&mut self, mut sector: u64) -> u64 {
        // What does not fit into 32 bits is refused by the caller, which sees the sum.
        let low = |sector: u64| u32::try_from(sector).unwrap_or(u32::MAX);
        for folder in &mut self.folders {
            folder.extent.sector = low(sector);
            sector += u64::from(folder.extent.len) / SECTOR as u64;
            folder.continuation_sector = low(sector);
            sector += (folder.continuation.len() / SECTOR) as u64;
        }
        sector
    }

    /// The record of the root in a volume descriptor, ECMA-119 §8.4.18.
    pub(super) fn root_record(&self, stamp: Stamp) -> Vec<u8> {
        encode(SELF, self.folders[0].extent, true, stamp, &[])
    }

    /// The path table with numbers in the byte order of `number`, filled up to whole sectors.
    pub(super) fn write_path_table(&self, out: &mut Vec<u8>, order: ByteOrder) {
        for folder in &self.folders {
            let parent = u16::try_from(folder.parent + 1).expect("`Tree` has at most 65,535");
            let len = u8::try_from(folder.identifier.len()).expect("names are at most 130 bytes");
            out.extend([len, 0]);
            match order {
                ByteOrder::Little => {
                    out.extend(folder.extent.sector.to_le_bytes());
                    out.extend(parent.to_le_bytes());
                }
                ByteOrder::Big => {
                    out.extend(folder.extent.sector.to_be_bytes());
                    out.extend(parent.to_be_bytes());
                }
            }
            out.extend(&folder.identifier);
            if len % 2 == 1 {
                out.push(0);
            }
        }
        out.resize(out.len().next_multiple_of(SECTOR), 0);
    }

    /// All folders with their continuation areas; `files` by index in [`Tree::files`].
    pub(super) fn write_folders(&self, out: &mut Vec<u8>, files: &[Extent], stamp: Stamp) {
        for folder in &self.folders {
            let start = out.len();
            let mut push = |identifier: &[u8], extent, is_folder, system_use: &SystemUse| {
                let system_use = system_use.encode(folder.continuation_sector);
                let record = encode(identifier, extent, is_folder, stamp, &system_use);
                let at = start + after_boundary(out.len() - start, record.len());
                out.resize(at, 0);
                out.extend(record);
            };
            push(SELF, folder.extent, true, &folder.own);
            let parent = self.folders[folder.parent].extent;
            push(PARENT, parent, true, &folder.above);
            for record in &folder.records {
                let (extent, is_folder) = match record.target {
                    Target::Folder(node) => (self.folders[self.positions[node]].extent, true),
                    Target::File(file) => (files[file], false),
                };
                push(&record.identifier, extent, is_folder, &record.system_use);
            }
            out.resize(out.len().next_multiple_of(SECTOR), 0);
            debug_assert_eq!(out.len() - start, folder.extent.len as usize);
            out.extend(&folder.continuation);
        }
    }
}

/// Byte order of a path table.
#[derive(Debug, Clone, Copy)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl Folder {
    fn new(identifier: Vec<u8>, parent: usize) -> Self {
        Self {
            identifier,
            parent,
            own: SystemUse::default(),
            above: SystemUse::default(),
            records: Vec::new(),
            extent: Extent::default(),
            continuation: Vec::new(),
            continuation_sector: 0,
        }
    }

    /// Bytes of the folder in whole sectors.
    fn planned_len(&self) -> u32 {
        let own = [(1, &self.own), (1, &self.above)].into_iter();
        let rest = self.records.iter();
        let rest = rest.map(|record| (record.identifier.len(), &record.system_use));
        let used = own.chain(rest).fold(0, |used, (identifier, system_use)| {
            let len = record_len(identifier, system_use.len());
            after_boundary(used, len) + len
        });
        u32::try_from(used.next_multiple_of(SECTOR)).expect("16 million entries are not in memory")
    }
}

fn attributes(tree: &Tree<'_>, target: Target, stamp: Stamp) -> Attributes {
    match target {
        Target::File(at) => Attributes::file(tree.files[at].file.mode, stamp),
        Target::Folder(at) => {
            let folder = &tree.folders[at];
            let targets = folder.children.iter().map(|(_, target)| target);
            let subfolders = targets.filter(|target| matches!(target, Target::Folder(_)));
            Attributes::folder(folder.mode, subfolders.count(), stamp)
        }
    }
}

/// The records of a folder, sorted as ECMA-119 §9.3 wants them.
fn records(
    tree: &Tree<'_>,
    node: usize,
    scheme: Scheme,
    stamp: Stamp,
    area: &mut ContinuationArea,
) -> Vec<Record> {
    let children = &tree.folders[node].children;
    let is_folder = |target: Target| matches!(target, Target::Folder(_));
    let names = match scheme {
        Scheme::Interchange => names::interchange(
            children
                .iter()
                .map(|&(name, target)| (name, is_folder(target))),
        ),
        Scheme::Joliet => names::joliet(children.iter().map(|&(name, _)| name)),
    };
    let mut sorted: Vec<_> = names.into_iter().zip(children).collect();
    // A dot ends the name proper, which is compared first, padded with what sorts lowest.
    let key = |name: &str| name.replace('.', "\0");
    sorted.sort_by_cached_key(|(name, _)| key(name));
    let record = |(name, &(given, target)): (String, &(&str, Target))| Record {
        identifier: identifier(&name, scheme, is_folder(target)),
        target,
        system_use: match scheme {
            Scheme::Joliet => SystemUse::default(),
            Scheme::Interchange => {
                SystemUse::named(given, attributes(tree, target, stamp), &mut *area)
            }
        },
    };
    sorted.into_iter().map(record).collect()
}

/// A file's identifier has a dot in ISO 9660 (ECMA-119 §7.5.1) and a version in both.
fn identifier(name: &str, scheme: Scheme, is_folder: bool) -> Vec<u8> {
    let dot = match scheme {
        Scheme::Interchange if !name.contains('.') => ".",
        _ => "",
    };
    let name = if is_folder {
        name.to_owned()
    } else {
        format!("{name}{dot};1")
    };
    match scheme {
        Scheme::Interchange => name.into_bytes(),
        Scheme::Joliet => name.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    }
}

/// Bytes of a record: the identifier is padded so that what follows starts at an even place, and
/// so is the record (ECMA-119 §9.1.12, §9.1.13).
fn record_len(identifier: usize, system_use: usize) -> usize {
    (RECORD_HEAD + identifier).next_multiple_of(2) + system_use.next_multiple_of(2)
}

/// Where a record starts: none may cross the end of a sector, ECMA-119 §6.8.1.1.
fn after_boundary(used: usize, len: usize) -> usize {
    if used % SECTOR + len > SECTOR {
        used.next_multiple_of(SECTOR)
    } else {
        used
    }
}

/// A directory record, ECMA-119 §9.1.
fn encode(
    identifier: &[u8],
    extent: Extent,
    is_folder: bool,
    stamp: Stamp,
    system_use: &[u8],
) -> Vec<u8> {
    let len = record_len(identifier.len(), system_use.len());
    let byte = |n: usize| u8::try_from(n).expect("a record is at most 254 bytes");
    let mut out = Vec::with_capacity(len);
    // No extended attributes.
    out.extend([byte(len), 0]);
    out.extend(both32(extent.sector));
    out.extend(both32(extent.len));
    out.extend(stamp.short);
    // Flags: bit 1 is "directory". Not interleaved: unit and gap are 0.
    out.extend([if is_folder { 2 } else { 0 }, 0, 0]);
    out.extend(both16(1));
    out.push(byte(identifier.len()));
    out.extend(identifier);
    out.resize(out.len().next_multiple_of(2), 0);
    out.extend(system_use);
    out.resize(len, 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_do_not_cross_sectors() {
        assert_eq!(after_boundary(2000, 48), 2000);
        assert_eq!(after_boundary(2000, 50), 2048);
        assert_eq!(after_boundary(4096, 254), 4096);
    }

    #[test]
    fn identifiers() {
        let iso = |name, folder| identifier(name, Scheme::Interchange, folder);
        assert_eq!(iso("USER_DATA", false), b"USER_DATA.;1");
        assert_eq!(iso("A.B", false), b"A.B;1");
        assert_eq!(iso("A", true), b"A");
        let joliet = identifier("ü", Scheme::Joliet, false);
        assert_eq!(joliet, [0, 0xfc, 0, b';', 0, b'1']);
    }

    #[test]
    fn the_longest_record_fits() {
        let stamp = Stamp::new(0).unwrap();
        let mut area = ContinuationArea::default();
        for len in 1..=255 {
            let attributes = Attributes::file(0o644, stamp);
            let system_use = SystemUse::named(&"n".repeat(len), attributes, &mut area);
            assert!(record_len(33, system_use.len()) <= 254);
        }
    }
}
