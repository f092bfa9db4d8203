//! `firstlight.lock`: what a checkout remembers of its cluster's identities.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AuthorityKind, Fingerprint, IdentityError};

const SECTION: &str = "cluster";
const HEADER: &str = "# Written by firstlight: keep this file in version control, beside the configuration.\n\
     # It holds no secret; it says which cluster the keys in the state folder must belong to.\n";

/// Which cluster a lock names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedCluster {
    /// Cluster name.
    pub name: String,
    /// Cluster id, 32 hexadecimal digits.
    pub id: String,
    /// Fingerprints of the authorities by [`AuthorityKind::name`].
    pub ca: BTreeMap<String, String>,
}

impl LockedCluster {
    pub(super) fn new(name: &str, id: &str, ca: impl Fn(AuthorityKind) -> Fingerprint) -> Self {
        let entry = |kind: AuthorityKind| (kind.name().to_owned(), ca(kind).to_string());
        Self {
            name: name.to_owned(),
            id: id.to_owned(),
            ca: AuthorityKind::ALL.map(entry).into(),
        }
    }
}

impl fmt::Display for LockedCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cluster `{}` (id {}, authorities", self.name, self.id)?;
        for (index, (name, fingerprint)) in self.ca.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma} {name} {fingerprint}")?;
        }
        f.write_str(")")
    }
}

/// A lock file: our section, and whatever else it holds, untouched and in its order.
#[derive(Debug, Default)]
pub(super) struct Lock {
    pub cluster: Option<LockedCluster>,
    document: Map<String, Value>,
}

impl Lock {
    /// Reads `path`; a file that does not exist is an empty lock.
    pub fn read(path: &Path) -> Result<Self, IdentityError> {
        let unreadable = |reason: String| IdentityError::LockUnreadable {
            path: path.to_owned(),
            reason,
        };
        let text = match fs_err::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(unreadable("it is not text".to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        if text.trim().is_empty() {
            return Err(unreadable("it is empty".to_owned()));
        }
        let document: Map<String, Value> = serde_yaml::from_str(&text)
            .map_err(|_| unreadable("it is no YAML mapping".to_owned()))?;
        let section = document.get(SECTION).cloned();
        let cluster = section
            .map(serde_json::from_value)
            .transpose()
            .map_err(|error| unreadable(format!("`{SECTION}`: {error}")))?;
        Ok(Self { cluster, document })
    }

    /// Writes `path` when `cluster` is not what it says already.
    pub fn update(mut self, path: &Path, cluster: &LockedCluster) -> Result<(), IdentityError> {
        if self.cluster.as_ref() == Some(cluster) {
            return Ok(());
        }
        let section = serde_json::to_value(cluster).expect("strings only");
        self.document.insert(SECTION.to_owned(), section);
        let options = serde_yaml::ser_options! { prefer_block_scalars: false };
        let yaml = serde_yaml::to_string_with_options(&self.document, options)
            .expect("a mapping serializes");
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let mut file = tempfile::Builder::new()
            .prefix(".firstlight.lock.")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(folder.unwrap_or_else(|| Path::new(".")))?;
        file.write_all(HEADER.as_bytes())?;
        file.write_all(yaml.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(id: &str) -> LockedCluster {
        LockedCluster::new("demo", id, |kind| {
            Fingerprint::of_public_key(kind.name().as_bytes())
        })
    }

    #[test]
    fn keeps_what_others_wrote_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("firstlight.lock");
        let others = "artefacts:\n  z: sha256:00\n  a: '1e3'\n  list: [1, true, null, '0x1f']\n";
        fs_err::write(&path, others).unwrap();
        // An id of digits and one `e` is a number to a careless reader.
        for id in [
            "12345678901234567890123456789e12",
            "00000000000000000000000000000000",
        ] {
            Lock::read(&path)
                .unwrap()
                .update(&path, &cluster(id))
                .unwrap();
            assert_eq!(Lock::read(&path).unwrap().cluster, Some(cluster(id)));
        }
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(text.starts_with("# Written by firstlight"), "{text}");
        let document: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let before: serde_json::Value = serde_yaml::from_str(others).unwrap();
        assert_eq!(document["artefacts"], before["artefacts"]);
        Lock::read(&path)
            .unwrap()
            .update(&path, &cluster("other"))
            .unwrap();
        let changed = fs_err::read_to_string(&path).unwrap();
        let lines = text.lines().zip(changed.lines());
        assert_eq!(
            lines.filter(|(a, b)| a != b).count(),
            1,
            "only the id differs"
        );
    }

    #[test]
    fn refuses_what_is_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("firstlight.lock");
        for bad in [
            "",
            "- a\n",
            "cluster: 5\n",
            "cluster: {name: x, id: y}\n",
            "\0",
        ] {
            fs_err::write(&path, bad).unwrap();
            let error = Lock::read(&path).unwrap_err();
            assert!(
                matches!(error, IdentityError::LockUnreadable { .. }),
                "{bad:?}: {error}"
            );
        }
        fs_err::write(&path, b"\xff\xfe").unwrap();
        assert!(matches!(
            Lock::read(&path),
            Err(IdentityError::LockUnreadable { .. })
        ));
        assert_eq!(
            Lock::read(&folder.path().join("none")).unwrap().cluster,
            None
        );
    }
}
