//! Files that are either whole or absent.
//!
//! A file is written under a temporary name in its own folder, with its final mode from the first
//! byte, then renamed. Nothing is synced per file: one [`sync`] at the end of a build makes the
//! whole batch durable.

use std::fs::Permissions;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err::File;

/// Temporary names start so; an interrupted build may leave one, and a rerun may delete it.
pub const TEMPORARY_PREFIX: &str = ".firstlight-";

/// Why a file was not written; what stood at its place still stands.
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E: std::error::Error + 'static = std::convert::Infallible> {
    /// The file system refused.
    #[error("cannot write `{path}`", path = .path.display())]
    Io {
        /// The file meant.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Whoever produced the content failed.
    #[error(transparent)]
    Content(E),
}

/// Writes `bytes` to `path` with permission bits `mode`, replacing what is there.
pub fn write(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), WriteError> {
    let io = |source| io_error(path, source);
    let mut file = temporary(path, mode).map_err(io)?;
    file.write_all(bytes).map_err(io)?;
    persist(file, path).map_err(io)
}

/// Writes what `content` produces, buffered, to `path`; nothing appears when it fails.
pub fn write_with<T, E>(
    path: &Path,
    mode: u32,
    content: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, WriteError<E>>
where
    E: std::error::Error + 'static,
{
    let io = |source| io_error(path, source);
    let file = temporary(path, mode).map_err(io)?;
    let mut out = BufWriter::with_capacity(128 * 1024, file);
    let value = content(&mut out).map_err(WriteError::Content)?;
    let file = out.into_inner().map_err(|error| io(error.into_error()))?;
    persist(file, path).map_err(io)?;
    Ok(value)
}

/// Writes unless `path` is already a regular file with these bytes and this mode; returns whether
/// it wrote. What did not change keeps its inode and times.
pub fn write_if_changed(path: &Path, mode: u32, bytes: &[u8]) -> Result<bool, WriteError> {
    if is_same(path, mode, bytes).map_err(|source| io_error(path, source))? {
        return Ok(false);
    }
    write(path, mode, bytes)?;
    Ok(true)
}

/// Makes everything that was written below a folder durable, with the rest of its file system: one
/// flush of the disk, where a sync of each file would be one per file.
pub fn sync(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

fn io_error<E: std::error::Error + 'static>(path: &Path, source: io::Error) -> WriteError<E> {
    WriteError::Io {
        path: path.to_owned(),
        source,
    }
}

/// The folder of `path`; a bare name stands in the current one.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn temporary(path: &Path, mode: u32) -> io::Result<tempfile::NamedTempFile> {
    let permissions = Permissions::from_mode(mode);
    let file = tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .permissions(permissions.clone())
        .tempfile_in(folder(path))?;
    // The umask can only have taken bits away; a secret was never readable by others.
    file.as_file().set_permissions(permissions)?;
    Ok(file)
}

fn persist(file: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path)?;
    Ok(())
}

fn is_same(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<bool> {
    let found = match fs_err::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let same_kind = found.is_file() && found.permissions().mode() & 0o7777 == mode;
    if !same_kind || found.len() != bytes.len() as u64 {
        return Ok(false);
    }
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    for expected in bytes.chunks(buffer.len()) {
        let part = &mut buffer[..expected.len()];
        match file.read_exact(part) {
            Ok(()) if part == expected => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs_err::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn rewrites_only_what_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let inode = || fs_err::metadata(&path).unwrap().ino();
        let mode = || fs_err::metadata(&path).unwrap().mode() & 0o7777;
        assert!(write_if_changed(&path, 0o600, b"one").unwrap());
        let first = inode();
        assert!(!write_if_changed(&path, 0o600, b"one").unwrap());
        assert_eq!((inode(), mode()), (first, 0o600));
        assert!(write_if_changed(&path, 0o644, b"one").unwrap());
        assert_eq!(mode(), 0o644);
        assert!(write_if_changed(&path, 0o644, b"two").unwrap());
        assert_eq!(fs_err::read(&path).unwrap(), b"two");
        assert_eq!(names(dir.path()), ["key"]);
        sync(dir.path()).unwrap();
    }

    #[test]
    fn a_failed_content_leaves_the_old_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seed.iso");
        write(&path, 0o600, b"old").unwrap();
        let failed: Result<(), _> = write_with(&path, 0o600, |out| {
            out.write_all(b"half").unwrap();
            Err(io::Error::other("no more"))
        });
        assert!(matches!(failed, Err(WriteError::Content(_))));
        assert_eq!(fs_err::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["seed.iso"]);
    }

    #[test]
    fn a_link_is_replaced_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        let path = dir.path().join("link");
        write(&target, 0o644, b"same").unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        assert!(write_if_changed(&path, 0o644, b"same").unwrap());
        assert!(fs_err::symlink_metadata(&path).unwrap().is_file());
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write(Path::new("/nonexistent/f"), 0o644, b"").unwrap_err();
        assert_eq!(error.to_string(), "cannot write `/nonexistent/f`");
    }
}
