//! A tar archive with the same bytes everywhere: sorted, owned by root, one time stamp.
//!
//! Format: GNU. Every reader on a node's way knows it: GNU tar, busybox, dpkg, Python, libarchive.
//! A pax header for a long name would be skipped by busybox, which then unpacks a cut-off name,
//! and refused by old dpkg; GNU's `@LongLink` entries and base-256 sizes are read by all of them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use tar::{EntryType, Header};

use crate::pack::source::pad;
use crate::pack::{EPOCH, Source, SourceError};

/// Records of an archive, in bytes.
const BLOCK: usize = 512;

/// A name or target of this many bytes still fits into the header.
const SHORT_NAME: usize = 100;

/// One thing in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File {
        /// Its bytes.
        content: Source,
        /// Permission bits.
        mode: u32,
    },
    /// A folder. Those that are not named are made by whoever unpacks: naming `bin/` would make
    /// GNU tar replace the `bin → usr/bin` link of a merged-usr system.
    Directory {
        /// Permission bits.
        mode: u32,
    },
    /// A symbolic link.
    Symlink {
        /// What it points to, verbatim.
        target: String,
    },
}

/// An archive to be written, sorted by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    entries: BTreeMap<String, Entry>,
    /// Time stamp of every entry, seconds since 1970.
    pub time: u64,
}

/// Why an archive cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// A path that is absolute, empty, or has an empty, `.` or `..` part, or NUL.
    #[error("`{0}` is no relative path without empty, `.` and `..` parts")]
    Path(String),
    /// The target of a link is empty or has NUL.
    #[error("link `{path}` has an empty target or one with NUL")]
    Target {
        /// The link.
        path: String,
    },
    /// The path is there already.
    #[error("`{0}` is in the archive twice")]
    Duplicate(String),
    /// A file or link where another entry needs a folder.
    #[error("`{parent}` is no folder, but `{child}` is below it")]
    NotAFolder {
        /// The file or link.
        parent: String,
        /// What is below it.
        child: String,
    },
    /// The content of an entry cannot be packed.
    #[error("cannot pack `{path}`")]
    Content {
        /// The entry.
        path: String,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// The archive cannot be written.
    #[error("cannot write the archive")]
    Write(#[from] io::Error),
}

impl Default for Archive {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            time: EPOCH.unsigned_abs(),
        }
    }
}

impl Archive {
    /// An empty archive with the default time stamp.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry under a relative path without trailing slash, such as `etc/hosts`.
    pub fn add(&mut self, path: &str, entry: Entry) -> Result<(), TarError> {
        self.accept(path, &entry)?;
        self.entries.insert(path.to_owned(), entry);
        Ok(())
    }

