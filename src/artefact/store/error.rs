//! What can go wrong while a store is filled.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::docker_archive::DockerArchiveError;
use crate::artefact::digest::Digest;
use crate::artefact::pins::Unpinned;
use crate::config::model::Arch;

/// Why a store could not be made.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A source folder or file cannot be read.
    #[error("cannot read a source of artefacts")]
    Read(#[source] std::io::Error),
    /// The store cannot be written: permissions, a full disk.
    #[error("cannot write the store `{}`", store.display())]
    Write {
        /// Its folder.
        store: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The HTTP client cannot be set up (a wrong `--ca-file`).
    #[error("cannot set up HTTP")]
    Client(#[source] reqwest::Error),
    /// A file that should name trusted authorities and names none.
    #[error("`{}`: there is no certificate in it\nhint: `--ca-file` names a file in PEM form, `-----BEGIN CERTIFICATE-----`", file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// An archive that tries to leave its folder, or holds links and devices among its blobs.
    #[error("refusing the archive `{}`: unsafe entry `{entry}`", archive.display())]
    UnsafeEntry {
        /// The archive.
        archive: PathBuf,
        /// Name of the entry.
        entry: String,
    },
    /// A URL that is no path in a folder.
    #[error("`{url}` cannot be laid out in a folder: it has a query, or leads out of it")]
    NoPath {
        /// As the catalogue has it.
        url: String,
    },
    /// An archive of images that is none, or not for these machines.
    #[error(transparent)]
    Archive(#[from] DockerArchiveError),
    /// Archives have an image for some machines of the cluster only.
    #[error(
        "`{name}`: no archive below `{}` has it for linux/{}, as for the other machines of the cluster",
        folder.display(),
        arch.as_str()
    )]
    NotForAll {
        /// `repository:tag`
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
        /// The architecture that is lacking.
        arch: Arch,
    },
    /// Nobody published a digest, and no source has what it is of.
    #[error("{}", unpinned(missing))]
    Unpinned {
        /// Each with what the sources said.
        missing: Vec<(Unpinned, Vec<Attempt>)>,
    },
    /// Everything that could not be had.
    #[error("{}", incomplete(problems, notes))]
    Incomplete {
        /// One per artefact.
        problems: Vec<Problem>,
        /// What else was seen on the way: archives that could not be read.
        notes: Vec<String>,
    },
}

/// An artefact that could not be had.
#[derive(Debug)]
pub struct Problem {
    /// File name or `repository:tag`.
    pub name: String,
    /// What it must be.
    pub digest: Digest,
    /// Upstream's URL.
    pub origin: String,
    /// What each source that had something said.
    pub attempts: Vec<Attempt>,
}

impl Problem {
    /// What was seen of it for other machines, where that is something else.
    pub(super) fn add(&mut self, attempts: Vec<Attempt>) {
        for attempt in attempts {
            let known = self
                .attempts
                .iter()
                .any(|a| a.to_string() == attempt.to_string());
            if !known {
                self.attempts.push(attempt);
            }
        }
    }
}

/// Why one source did not serve.
#[derive(Debug, Error)]
pub enum Attempt {
    /// Other content.
    #[error("{place}: expected {expected}, got {got} ({size} bytes){}", kept_note(kept.as_ref()))]
    WrongDigest {
        /// File or URL.
        place: String,
        /// As pinned.
        expected: Digest,
        /// As found.
        got: Digest,
        /// Bytes found.
        size: u64,
        /// Where the download is kept.
        kept: Option<PathBuf>,
    },
    /// No answer, or not the right one.
    #[error("{url}: {problem}")]
    Http {
        /// What was asked for.
        url: String,
        /// Status or error.
        problem: String,
    },
    /// The image is for other machines.
    #[error("no image for {wanted}; it has: {found}")]
    Platform {
        /// `os/architecture`
        wanted: String,
        /// Those it is for.
        found: String,
    },
    /// The content is right but no image.
    #[error("{digest} is no image index, manifest or configuration: {problem}")]
    NotAnImage {
        /// Of the document.
        digest: Digest,
        /// What is wrong with it.
        problem: String,
    },
    /// A part of an image is in no source.
    #[error("{part} {digest} is in no source")]
    Part {
        /// What it is in the image.
        part: &'static str,
        /// Its digest.
        digest: Digest,
    },
}

fn kept_note(kept: Option<&PathBuf>) -> String {
    kept.map_or_else(String::new, |path| {
        format!(", kept for inspection as `{}`", path.display())
    })
}

fn unpinned(missing: &[(Unpinned, Vec<Attempt>)]) -> String {
    let mut lines = vec!["no source has what is to be pinned:".to_owned()];
    for (unpinned, attempts) in missing {
        lines.push(format!("  {unpinned}: {}", unpinned.origin.key()));
        lines.extend(attempts.iter().map(|attempt| format!("    {attempt}")));
    }
    lines.push("  hint: allow upstream, or name a folder with a file of that name".to_owned());
    lines.join("\n")
}

/// Everything in one message, so that one round of fetching repairs it.
fn incomplete(problems: &[Problem], notes: &[String]) -> String {
    let plural = if problems.len() == 1 { "" } else { "s" };
    let mut lines = vec![format!(
        "{} artefact{plural} could not be had:",
        problems.len()
    )];
    lines.extend(problems.iter().map(|problem| format!("  {problem}")));
    lines.extend(notes.iter().map(|note| format!("  note: {note}")));
    let hint = "  hint: put the files into a source folder under any name, give the URL of a \
                mirror, or allow upstream";
    lines.push(hint.to_owned());
    lines.join("\n")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}\n    upstream: {}",
            self.name, self.digest, self.origin
        )?;
        for attempt in &self.attempts {
            write!(f, "\n    {attempt}")?;
        }
        Ok(())
    }
}
