//! `firstlight.lock`, beside the description of a cluster: which cluster it is, and what was pinned for it.
//! Every part of the program has a section of its own, and leaves those of others as they are.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;

const HEADER: &str = "# Written by firstlight: keep this file in version control, beside the configuration.\n\
     # It holds no secret; it says which cluster the keys in the state folder must belong to, and what was pinned.\n";

/// Why a lock file cannot be used.
#[derive(Debug, Error)]
pub enum LockError {
    /// It is no lock.
    #[error("`{}` cannot be read as a lock file: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// It cannot be read or written at all.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl LockError {
    /// What to do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable { .. } => Some(
                "restore it from version control, or remove it where the state folder is at hand",
            ),
            Self::Io(_) => None,
        }
    }
}

/// A lock file, in the order in which it was written.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    document: Map<String, Value>,
}

impl Lock {
    /// Reads `path`; a file that does not exist is an empty lock.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        let mut lock = Self {
            path: path.to_owned(),
            document: Map::new(),
        };
        let text = match fs_err::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(lock),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(lock.unreadable("it is not text"));
            }
            Err(error) => return Err(error.into()),
        };
        if text.trim().is_empty() {
            return Err(lock.unreadable("it is empty"));
        }
        lock.document =
            serde_yaml::from_str(&text).map_err(|_| lock.unreadable("it is no YAML mapping"))?;
        Ok(lock)
    }

    /// What `section` says, if there is one.
    pub fn section<T: DeserializeOwned>(&self, section: &str) -> Result<Option<T>, LockError> {
        let value = self.document.get(section).cloned();
        let value = value.map(serde_json::from_value).transpose();
        value.map_err(|error| self.unreadable(&format!("`{section}`: {error}")))
    }

    /// Writes the file when `section` is not what it says already.
    ///
    /// # Panics
    /// If `content` is no mapping of strings.
    pub fn update(mut self, section: &str, content: &impl Serialize) -> Result<(), LockError> {
        let content = serde_json::to_value(content).expect("strings only");
        if self.document.get(section) == Some(&content) {
            return Ok(());
        }
        self.document.insert(section.to_owned(), content);
        let options = serde_yaml::ser_options! { prefer_block_scalars: false };
        let yaml = serde_yaml::to_string_with_options(&self.document, options)
            .expect("a mapping serializes");
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        let mut file = tempfile::Builder::new()
            .prefix(".firstlight.lock.")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(folder.unwrap_or_else(|| Path::new(".")))?;
        file.write_all(HEADER.as_bytes())?;
        file.write_all(yaml.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }

    fn unreadable(&self, reason: &str) -> LockError {
        LockError::Unreadable {
            path: self.path.clone(),
            reason: reason.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_others_wrote_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("firstlight.lock");
        let others = "artefacts:\n  z: sha256:00\n  a: '1e3'\n  list: [1, true, null, '0x1f']\n";
        fs_err::write(&path, others).unwrap();
        let read = || Lock::read(&path).unwrap();
        // An id of digits and one `e` is a number to a careless reader.
        for id in [
            "12345678901234567890123456789e12",
            "00000000000000000000000000000000",
        ] {
            read().update("cluster", &[id]).unwrap();
            let found: Option<Vec<String>> = read().section("cluster").unwrap();
            assert_eq!(found.unwrap(), [id]);
        }
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(text.starts_with("# Written by firstlight"), "{text}");
        let document: Value = serde_yaml::from_str(&text).unwrap();
        let before: Value = serde_yaml::from_str(others).unwrap();
        assert_eq!(document["artefacts"], before["artefacts"]);
        read().update("cluster", &["other"]).unwrap();
        let changed = fs_err::read_to_string(&path).unwrap();
        let lines = text.lines().zip(changed.lines());
        let differ = lines.filter(|(a, b)| a != b).count();
        assert_eq!(differ, 1, "only the id differs");
    }

    #[test]
    fn refuses_what_is_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("firstlight.lock");
        let read = || Lock::read(&path)?.section::<Vec<String>>("cluster");
        for bad in ["", "- a\n", "cluster: 5\n", "\0"] {
            fs_err::write(&path, bad).unwrap();
            let refused = read();
            assert!(
                matches!(refused, Err(LockError::Unreadable { .. })),
                "{bad:?}: {refused:?}"
            );
        }
        fs_err::write(&path, b"\xff\xfe").unwrap();
        assert!(matches!(read(), Err(LockError::Unreadable { .. })));
        fs_err::remove_file(&path).unwrap();
        assert_eq!(read().unwrap(), None);
    }
}
