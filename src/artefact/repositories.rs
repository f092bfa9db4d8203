//! Where a distribution has its packages, and who signs them: the part of a package list that
//! `packages` resolves from.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::catalogue::{Catalogue, CatalogueError, PackageSet};
use crate::config::model::Arch;

/// The repositories of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repositories {
    /// Debian's kind.
    Apt(Vec<AptRepository>),
    /// RPM's kind, of yum and dnf.
    Rpm(Vec<RpmRepository>),
}

/// An apt repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AptRepository {
    /// Without a slash at the end.
    pub url: String,
    /// Such as `bookworm`, `bookworm-updates`.
    pub suites: Vec<String>,
    /// Such as `main`.
    pub components: Vec<String>,
    /// For which it is; all, where nothing is said.
    #[serde(default)]
    pub architectures: Vec<Arch>,
    /// The release gets no updates any more, and nobody signs it anew: `Valid-Until` does not
    /// count, and the signer's key must have been valid when it signed rather than now.
    #[serde(default)]
    pub ended: bool,
}

impl AptRepository {
    /// Whether it has packages for `arch`.
    pub fn serves(&self, arch: Arch) -> bool {
        self.architectures.is_empty() || self.architectures.contains(&arch)
    }
}

/// An RPM repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RpmRepository {
    /// Of the folder that has `repodata/`, without a slash at the end; `{arch}` is `x86_64` or
    /// `aarch64`.
    pub url: String,
    /// What the distribution signs.
    pub signed: Signed,
}

/// What of an RPM repository is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signed {
    /// `repomd.xml`, by `repomd.xml.asc`; all else by the digests in it.
    Metadata,
    /// Each package alone: every chosen one is fetched and verified. Nobody vouches for the
    /// index then: it cannot bring in a foreign package, but it can hide a newer one.
    Packages,
}

/// What packages of a list are resolved from, for one architecture.
#[derive(Debug, Clone)]
pub struct Sources<'a> {
    /// Names to resolve.
    pub wanted: &'a [String],
    /// Where from.
    pub repositories: &'a Repositories,
    /// Armoured public keys.
    pub keys: Vec<&'a str>,
    /// What the image has; `None` where that is not known.
    pub image: Option<&'a BTreeMap<String, Option<String>>>,
}

impl Catalogue {
    /// The repositories of a package list with the keys and the image's packages that it names;
    /// `None` for a list without repositories.
    pub fn sources(&self, name: &str, arch: Arch) -> Result<Option<Sources<'_>>, CatalogueError> {
        let set: &PackageSet = self.package_set(name)?;
        let Some(repositories) = &set.repositories else {
            return Ok(None);
        };
        let unknown = |folder: &str, file: &String| CatalogueError::UnknownFile {
            list: name.to_owned(),
            file: format!("{folder}/{file}"),
        };
        let key = |file: &String| {
            let text = self.keys.get(file).map(String::as_str);
            text.ok_or_else(|| unknown("keys", file))
        };
        let image = |file: &String| {
            let packages = self.images.get(file);
            packages.ok_or_else(|| unknown("images", file))
        };
        Ok(Some(Sources {
            wanted: &set.wanted,
            repositories,
            keys: set.keys.iter().map(key).collect::<Result<_, _>>()?,
            image: set.image.as_ref().map(|i| image(i.get(arch))).transpose()?,
        }))
    }
}
