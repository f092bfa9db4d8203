//! From a train to the list of artefacts a node needs, each by digest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::catalogue::{CatalogueError, Component, Image, Release, Unpack};
use super::digest::Digest;
use super::lacking::Lacking;
use super::pins::{Origin, Pins, Unpinned};
use super::train::Train;
use crate::config::model::Arch;

/// Which nodes need an artefact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Where {
    /// All of them.
    #[default]
    Everywhere,
    /// Masters only.
    Master,
    /// Workers only.
    Worker,
}

impl Where {
    /// Masters need it.
    pub const fn on_masters(self) -> bool {
        matches!(self, Self::Everywhere | Self::Master)
    }

    /// Workers need it.
    pub const fn on_workers(self) -> bool {
        matches!(self, Self::Everywhere | Self::Worker)
    }
}

/// A family of package files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageKind {
    /// Debian's, installed by apt.
    Deb,
    /// RPM's, installed by yum or dnf.
    Rpm,
}

impl PackageKind {
    /// The end of a file's name, and the word for it in lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
        }
    }
}

/// One thing a node needs, pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// Folder in the catalogue; the package's name for distribution packages.
    pub component: String,
    /// Version as upstream writes it, without `v`.
    pub version: String,
    /// SPDX expression.
    pub licence: String,
    /// Which nodes need it.
    pub on: Where,
    /// What it is and where it goes.
    pub item: Item,
}

/// What an artefact is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// One file, put in place as it is.
    File {
        /// Of the file.
        digest: Digest,
        /// Upstream.
        url: String,
        /// Absolute path on the node.
        dest: String,
        /// Permission bits.
        mode: u32,
    },
    /// A gzip-compressed tar archive; its members are installed 0755.
    TarGz {
        /// Of the archive.
        digest: Digest,
        /// Upstream.
        url: String,
        /// Path as the archive writes it, absolute path on the node; sorted.
        members: Vec<(String, String)>,
    },
    /// A distribution package.
    Package {
        /// Of which family.
        kind: PackageKind,
        /// Of the package.
        digest: Digest,
        /// In the distribution's pool, which drops superseded versions.
        url: String,
        /// Package name.
        name: String,
        /// As dpkg or rpm shows it.
        version: String,
    },
    /// What a machine boots to be installed, or an initial RAM disk of that; no node fetches it.
    Boot {
        /// Of the file.
        digest: Digest,
        /// Where it comes from.
        url: String,
    },
    /// A container image.
    Image {
        /// `repository:tag`
        name: String,
        /// Of the multi-architecture index.
        digest: Digest,
    },
}

impl Artefact {
    /// What it is verified against.
    pub const fn digest(&self) -> &Digest {
        match &self.item {
            Item::File { digest, .. }
            | Item::TarGz { digest, .. }
            | Item::Package { digest, .. }
            | Item::Boot { digest, .. }
            | Item::Image { digest, .. } => digest,
        }
    }

    /// It is the image whose repository ends in `/name`.
    pub fn is_image(&self, name: &str) -> bool {
        let Item::Image { name: full, .. } = &self.item else {
            return false;
        };
        let repository = full.rsplit_once(':').map_or(full.as_str(), |(r, _)| r);
        repository.rsplit('/').next() == Some(name)
    }

    /// Where upstream has it; for an image, `repository:tag@digest`.
    pub fn origin(&self) -> String {
        match &self.item {
            Item::File { url, .. }
            | Item::TarGz { url, .. }
            | Item::Package { url, .. }
            | Item::Boot { url, .. } => url.clone(),
            Item::Image { name, digest } => format!("{name}@{digest}"),
        }
    }

    /// The last part of its URL; `repository:tag` of an image.
    pub fn name(&self) -> &str {
        match &self.item {
            Item::File { url, .. }
            | Item::TarGz { url, .. }
            | Item::Package { url, .. }
            | Item::Boot { url, .. } => url.rsplit('/').next().unwrap_or(url),
            Item::Image { name, .. } => name,
        }
    }
}

