//! Fills the store from its sources, and lays out what belongs to one description.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::error::{Attempt, Problem, StoreError};
use super::gather::{Gatherer, Wanted, held};
use super::http::Fetch;
use super::image::{self, Document, Next};
use super::index::{self, Held, Listing, StoreFile};
use super::source::Source;
use super::{layout, registry};
use crate::artefact::digest::Digest;
use crate::artefact::list::{Artefact, Item};
use crate::config::model::Arch;

/// How many artefacts are looked for at a time.
const AT_ONCE: usize = 4;

/// What machines of one kind need.
#[derive(Debug, Clone)]
pub struct Set {
    /// Such as `debian-12-amd64-1.34`.
    pub name: String,
    /// The platform whose part of each image is taken.
    pub arch: Arch,
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
}

/// What happens while a store is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A source folder is about to be hashed.
    Scanning(&'a Path),
    /// An artefact is looked for.
    Artefact(&'a str),
    /// So many more bytes were downloaded.
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
    let tasks: Vec<(Arch, &Artefact)> = request
        .sets
        .iter()
        .flat_map(|set| set.artefacts.iter().map(|artefact| (set.arch, artefact)))
        .collect();
    let mut found = gather(&gatherer, &tasks)?.into_iter();
    let mut sets: Vec<Vec<Held<'_>>> = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for set in request.sets {
        let mut entries = Vec::new();
        for found in found.by_ref().take(set.artefacts.len()) {
            match found {
                Ok(entry) => entries.push(entry),
                Err(problem) => match problems.iter_mut().find(|p| p.digest == problem.digest) {
                    Some(known) => known.add(problem.attempts),
                    None => problems.push(*problem),
                },
            }
        }
        sets.push(entries);
    }
    if !problems.is_empty() {
        let notes = gatherer.notes;
        return Err(StoreError::Incomplete { problems, notes });
    }
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

/// An artefact that is in the store, or why it is not.
type Found<'a> = Result<Held<'a>, Box<Problem>>;

/// Each task's outcome, in their order; some at a time.
fn gather<'a>(
    gatherer: &Gatherer<'_, '_>,
    tasks: &[(Arch, &'a Artefact)],
) -> Result<Vec<Found<'a>>, StoreError> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let work = || -> Result<(), StoreError> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((arch, artefact)) = tasks.get(number) else {
                return Ok(());
            };
            gatherer.tell(Event::Artefact(artefact.name()));
            let one = Builder {
                arch: *arch,
                gatherer,
            };
            let outcome = one.look_for(artefact).inspect_err(|_| {
                // nobody begins another one
                next.store(tasks.len(), Ordering::Relaxed);
            })?;
            gatherer.tell(Event::Done);
            held(&found).push((number, outcome));
        }
    };
    let ended: Vec<Result<(), StoreError>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .map(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    ended.into_iter().collect::<Result<Vec<()>, _>>()?;
    let mut found = std::mem::take(&mut *held(&found));
    found.sort_by_key(|(number, _)| *number);
    Ok(found.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Knows what an artefact consists of.
struct Builder<'g, 'a, 'p> {
    arch: Arch,
    gatherer: &'g Gatherer<'a, 'p>,
}

impl Builder<'_, '_, '_> {
    fn look_for<'b>(&self, artefact: &'b Artefact) -> Result<Found<'b>, StoreError> {
        let mut attempts = Vec::new();
        let entry = self.artefact(artefact, &mut attempts)?;
        Ok(entry.ok_or_else(|| {
            Box::new(Problem {
                name: artefact.name().to_owned(),
                digest: *artefact.digest(),
                origin: artefact.origin(),
                attempts,
            })
        }))
    }

    fn artefact<'b>(
        &self,
        artefact: &'b Artefact,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<Held<'b>>, StoreError> {
        let (size, image) = match &artefact.item {
            Item::Image { name, digest } => match self.image(name, digest, attempts)? {
                Some((size, media_type, blobs)) => (size, Some((media_type, blobs))),
                None => return Ok(None),
            },
            Item::File { url, digest, .. }
            | Item::TarGz { url, digest, .. }
            | Item::Deb { url, digest, .. } => {
                let upstream = Some(Fetch {
                    url: url.clone(),
                    accept: None,
                });
                let name = artefact.name();
                let wanted = Wanted {
                    digest,
                    name,
                    upstream,
                };
                match self.gatherer.obtain(&wanted, attempts)? {
                    Some(size) => (size, None),
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(Held {
            artefact,
            arch: self.arch,
            size,
            image,
        }))
    }

    /// Size and media type of the pinned document, and all blobs of this platform.
    fn image(
        &self,
        name: &str,
        pinned: &Digest,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<(u64, String, Vec<Digest>)>, StoreError> {
        let mut blobs = Vec::new();
        let Some((size, document)) = self.document(name, pinned, &mut blobs, attempts)? else {
            return Ok(None);
        };
        let media_type = document.media_type().to_owned();
        let mut next = document.next(pinned, self.arch);
        if let Ok(Next::Manifest(manifest)) = next {
            let Some((_, document)) = self.document(name, &manifest, &mut blobs, attempts)? else {
                attempts.push(Attempt::Part {
                    part: "manifest",
                    digest: manifest,
                });
                return Ok(None);
            };
            next = document.next(&manifest, self.arch);
        }
        let content = match next {
            Ok(Next::Content(config, layers)) => (config, layers),
            Ok(Next::Manifest(nested)) => {
                let problem = "an index inside an index".to_owned();
                attempts.push(Attempt::NotAnImage {
                    digest: nested,
                    problem,
                });
                return Ok(None);
            }
            Err(attempt) => {
                attempts.push(*attempt);
                return Ok(None);
            }
        };
        let complete = self.content(name, content, &mut blobs, attempts)?;
        Ok(complete.then_some((size, media_type, blobs)))
    }

    /// Configuration and layers of an image.
    fn content(
        &self,
        name: &str,
        (config, layers): (Digest, Vec<Digest>),
        blobs: &mut Vec<Digest>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<bool, StoreError> {
        let parts = layers.iter().map(|layer| ("layer", layer));
        let mut complete = true;
        for (part, digest) in [("configuration", &config)].into_iter().chain(parts) {
            let upstream = registry::blob(name, digest);
            let wanted = Wanted {
                digest,
                name,
                upstream,
            };
            if self.gatherer.obtain(&wanted, attempts)?.is_none() {
                attempts.push(Attempt::Part {
                    part,
                    digest: *digest,
                });
                complete = false;
            }
            if !blobs.contains(digest) {
                blobs.push(*digest);
            }
        }
        if complete {
            let bytes = self.gatherer.blobs.read(&config, image::DOCUMENT_LIMIT)?;
            if let Err(attempt) = image::check_config(&config, &bytes, self.arch) {
                attempts.push(*attempt);
                complete = false;
            }
        }
        Ok(complete)
    }

    /// An index or manifest.
    fn document(
        &self,
        name: &str,
        digest: &Digest,
        blobs: &mut Vec<Digest>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<(u64, Document)>, StoreError> {
        let upstream = registry::manifest(name, digest);
        let wanted = Wanted {
            digest,
            name,
            upstream,
        };
        let Some(size) = self.gatherer.obtain(&wanted, attempts)? else {
            return Ok(None);
        };
        blobs.push(*digest);
        let bytes = self.gatherer.blobs.read(digest, image::DOCUMENT_LIMIT)?;
        match image::parse(digest, &bytes) {
            Ok(document) => Ok(Some((size, document))),
            Err(attempt) => {
                attempts.push(*attempt);
                Ok(None)
            }
        }
    }
}
