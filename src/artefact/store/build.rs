//! Fills the store from its sources, and lays out what belongs to one description.

use std::path::Path;

use super::auth::Credentials;
use super::error::StoreError;
use super::find::find;
use super::gather::Gatherer;
use super::index::{self, Listing, StoreFile};
use super::layout;
use super::source::Source;
use crate::artefact::list::Artefact;
use crate::config::model::Arch;

/// What machines of one kind need.
#[derive(Debug, Clone)]
pub struct Set {
    /// Such as `debian-12-amd64-1.34`.
    pub name: String,
    /// The platform whose part of each image is taken.
    pub arch: Arch,
    /// Whether it is packed for machines, or served only.
    pub attached: bool,
    /// Everything they need.
    pub artefacts: Vec<Artefact>,
}

/// What to build.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What belongs together, for each kind of machine.
    pub sets: &'a [Set],
    /// Asked in this order.
    pub sources: &'a [Source],
    /// Folder of the store that all builds share; made if needed.
    pub store: &'a Path,
    /// Folder that will hold everything of all sets, and nothing else; made if needed.
    pub dest: &'a Path,
    /// More trusted roots for HTTPS, PEM.
    pub ca_file: Option<&'a Path>,
    /// Logins to registries.
    pub credentials: &'a Credentials,
}

/// What happens while a store is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A source folder is about to be hashed.
    Scanning(&'a Path),
    /// An artefact is looked for.
    Artefact(&'a str),
    /// So many bytes more will be downloaded.
    Expected(u64),
    /// So many bytes more were downloaded.
    Bytes(u64),
    /// An artefact is there, or is nowhere.
    Done,
}

/// What was done.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// Contents that the store had already.
    pub kept: usize,
    /// Contents that came from a source.
    pub added: usize,
    /// By set, in their order.
    pub sets: Vec<Laid>,
}

/// A set that was laid out.
#[derive(Debug, PartialEq, Eq)]
pub struct Laid {
    /// What it holds.
    pub listing: Listing,
    /// Everything of it, in packing order.
    pub files: Vec<StoreFile>,
}

/// Fills the store, then the folder. What cannot be had is one error that lists everything; what could
/// be had stays in the store for the next run, and the folder stays as it was.
pub fn build(
    request: &Request<'_>,
    progress: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<Report, StoreError> {
    let gatherer = Gatherer::open(request, progress)?;
    let sets = find(&gatherer, request.sets)?;
    let (kept, added) = gatherer.counts();
    layout::fill(request.dest, &gatherer.blobs, &sets)?;
    let laid = sets.iter().map(|set| {
        Ok(Laid {
            listing: index::listing(set.iter()),
            files: index::files(request.dest, set)?,
        })
    });
    let laid = laid.collect::<std::io::Result<_>>();
    Ok(Report {
        kept,
        added,
        sets: laid.map_err(StoreError::Read)?,
    })
}
