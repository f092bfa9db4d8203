//! Digests that no published record has: remembered from the first download, in the section `artefacts`
//! of `firstlight.lock`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::list::PackageKind;
use crate::config::model::Arch;

/// Section of the lock.
pub const SECTION: &str = "artefacts";

/// What was pinned for one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// By URL of a file, and by `repository:tag` of an image.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub upstream: BTreeMap<String, Digest>,
    /// Distribution packages, resolved from signed metadata.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<PackagePins>,
}

/// What some machines must install, with all that it needs beyond their image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackagePins {
    /// Name of a package list, such as `debian-12`.
    pub list: String,
    /// Of the machines.
    pub arch: Arch,
    /// What was asked for, sorted.
    pub names: Vec<String>,
    /// What said so.
    pub releases: Vec<Release>,
    /// Sorted by name.
    pub packages: Vec<Pinned>,
}

/// One package file, pinned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// As the distribution names it.
    pub name: String,
    /// As the distribution writes it, with epoch where it has one.
    pub version: String,
    /// The distribution's word, such as `amd64`, `all`, `x86_64`, `noarch`.
    pub arch: String,
    /// Of which kind the file is.
    pub kind: PackageKind,
    /// The file.
    pub url: String,
    /// From the signed metadata.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// As the metadata say, which is no SPDX expression; Debian's do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

/// One signed file that packages were resolved from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Of `InRelease`, `Release` or `repomd.xml`.
    pub url: String,
    /// RFC 3339, UTC: when the distribution says it was made.
    pub date: String,
    /// Of the file as it came.
    pub digest: Digest,
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
