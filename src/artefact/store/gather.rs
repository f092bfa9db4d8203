//! Gets one content after the other from the first source that has it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fs_err as fs;

use super::blobs::{Blobs, Written};
use super::build::{Event, Request};
use super::error::{Attempt, StoreError};
use super::http::{Failure, Fetch, Http, below};
use super::source::{Holdings, Source};
use crate::artefact::digest::{Algorithm, Digest};

/// A source, ready to be asked.
enum Opened<'a> {
    Folder(Holdings),
    Mirror(&'a str),
    Upstream,
}

/// The store with its sources.
pub(super) struct Gatherer<'a, 'p> {
    pub(super) blobs: Blobs,
    sources: Vec<Opened<'a>>,
    http: Http,
    pub(super) progress: &'p mut dyn FnMut(Event<'_>),
    /// Size of every content that is in the store by now.
    pub(super) done: BTreeMap<Digest, u64>,
    /// How many of them were there before.
    pub(super) kept: usize,
    /// What was strange about the sources.
    pub(super) notes: Vec<String>,
}

/// Some content that is looked for.
pub(super) struct Wanted<'a> {
    pub(super) digest: &'a Digest,
    /// For messages, and for finding files of that name with other content.
    pub(super) name: &'a str,
    pub(super) upstream: Option<Fetch>,
}

impl<'a, 'p> Gatherer<'a, 'p> {
    pub(super) fn open(
        request: &Request<'a>,
        progress: &'p mut dyn FnMut(Event<'_>),
    ) -> Result<Self, StoreError> {
        let blobs = Blobs::open(request.dest).map_err(|source| StoreError::Write {
            store: request.dest.to_owned(),
            source,
        })?;
        let pinned = request.artefacts.iter().map(|a| a.digest().algorithm());
        let algorithms: BTreeSet<_> = pinned.chain([Algorithm::Sha256]).collect();
        let mut notes = Vec::new();
        let mut open = |source: &'a Source| {
            Ok(match source {
                Source::Folder(folder) => {
                    progress(Event::Scanning(folder));
                    let mut holdings = Holdings::scan(folder, &algorithms)?;
                    notes.append(&mut holdings.notes);
                    Opened::Folder(holdings)
                }
                Source::Mirror(url) => Opened::Mirror(url),
                Source::Upstream => Opened::Upstream,
            })
        };
        let sources: Result<_, StoreError> = request.sources.iter().map(&mut open).collect();
        Ok(Self {
            blobs,
            sources: sources?,
            http: Http::new(request.ca_file)?,
            progress,
            done: BTreeMap::new(),
            kept: 0,
            notes,
        })
    }

    /// Puts some content into the store; its size, or `None` if no source has it.
    pub(super) fn obtain(
        &mut self,
        wanted: &Wanted<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<u64>, StoreError> {
        if let Some(size) = self.done.get(wanted.digest) {
            return Ok(Some(*size));
        }
        let there = self.blobs.verified(wanted.digest);
        let mut size = there.map_err(|error| self.blobs.failed(error))?;
        self.kept += usize::from(size.is_some());
        for number in 0..self.sources.len() {
            if size.is_some() {
                break;
            }
            size = match &self.sources[number] {
                Opened::Folder(holdings) => from_folder(&self.blobs, holdings, wanted, attempts)?,
                Opened::Mirror(root) => {
                    let fetch = below(root, &wanted.digest.blob_path());
                    self.download(wanted, fetch.as_ref(), attempts)?
                }
                Opened::Upstream => self.download(wanted, wanted.upstream.as_ref(), attempts)?,
            };
        }
        if let Some(size) = size {
            self.done.insert(*wanted.digest, size);
        }
        Ok(size)
    }

    fn download(
        &mut self,
        wanted: &Wanted<'_>,
        fetch: Option<&Fetch>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<u64>, StoreError> {
        let Some(fetch) = fetch else {
            return Ok(None);
        };
        let failed = |error| self.blobs.failed(error);
        let mut writer = self.blobs.create(wanted.digest).map_err(failed)?;
        let mut progress = |bytes| (self.progress)(Event::Bytes(bytes));
        match self.http.fetch(fetch, &mut writer, &mut progress) {
            Ok(()) => {}
            Err(Failure::Write(error)) => return Err(failed(error)),
            Err(Failure::Final(problem) | Failure::Passing(problem)) => {
                let url = fetch.url.clone();
                attempts.push(Attempt::Http { url, problem });
                return Ok(None);
            }
        }
        match writer.finish().map_err(failed)? {
            Written::Stored(size) => Ok(Some(size)),
            Written::Wrong { got, size, file } => {
                let kept = self.blobs.keep_bad(wanted.name, file).map_err(failed)?;
                attempts.push(Attempt::WrongDigest {
                    place: fetch.url.clone(),
                    expected: *wanted.digest,
                    got,
                    size,
                    kept: Some(kept),
                });
                Ok(None)
            }
        }
    }
}

/// Copies from a folder. A file that only has the right name is worth a word.
fn from_folder(
    blobs: &Blobs,
    holdings: &Holdings,
    wanted: &Wanted<'_>,
    attempts: &mut Vec<Attempt>,
) -> Result<Option<u64>, StoreError> {
    let digest = wanted.digest;
    let mut wrong = |place: String, got, size| {
        attempts.push(Attempt::WrongDigest {
            place,
            expected: *digest,
            got,
            size,
            kept: None,
        });
    };
    if let Some((place, reader)) = holdings.open(digest).map_err(StoreError::Read)? {
        match blobs.copy(digest, reader)? {
            Written::Stored(size) => return Ok(Some(size)),
            Written::Wrong { got, size, .. } => wrong(place, got, size),
        }
    }
    for (file, size) in holdings.namesakes(wanted.name) {
        let got = hash(file, digest.algorithm())?;
        wrong(file.display().to_string(), got, *size);
    }
    Ok(None)
}

fn hash(file: &Path, algorithm: Algorithm) -> Result<Digest, StoreError> {
    let opened = fs::File::open(file);
    let hashed = opened.and_then(|file| Digest::of_reader(algorithm, file));
    hashed.map(|(digest, _)| digest).map_err(StoreError::Read)
}
