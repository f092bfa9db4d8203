//! Which cluster a checkout belongs to: the section `cluster` of `firstlight.lock`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{AuthorityKind, Fingerprint, IdentityError};
use crate::lock::Lock;

const SECTION: &str = "cluster";

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

    /// What the lock at `path` says.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, IdentityError> {
        Ok(Lock::read(path)?.section(SECTION)?)
    }

    /// Has the lock at `path` say so.
    pub(super) fn write(&self, path: &Path) -> Result<(), IdentityError> {
        Ok(Lock::read(path)?.update(SECTION, self)?)
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
