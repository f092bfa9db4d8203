//! Gets contents from the first source that has them, several at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fs_err as fs;

use super::auth::Credentials;
use super::blobs::{Blobs, Claim, Written};
use super::build::{Event, Request};
use super::error::{Attempt, StoreError};
use super::http::{Download, Failure, Fetch, Http, below};
use super::registry_mirror::RegistryMirror;
use super::source::{Holdings, Source};
use super::upstream::{At, Copy};
use crate::artefact::digest::{Algorithm, Digest};

/// A source, ready to be asked.
pub(super) enum Opened<'a> {
    Folder(&'a Path, Holdings),
    Mirror(&'a str),
    Copy(&'a Copy),
    Registry(&'a RegistryMirror),
    Upstream,
}

/// Is told what happens.
pub(super) type Progress<'p> = Mutex<&'p mut (dyn FnMut(Event<'_>) + Send)>;

/// The store with its sources.
pub(super) struct Gatherer<'a, 'p> {
    pub(super) blobs: Blobs,
    pub(super) sources: Vec<Opened<'a>>,
    pub(super) http: Http,
    progress: Progress<'p>,
    /// Size of every content that is in the store by now, and whether it was there before.
    done: Mutex<BTreeMap<Digest, (u64, bool)>>,
    /// What was strange about the sources.
    pub(super) notes: Vec<String>,
}

/// Some content that is looked for.
pub(super) struct Wanted<'a> {
    pub(super) digest: &'a Digest,
    /// For messages, and for finding files of that name with other content.
    pub(super) name: &'a str,
    /// Bytes that it may have.
    pub(super) limit: Option<u64>,
    pub(super) upstream: Option<Fetch>,
}

impl<'a, 'p> Gatherer<'a, 'p> {
    pub(super) fn open(
        request: &Request<'a>,
        progress: &'p mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Self, StoreError> {
        let artefacts = request.sets.iter().flat_map(|set| &set.artefacts);
        let pinned = artefacts.map(|a| a.digest().algorithm());
        let algorithms: BTreeSet<_> = pinned.chain([Algorithm::Sha256]).collect();
        let (sources, store, ca_file) = (request.sources, request.store, request.ca_file);
        let credentials = request.credentials;
        Self::new(sources, store, ca_file, credentials, &algorithms, progress)
    }

    /// Files of folders are known by the digests of `algorithms`.
    pub(super) fn new(
        sources: &'a [Source],
        store: &Path,
        ca_file: Option<&Path>,
        credentials: &Credentials,
        algorithms: &BTreeSet<Algorithm>,
        progress: &'p mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Self, StoreError> {
        let blobs = Blobs::open(store).map_err(|source| StoreError::Write {
            store: store.to_owned(),
            source,
        })?;
        let mut notes = Vec::new();
        let mut open = |source: &'a Source| {
            Ok(match source {
                Source::Folder(folder) => {
                    progress(Event::Scanning(folder));
                    let mut holdings = Holdings::scan(folder, algorithms)?;
                    notes.append(&mut holdings.notes);
                    Opened::Folder(folder, holdings)
                }
                Source::Mirror(url) => Opened::Mirror(url),
                Source::Copy(copy) => Opened::Copy(copy),
                Source::Registry(mirror) => Opened::Registry(mirror),
                Source::Upstream => Opened::Upstream,
            })
        };
        let sources: Result<_, StoreError> = sources.iter().map(&mut open).collect();
        Ok(Self {
            blobs,
            sources: sources?,
            http: Http::new(ca_file, credentials)?,
            progress: Mutex::new(progress),
            done: Mutex::default(),
            notes,
        })
    }

    /// Tells what happens.
    pub(super) fn tell(&self, event: Event<'_>) {
        held(&self.progress)(event);
    }

    /// How many contents were in the store before, and how many came.
    pub(super) fn counts(&self) -> (usize, usize) {
        let done = held(&self.done);
        let kept = done.values().filter(|(_, kept)| *kept).count();
        (kept, done.len() - kept)
    }

    /// Puts some content into the store; its size, or `None` if no source has it.
    pub(super) fn obtain(
        &self,
        wanted: &Wanted<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<u64>, StoreError> {
        if let Some((size, _)) = held(&self.done).get(wanted.digest) {
            return Ok(Some(*size));
        }
        let there = self.blobs.verified(wanted.digest);
        let mut size = there.map_err(|error| self.blobs.failed(error))?;
        let kept = size.is_some();
        for source in &self.sources {
            if size.is_some() {
                break;
            }
            size = match source {
                Opened::Folder(_, holdings) => {
                    from_folder(&self.blobs, holdings, wanted, attempts)?
                }
                Opened::Mirror(root) => {
                    let fetch = below(root, &wanted.digest.blob_path());
                    self.download(wanted, fetch.as_ref(), attempts)?
                }
                Opened::Copy(copy) => {
                    let at = wanted.upstream.as_ref().and_then(|fetch| copy.at(fetch));
                    match at {
                        None => None,
                        Some(At::Url(fetch)) => self.download(wanted, Some(&fetch), attempts)?,
                        Some(At::File(file)) => self.copy_file(wanted, &file, attempts)?,
                    }
                }
                Opened::Registry(mirror) => self.ask_registry(wanted, mirror, attempts)?,
                Opened::Upstream => self.download(wanted, wanted.upstream.as_ref(), attempts)?,
            };
        }
        if let Some(size) = size {
            held(&self.done)
                .entry(*wanted.digest)
                .or_insert((size, kept));
        }
        Ok(size)
    }

    /// Copies a file that may or may not be there.
    fn copy_file(
        &self,
        wanted: &Wanted<'_>,
        file: &Path,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<u64>, StoreError> {
        let reader = match fs::File::open(file) {
            Ok(reader) => reader,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::Read(error)),
        };
        match self.blobs.copy(wanted.digest, wanted.name, reader)? {
            Written::Stored(size) => Ok(Some(size)),
            Written::Wrong { got, size, kept } => {
                attempts.push(Attempt::WrongDigest {
                    place: file.display().to_string(),
                    expected: *wanted.digest,
                    got,
                    size,
                    kept: Some(kept),
                });
                Ok(None)
            }
        }
    }

    /// Asks a registry that has another one's images.
    fn ask_registry(
        &self,
        wanted: &Wanted<'_>,
        mirror: &RegistryMirror,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<u64>, StoreError> {
        let fetches = wanted.upstream.iter().flat_map(|fetch| mirror.at(fetch));
        for fetch in fetches {
            if let Some(size) = self.download(wanted, Some(&fetch), attempts)? {
                return Ok(Some(size));
            }
        }
        Ok(None)
    }

    fn download(
        &self,
        wanted: &Wanted<'_>,
        fetch: Option<&Fetch>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<u64>, StoreError> {
        let Some(fetch) = fetch else {
            return Ok(None);
        };
        let failed = |error| self.blobs.failed(error);
        loop {
            let mut writer = match self.blobs.claim(wanted.digest).map_err(failed)? {
                Claim::There(size) => return Ok(Some(size)),
                Claim::Ours(writer) => writer,
            };
            let resumed = writer.size() > 0;
            let mut download = Download {
                writer: &mut writer,
                limit: wanted.limit,
                tell: &|event| self.tell(event),
            };
            match self.http.fetch(fetch, &mut download) {
                Ok(()) => {}
                Err(Failure::Write(error)) => return Err(failed(error)),
                Err(Failure::Final(problem) | Failure::Passing(problem)) => {
                    let url = fetch.url.clone();
                    attempts.push(Attempt::Http { url, problem });
                    return Ok(None);
                }
            }
            match self.blobs.finish(writer, wanted.name).map_err(failed)? {
                Written::Stored(size) => return Ok(Some(size)),
                // what an interrupted process left may have been damaged with it
                Written::Wrong { .. } if resumed => {}
                Written::Wrong { got, size, kept } => {
                    attempts.push(Attempt::WrongDigest {
                        place: fetch.url.clone(),
                        expected: *wanted.digest,
                        got,
                        size,
                        kept: Some(kept),
                    });
                    return Ok(None);
                }
            }
        }
    }
}

pub(super) fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies from a folder. A file that only has the right name is worth a word.
fn from_folder(
    blobs: &Blobs,
    holdings: &Holdings,
    wanted: &Wanted<'_>,
    attempts: &mut Vec<Attempt>,
) -> Result<Option<u64>, StoreError> {
    let digest = wanted.digest;
    let mut wrong = |place: String, got, size, kept| {
        attempts.push(Attempt::WrongDigest {
            place,
            expected: *digest,
            got,
            size,
            kept,
        });
    };
    if let Some((place, reader)) = holdings.open(digest).map_err(StoreError::Read)? {
        match blobs.copy(digest, wanted.name, reader)? {
            Written::Stored(size) => return Ok(Some(size)),
            Written::Wrong { got, size, kept } => wrong(place, got, size, Some(kept)),
        }
    }
    for (file, size) in holdings.namesakes(wanted.name) {
        let got = hash(file, digest.algorithm())?;
        wrong(file.display().to_string(), got, *size, None);
    }
    Ok(None)
}

fn hash(file: &Path, algorithm: Algorithm) -> Result<Digest, StoreError> {
    let opened = fs::File::open(file);
    let hashed = opened.and_then(|file| Digest::of_reader(algorithm, file));
    hashed.map(|(digest, _)| digest).map_err(StoreError::Read)
}
