//! The state folder as files: private from the first byte, changed all at once or not at all.
//!
//! A change is first written whole into `.pending`, synced, and renamed to `.commit`; from then on it
//! is done, and its files only have to be moved into place, now or by the next run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::TryLockError;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt as _;
use rayon::prelude::*;
use time::OffsetDateTime;

use super::{Damage, IdentityError, Remedy, Secret};

/// Content by path below the state folder.
pub(super) type Files = BTreeMap<String, Secret>;

const PENDING: &str = ".pending";
const COMMIT: &str = ".commit";
const IN_USE: &str = ".in-use";
/// What makes a folder ours.
const OURS: [&str; 4] = [super::state::CLUSTER, "pki", "nodes", COMMIT];

/// An open state folder.
pub(super) struct Store {
    root: PathBuf,
    /// Holds others off while it lives.
    _in_use: Option<Held>,
}

impl Store {
    /// Whether anything was ever committed to `root`.
    pub fn exists(root: &Path) -> Result<bool, IdentityError> {
        let entries = match fs_err::read_dir(root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut foreign = false;
        for entry in entries {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if OURS.contains(&name.as_ref()) {
                return Ok(true);
            }
            foreign |= !name.starts_with('.');
        }
        if foreign {
            let path = root.to_owned();
            return Err(IdentityError::NotState { path });
        }
        Ok(false)
    }

    /// Opens `root`, made if need be, for one writer, and ends what an interrupted run began.
    pub fn open_for_writing(root: &Path) -> Result<Self, IdentityError> {
        make_folder(root)?;
        fs_err::set_permissions(root, std::fs::Permissions::from_mode(0o700))?;
        let store = Self {
            root: root.to_owned(),
            _in_use: Some(hold(root)?),
        };
        store.discard()?;
        if store.path(COMMIT).exists() {
            store.apply()?;
        }
        Ok(store)
    }

    /// Opens `root` for looking.
    pub fn open_for_reading(root: &Path) -> Result<Self, IdentityError> {
        let path = root.to_owned();
        if !Self::exists(root)? {
            return Err(IdentityError::NoState { path });
        }
        if root.join(COMMIT).exists() {
            // by one that is still at it, or by one that was cut off
            return Err(match hold(root) {
                Err(busy @ IdentityError::Busy { .. }) => busy,
                _ => IdentityError::Interrupted { path },
            });
        }
        Ok(Self {
            root: path,
            _in_use: None,
        })
    }

    /// A folder that does not exist, to be looked at as an empty one.
    pub fn absent(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            _in_use: None,
        }
    }

    /// Moves the folder out of the way, keeping every byte of it.
    pub fn set_aside(root: &Path, now: OffsetDateTime) -> Result<(), IdentityError> {
        if !Self::exists(root)? {
            return Ok(());
        }
        let _in_use = hold(root)?;
        let name = root.file_name().unwrap_or_default().to_string_lossy();
        let aside = root.with_file_name(format!("{name}.until-{}", now.unix_timestamp()));
        Ok(fs_err::rename(root, aside)?)
    }

