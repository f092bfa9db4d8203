//! The component catalogue: what exists upstream, by version, architecture and digest, and which
//! versions make a release train.
//!
//! `overlays/<component>/component.yml` describes one component, `overlays/trains/<train>.yml`
//! binds versions that belong together, `overlays/packages/<profile>.yml` lists the distribution
//! packages that a profile's base image lacks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use super::addon::Addon;
use super::digest::Digest;
use super::list::Where;
use super::load;
use super::pins::{Pins, Unpinned};
use super::port::PortRow;
use super::provider::Provider;
use super::repositories::Repositories;
use super::schema::Schemas;
use super::train::{Train, TrainSpec};
use crate::config::model::Arch;

/// Everything under `overlays/` that is data about artefacts.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// By folder name.
    pub components: BTreeMap<String, Component>,
    /// By name, such as `1.34`.
    pub trains: BTreeMap<String, TrainSpec>,
    /// By profile, such as `debian-12`.
    pub packages: BTreeMap<String, PackageSet>,
    /// Rows of the port contract that every cluster has.
    pub ports: Vec<PortRow>,
    /// What stands in for digests that nobody published.
    pub pins: Pins,
    /// Armoured OpenPGP public keys, by file name below `packages/keys/`.
    pub keys: BTreeMap<String, String>,
    /// What base images have, by file name below `packages/images/`: package to version, where
    /// that is known.
    pub images: BTreeMap<String, BTreeMap<String, Option<String>>>,
    /// Manifests of addons: `COMPONENT/FILE` to text.
    pub manifests: BTreeMap<String, String>,
    /// What objects of a train look like, by train: texts for [`Schemas::read`].
    pub schemas: BTreeMap<String, String>,
    /// Names that Pharos's users know as addons and that are none any more: what became of each.
    pub gone: BTreeMap<String, String>,
}

/// What is wrong with the catalogue, or with what was asked of it.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// A file or folder of `--overlays` cannot be read.
    #[error("cannot read the overlays folder")]
    Read(#[source] std::io::Error),
    /// A file is no valid YAML of its kind.
    #[error("{}:{line}:{column}: {message}", file.display())]
    Parse {
        /// The file, from the overlays folder if it is an embedded one.
        file: PathBuf,
        /// Line, from 1; 0 where unknown.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What the parser says.
        message: String,
    },
    /// Not a train.
    #[error("unknown release train `{name}`, must be one of: {known}")]
    UnknownTrain {
        /// What was asked for.
        name: String,
        /// Those that exist.
        known: String,
    },
    /// Not a profile with packages.
    #[error("no package list `{name}` in the catalogue, must be one of: {known}")]
    UnknownPackages {
        /// What was asked for.
        name: String,
        /// Those that exist.
        known: String,
    },
    /// A package list names a file of keys, or of an image's packages, that is not there.
    #[error("package list `{list}` names the unknown file `packages/{file}`")]
    UnknownFile {
        /// The list.
        list: String,
        /// Below `packages/`.
        file: String,
    },
    /// A train names a component without a folder.
    #[error("release train `{train}` names the unknown component `{component}`")]
    UnknownComponent {
        /// The train.
        train: String,
        /// The component.
        component: String,
    },
    /// No image of that name in the train.
    #[error("release train `{train}` has no image `{image}`")]
    UnknownImage {
        /// The train.
        train: String,
        /// Short name, such as `coredns`.
        image: String,
    },
    /// Artefacts without a digest: nothing is used without one.
    #[error("release train `{train}` has no digest for: {}", shown(missing))]
    Unpinned {
        /// The train.
        train: String,
        /// Every one of them.
        missing: Vec<Unpinned>,
    },
}

impl Catalogue {
    /// The one inside this program.
    pub fn embedded() -> Result<Self, CatalogueError> {
        let mut catalogue = Self::default();
        load::embedded(&mut catalogue)?;
        Ok(catalogue)
    }

