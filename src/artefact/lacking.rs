//! The distribution packages that a machine's image lacks, and which of them are pinned.

use super::catalogue::{Catalogue, CatalogueError, Package, PackageSet};
use super::list::{Artefact, Item, PackageKind, Where};
use super::pins::{PackagePins, Pinned};
use crate::config::model::Arch;

/// What is to be installed besides the image.
#[derive(Debug, Clone, Copy)]
pub struct Lacking<'a> {
    /// Name of a package list, such as `debian-12`.
    pub list: &'a str,
    /// Names that the operator adds.
    pub extra: &'a [String],
}

impl<'a> From<&'a str> for Lacking<'a> {
    /// Nothing is added.
    fn from(list: &'a str) -> Self {
        Self { list, extra: &[] }
    }
}

impl Catalogue {
    /// Every name that is asked for, sorted: what all else is needed by.
    pub fn package_names(&self, lacking: &Lacking<'_>) -> Result<Vec<String>, CatalogueError> {
        let set = self.package_set(lacking.list)?;
        let names = set.wanted.iter().chain(&set.from_repository);
        let mut names: Vec<String> = names.chain(lacking.extra).cloned().collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// What the lock has for exactly these.
    pub fn package_pins(
        &self,
        lacking: &Lacking<'_>,
        arch: Arch,
    ) -> Result<Option<&PackagePins>, CatalogueError> {
        let names = self.package_names(lacking)?;
        let is = |pins: &&PackagePins| {
            pins.list == lacking.list && pins.arch == arch && pins.names == names
        };
        Ok(self.pins.packages.iter().find(is))
    }

    /// Those that have a digest: by the lock, or else by the catalogue.
    pub(super) fn packages_of(
        &self,
        lacking: &Lacking<'_>,
        arch: Arch,
    ) -> Result<Vec<Artefact>, CatalogueError> {
        let alone = Lacking::from(lacking.list);
        let pins = match self.package_pins(lacking, arch)? {
            None => self.package_pins(&alone, arch)?,
            found => found,
        };
        let set = self.package_set(lacking.list)?;
        if let Some(pins) = pins {
            let packages = pins.packages.iter();
            return Ok(packages.map(|pinned| locked(pinned, set)).collect());
        }
        let asked = |package: &Package| match &package.with {
            Some(name) => lacking.extra.contains(name),
            None => true,
        };
        let packages = set.packages.iter().filter(|(_, package)| asked(package));
        Ok(packages
            .map(|(name, package)| published(&set.base, name, package, arch))
            .collect())
    }

    /// Names of those that have none: only the distribution's own repository has them.
    pub fn unpinned_packages(
        &self,
        lacking: &Lacking<'_>,
        arch: Arch,
    ) -> Result<Vec<String>, CatalogueError> {
        if self.package_pins(lacking, arch)?.is_some() {
            return Ok(Vec::new());
        }
        let mut names = lacking.extra.to_vec();
        if self.package_pins(&lacking.list.into(), arch)?.is_none() {
            let set = self.package_set(lacking.list)?;
            names.retain(|name| !set.packages.contains_key(name));
            names.splice(0..0, set.from_repository.iter().cloned());
        }
        Ok(names)
    }
}

/// Debian's metadata say nothing of licences, the catalogue of some packages does.
fn locked(pinned: &Pinned, set: &PackageSet) -> Artefact {
    let known = set.packages.get(&pinned.name);
    let known = known.map(|package| package.licence.as_str());
    artefact(
        &pinned.name,
        &pinned.version,
        pinned.licence.as_deref().or(known).unwrap_or("NOASSERTION"),
        Item::Package {
            kind: pinned.kind,
            digest: pinned.digest,
            url: pinned.url.clone(),
            name: pinned.name.clone(),
            version: pinned.version.clone(),
        },
    )
}

fn published(base: &str, name: &str, package: &Package, arch: Arch) -> Artefact {
    let file = package.files.get(arch);
    let item = Item::Package {
        kind: PackageKind::Deb,
        digest: file.digest,
        url: format!("{base}/{}", file.path),
        name: name.to_owned(),
        version: package.version.clone(),
    };
    artefact(name, &package.version, &package.licence, item)
}

fn artefact(name: &str, version: &str, licence: &str, item: Item) -> Artefact {
    Artefact {
        component: name.to_owned(),
        version: version.to_owned(),
        licence: licence.to_owned(),
        on: Where::Everywhere,
        item,
    }
}