    /// Where `relative` is.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The names in a folder, sorted; none when it does not exist.
    pub fn names(&self, relative: &str) -> Result<Vec<String>, IdentityError> {
        let entries = match fs_err::read_dir(self.path(relative)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut names = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable();
        Ok(names)
    }

    /// The content of `relative`; `None` when it does not exist.
    pub fn read(&self, relative: &str, remedy: &Remedy) -> Result<Option<Secret>, IdentityError> {
        let damaged = |damage| self.damaged(relative, damage, remedy);
        match fs_err::read_to_string(self.path(relative)) {
            Ok(text) if text.trim().is_empty() => Err(damaged(Damage::Empty)),
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                Err(damaged(Damage::Unreadable))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The error that names `relative`.
    pub fn damaged(&self, relative: &str, damage: Damage, remedy: &Remedy) -> IdentityError {
        IdentityError::Damaged {
            path: self.path(relative),
            damage,
            remedy: remedy.clone(),
        }
    }

    /// Writes all of `files`, or none.
    pub fn commit(&self, files: &Files) -> Result<(), IdentityError> {
        if files.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.stage(files) {
            self.discard()?;
            return Err(error.into());
        }
        fs_err::rename(self.path(PENDING), self.path(COMMIT))?;
        sync_folder(&self.root)?;
        self.apply()
    }

    fn stage(&self, files: &Files) -> io::Result<()> {
        let pending = self.path(PENDING);
        let mut folders = BTreeSet::from([pending.clone()]);
        for path in files.keys() {
            let parents = Path::new(path).ancestors().skip(1);
            folders.extend(parents.map(|parent| pending.join(parent)));
        }
        folders.iter().try_for_each(|folder| make_folder(folder))?;
        files
            .par_iter()
            .try_for_each(|(path, content)| write_private(&pending.join(path), content))?;
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    fn discard(&self) -> Result<(), IdentityError> {
        match fs_err::remove_dir_all(self.path(PENDING)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn apply(&self) -> Result<(), IdentityError> {
        move_into(&self.path(COMMIT), &self.root)?;
        Ok(sync_folder(&self.root)?)
    }
}

/// Moves everything in `from` to the same place below `to`, and removes `from`. Whole folders where
/// there is none yet: a thousand new nodes are one rename.
fn move_into(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() && target.is_dir() {
            move_into(&entry.path(), &target)?;
        } else {
            fs_err::rename(entry.path(), &target)?;
        }
    }
    sync_folder(to)?;
    fs_err::remove_dir(from)
}

fn write_private(path: &Path, content: &Secret) -> io::Result<()> {
    let mut file = fs_err::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content.expose().as_bytes())?;
    file.sync_all()
}

fn make_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| {
            let what = format!("failed to create directory `{}`: {error}", path.display());
            io::Error::new(error.kind(), what)
        })
}

fn sync_folder(path: &Path) -> io::Result<()> {
    fs_err::File::open(path)?.sync_all()
}

/// Takes the folder for this process. A file system without locks is used without.
fn hold(root: &Path) -> Result<Held, IdentityError> {
    let file = fs_err::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(root.join(IN_USE))?;
    match file.file().try_lock() {
        Err(TryLockError::WouldBlock) => Err(IdentityError::Busy {
            path: root.to_owned(),
        }),
        _ => Ok(Held(file)),
    }
}

/// The lock of a state folder. Given back by word, not by closing the file alone: a process that another thread is
/// just starting has a copy of it until it runs.
struct Held(fs_err::File);

impl Drop for Held {
    fn drop(&mut self) {
        // whoever cannot give it back ends soon
        drop(self.0.file().unlock());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> Files {
        let secret = |text: &str| Secret::new(text.to_owned());
        entries
            .iter()
            .map(|(path, text)| ((*path).to_owned(), secret(text)))
            .collect()
    }

    fn read(store: &Store, path: &str) -> Option<String> {
        let secret = store.read(path, &Remedy::Restore).unwrap();
        secret.map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn a_change_cut_off_before_its_commit_never_was() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("state");
        let store = Store::open_for_writing(&root).unwrap();
        store
            .stage(&files(&[("cluster.json", "1"), ("pki/ca.key", "2")]))
            .unwrap();
        drop(store);
        assert!(!Store::exists(&root).unwrap());
        let store = Store::open_for_writing(&root).unwrap();
        assert_eq!(read(&store, "pki/ca.key"), None);
        assert!(!root.join(PENDING).exists());
    }

    #[test]
    fn a_change_cut_off_after_its_commit_is_completed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("state");
        let store = Store::open_for_writing(&root).unwrap();
        store
            .commit(&files(&[("cluster.json", "old"), ("nodes/a/x.crt", "old")]))
            .unwrap();
        let change = [
            ("cluster.json", "new"),
            ("nodes/a/x.crt", "new"),
            ("nodes/b/x.crt", "new"),
        ];
        store.stage(&files(&change)).unwrap();
        fs_err::rename(root.join(PENDING), root.join(COMMIT)).unwrap();
        // Cut off again in the middle of moving.
        fs_err::rename(
            root.join(COMMIT).join("cluster.json"),
            root.join("cluster.json"),
        )
        .unwrap();
        drop(store);
        let error = Store::open_for_reading(&root).err().unwrap();
        assert!(
            matches!(error, IdentityError::Interrupted { .. }),
            "{error}"
        );
        let store = Store::open_for_writing(&root).unwrap();
        for (path, content) in change {
            assert_eq!(read(&store, path).as_deref(), Some(content), "{path}");
        }
        assert!(!root.join(COMMIT).exists());
    }

    #[test]
    fn holds_off_a_second_writer_and_foreign_folders() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("state");
        let store = Store::open_for_writing(&root).unwrap();
        let error = Store::open_for_writing(&root).err().unwrap();
        assert!(matches!(error, IdentityError::Busy { .. }), "{error}");
        drop(store);
        fs_err::write(root.join("thesis.txt"), "x").unwrap();
        let error = Store::exists(&root).err().unwrap();
        assert!(matches!(error, IdentityError::NotState { .. }), "{error}");
    }
}
