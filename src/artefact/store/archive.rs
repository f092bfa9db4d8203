//! Looks into tar archives that are OCI layouts (or packed stores) without unpacking them.

use std::io;
use std::path::{Component, Path};

use fs_err as fs;

use super::error::StoreError;
use crate::artefact::digest::Digest;

/// A blob inside an archive, named but not yet verified.
pub(super) struct Member {
    pub(super) digest: Digest,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// What an archive holds.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) members: Vec<Member>,
    /// Set when the archive ends early or is none: what could be read still counts.
    pub(super) broken: Option<io::Error>,
}

/// Header and content come in blocks, and an archive ends with empty ones.
const BLOCK: u64 = 512;

/// The blobs of `path`; nothing if it is no OCI layout. Names are only compared with digests and
/// never used as paths, still an archive that tries to escape is refused: its maker is not to be
/// trusted with the rest.
pub(super) fn contents(path: &Path) -> Result<Contents, StoreError> {
    let file = fs::File::open(path).map_err(StoreError::Read)?;
    let length = file.metadata().map_err(StoreError::Read)?.len();
    let mut end = 0;
    let mut archive = tar::Archive::new(file);
    let mut found = Contents::default();
    let mut suspicious = None;
    let mut layout = false;
    let entries = match archive.entries_with_seek() {
        Ok(entries) => entries,
        Err(error) => return Ok(broken(found, error)),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found = broken(found, error);
                break;
            }
        };
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let plain = name.strip_prefix("./").unwrap_or(&name);
        let kind = entry.header().entry_type();
        let ours = plain == "oci-layout" || plain.starts_with("blobs/");
        layout |= ours;
        end = entry.raw_file_position() + entry.size().next_multiple_of(BLOCK);
        if !stays_inside(plain) || (ours && !kind.is_file() && !kind.is_dir()) {
            suspicious.get_or_insert_with(|| name.clone());
        }
        if let (Some(digest), true) = (blob_digest(plain), kind.is_file()) {
            found.members.push(Member {
                digest,
                offset: entry.raw_file_position(),
                size: entry.size(),
            });
        }
    }
    // skipping by seeking does not notice the end of the file; the mark after the last entry does
    if found.broken.is_none() && length < end + BLOCK {
        found = broken(found, io::ErrorKind::UnexpectedEof.into());
    }
    match suspicious {
        Some(entry) if layout => Err(StoreError::UnsafeEntry {
            archive: path.to_owned(),
            entry,
        }),
        _ => Ok(found),
    }
}

fn broken(mut contents: Contents, error: io::Error) -> Contents {
    contents.broken = Some(error);
    contents
}

pub(super) fn stays_inside(name: &str) -> bool {
    Path::new(name)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// `blobs/sha256/<hex>`
fn blob_digest(name: &str) -> Option<Digest> {
    let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder() {
        assert!(stays_inside("blobs/sha256/aa"));
        assert!(!stays_inside("blobs/../../etc/passwd"));
        assert!(!stays_inside("/etc/passwd"));
    }

    #[test]
    fn names_that_are_digests() {
        let digest = Digest::sha256(b"x");
        assert_eq!(blob_digest(&digest.blob_path()), Some(digest));
        assert_eq!(blob_digest("blobs/sha256/short"), None);
    }
}
