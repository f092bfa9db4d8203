//! What goes into an image.

use std::collections::BTreeMap;
use std::io;

use crate::pack::{EPOCH, Source, SourceError};

/// Longest Rock Ridge name in bytes: Linux has no longer file name.
const LONGEST_NAME: usize = 255;

/// A volume to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IsoImage {
    /// Volume identifier, 1 to 32 printable ASCII characters, written verbatim. ECMA-119 §8.4.6
    /// wants upper case, but the label cloud-init looks for is `cidata`. Joliet holds the first 16.
    pub volume_id: String,
    /// Time stamp of everything, seconds since 1970 (UTC).
    pub time: i64,
    /// The root folder.
    pub root: Directory,
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Permission bits.
    pub mode: u32,
    entries: BTreeMap<String, Node>,
}

/// A regular file; owner and group are root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its bytes, less than 4 GiB.
    pub content: Source,
    /// Permission bits.
    pub mode: u32,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    File(File),
    /// A folder.
    Directory(Directory),
}

/// Why an image cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum IsoError {
    /// A name no file system takes.
    #[error("`{}` is no file name: must not be empty, `.` or `..`, nor contain `/` or NUL", .0.escape_debug())]
    Name(String),
    /// A name Rock Ridge readers cannot show.
    #[error("the name `{0}` has {len} bytes, the limit is {LONGEST_NAME}", len = .0.len())]
    LongName(String),
    /// The name is there already.
    #[error("`{0}` is in the image twice")]
    Duplicate(String),
    /// A file where a folder is needed.
    #[error("`{0}` is a file, not a folder")]
    NotAFolder(String),
    /// ECMA-119 §6.8.2.1 has eight levels, and moving folders up (`RR_MOVED`) is not done here.
    #[error("the folder `{0}` is on level 9, ISO 9660 has 8 with the root")]
    TooDeep(String),
    /// The length field has 32 bits (ECMA-119 §9.1.4), and files in several extents are not
    /// written, because not every boot loader reads them.
    #[error("`{path}` has {len} bytes, the limit of a file in an image is 4294967295 (4 GiB - 1)")]
    FileTooLarge {
        /// Path in the image.
        path: String,
        /// Length in bytes.
        len: u64,
    },
    /// Path tables number the folders with 16 bits (ECMA-119 §9.4.4).
    #[error("{0} folders are too many, the limit is 65535")]
    TooManyFolders(usize),
    /// Blocks are numbered with 32 bits (ECMA-119 §8.4.8).
    #[error("the image would have {0} sectors of 2 KiB, the limit is 4294967295")]
    TooLarge(u64),
    /// See [`IsoImage::volume_id`].
    #[error("`{0}` is no volume identifier: must be 1 to 32 printable ASCII characters")]
    VolumeId(String),
    /// Directory records count years since 1900 in a byte (ECMA-119 §9.1.5).
    #[error("the time stamp {0} is outside the years 1900 to 2155")]
    Time(i64),
    /// The content of a file cannot be packed.
    #[error("cannot pack `{path}`")]
    Content {
        /// Path in the image.
        path: String,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// The image cannot be written.
    #[error("cannot write the image")]
    Write(#[from] io::Error),
}

impl IsoImage {
    /// An empty image with the default time stamp. The root has mode 0755.
    pub fn new(volume_id: &str) -> Self {
        Self {
            volume_id: volume_id.to_owned(),
            time: EPOCH,
            root: Directory::new(0o755),
        }
    }

    /// Adds a file under a path such as `openstack/latest/user_data`; folders that are missing on
    /// the way get mode 0755.
    pub fn add(&mut self, path: &str, file: File) -> Result<(), IsoError> {
        let mut folder = &mut self.root;
        let mut name = path;
        while let Some((first, rest)) = name.split_once('/') {
            folder = folder.directory(first)?;
            name = rest;
        }
        folder.insert(name, Node::File(file))
    }
}

impl Directory {
    /// An empty folder.
    pub fn new(mode: u32) -> Self {
        Self {
            mode,
            entries: BTreeMap::new(),
        }
    }

    /// Adds an entry; the name is checked.
    pub fn insert(&mut self, name: &str, node: Node) -> Result<(), IsoError> {
        if self.entries.contains_key(name) {
            return Err(IsoError::Duplicate(name.to_owned()));
        }
        check_name(name)?;
        self.entries.insert(name.to_owned(), node);
        Ok(())
    }

    /// The folder `name` in this one, made with mode 0755 when it is missing.
    pub fn directory(&mut self, name: &str) -> Result<&mut Self, IsoError> {
        if !self.entries.contains_key(name) {
            check_name(name)?;
        }
        let entry = self.entries.entry(name.to_owned());
        match entry.or_insert_with(|| Node::Directory(Self::new(0o755))) {
            Node::Directory(folder) => Ok(folder),
            Node::File(_) => Err(IsoError::NotAFolder(name.to_owned())),
        }
    }

    /// The entries, sorted by the bytes of their names.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.entries.iter().map(|(name, node)| (&**name, node))
    }
}

impl File {
    /// A file everybody may read.
    pub fn new(content: impl Into<Source>) -> Self {
        Self {
            content: content.into(),
            mode: 0o644,
        }
    }
}

fn check_name(name: &str) -> Result<(), IsoError> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(IsoError::Name(name.to_owned()));
    }
    if name.len() > LONGEST_NAME {
        return Err(IsoError::LongName(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> File {
        File::new(b"x".as_slice())
    }

    #[test]
    fn names_are_checked_when_added() {
        let mut image = IsoImage::new("cidata");
        for name in ["", ".", "..", "a\0b", "a//b", "/a", "a/"] {
            let error = image.add(name, file()).unwrap_err();
            assert!(matches!(error, IsoError::Name(_)), "{name:?}: {error}");
        }
        let error = image.root.insert("a/b", Node::File(file())).unwrap_err();
        assert!(matches!(error, IsoError::Name(_)));
        image.add(&"n".repeat(255), file()).unwrap();
        let error = image.add(&"ü".repeat(128), file()).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("has 256 bytes, the limit is 255")
        );
    }

    #[test]
    fn nothing_is_added_twice() {
        let mut image = IsoImage::new("cidata");
        image.add("d/f", file()).unwrap();
        let error = image.add("d/f", file()).unwrap_err().to_string();
        assert_eq!(error, "`f` is in the image twice");
        let error = image.add("d", file()).unwrap_err().to_string();
        assert_eq!(error, "`d` is in the image twice");
        let error = image.add("d/f/g", file()).unwrap_err().to_string();
        assert_eq!(error, "`f` is a file, not a folder");
    }
}
