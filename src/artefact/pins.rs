//! Digests that no published record has: remembered from the first download, in the section `artefacts`
//! of `firstlight.lock`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest::Digest;

/// Section of the lock.
pub const SECTION: &str = "artefacts";

/// What was pinned for one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// By URL of a file, and by `repository:tag` of an image.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub upstream: BTreeMap<String, Digest>,
}

/// An artefact whose digest nobody published, and nobody pinned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unpinned {
    /// `component version (architecture)`, for messages.
    pub shown: String,
    /// Where it is.
    pub origin: Origin,
}

/// Where something is upstream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// URL of a file.
    File(String),
    /// `repository:tag` of an image.
    Image(String),
}

impl Origin {
    /// What [`Pins::upstream`] has it under.
    pub fn key(&self) -> &str {
        match self {
            Self::File(key) | Self::Image(key) => key,
        }
    }
}

impl fmt::Display for Unpinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
