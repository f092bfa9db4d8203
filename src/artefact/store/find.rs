//! Knows what an artefact consists of, and gets all of it into the store.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::build::{Event, Set};
use super::error::{Attempt, Problem, StoreError};
use super::gather::{Gatherer, Wanted, held};
use super::http::Fetch;
use super::image::{self, Descriptor, Document, Next};
use super::index::{Held, HeldImage};
use super::registry;
use crate::artefact::digest::Digest;
use crate::artefact::list::{Artefact, Item};
use crate::config::model::Arch;

/// How much is looked for at a time.
const AT_ONCE: usize = 4;

/// What `work` makes of each item, in their order; some at a time. An error ends it early.
pub(super) fn some_at_a_time<'i, T: Sync, R: Send>(
    items: &'i [T],
    work: impl Fn(&'i T) -> Result<R, StoreError> + Sync,
) -> Result<Vec<R>, StoreError> {
    let next = AtomicUsize::new(0);
    let made = Mutex::new(Vec::new());
    let one_after_the_other = || -> Result<(), StoreError> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else {
                return Ok(());
            };
            let result = work(item).inspect_err(|_| {
                // nobody begins another one
                next.store(items.len(), Ordering::Relaxed);
            })?;
            held(&made).push((number, result));
        }
    };
    let ended: Vec<Result<(), StoreError>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| scope.spawn(one_after_the_other))
            .collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .map(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    ended.into_iter().collect::<Result<Vec<()>, _>>()?;
    let mut made = std::mem::take(&mut *held(&made));
    made.sort_by_key(|(number, _)| *number);
    Ok(made.into_iter().map(|(_, result)| result).collect())
}

/// Gets everything of `sets` into the store; what each set then has. What cannot be had is one error
/// that lists all of it.
pub(super) fn find<'s>(
    gatherer: &Gatherer<'_, '_>,
    sets: &'s [Set],
) -> Result<Vec<Vec<Held<'s>>>, StoreError> {
    let found = some_at_a_time(&tasks(sets), |(arch, artefact)| {
        gatherer.tell(Event::Artefact(artefact.name()));
        let finder = Finder {
            arch: *arch,
            gatherer,
        };
        let outcome = finder.look_for(artefact)?;
        gatherer.tell(Event::Done);
        Ok(outcome)
    });
    let mut found = found?.into_iter();
    let mut filled = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for set in sets {
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
        filled.push(entries);
    }
    if problems.is_empty() {
        return Ok(filled);
    }
    let notes = gatherer.notes.clone();
    Err(StoreError::Incomplete { problems, notes })
}

/// Every artefact with the architecture that it is needed for.
pub(super) fn tasks(sets: &[Set]) -> Vec<(Arch, &Artefact)> {
    let mut tasks = Vec::new();
    for set in sets {
        tasks.extend(set.artefacts.iter().map(|artefact| (set.arch, artefact)));
    }
    tasks
}

/// An artefact that is in the store, or why it is not.
type Found<'a> = Result<Held<'a>, Box<Problem>>;

/// Looks for the artefacts of one architecture.
pub(super) struct Finder<'g, 'a, 'p> {
    pub(super) arch: Arch,
    pub(super) gatherer: &'g Gatherer<'a, 'p>,
}

/// What the documents of an image say: the pinned one, and the manifest that it leads to.
pub(super) struct Image {
    /// Bytes of the pinned document.
    size: u64,
    media_type: String,
    pub(super) documents: Vec<Digest>,
    /// Configuration and layers.
    pub(super) content: Vec<Descriptor>,
}

