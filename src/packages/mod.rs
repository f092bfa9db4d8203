//! Distribution packages from the distribution's own signed metadata: which files a node must
//! have so that some packages can be installed on its base image without any network.
//!
//! [`resolve`] trusts nothing but the keys it is given. apt: `InRelease` (or `Release` with
//! `Release.gpg`) is verified, the index of packages is held to the digest in it, and each
//! package's digest comes from that index. RPM: `repomd.xml` is verified by `repomd.xml.asc` and
//! leads to the digests in the same way; where a distribution signs only its packages, each chosen
//! one is fetched and its own signature verified. It does no input or output of its own.

mod apt;
mod base;
mod error;
mod index;
mod openpgp;
mod pool;
mod rpm;
mod solve;

use std::collections::BTreeMap;

use time::OffsetDateTime;

pub use crate::artefact::PackageKind;
pub use crate::artefact::pins::{Pinned, Release};
pub use crate::artefact::{AptRepository, Repositories, RpmRepository, Signed};
pub use error::ResolveError;
pub use openpgp::PgpError;
pub use pool::compare as compare_versions;

use crate::artefact::Digest;
use crate::config::model::Arch;
use openpgp::Keyring;
use pool::{Candidate, Pool};

/// Gets the content of a URL, of at most so many bytes; what went wrong in words otherwise.
pub type Fetch<'f> = dyn Fn(&str, u64) -> Result<Vec<u8>, String> + 'f;

/// What to resolve, against what.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Where the distribution has its packages.
    pub repositories: &'a Repositories,
    /// Armoured OpenPGP public keys, of which any may have signed.
    pub keys: &'a [&'a str],
    /// Of the node.
    pub arch: Arch,
    /// The packages of the base image, with their versions where known.
    pub base: &'a BTreeMap<String, Option<String>>,
    /// Names of packages. One that the image has already adds nothing.
    pub names: &'a [String],
    /// What an earlier resolution was made from: metadata older than that are refused.
    pub locked: &'a [Release],
}

/// What must be installed, and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Everything that the image lacks, sorted by name.
    pub packages: Vec<Pinned>,
    /// In the order of the repositories.
    pub releases: Vec<Release>,
}

/// Resolves the closure of `wanted.names` beyond the image. `now` is what expiry dates are held
/// to, except for releases that have ended (`ended: true`).
pub fn resolve(
    wanted: &Wanted<'_>,
    fetch: &Fetch<'_>,
    now: OffsetDateTime,
) -> Result<Resolved, ResolveError> {
    if wanted.keys.is_empty() {
        return Err(ResolveError::NoKeys);
    }
    let mut keys = Keyring::default();
    for key in wanted.keys {
        keys.add(key).map_err(ResolveError::Keys)?;
    }
    let source = Source {
        fetch,
        keys: &keys,
        now,
        arch: wanted.arch,
        locked: wanted.locked,
    };
    let (kind, releases, candidates) = match wanted.repositories {
        Repositories::Apt(list) => {
            let (releases, candidates) = apt::read(&source, list)?;
            (PackageKind::Deb, releases, candidates)
        }
        Repositories::Rpm(list) => {
            let (releases, candidates) = rpm::read(&source, list)?;
            (PackageKind::Rpm, releases, candidates)
        }
    };
    let pool = Pool::new(kind, candidates);
    let chosen = solve::closure(&pool, wanted.base, wanted.names)?;
    if let Repositories::Rpm(list) = wanted.repositories {
        for package in &chosen {
            if list[package.repository].signed == Signed::Packages {
                rpm::signed(&source, package)?;
            }
        }
    }
    chosen.iter().try_for_each(|package| plain(package))?;
    let pinned = |package: &&Candidate| Pinned {
        name: package.name.clone(),
        version: package.version.clone(),
        arch: package.arch.clone(),
        kind,
        url: package.url.clone(),
        digest: package.digest,
        size: package.size,
        licence: package.licence.clone(),
    };
    Ok(Resolved {
        packages: chosen.iter().map(pinned).collect(),
        releases,
    })
}

/// Names, versions and paths go into lists whose fields end at blanks, and names into paths.
fn plain(package: &Candidate) -> Result<(), ResolveError> {
    let Candidate {
        name, version, url, ..
    } = package;
    let odd = |text: &String| {
        text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    if [name, version, url].into_iter().any(odd) || name.contains('/') || name.starts_with('.') {
        let problem = format!(
            "the package `{}` has a name, version or path that is none",
            name.escape_debug()
        );
        return Err(index::malformed(url, problem));
    }
    Ok(())
}

/// What both families read their repositories with.
struct Source<'a> {
    fetch: &'a Fetch<'a>,
    keys: &'a Keyring,
    now: OffsetDateTime,
    arch: Arch,
    locked: &'a [Release],
}

impl Source<'_> {
    /// Refuses metadata that are from the future, or older than those locked before.
    fn dated(
        &self,
        url: &str,
        date: OffsetDateTime,
        bytes: &[u8],
    ) -> Result<Release, ResolveError> {
        let (url, shown) = (url.to_owned(), index::shown(date));
        // clocks differ; a day is what a wrong time zone makes of it
        if date > self.now + time::Duration::DAY {
            return Err(ResolveError::NotYet { url, date: shown });
        }
        // of the same suite, in whichever form it was signed then
        let suite = |url: &str| url.rsplit_once('/').map(|(suite, _)| suite.to_owned());
        let locked = self
            .locked
            .iter()
            .filter(|known| suite(&known.url) == suite(&url));
        let latest = locked.max_by_key(|known| &known.date);
        if let Some(locked) = latest.filter(|locked| locked.date > shown) {
            return Err(ResolveError::Older {
                url,
                date: shown,
                locked: locked.date.clone(),
            });
        }
        Ok(Release {
            url,
            date: shown,
            digest: Digest::sha256(bytes),
        })
    }
}
