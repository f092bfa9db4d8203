//! The component catalogue: what exists upstream, by version, architecture and digest, and which
//! versions make a release train.
//!
//! `overlays/<component>/component.yml` describes one component, `overlays/trains/<train>.yml`
//! binds versions that belong together.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How an artefact becomes files on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unpack {
    /// The artefact is the file.
    File,
    /// A gzip-compressed tar archive.
    TarGz,
    /// A Debian package, installed by dpkg.
    Deb,
}

/// `overlays/<name>/component.yml`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// SPDX expression.
    pub licence: String,
    /// Where the project lives.
    pub homepage: String,
    /// Binary release, if the component has one.
    #[serde(default)]
    pub release: Option<Release>,
    /// Container images by short name.
    #[serde(default)]
    pub images: BTreeMap<String, Image>,
}

/// A downloadable release of a component.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// `{version}` and `{arch}` are replaced.
    pub url: String,
    /// Form of the artefact.
    pub unpack: Unpack,
    /// Path in the archive (`{version}`, `{arch}` replaced; the file name itself for
    /// `unpack: file`) to absolute path on the node. Installed 0755.
    pub files: BTreeMap<String, String>,
    /// Version, then architecture (`amd64`, `arm64`), to `sha256:<hex>` or `sha512:<hex>`.
    pub digests: BTreeMap<String, BTreeMap<String, String>>,
}

/// A container image.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// `registry/path`, without tag.
    pub repository: String,
    /// Tag to the digest of the multi-architecture index; `null` where none is published.
    pub digests: BTreeMap<String, Option<String>>,
}
