//! Layout of an image, and writing it in one pass.

use std::io::Write;

use crate::pack::SourceError;
use crate::pack::source::pad;

use super::field::Stamp;
use super::hierarchy::{ByteOrder, Extent, Hierarchy, Scheme};
use super::image::{IsoError, IsoImage};
use super::tree::Tree;
use super::volume::{Volume, write_terminator};
use super::{SECTOR, image};

/// First sector after the system area, ECMA-119 §6.2.1.
const DESCRIPTORS: u64 = 16;
/// Primary, Joliet, terminator.
const DESCRIPTOR_COUNT: u64 = 3;

/// Writes the image to `out` in one pass; returns its length in bytes, a multiple of 2,048.
///
/// Everything that can be known to be wrong beforehand is refused before the first byte. Names
/// and folders are in memory, contents on disk are streamed.
pub fn write(image: &IsoImage, out: &mut impl Write) -> Result<u64, IsoError> {
    check_volume_id(&image.volume_id)?;
    let stamp = Stamp::new(image.time)?;
    let tree = Tree::new(&image.root)?;
    let layout = Layout::new(&tree, stamp)?;
    out.write_all(&layout.metadata(image, stamp))?;
    for (at, node) in tree.files.iter().enumerate() {
        let content = &node.file.content;
        content.copy_to(out).map_err(|source| match source {
            SourceError::Write(error) => IsoError::Write(error),
            source => IsoError::Content {
                path: tree.file_path(at),
                source,
            },
        })?;
        pad(out, content.len(), SECTOR)?;
    }
    Ok(u64::from(layout.sectors) * SECTOR as u64)
}

/// Where everything is, in sectors.
struct Layout {
    interchange: Hierarchy,
    joliet: Hierarchy,
    /// Path tables: interchange L and M, Joliet L and M.
    path_tables: [u32; 4],
    /// Whether one sector of zeros stands before the contents.
    has_empty_file: bool,
    /// By index in [`Tree::files`].
    files: Vec<Extent>,
    sectors: u32,
}

impl Layout {
    fn new(tree: &Tree<'_>, stamp: Stamp) -> Result<Self, IsoError> {
        let mut interchange = Hierarchy::new(tree, Scheme::Interchange, stamp);
        let mut joliet = Hierarchy::new(tree, Scheme::Joliet, stamp);
        let mut next = DESCRIPTORS + DESCRIPTOR_COUNT;
        let mut path_tables = [0; 4];
        let tables = [&interchange, &interchange, &joliet, &joliet];
        for (sector, hierarchy) in path_tables.iter_mut().zip(tables) {
            *sector = number(next)?;
            next += sectors(hierarchy.path_table_len() as u64);
        }
        next = joliet.place(interchange.place(next));
        // An empty file needs an address on the medium after the folders, that of no other file:
        // libarchive reads in order and takes equal addresses for hard links.
        let empty = number(next)?;
        let has_empty_file = tree.files.iter().any(|node| node.file.content.is_empty());
        next += u64::from(has_empty_file);
        let mut files = Vec::with_capacity(tree.files.len());
        for (at, node) in tree.files.iter().enumerate() {
            let len = node.file.content.len();
            let len = u32::try_from(len).map_err(|_| IsoError::FileTooLarge {
                path: tree.file_path(at),
                len,
            })?;
            let sector = if len == 0 { empty } else { number(next)? };
            files.push(Extent { sector, len });
            next += sectors(u64::from(len));
        }
        Ok(Self {
            interchange,
            joliet,
            path_tables,
            has_empty_file,
            files,
            sectors: number(next)?,
        })
    }

