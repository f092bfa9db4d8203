//! Files under their digest. Nothing enters before it is verified.
//!
//! A store is shared: by all builds of a user, and by builds that run at the same time. Who writes a
//! content holds the lock of its part, `.part-<hex>`; others wait and find the content there. A part
//! outlives whoever wrote it, with the server's tag beside it, so that the next one goes on where it
//! ended.

use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fs_err as fs;
use tempfile::NamedTempFile;

use super::error::StoreError;
use crate::artefact::digest::{Digest, Hasher};

/// How a file begins whose digest is not known yet. Whoever writes it has it locked.
const NEW: &str = ".new-";

/// A store on disk.
#[derive(Debug)]
pub(super) struct Blobs {
    root: PathBuf,
}

/// What became of a written blob.
pub(super) enum Written {
    /// It is in the store; its size.
    Stored(u64),
    /// It is something else, and was kept for inspection.
    Wrong {
        got: Digest,
        size: u64,
        kept: PathBuf,
    },
}

/// What whoever wants to write a blob is given.
pub(super) enum Claim {
    /// Another process has written it meanwhile; its size.
    There(u64),
    /// Nobody else writes it now.
    Ours(Box<BlobWriter>),
}

impl Blobs {
    /// Makes the folder if needed, and removes what nobody goes on with: an interrupted process left it.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root.join("blobs"))?;
        for entry in fs::read_dir(root.join("blobs"))? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy());
            if name.is_some_and(|name| name.starts_with(NEW))
                && fs::File::open(&path).is_ok_and(|file| file.file().try_lock().is_ok())
            {
                fs::remove_file(&path)?;
            }
        }
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

    /// Size of a blob that is there and whole.
    pub(super) fn verified(&self, digest: &Digest) -> io::Result<Option<u64>> {
        let file = match fs::File::open(self.path(digest)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (got, size) = Digest::of_reader(digest.algorithm(), file)?;
        Ok((got == *digest).then_some(size))
    }

    /// A blob to be written, by one at a time: whoever comes while another writes it waits. One that is
    /// damaged is put aside.
    pub(super) fn claim(&self, digest: &Digest) -> io::Result<Claim> {
        let path = self.path(digest);
        let folder = path.parent().expect("a blob lies in a folder");
        fs::create_dir_all(folder)?;
        let part = folder.join(format!(".part-{}", digest.hex()));
        let file = locked(&part)?;
        if let Some(size) = self.verified(digest)? {
            fs::remove_file(&part)?;
            return Ok(Claim::There(size));
        }
        if path.exists() {
            fs::rename(&path, self.bad_path(&digest.hex())?)?;
        }
        let mut writer = BlobWriter {
            file,
            tag_file: folder.join(format!(".tag-{}", digest.hex())),
            part,
            hasher: Hasher::new(digest.algorithm()),
            size: 0,
            expected: *digest,
            path,
            done: false,
        };
        writer.take_up()?;
        Ok(Claim::Ours(Box::new(writer)))
    }

    /// Copies and verifies.
    pub(super) fn copy(
        &self,
        digest: &Digest,
        name: &str,
        mut from: impl Read,
    ) -> Result<Written, StoreError> {
        let failed = |error| self.failed(error);
        let mut writer = match self.claim(digest).map_err(failed)? {
            Claim::There(size) => return Ok(Written::Stored(size)),
            Claim::Ours(writer) => writer,
        };
        writer.restart().map_err(failed)?;
        let mut buffer = vec![0; 1 << 17];
        loop {
            let count = from.read(&mut buffer).map_err(StoreError::Read)?;
            if count == 0 {
                return self.finish(writer, name).map_err(failed);
            }
            writer.write_all(&buffer[..count]).map_err(failed)?;
        }
    }

    /// Verifies, then puts the file under its digest; what is something else is kept under a name that
    /// says what it was meant to be. Synced before it is renamed: a name in the store always means
    /// whole content.
    pub(super) fn finish(&self, mut writer: Box<BlobWriter>, name: &str) -> io::Result<Written> {
        writer.done = true;
        writer.forget_tag()?;
        let got = std::mem::replace(&mut writer.hasher, Hasher::new(writer.expected.algorithm()));
        let (got, size) = (got.finish(), writer.size);
        if got != writer.expected {
            let kept = self.bad_path(name)?;
            fs::rename(&writer.part, &kept)?;
            return Ok(Written::Wrong { got, size, kept });
        }
        // a store is served and mounted by others
        let public = std::fs::Permissions::from_mode(0o644);
        writer.file.set_permissions(public)?;
        writer.file.sync_all()?;
        fs::rename(&writer.part, &writer.path)?;
        Ok(Written::Stored(size))
    }

    /// Content of a small blob that is in the store.
    pub(super) fn read(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        let file = fs::File::open(self.path(digest)).map_err(StoreError::Read)?;
        let read = file.take(limit).read_to_end(&mut bytes);
        read.map_err(StoreError::Read)?;
        Ok(bytes)
    }

    /// A file for content whose digest is not known yet; gone if it is not given a name.
    pub(super) fn unnamed(&self) -> io::Result<NamedTempFile> {
        loop {
            let new = tempfile::Builder::new()
                .prefix(NEW)
                .permissions(std::fs::Permissions::from_mode(0o644))
                .tempfile_in(self.root.join("blobs"))?;
            new.as_file().lock()?;
            // another process may have taken it for one that was left
            if new.path().exists() {
                return Ok(new);
            }
        }
    }

    /// Puts it under its digest.
    pub(super) fn name(&self, new: NamedTempFile, digest: &Digest) -> io::Result<()> {
        let path = self.path(digest);
        fs::create_dir_all(path.parent().expect("a blob lies in a folder"))?;
        new.as_file().sync_all()?;
        new.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    fn bad_path(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.root.join("bad");
        fs::create_dir_all(&folder)?;
        Ok(folder.join(format!("{}.bad", name.replace(['/', ':'], "_"))))
    }
}

/// The part at `path`, once nobody else holds it.
fn locked(path: &Path) -> io::Result<fs::File> {
    loop {
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        file.file().lock()?;
        // whoever held it may have renamed or removed what was opened here
        let opened = file.metadata()?.ino();
        if fs::metadata(path).is_ok_and(|named| named.ino() == opened) {
            return Ok(file);
        }
    }
}

/// A file on its way into the store.
pub(super) struct BlobWriter {
    file: fs::File,
    part: PathBuf,
    tag_file: PathBuf,
    hasher: Hasher,
    size: u64,
    expected: Digest,
    path: PathBuf,
    done: bool,
}

impl BlobWriter {
    /// Bytes written so far, by this process or one before it.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Nothing is missing: an earlier process ended between the last byte and the name.
    pub(super) fn is_whole(&self) -> bool {
        self.size > 0 && self.hasher.clone().finish() == self.expected
    }

    /// The tag of what was written so far, where there is something to go on with.
    pub(super) fn tag(&self) -> Option<String> {
        let tag = fs::read_to_string(&self.tag_file).ok()?;
        (self.size > 0).then_some(tag)
    }

    /// What follows is of the content with this strong entity tag (RFC 9110 §8.8.3); `None`: nobody can
    /// say whether a later answer goes on with the same.
    pub(super) fn set_tag(&self, tag: Option<&str>) -> io::Result<()> {
        match tag {
            Some(tag) => fs::write(&self.tag_file, tag),
            None => self.forget_tag(),
        }
    }

    fn forget_tag(&self) -> io::Result<()> {
        match fs::remove_file(&self.tag_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Goes on with what an interrupted process left.
    fn take_up(&mut self) -> io::Result<()> {
        if !self.tag_file.exists() {
            return self.restart();
        }
        self.size = io::copy(&mut self.file, &mut self.hasher)?;
        Ok(())
    }

    /// Forgets everything written.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.hasher = Hasher::new(self.expected.algorithm());
        self.size = 0;
        self.forget_tag()
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

impl Drop for BlobWriter {
    /// What nobody can go on with goes; the lock ends with the file.
    fn drop(&mut self) {
        if !self.done && self.tag().is_none() {
            let _ = fs::remove_file(&self.part);
        }
    }
}
