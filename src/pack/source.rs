//! Where the bytes of a packed file come from.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use fs_err::File;

/// The content of one packed file. A file on disk is streamed, never held in memory.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// Bytes at hand.
    Bytes(Vec<u8>),
    /// A file on disk whose length was looked up when the image was planned.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its length in bytes; packing fails when the file turns out to have another.
        len: u64,
    },
}

/// Why a content could not be packed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file grew or shrank between planning and writing.
    #[error("`{path}` changed while it was packed: expected {expected} bytes, found {found}", path = .path.display())]
    Changed {
        /// The file on disk.
        path: PathBuf,
        /// Length in bytes at planning.
        expected: u64,
        /// Readable text of what was met instead.
        found: String,
    },
    /// The file cannot be read. The text names the path.
    #[error(transparent)]
    Read(io::Error),
    /// The container cannot be written.
    #[error("cannot write")]
    Write(#[source] io::Error),
}

impl Source {
    /// Plans a file on disk, with the length it has now.
    pub fn file(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let len = fs_err::metadata(&path)?.len();
        Ok(Self::File { path, len })
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes exactly [`Source::len`] bytes, or fails.
    pub fn copy_to(&self, out: &mut impl Write) -> Result<(), SourceError> {
        match self {
            Self::Bytes(bytes) => out.write_all(bytes).map_err(SourceError::Write),
            Self::File { path, len } => copy_file(path, *len, out),
        }
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Source {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

/// Content may be a key: only its length is shown.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::File { path, len } => write!(f, "File({}, {len} bytes)", path.display()),
        }
    }
}

fn copy_file(path: &Path, len: u64, out: &mut impl Write) -> Result<(), SourceError> {
    let changed = |found: String| SourceError::Changed {
        path: path.to_owned(),
        expected: len,
        found,
    };
    let mut file = File::open(path).map_err(SourceError::Read)?;
    let mut buffer = vec![0; 128 * 1024];
    let mut left = len;
    loop {
        let n = match file.read(&mut buffer) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(SourceError::Read(error)),
        };
        if n == 0 {
            break;
        }
        // One read past the end is how growth is noticed.
        if n as u64 > left {
            return Err(changed("more".into()));
        }
        out.write_all(&buffer[..n]).map_err(SourceError::Write)?;
        left -= n as u64;
    }
    if left > 0 {
        return Err(changed((len - left).to_string()));
    }
    Ok(())
}

/// Fills up with zeros to the next multiple of `unit` (at most 2,048) after `len` bytes.
pub(super) fn pad(out: &mut impl Write, len: u64, unit: usize) -> io::Result<()> {
    const ZEROS: [u8; 2048] = [0; 2048];
    let rest = len.next_multiple_of(unit as u64) - len;
    let rest = usize::try_from(rest).expect("less than one unit");
    out.write_all(&ZEROS[..rest])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs_err::write(&path, vec![7; 300_000]).unwrap();
        let source = Source::file(&path).unwrap();
        let mut out = Vec::new();
        source.copy_to(&mut out).unwrap();
        assert_eq!(out, vec![7; 300_000]);

        fs_err::write(&path, vec![7; 300_001]).unwrap();
        let error = source.copy_to(&mut Vec::new()).unwrap_err().to_string();
        assert!(
            error.ends_with("expected 300000 bytes, found more"),
            "{error}"
        );
        fs_err::write(&path, b"ab").unwrap();
        let error = source.copy_to(&mut Vec::new()).unwrap_err().to_string();
        assert!(error.ends_with("expected 300000 bytes, found 2"), "{error}");
    }

    #[test]
    fn debug_shows_no_content() {
        let shown = format!("{:?}", Source::from(b"secret".as_slice()));
        assert_eq!(shown, "Bytes(6 bytes)");
    }
}