    /// Whether `path` may hold `entry`.
    fn accept(&self, path: &str, entry: &Entry) -> Result<(), TarError> {
        let legal = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        if !path.split('/').all(legal) {
            return Err(TarError::Path(path.to_owned()));
        }
        if self.entries.contains_key(path) {
            return Err(TarError::Duplicate(path.to_owned()));
        }
        let conflict = |parent: &str, child: &str| TarError::NotAFolder {
            parent: parent.to_owned(),
            child: child.to_owned(),
        };
        for (at, _) in path.match_indices('/') {
            let parent = &path[..at];
            if !matches!(
                self.entries.get(parent),
                None | Some(Entry::Directory { .. })
            ) {
                return Err(conflict(parent, path));
            }
        }
        if !matches!(entry, Entry::Directory { .. }) {
            let below = format!("{path}/");
            let next = self.entries.range(below.clone()..).next();
            if let Some((child, _)) = next.filter(|(child, _)| child.starts_with(&below)) {
                return Err(conflict(path, child));
            }
        }
        match entry {
            Entry::Symlink { target } if target.is_empty() || target.contains('\0') => {
                Err(TarError::Target {
                    path: path.to_owned(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Writes the archive; contents on disk are streamed.
    pub fn write(&self, out: &mut impl Write) -> Result<(), TarError> {
        self.write_entries(out)?;
        // POSIX.1-1988 ustar: two records of zeros end an archive.
        out.write_all(&[0; 2 * BLOCK])?;
        Ok(())
    }

    /// Writes the entries without the end: those of another archive have to follow.
    pub(super) fn write_entries(&self, out: &mut impl Write) -> Result<(), TarError> {
        for (path, entry) in &self.entries {
            self.write_entry(path, entry, out)?;
        }
        Ok(())
    }

    fn write_entry(&self, path: &str, entry: &Entry, out: &mut impl Write) -> Result<(), TarError> {
        let mut header = Header::new_gnu();
        header.set_mtime(self.time);
        let mut name = path.to_owned();
        match entry {
            Entry::File { content, mode } => {
                header.set_entry_type(EntryType::Regular);
                header.set_mode(mode & 0o7777);
                header.set_size(content.len());
            }
            Entry::Directory { mode } => {
                header.set_entry_type(EntryType::Directory);
                header.set_mode(mode & 0o7777);
                header.set_size(0);
                name.push('/');
            }
            Entry::Symlink { target } => {
                header.set_entry_type(EntryType::Symlink);
                header.set_mode(0o777);
                header.set_size(0);
                write_long(EntryType::GNULongLink, target, out)?;
                let field = &mut gnu(&mut header).linkname;
                fill(field, target);
            }
        }
        write_long(EntryType::GNULongName, &name, out)?;
        fill(&mut gnu(&mut header).name, &name);
        write_header(header, out)?;
        if let Entry::File { content, .. } = entry {
            content.copy_to(out).map_err(|source| TarError::Content {
                path: path.to_owned(),
                source,
            })?;
            pad(out, content.len(), BLOCK)?;
        }
        Ok(())
    }
}

fn gnu(header: &mut Header) -> &mut tar::GnuHeader {
    header.as_gnu_mut().expect("made by Header::new_gnu")
}

/// Copies as much of `text` as fits; a field that is full needs no NUL.
fn fill(field: &mut [u8; SHORT_NAME], text: &str) {
    let len = text.len().min(SHORT_NAME);
    field[..len].copy_from_slice(&text.as_bytes()[..len]);
}

/// Announces a name or target that does not fit into the next header.
fn write_long(kind: EntryType, text: &str, out: &mut impl Write) -> io::Result<()> {
    if text.len() <= SHORT_NAME {
        return Ok(());
    }
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_mtime(0);
    // With its NUL, as GNU tar writes it.
    let len = text.len() as u64 + 1;
    header.set_size(len);
    fill(&mut gnu(&mut header).name, "././@LongLink");
    write_header(header, out)?;
    out.write_all(text.as_bytes())?;
    out.write_all(&[0])?;
    pad(out, len, BLOCK)
}

fn write_header(mut header: Header, out: &mut impl Write) -> io::Result<()> {
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_cksum();
    out.write_all(header.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Entry {
        Entry::File {
            content: b"x".as_slice().into(),
            mode: 0o644,
        }
    }

    #[test]
    fn refuses_what_unpacks_elsewhere_or_not_at_all() {
        let mut archive = Archive::new();
        for path in ["", "/etc", "a//b", "a/", "./a", "a/../b", "a\0"] {
            assert!(matches!(archive.add(path, file()), Err(TarError::Path(_))));
        }
        archive.add("a/b", file()).unwrap();
        let error = archive.add("a/b", file()).unwrap_err().to_string();
        assert_eq!(error, "`a/b` is in the archive twice");
        let error = archive.add("a/b/c", file()).unwrap_err().to_string();
        assert_eq!(error, "`a/b` is no folder, but `a/b/c` is below it");
        let error = archive.add("a", file()).unwrap_err().to_string();
        assert_eq!(error, "`a` is no folder, but `a/b` is below it");
        archive.add("a", Entry::Directory { mode: 0o755 }).unwrap();
        archive.add("a-b", file()).unwrap();
        let target = String::new();
        assert!(archive.add("l", Entry::Symlink { target }).is_err());
    }

    #[test]
    fn order_of_adding_does_not_matter() {
        let archive = |paths: [&str; 3]| {
            let mut archive = Archive::new();
            for path in paths {
                archive.add(path, file()).unwrap();
            }
            let mut bytes = Vec::new();
            archive.write(&mut bytes).unwrap();
            bytes
        };
        assert_eq!(archive(["b", "a/c", "a-b"]), archive(["a-b", "b", "a/c"]));
    }
}