impl Finder<'_, '_, '_> {
    fn look_for<'b>(&self, artefact: &'b Artefact) -> Result<Found<'b>, StoreError> {
        let mut attempts = Vec::new();
        let entry = self.artefact(artefact, &mut attempts)?;
        Ok(entry.ok_or_else(|| Box::new(problem(artefact, attempts))))
    }

    fn artefact<'b>(
        &self,
        artefact: &'b Artefact,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<Held<'b>>, StoreError> {
        let found = match &artefact.item {
            Item::Image { name, digest } => self.image(name, digest, attempts)?,
            Item::File { url, digest, .. }
            | Item::TarGz { url, digest, .. }
            | Item::Package { url, digest, .. }
            | Item::Boot { url, digest } => {
                let wanted = Wanted {
                    digest,
                    name: artefact.name(),
                    limit: None,
                    upstream: Some(Fetch::file(url)),
                };
                let size = self.gatherer.obtain(&wanted, attempts)?;
                size.map(|size| (size, None))
            }
        };
        Ok(found.map(|(size, image)| Held {
            artefact,
            arch: self.arch,
            size,
            image,
        }))
    }

    /// All of an image for this platform, and the size of the pinned document.
    fn image(
        &self,
        name: &str,
        pinned: &Digest,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<(u64, Option<HeldImage>)>, StoreError> {
        let Some(image) = self.documents(name, pinned, attempts)? else {
            return Ok(None);
        };
        if !self.content(name, &image.content, attempts)? {
            return Ok(None);
        }
        let held = HeldImage {
            media_type: image.media_type,
            documents: image.documents,
            content: image.content.iter().map(|part| part.digest).collect(),
        };
        Ok(Some((image.size, Some(held))))
    }

    /// The documents of an image, which name the rest of it.
    pub(super) fn documents(
        &self,
        name: &str,
        pinned: &Digest,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<Image>, StoreError> {
        let Some((size, document)) = self.document(name, pinned, attempts)? else {
            return Ok(None);
        };
        let media_type = document.media_type().to_owned();
        let mut documents = vec![*pinned];
        let mut next = document.next(pinned, self.arch);
        if let Ok(Next::Manifest(manifest)) = next {
            let Some((_, document)) = self.document(name, &manifest, attempts)? else {
                attempts.push(Attempt::Part {
                    part: "manifest",
                    digest: manifest,
                });
                return Ok(None);
            };
            documents.push(manifest);
            next = document.next(&manifest, self.arch);
        }
        match next {
            Ok(Next::Content(content)) => Ok(Some(Image {
                size,
                media_type,
                documents,
                content,
            })),
            Ok(Next::Manifest(nested)) => {
                let problem = "an index inside an index".to_owned();
                attempts.push(Attempt::NotAnImage {
                    digest: nested,
                    problem,
                });
                Ok(None)
            }
            Err(attempt) => {
                attempts.push(*attempt);
                Ok(None)
            }
        }
    }

    /// Configuration and layers of an image: whether all are there and right.
    fn content(
        &self,
        name: &str,
        content: &[Descriptor],
        attempts: &mut Vec<Attempt>,
    ) -> Result<bool, StoreError> {
        let mut complete = true;
        for (number, Descriptor { digest, size, .. }) in content.iter().enumerate() {
            let part = if number == 0 {
                "configuration"
            } else {
                "layer"
            };
            let wanted = Wanted {
                digest,
                name,
                limit: Some(*size),
                upstream: registry::blob(name, digest),
            };
            let problem = match self.gatherer.obtain(&wanted, attempts)? {
                Some(got) if got == *size => continue,
                Some(got) => Attempt::NotAnImage {
                    digest: *digest,
                    problem: format!("its manifest states {size} bytes, it has {got}"),
                },
                None => Attempt::Part {
                    part,
                    digest: *digest,
                },
            };
            attempts.push(problem);
            complete = false;
        }
        if let (true, Some(config)) = (complete, content.first()) {
            let config = &config.digest;
            let bytes = self.gatherer.blobs.read(config, image::DOCUMENT_LIMIT)?;
            if let Err(attempt) = image::check_config(config, &bytes, self.arch) {
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
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<(u64, Document)>, StoreError> {
        let wanted = Wanted {
            digest,
            name,
            limit: Some(image::DOCUMENT_LIMIT),
            upstream: registry::manifest(name, digest),
        };
        let Some(size) = self.gatherer.obtain(&wanted, attempts)? else {
            return Ok(None);
        };
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

/// An artefact that could not be had.
pub(super) fn problem(artefact: &Artefact, attempts: Vec<Attempt>) -> Problem {
    Problem {
        name: artefact.name().to_owned(),
        digest: *artefact.digest(),
        origin: artefact.origin(),
        attempts,
    }
}
