//! Files under their digest. Nothing enters before it is verified.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use tempfile::NamedTempFile;

use super::error::StoreError;
use crate::artefact::digest::{Digest, Hasher};

/// A store on disk.
pub(super) struct Blobs {
    root: PathBuf,
}

/// What became of a written blob.
pub(super) enum Written {
    /// It is in the store; its size.
    Stored(u64),
    /// It is something else.
    Wrong {
        got: Digest,
        size: u64,
        file: NamedTempFile,
    },
}

impl Blobs {
    /// Makes the folder if needed.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root.join("blobs"))?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    pub(super) fn path(&self, digest: &Digest) -> PathBuf {
        self.root.join(digest.blob_path())
    }

    /// An error of writing, with the store's path.
    pub(super) fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Write {
            store: self.root.clone(),
            source,
        }
    }

    /// Size of a blob that is there and whole. One that is damaged is put aside.
    pub(super) fn verified(&self, digest: &Digest) -> io::Result<Option<u64>> {
        let path = self.path(digest);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (got, size) = Digest::of_reader(digest.algorithm(), file)?;
        if got == *digest {
            return Ok(Some(size));
        }
        fs::rename(&path, self.bad_path(&digest.hex())?)?;
        Ok(None)
    }

    /// A blob to be written.
    pub(super) fn create(&self, digest: &Digest) -> io::Result<BlobWriter> {
        let path = self.path(digest);
        let folder = path.parent().expect("a blob lies in a folder");
        fs::create_dir_all(folder)?;
        let file = tempfile::Builder::new()
            .prefix(".part-")
            .tempfile_in(folder)?;
        Ok(BlobWriter {
            file,
            hasher: Hasher::new(digest.algorithm()),
            size: 0,
            expected: *digest,
            path,
        })
    }

    /// Copies and verifies.
    pub(super) fn copy(&self, digest: &Digest, mut from: impl Read) -> Result<Written, StoreError> {
        let failed = |error| self.failed(error);
        let mut writer = self.create(digest).map_err(failed)?;
        let mut buffer = vec![0; 1 << 17];
        loop {
            let count = from.read(&mut buffer).map_err(StoreError::Read)?;
            if count == 0 {
                return writer.finish().map_err(failed);
            }
            writer.write_all(&buffer[..count]).map_err(failed)?;
        }
    }

    /// Content of a small blob that is in the store.
    pub(super) fn read(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        let file = fs::File::open(self.path(digest)).map_err(StoreError::Read)?;
        let read = file.take(limit).read_to_end(&mut bytes);
        read.map_err(StoreError::Read)?;
        Ok(bytes)
    }

    /// Keeps a wrong download under a name that says what it was meant to be.
    pub(super) fn keep_bad(&self, name: &str, file: NamedTempFile) -> io::Result<PathBuf> {
        let path = self.bad_path(name)?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(path)
    }

    fn bad_path(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.root.join("bad");
        fs::create_dir_all(&folder)?;
        Ok(folder.join(format!("{}.bad", name.replace(['/', ':'], "_"))))
    }

    /// Writes a text beside the blobs, atomically, unless it is there already.
    pub(super) fn write_text(&self, name: &str, text: &str) -> Result<(), StoreError> {
        self.replace(name, text).map_err(|error| self.failed(error))
    }

    fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.root.join(name);
        if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
            return Ok(());
        }
        let mut file = tempfile::Builder::new()
            .prefix(".part-")
            .tempfile_in(&self.root)?;
        file.write_all(text.as_bytes())?;
        publish(file, &path)
    }
}

/// A file on its way into the store.
pub(super) struct BlobWriter {
    file: NamedTempFile,
    hasher: Hasher,
    size: u64,
    expected: Digest,
    path: PathBuf,
}

impl BlobWriter {
    /// Bytes written so far.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Forgets everything written.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        let file = self.file.as_file_mut();
        file.set_len(0)?;
        io::Seek::rewind(file)?;
        self.hasher = Hasher::new(self.expected.algorithm());
        self.size = 0;
        Ok(())
    }

    /// Verifies, then puts the file under its digest.
    pub(super) fn finish(self) -> io::Result<Written> {
        let got = self.hasher.finish();
        if got != self.expected {
            return Ok(Written::Wrong {
                got,
                size: self.size,
                file: self.file,
            });
        }
        publish(self.file, &self.path)?;
        Ok(Written::Stored(self.size))
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Syncs before the rename: a name in the store always means whole content.
fn publish(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    let file = file.persist(path).map_err(|error| error.error)?;
    public(&file)
}

/// Temporary files are private; a store is served and mounted by others.
#[cfg(unix)]
fn public(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn public(_: &std::fs::File) -> io::Result<()> {
    Ok(())
}