    /// The one inside this program, with the files of `dir` in place of those of the same path
    /// and besides them.
    pub fn with_overrides(dir: &Path) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::embedded()?;
        load::folder(&mut catalogue, dir)?;
        for (train, text) in &catalogue.schemas {
            Schemas::read(text).map_err(|(line, message)| CatalogueError::Parse {
                file: dir.join(format!("schemas/{train}.txt")),
                line: line as u64,
                column: 1,
                message,
            })?;
        }
        Ok(catalogue)
    }

    /// A train by its name, such as `1.34`.
    pub fn train(&self, name: &str) -> Result<Train<'_>, CatalogueError> {
        let (name, spec) =
            self.trains
                .get_key_value(name)
                .ok_or_else(|| CatalogueError::UnknownTrain {
                    name: name.to_owned(),
                    known: known(self.trains.keys()),
                })?;
        Ok(Train {
            name,
            spec,
            catalogue: self,
        })
    }

    /// The package list of a profile.
    pub fn package_set(&self, name: &str) -> Result<&PackageSet, CatalogueError> {
        self.packages
            .get(name)
            .ok_or_else(|| CatalogueError::UnknownPackages {
                name: name.to_owned(),
                known: known(self.packages.keys()),
            })
    }
}

fn shown(missing: &[Unpinned]) -> String {
    let shown: Vec<String> = missing.iter().map(Unpinned::to_string).collect();
    shown.join(", ")
}

/// Names for "must be one of", by number rather than by letter (1.9 before 1.20).
fn known<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.sort_by_key(|name| {
        let number = |part: &str| part.parse::<u32>().unwrap_or(0);
        (name.split('.').map(number).collect::<Vec<_>>(), *name)
    });
    names.join(", ")
}

/// How an artefact becomes files on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unpack {
    /// The artefact is the file.
    File,
    /// A gzip-compressed tar archive.
    TarGz,
}

/// `overlays/<name>/component.yml`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// SPDX expression.
    pub licence: String,
    /// Where the project lives.
    pub homepage: String,
    /// Which nodes need it.
    #[serde(default)]
    pub on: Where,
    /// Binary release, if the component has one.
    #[serde(default)]
    pub release: Option<Release>,
    /// Container images by short name.
    #[serde(default)]
    pub images: BTreeMap<String, Image>,
    /// Rows of the port contract that exist where it is part of the cluster.
    #[serde(default)]
    pub ports: Vec<PortRow>,
    /// What it needs and brings, if it is a pod network.
    #[serde(default)]
    pub provider: Option<Provider>,
    /// What makes it an addon, which only some clusters have.
    #[serde(default)]
    pub addon: Option<Addon>,
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
    #[serde(deserialize_with = "some_files")]
    pub files: BTreeMap<String, String>,
    /// Version, then architecture.
    pub digests: BTreeMap<String, PerArch<Option<Digest>>>,
}

fn some_files<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let files = BTreeMap::deserialize(from)?;
    if files.is_empty() {
        return Err(D::Error::custom("`files` must name at least one file"));
    }
    Ok(files)
}

/// A value per architecture.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerArch<T> {
    /// x86-64
    pub amd64: T,
    /// 64-bit Arm
    pub arm64: T,
}

impl<T> PerArch<T> {
    /// The value for `arch`.
    pub fn get(&self, arch: Arch) -> &T {
        match arch {
            Arch::Amd64 => &self.amd64,
            Arch::Arm64 => &self.arm64,
        }
    }
}

/// A container image.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// `registry/path`, without tag.
    pub repository: String,
    /// Tag; `{version}` is replaced.
    pub tag: String,
    /// Version to the digest of the multi-architecture index; `null` where none is published.
    pub digests: BTreeMap<String, Option<Digest>>,
}

/// `overlays/packages/<list>.yml`: what a profile's base image lacks, with everything that
/// needs in turn.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackageSet {
    /// Root of the distribution's archive, without a slash at the end.
    pub base: String,
    /// By package name.
    pub packages: BTreeMap<String, Package>,
    /// Names of those that only the distribution's own signed repository has: no digest is known.
    pub from_repository: Vec<String>,
    /// Names of those to resolve from `repositories`, with all that they need beyond the image.
    pub wanted: Vec<String>,
    /// The distribution's own.
    pub repositories: Option<Repositories>,
    /// Files below `packages/keys/`: who may have signed the repositories.
    pub keys: Vec<String>,
    /// Files below `packages/images/`: what the base image has. None known: everything is lacking.
    pub image: Option<PerArch<String>>,
}

/// One distribution package.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// As the distribution writes it, with epoch.
    pub version: String,
    /// SPDX expression.
    pub licence: String,
    /// The package that needs it, where that is installed only when it is asked for.
    #[serde(default)]
    pub with: Option<String>,
    /// The file per architecture.
    pub files: PerArch<PackageFile>,
}

/// One file in the distribution's pool.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageFile {
    /// Below `base`.
    pub path: String,
    /// From the distribution's signed metadata.
    pub digest: Digest,
}