impl Train<'_> {
    /// Everything that nodes of `arch` need, with the distribution packages of `packages` (the
    /// name of a package list, such as `debian-12`) and of the addons only those named. Sorted by
    /// component; those without a digest are one error that names them all.
    pub fn artefacts(
        &self,
        packages: Option<Lacking<'_>>,
        arch: Arch,
        addons: &BTreeSet<String>,
    ) -> Result<Vec<Artefact>, CatalogueError> {
        let mut list = Vec::new();
        let mut missing = Vec::new();
        let pins = &self.catalogue.pins;
        for (name, version) in &self.spec.components {
            let component = self.component(name)?;
            if component.addon.is_some() && !addons.contains(name) {
                continue;
            }
            let mut push = |shown: &str, item: Result<Item, Origin>| match item {
                Ok(item) => list.push(Artefact {
                    component: name.clone(),
                    version: version.clone(),
                    licence: component.licence.clone(),
                    on: component.on,
                    item,
                }),
                Err(origin) => missing.push(Unpinned {
                    shown: format!("{shown} {version} ({})", arch.as_str()),
                    origin,
                }),
            };
            if let Some(release) = &component.release {
                push(name, release_item(release, version, arch, pins));
            }
            for (short, image) in &component.images {
                let item = pinned(image, version, pins);
                let item = item.map(|(name, digest)| Item::Image { name, digest });
                push(short, item.map_err(Origin::Image));
            }
        }
        if !missing.is_empty() {
            return Err(CatalogueError::Unpinned {
                train: self.name.to_owned(),
                missing,
            });
        }
        if let Some(packages) = packages {
            list.extend(self.catalogue.packages_of(&packages, arch)?);
        }
        Ok(list)
    }

    /// An image of the train by its short name (`kube-apiserver`, `pause`…): its
    /// `repository:tag` and the digest of its index.
    pub fn image(&self, short: &str) -> Result<(String, Digest), CatalogueError> {
        for (name, version) in &self.spec.components {
            let Some(image) = self.component(name)?.images.get(short) else {
                continue;
            };
            let shown = format!("{short} {version}");
            let unpinned = |origin| CatalogueError::Unpinned {
                train: self.name.to_owned(),
                missing: vec![Unpinned { shown, origin }],
            };
            return pinned(image, version, &self.catalogue.pins)
                .map_err(|name| unpinned(Origin::Image(name)));
        }
        Err(CatalogueError::UnknownImage {
            train: self.name.to_owned(),
            image: short.to_owned(),
        })
    }

    /// `repository:tag` of the images of one component that nobody published a digest of, nor pinned.
    pub fn unpinned_images(&self, name: &str) -> Vec<String> {
        let (Some(component), Some(version)) =
            (self.catalogue.components.get(name), self.version(name))
        else {
            return Vec::new();
        };
        let images = component.images.values();
        images
            .filter_map(|image| pinned(image, version, &self.catalogue.pins).err())
            .collect()
    }

    /// Repository to `repository:tag@digest` of the images of one component; those that are not pinned
    /// are left out.
    pub fn images_of(&self, name: &str) -> BTreeMap<String, String> {
        let (Some(component), Some(version)) =
            (self.catalogue.components.get(name), self.version(name))
        else {
            return BTreeMap::new();
        };
        let named = component.images.values().filter_map(|image| {
            let (name, digest) = pinned(image, version, &self.catalogue.pins).ok()?;
            Some((image.repository.clone(), format!("{name}@{digest}")))
        });
        named.collect()
    }

    fn component(&self, name: &str) -> Result<&Component, CatalogueError> {
        self.catalogue
            .components
            .get(name)
            .ok_or_else(|| CatalogueError::UnknownComponent {
                train: self.name.to_owned(),
                component: name.to_owned(),
            })
    }
}

/// A release's file for an architecture; where it is, if no digest of it is known.
fn release_item(release: &Release, version: &str, arch: Arch, pins: &Pins) -> Result<Item, Origin> {
    let fill = |text: &str| {
        text.replace("{version}", version)
            .replace("{arch}", arch.as_str())
    };
    let url = fill(&release.url);
    let published = release.digests.get(version).and_then(|d| *d.get(arch));
    let Some(digest) = published.or_else(|| pins.upstream.get(&url).copied()) else {
        return Err(Origin::File(url));
    };
    let members = release
        .files
        .iter()
        .map(|(src, dest)| (fill(src), fill(dest)));
    Ok(match release.unpack {
        Unpack::TarGz => Item::TarGz {
            digest,
            url,
            members: members.collect(),
        },
        Unpack::File => Item::File {
            digest,
            url,
            dest: members.map(|(_, dest)| dest).next().unwrap_or_default(),
            mode: 0o755,
        },
    })
}

/// `repository:tag` of an image and its digest; the name alone, if none is known.
fn pinned(image: &Image, version: &str, pins: &Pins) -> Result<(String, Digest), String> {
    let tag = image.tag.replace("{version}", version);
    let name = format!("{}:{tag}", image.repository);
    let published = image.digests.get(version).copied().flatten();
    match published.or_else(|| pins.upstream.get(&name).copied()) {
        Some(digest) => Ok((name, digest)),
        None => Err(name),
    }
}
