//! Every way a command can fail, and the exit code of each.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::artefact::CatalogueError;
use crate::artefact::store::StoreError;
use crate::compose::secrets::Leak;
use crate::config::model::Arch;
use crate::diagnostic::{Diagnostic, Source};
use crate::identity::IdentityError;
use crate::lock::LockError;
use crate::pack;
use crate::packages::ResolveError;

/// What ends a command early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The user's file, with everything that is wrong in it.
    #[error("{} cannot be used", .0.name)]
    Findings(Source, Vec<Diagnostic>),
    /// A file that cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An output that cannot be written.
    #[error(transparent)]
    Write(#[from] pack::atomic::WriteError),
    /// The state folder or the lock.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The lock, where it is about artefacts.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// An output folder that somebody else filled.
    #[error("`{}` is not empty and was not made by firstlight", .0.display())]
    ForeignOutput(PathBuf),
    /// What must never be built. A bug.
    #[error("a seed would hold what it must not:{}", .0.iter().map(|l| format!("\n  {l}")).collect::<String>())]
    Leaks(Vec<Leak>),
    /// Manifests whose images no machine would be given.
    #[error("manifests name images that nothing pins:{}", .0.iter().map(|l| format!("\n  {l}")).collect::<String>())]
    UnpinnedImages(Vec<String>),
    /// Manifests that open ports of their machines which are in no row of the contract.
    #[error("manifests open ports that no row of the port contract declares:{}", .0.iter().map(|l| format!("\n  {l}")).collect::<String>())]
    UndeclaredPorts(Vec<String>),
    /// Packages that the distribution's repositories do not give.
    #[error("the packages of `{list}` for {} cannot be resolved", arch.as_str())]
    Packages {
        /// Name of the package list.
        list: String,
        /// Of the machines.
        arch: Arch,
        /// Why not.
        source: ResolveError,
    },
    /// An ISO that cannot be made.
    #[error(transparent)]
    Iso(#[from] pack::iso9660::IsoError),
    /// A store that cannot be made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A check has found a difference, and printed it.
    #[error("there is a difference")]
    Difference,
    /// Anything with its own words.
    #[error("{0}")]
    Message(String),
}

impl Failure {
    /// 1: the user's input or environment; 3: a check found a difference; 70: a bug.
    pub fn code(&self) -> ExitCode {
        match self {
            Failure::Difference => ExitCode::from(3),
            Failure::Leaks(_) => ExitCode::from(70),
            _ => ExitCode::from(1),
        }
    }

    /// What to do about it, where we know and the message does not say it already.
    pub fn hint(&self) -> Option<String> {
        match self {
            Failure::Identity(e) => e.hint(),
            Failure::Lock(e) => e.hint().map(str::to_owned),
            Failure::ForeignOutput(_) => {
                Some("choose another folder with `--out`, or empty it".to_owned())
            }
            Failure::Leaks(_) => {
                Some("this is a bug in firstlight: nothing of these nodes was written".to_owned())
            }
            Failure::UnpinnedImages(_) => Some(
                "a component of the train must have each of them, as `repository:tag` and digest"
                    .to_owned(),
            ),
            Failure::UndeclaredPorts(_) => {
                Some("give the component that opens it a row under `ports:`".to_owned())
            }
            _ => None,
        }
    }

    /// A file that cannot be read, by name.
    pub fn message(path: &Path, what: &str) -> Failure {
        Failure::Message(format!("{}: {what}", path.display()))
    }
}
