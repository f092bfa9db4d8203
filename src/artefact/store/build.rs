//! Fills a store from its sources.

use std::path::Path;

use super::error::{Attempt, Problem, StoreError};
use super::gather::{Gatherer, Wanted};
use super::http::Fetch;
use super::image::{self, Document, Next};
use super::index::{self, Held, StoreFile};
use super::registry;
use super::source::Source;
use crate::artefact::digest::Digest;
use crate::artefact::list::{Artefact, Item};
use crate::config::model::Arch;

/// What to build.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What belongs in the store.
    pub artefacts: &'a [Artefact],
    /// The platform whose part of each image is taken.
    pub arch: Arch,
    /// Asked in this order.
    pub sources: &'a [Source],
    /// Folder of the store; made if needed.
    pub dest: &'a Path,
    /// More trusted roots for HTTPS, PEM.
    pub ca_file: Option<&'a Path>,
}

/// What happens while a store is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A source folder is about to be hashed.
    Scanning(&'a Path),
    /// An artefact is next.
    Artefact {
        /// From 1.
        number: usize,
        /// How many there are.
        total: usize,
        /// File name or `repository:tag`.
        name: &'a str,
    },
    /// So many more bytes were downloaded.
    Bytes(u64),
}

/// What was done.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// Blobs that were there already.
    pub kept: usize,
    /// Blobs that were added.
    pub added: usize,
    /// Everything in the store, in packing order.
    pub files: Vec<StoreFile>,
}

/// Fills the store. What cannot be had is one error that lists everything; what could be had
/// stays in the store for the next run, but there is no index until all is there.
pub fn build(
    request: &Request<'_>,
    progress: &mut dyn FnMut(Event<'_>),
) -> Result<Report, StoreError> {
    let mut builder = Builder {
        arch: request.arch,
        gatherer: Gatherer::open(request, progress)?,
    };
    let mut held = Vec::new();
    let mut problems = Vec::new();
    let total = request.artefacts.len();
    for (number, artefact) in request.artefacts.iter().enumerate() {
        let (number, name) = (number + 1, artefact.name());
        (builder.gatherer.progress)(Event::Artefact {
            number,
            total,
            name,
        });
        let mut attempts = Vec::new();
        match builder.artefact(artefact, &mut attempts)? {
            Some(entry) => held.push(entry),
            None => problems.push(Problem {
                name: name.to_owned(),
                digest: *artefact.digest(),
                origin: artefact.origin(),
                attempts,
            }),
        }
    }
    let gatherer = builder.gatherer;
    if !problems.is_empty() {
        let notes = gatherer.notes;
        return Err(StoreError::Incomplete { problems, notes });
    }
    let json = index::json(&held, request.arch);
    gatherer.blobs.write_text("index.json", &json)?;
    gatherer.blobs.write_text("index", &index::text(&held))?;
    Ok(Report {
        kept: gatherer.kept,
        added: gatherer.done.len() - gatherer.kept,
        files: index::files(request.dest)?,
    })
}

/// Knows what an artefact consists of.
struct Builder<'a, 'p> {
    arch: Arch,
    gatherer: Gatherer<'a, 'p>,
}

impl Builder<'_, '_> {
    fn artefact<'b>(
        &mut self,
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
            size,
            image,
        }))
    }

    /// Size and media type of the pinned document, and all blobs of this platform.
    fn image(
        &mut self,
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
        &mut self,
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
        &mut self,
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
