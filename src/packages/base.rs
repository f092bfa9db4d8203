//! What the base image has.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::pool::{Candidate, Need, Pool};

/// The packages of the image, and what they provide.
///
/// What a package provides, needs and clashes with is read from the repository: from the record
/// of its very version, else from the newest one's, which differs in little but versions. What that
/// one has or needs in its own version, as packages of one source do, is the image's version here.
pub(super) struct Base<'a> {
    pool: &'a Pool,
    /// By name; the oldest of the repositories where the list has no version, as an image is never
    /// older than its release.
    versions: BTreeMap<&'a str, Option<&'a str>>,
    records: BTreeMap<&'a str, Cow<'a, Candidate>>,
    /// Capability to package and version.
    provided: BTreeMap<&'a str, Vec<(&'a str, Option<&'a str>)>>,
}

impl<'a> Base<'a> {
    pub(super) fn new(pool: &'a Pool, installed: &'a BTreeMap<String, Option<String>>) -> Self {
        let mut base = Self {
            pool,
            versions: BTreeMap::new(),
            records: BTreeMap::new(),
            provided: BTreeMap::new(),
        };
        for (name, version) in installed {
            let oldest = || pool.named(name).next_back().map(|c| c.version.as_str());
            let version = version.as_deref().or_else(oldest);
            base.versions.insert(name, version);
            let exact = pool
                .named(name)
                .find(|c| Some(c.version.as_str()) == version);
            let Some(record) = exact.or_else(|| pool.named(name).next()) else {
                continue;
            };
            let stands_in = version.filter(|version| *version != record.version);
            let known = match stands_in {
                Some(version) => Cow::Owned(record.as_of(version)),
                None => Cow::Borrowed(record),
            };
            base.records.insert(name, known);
            for (capability, provided) in &record.provides {
                // a capability of the package's own version has the image's
                let provided = match provided.as_deref() {
                    Some(v) if v == record.version => version,
                    other => other,
                };
                let list = base.provided.entry(capability).or_default();
                list.push((name, provided));
            }
        }
        base
    }

    /// Name and version of every package.
    pub(super) fn packages(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        self.versions
            .iter()
            .map(|(name, version)| (*name, *version))
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Candidate> {
        self.records.values().map(|record| &**record)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.versions.contains_key(name)
    }

    /// Whether the image has the package in that version or a newer one: it is never downgraded.
    pub(super) fn has_newer(&self, candidate: &Candidate) -> bool {
        let version = self
            .versions
            .get(candidate.name.as_str())
            .copied()
            .flatten();
        version.is_some_and(|v| self.pool.compare(v, &candidate.version).is_ge())
    }

    /// Whether a package of the image that is not in `gone` meets a need.
    pub(super) fn fulfils(&self, need: &Need, gone: &BTreeSet<&str>) -> bool {
        self.fulfilling(need).any(|name| !gone.contains(name))
    }

    /// The same with one package for all needs.
    pub(super) fn fulfils_all(&self, needs: &[Need], gone: &BTreeSet<&str>) -> bool {
        let sets = needs.iter().map(|need| self.fulfilling(need).collect());
        let common = sets.reduce(|a: BTreeSet<&str>, b| &a & &b);
        common.is_some_and(|names| names.iter().any(|name| !gone.contains(name)))
    }

    fn fulfilling(&self, need: &Need) -> impl Iterator<Item = &'a str> {
        let own = self.versions.get_key_value(need.name.as_str());
        let own = own
            .filter(|(_, version)| self.pool.meets(**version, need))
            .map(|(name, _)| *name);
        let provided = self.provided.get(need.name.as_str());
        let provided = provided.into_iter().flatten();
        let provided = provided
            .filter(|(_, version)| self.pool.meets(*version, need))
            .map(|(name, _)| *name);
        own.into_iter()
            .chain(provided)
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Packages of the image that mind `candidate`, or that it minds.
    pub(super) fn clashing(&self, candidate: &Candidate) -> BTreeSet<&'a str> {
        let minded = candidate
            .clashes
            .iter()
            .flat_map(|need| self.fulfilling(need));
        let minding = self.records.iter().filter(|(_, record)| {
            // another version's record says nothing reliable of what this one minds
            matches!(record, Cow::Borrowed(_))
                && record
                    .clashes
                    .iter()
                    .any(|need| self.pool.fulfils(candidate, need))
        });
        let minding = minding.map(|(name, _)| *name);
        let all = minded.chain(minding);
        all.filter(|name| *name != candidate.name).collect()
    }
}
