//! The distribution packages of a lock.

use std::collections::BTreeSet;

use super::super::exit::Failure;
use super::super::load::profiles;
use super::super::printer::Printer;
use super::lock::Locking;
use crate::artefact::pins::Release;
use crate::artefact::store::Documents;
use crate::artefact::{Catalogue, Lacking, PackagePins, Pins};
use crate::config::model::{Arch, Config};
use crate::packages::{self, Wanted};
use crate::plan::extra_packages;

/// What some machines ask for: list, architecture, what the operator adds.
type Asked = BTreeSet<(String, Arch, Vec<String>)>;

impl Locking<'_> {
    /// The packages of every kind of machine: as they were locked, or resolved.
    pub(super) fn resolve(
        &self,
        config: &Config,
        known: &Pins,
        printer: &Printer,
    ) -> Result<Vec<PackagePins>, Failure> {
        let mut catalogue = self.input.catalogue()?;
        catalogue.pins = known.clone();
        let sources = self.sources.list()?;
        let credentials = self.sources.credentials()?;
        let documents = Documents::new(&sources, self.sources.ca_file(), &credentials)?;
        let mut locked = Vec::new();
        for (list, arch, extra) in self.asked(config, printer)? {
            let lacking = Lacking {
                list: &list,
                extra: &extra,
            };
            let before = catalogue.package_pins(&lacking, arch)?;
            if let (Some(pins), false) = (before, self.anew) {
                locked.push(pins.clone());
                continue;
            }
            let unpinned = catalogue.unpinned_packages(&lacking, arch)?;
            if unpinned.is_empty() && !self.anew {
                continue;
            }
            if self.locked && knows_image(&catalogue, &list, arch)? {
                return Err(Failure::message(
                    &self.input.lock(),
                    &format!(
                        "does not pin what `--locked` asks for:\n  packages of {list} {}: {}\nhint: run `firstlight overlay lock`, and commit the file",
                        arch.as_str(),
                        unpinned.join(", ")
                    ),
                ));
            }
            // nothing of a distribution goes back in time, whatever was asked of it then
            let known = known.packages.iter().filter(|pins| pins.list == list);
            let releases: Vec<Release> = known.flat_map(|pins| pins.releases.clone()).collect();
            let found = resolved(&catalogue, &lacking, arch, &releases, &documents, printer)?;
            locked.extend(found);
        }
        locked.sort();
        Ok(locked)
    }

    fn asked(&self, config: &Config, printer: &Printer) -> Result<Asked, Failure> {
        let profiles = profiles(self.input.profiles.as_deref())?;
        let mut asked = Asked::new();
        for host in &config.hosts {
            // an unknown system is planning's to refuse
            let Some(profile) = profiles.get(&host.os) else {
                continue;
            };
            let extra = extra_packages(config, host, profile);
            let Some(list) = profile.packages.lacking.clone() else {
                if !extra.is_empty() {
                    printer.note(&format!(
                        "{}: what the image of `{}` has is not known: {} come from its own repository",
                        host.name,
                        host.os,
                        extra.join(", ")
                    ));
                }
                continue;
            };
            asked.insert((list, host.arch, extra));
        }
        Ok(asked)
    }
}

/// Whether it is known what machines have before anything is installed.
fn knows_image(catalogue: &Catalogue, list: &str, arch: Arch) -> Result<bool, Failure> {
    let sources = catalogue.sources(list, arch)?;
    Ok(sources.is_some_and(|sources| sources.image.is_some()))
}

/// What the repositories have now; `None` where nobody knows what the image has.
fn resolved(
    catalogue: &Catalogue,
    lacking: &Lacking<'_>,
    arch: Arch,
    known: &[Release],
    documents: &Documents<'_>,
    printer: &Printer,
) -> Result<Option<PackagePins>, Failure> {
    let names = catalogue.package_names(lacking)?;
    let sources = catalogue.sources(lacking.list, arch)?;
    let Some((sources, base)) = sources.and_then(|s| s.image.map(|image| (s, image))) else {
        printer.note(&format!(
            "{}: what its image has is not known: {} come from its own repository",
            lacking.list,
            names.join(", ")
        ));
        return Ok(None);
    };
    let wanted = Wanted {
        repositories: sources.repositories,
        keys: &sources.keys,
        arch,
        base,
        names: &names,
        locked: known,
    };
    let fetch = |url: &str, limit: u64| documents.get(url, limit);
    let now = time::OffsetDateTime::now_utc();
    let found = packages::resolve(&wanted, &fetch, now).map_err(|source| Failure::Packages {
        list: lacking.list.to_owned(),
        arch,
        source,
    })?;
    Ok(Some(PackagePins {
        list: lacking.list.to_owned(),
        arch,
        names,
        releases: found.releases,
        packages: found.packages,
    }))
}