    /// Everything before the contents.
    fn metadata(&self, image: &IsoImage, stamp: Stamp) -> Vec<u8> {
        let [iso_l, iso_m, joliet_l, joliet_m] = self.path_tables;
        let volume = |hierarchy: &Hierarchy, path_tables| Volume {
            identifier: &image.volume_id,
            sectors: self.sectors,
            path_table_len: u32::try_from(hierarchy.path_table_len())
                .expect("65,535 folders with names of at most 130 bytes"),
            path_tables,
            root: hierarchy.root_record(stamp),
            stamp,
        };
        // ECMA-119 §6.2.1: the system area is for whoever boots from the medium; nobody does.
        let mut out = vec![0; 16 * SECTOR];
        volume(&self.interchange, [iso_l, iso_m]).write_primary(&mut out);
        volume(&self.joliet, [joliet_l, joliet_m]).write_joliet(&mut out);
        write_terminator(&mut out);
        for hierarchy in [&self.interchange, &self.joliet] {
            for order in [ByteOrder::Little, ByteOrder::Big] {
                hierarchy.write_path_table(&mut out, order);
            }
        }
        for hierarchy in [&self.interchange, &self.joliet] {
            hierarchy.write_folders(&mut out, &self.files, stamp);
        }
        if self.has_empty_file {
            out.resize(out.len() + SECTOR, 0);
        }
        out
    }
}

fn sectors(len: u64) -> u64 {
    len.div_ceil(SECTOR as u64)
}

fn number(sector: u64) -> Result<u32, IsoError> {
    u32::try_from(sector).map_err(|_| IsoError::TooLarge(sector))
}

fn check_volume_id(id: &str) -> Result<(), image::IsoError> {
    let printable = id.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if printable && (1..=32).contains(&id.len()) {
        return Ok(());
    }
    Err(IsoError::VolumeId(id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::{Directory, File, Node};
    use super::*;
    use crate::pack::Source;

    fn refused(image: &IsoImage) -> String {
        let mut out = Vec::new();
        let error = write(image, &mut out).unwrap_err().to_string();
        assert!(out.is_empty(), "refused before the first byte");
        error
    }

    #[test]
    fn refuses_what_the_format_cannot_hold() {
        for id in ["", "ü", "tab\t", &"x".repeat(33)] {
            assert!(refused(&IsoImage::new(id)).contains("volume identifier"));
        }
        let mut image = IsoImage::new("x");
        let (path, len) = ("/nonexistent".into(), 1 << 32);
        let big = File::new(Source::File { path, len });
        image.add("store/big", big).unwrap();
        assert_eq!(
            refused(&image),
            "`store/big` has 4294967296 bytes, the limit of a file in an image is 4294967295 (4 GiB - 1)"
        );
        let mut image = IsoImage::new("x");
        image.add("2/3/4/5/6/7/8/file", File::new(vec![])).unwrap();
        write(&image, &mut Vec::new()).unwrap();
        image
            .add("2/3/4/5/6/7/8/9/file", File::new(vec![]))
            .unwrap();
        assert!(refused(&image).starts_with("the folder `2/3/4/5/6/7/8/9` is on level 9"));
        let mut image = IsoImage::new("x");
        image.time = i64::MIN;
        assert!(refused(&image).contains("1900 to 2155"));
    }

    #[test]
    fn too_many_folders_are_refused() {
        let mut image = IsoImage::new("x");
        for n in 0..u16::MAX {
            let name = n.to_string();
            let folder = Node::Directory(Directory::new(0o755));
            image.root.insert(&name, folder).unwrap();
        }
        assert_eq!(
            refused(&image),
            "65536 folders are too many, the limit is 65535"
        );
    }

    #[test]
    fn a_content_that_changed_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs_err::write(&path, b"12").unwrap();
        let source = Source::file(&path).unwrap();
        fs_err::write(&path, b"1").unwrap();
        let mut image = IsoImage::new("x");
        image.add("a/b", File::new(source)).unwrap();
        let error = write(&image, &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "cannot pack `a/b`");
    }

    #[test]
    fn a_seed_has_no_padding() {
        let mut image = IsoImage::new("cidata");
        image.add("user-data", File::new(vec![1; 2049])).unwrap();
        image.add("meta-data", File::new(vec![1; 1])).unwrap();
        let mut out = Vec::new();
        let len = write(&image, &mut out).unwrap();
        // System area, descriptors, path tables, folders and a continuation, contents.
        assert_eq!(len, (16 + 3 + 4 + 3 + 3) * 2048);
        assert_eq!(len, out.len() as u64);
    }
}
