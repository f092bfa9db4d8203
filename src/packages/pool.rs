//! What repositories offer, in one form for both families: packages with what they provide, need
//! and clash with.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use super::{apt, rpm};
use crate::artefact::Digest;
use crate::artefact::list::PackageKind;

/// How a version must stand to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Less,
    AtMost,
    Equal,
    AtLeast,
    Greater,
}

impl Relation {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::AtLeast => order.is_ge(),
            Self::Greater => order.is_gt(),
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::AtLeast => ">=",
            Self::Greater => ">",
        }
    }
}

/// A capability: a package's name, a virtual package, a library, a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) name: String,
    pub(super) version: Option<(Relation, String)>,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            None => f.write_str(&self.name),
            Some((relation, version)) => {
                write!(f, "{} ({} {version})", self.name, relation.sign())
            }
        }
    }
}

/// What a package depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Requirement {
    One(Need),
    All(Vec<Requirement>),
    /// The first that can be had.
    Any(Vec<Requirement>),
    /// `then` where `condition` is met, else `otherwise`.
    If {
        condition: Box<Requirement>,
        then: Box<Requirement>,
        otherwise: Option<Box<Requirement>>,
    },
    /// One package that is all of it.
    With(Vec<Need>),
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |parts: &[Self], word: &str| {
            let parts: Vec<String> = parts.iter().map(Self::to_string).collect();
            parts.join(word)
        };
        match self {
            Self::One(need) => need.fmt(f),
            Self::All(parts) => f.write_str(&joined(parts, " and ")),
            Self::Any(parts) => f.write_str(&joined(parts, " | ")),
            Self::If {
                condition, then, ..
            } => write!(f, "{then} if {condition}"),
            Self::With(needs) => {
                let needs: Vec<String> = needs.iter().map(Need::to_string).collect();
                f.write_str(&needs.join(" with "))
            }
        }
    }
}

/// One package of a repository.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) name: String,
    /// As the distribution writes it, with epoch where it has one.
    pub(super) version: String,
    /// The distribution's word: `amd64`, `all`, `x86_64`, `noarch`.
    pub(super) arch: String,
    /// Beside its own name.
    pub(super) provides: Vec<(String, Option<String>)>,
    pub(super) needs: Vec<Requirement>,
    /// What must not be there beside it.
    pub(super) clashes: Vec<Need>,
    /// Names that it takes the place of.
    pub(super) replaces: Vec<Need>,
    pub(super) url: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) licence: Option<String>,
    /// Place in [`crate::artefact::Repositories`].
    pub(super) repository: usize,
}

impl Candidate {
    /// It as it was in another version: what of its source it needs in its own version, it needed in that.
    pub(super) fn as_of(&self, version: &str) -> Self {
        let mut before = self.clone();
        for need in &mut before.needs {
            need.exactly(&self.version, version);
        }
        version.clone_into(&mut before.version);
        before
    }
}

impl Requirement {
    /// Whatever it wants in exactly the version `from`, it wants in the version `to`.
    fn exactly(&mut self, from: &str, to: &str) {
        let change = |need: &mut Need| {
            if let Some((Relation::Equal, version)) = &mut need.version
                && version == from
            {
                to.clone_into(version);
            }
        };
        match self {
            Self::One(need) => change(need),
            Self::With(needs) => needs.iter_mut().for_each(change),
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.exactly(from, to);
                }
            }
            Self::If {
                condition,
                then,
                otherwise,
            } => {
                condition.exactly(from, to);
                then.exactly(from, to);
                if let Some(part) = otherwise {
                    part.exactly(from, to);
                }
            }
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// All packages of all repositories.
pub(super) struct Pool {
    kind: PackageKind,
    candidates: Vec<Candidate>,
    /// Newest first; of equal ones, that of the first repository.
    by_name: BTreeMap<String, Vec<usize>>,
    by_provided: BTreeMap<String, Vec<usize>>,
}

impl Pool {
    pub(super) fn new(kind: PackageKind, candidates: Vec<Candidate>) -> Self {
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut by_provided: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, candidate) in candidates.iter().enumerate() {
            by_name
                .entry(candidate.name.clone())
                .or_default()
                .push(index);
            for (name, _) in &candidate.provides {
                by_provided.entry(name.clone()).or_default().push(index);
            }
        }
        let newest = |a: &usize, b: &usize| {
            let (a, b) = (&candidates[*a], &candidates[*b]);
            let by_version = compare(kind, &b.version, &a.version);
            a.name.cmp(&b.name).then(by_version)
        };
        for list in by_name.values_mut().chain(by_provided.values_mut()) {
            list.sort_by(newest);
        }
        Self {
            kind,
            candidates,
            by_name,
            by_provided,
        }
    }

    /// Of that name, newest first.
    pub(super) fn named(&self, name: &str) -> impl DoubleEndedIterator<Item = &Candidate> {
        let list = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        list.iter().map(|index| &self.candidates[*index])
    }

    /// Whose provides have that name, by name, newest first.
    pub(super) fn providing(&self, name: &str) -> impl Iterator<Item = &Candidate> {
        let list = self.by_provided.get(name).map_or(&[][..], Vec::as_slice);
        list.iter().map(|index| &self.candidates[*index])
    }

    pub(super) fn compare(&self, a: &str, b: &str) -> Ordering {
        compare(self.kind, a, b)
    }

    /// Whether a version, or none, meets a constraint. Debian Policy §7.5: a provided name without
    /// version meets no versioned need; in RPM it meets all.
    pub(super) fn meets(&self, version: Option<&str>, wanted: &Need) -> bool {
        match (&wanted.version, version) {
            (None, _) => true,
            (Some(_), None) => self.kind == PackageKind::Rpm,
            (Some((relation, wanted)), Some(version)) => {
                relation.holds(self.compare(version, wanted))
            }
        }
    }

    /// Whether a package, by its name or what it provides, meets a need.
    pub(super) fn fulfils(&self, candidate: &Candidate, need: &Need) -> bool {
        let own = candidate.name == need.name && self.meets(Some(&candidate.version), need);
        own || candidate
            .provides
            .iter()
            .any(|(name, version)| *name == need.name && self.meets(version.as_deref(), need))
    }
}

/// Digits of any length, by value.
pub(super) fn by_value(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// The family's order of versions: which of two is newer.
pub fn compare(kind: PackageKind, a: &str, b: &str) -> Ordering {
    match kind {
        PackageKind::Deb => apt::version::compare(a, b),
        PackageKind::Rpm => rpm::version::compare(a, b),
    }
}
