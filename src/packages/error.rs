//! What can be wrong with a repository, or with what was asked of it.

use thiserror::Error;

use super::openpgp::PgpError;
use crate::artefact::Digest;

/// Why packages are not resolved. Nothing is pinned then.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ResolveError {
    /// A file of the repository could not be had.
    #[error("{url} could not be fetched: {problem}")]
    Fetch {
        /// What was asked for.
        url: String,
        /// What `fetch` says.
        problem: String,
    },
    /// A key file is none.
    #[error("the keys of the repositories: {0}")]
    Keys(#[source] PgpError),
    /// No key is given, so that nothing can be verified.
    #[error("the repositories have no keys: their packages cannot be verified")]
    NoKeys,
    /// The signature is missing, wrong, or by nobody known.
    #[error("{url} is refused: {source}")]
    Signature {
        /// The signed file.
        url: String,
        /// What is wrong with its signature.
        source: PgpError,
    },
    /// A file is not what the signed one says.
    #[error("{url} is refused: it should be {expected} and is {got}")]
    Digest {
        /// The index or package.
        url: String,
        /// From the signed file.
        expected: Box<Digest>,
        /// Of what came.
        got: Box<Digest>,
    },
    /// Not of the form that it should have.
    #[error("{url}: {problem}")]
    Malformed {
        /// The file.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The metadata have outlived themselves: a mirror that stands still, or somebody who hides
    /// updates.
    #[error("{url} is refused: it was valid until {until}")]
    Outdated {
        /// The signed file.
        url: String,
        /// RFC 3339
        until: String,
    },
    /// The metadata are from the future, or the clock is wrong.
    #[error("{url} is refused: it is dated {date}, which is yet to come")]
    NotYet {
        /// The signed file.
        url: String,
        /// RFC 3339
        date: String,
    },
    /// The metadata are older than those that were locked before.
    #[error("{url} is refused: it is dated {date}, the one locked before {locked}")]
    Older {
        /// The signed file.
        url: String,
        /// RFC 3339
        date: String,
        /// RFC 3339
        locked: String,
    },
    /// The signed file is that of another release.
    #[error("{url} is refused: it is that of {found}, not of `{wanted}`")]
    OtherSuite {
        /// The signed file.
        url: String,
        /// What it says it is.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// No package of that name.
    #[error("no repository has a package `{name}`{}", provided(provided_by))]
    NoPackage {
        /// As wanted.
        name: String,
        /// Packages that provide that name.
        provided_by: Vec<String>,
    },
    /// A dependency that nothing meets.
    #[error("`{package}` needs `{needs}`, {}{}", have(found), through(trail))]
    Unsatisfiable {
        /// Name and version.
        package: String,
        /// What it needs.
        needs: String,
        /// Packages that have the name but do not do.
        found: Vec<String>,
        /// From what was wanted to the package.
        trail: Vec<String>,
    },
    /// Two packages that must both be there, and cannot.
    #[error("`{package}` cannot be installed beside `{with}`")]
    Conflict {
        /// Name and version.
        package: String,
        /// Name and version.
        with: String,
    },
    /// A package that the image has is in the way, and no newer version of it is not.
    #[error("`{package}` cannot be installed beside `{with}`, which the image has")]
    ConflictWithBase {
        /// Name and version.
        package: String,
        /// Name.
        with: String,
    },
    /// Not a search that ends.
    #[error("`{package}` has dependencies that do not come to an end")]
    TooDeep {
        /// Name and version.
        package: String,
    },
}

impl ResolveError {
    /// Whether nothing of that name exists at all.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Unsatisfiable { found, .. } if found.is_empty())
    }
}

fn provided(by: &[String]) -> String {
    match by {
        [] => String::new(),
        by => format!("; that name is provided by: {}", by.join(", ")),
    }
}

fn have(found: &[String]) -> String {
    match found {
        [] => "which no repository has".to_owned(),
        found => format!("the repositories have {}", found.join(", ")),
    }
}

/// The way from what was wanted, where it is longer than the package itself.
fn through(trail: &[String]) -> String {
    match trail {
        [] | [_] => String::new(),
        trail => format!(" (by way of {})", trail.join(" > ")),
    }
}
