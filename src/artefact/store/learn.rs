//! Digests that nobody published: computed from what a source has under the right name.

use std::collections::BTreeMap;
use std::io::{Read, Seek, Write};

use fs_err as fs;

use super::auth::Credentials;
use super::build::Event;
use super::error::{Attempt, StoreError};
use super::find::some_at_a_time;
use super::gather::{Gatherer, Opened};
use super::http::{Failure, Fetch};
use super::source::Source;
use super::{image, made, registry};
use crate::artefact::digest::{Algorithm, Digest, Hasher};
use crate::artefact::pins::{Origin, Unpinned};
use crate::config::model::Arch;

/// What to look at.
#[derive(Debug, Clone, Copy)]
pub struct Learn<'a> {
    /// What is to be pinned.
    pub unpinned: &'a [Unpinned],
    /// Images that were pinned when they were found by name: what the store lost of them is looked for
    /// in folders again.
    pub pinned: &'a BTreeMap<String, Digest>,
    /// Of the machines, for images that are made of archives.
    pub architectures: &'a [Arch],
    /// Asked in this order.
    pub sources: &'a [Source],
    /// Folder of the store, which keeps what was downloaded.
    pub store: &'a std::path::Path,
    /// More trusted roots for HTTPS, PEM.
    pub ca_file: Option<&'a std::path::Path>,
    /// Logins to registries.
    pub credentials: &'a Credentials,
}

/// The digest of each, by [`Origin::key`]; what no source has is one error that lists all of it.
pub fn learn(
    request: &Learn<'_>,
    progress: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<BTreeMap<String, Digest>, StoreError> {
    let algorithms = [Algorithm::Sha256].into();
    let gatherer = Gatherer::new(
        request.sources,
        request.store,
        request.ca_file,
        request.credentials,
        &algorithms,
        progress,
    )?;
    for (name, digest) in request.pinned {
        let there = gatherer.blobs.verified(digest);
        if there
            .map_err(|error| gatherer.blobs.failed(error))?
            .is_none()
        {
            gatherer.by_name(name, request.architectures)?;
        }
    }
    let learned = some_at_a_time(request.unpinned, |unpinned| {
        gatherer.tell(Event::Artefact(unpinned.origin.key()));
        let mut attempts = Vec::new();
        let digest = gatherer.learn(&unpinned.origin, request.architectures, &mut attempts)?;
        gatherer.tell(Event::Done);
        Ok((unpinned, digest, attempts))
    })?;
    let mut digests = BTreeMap::new();
    let mut missing = Vec::new();
    for (unpinned, digest, attempts) in learned {
        match digest {
            Some(digest) => {
                digests.insert(unpinned.origin.key().to_owned(), digest);
            }
            None => missing.push((unpinned.clone(), attempts)),
        }
    }
    if missing.is_empty() {
        return Ok(digests);
    }
    Err(StoreError::Unpinned { missing })
}

impl Gatherer<'_, '_> {
    /// Digest of what the first source has that has something.
    fn learn(
        &self,
        origin: &Origin,
        architectures: &[Arch],
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<Digest>, StoreError> {
        for source in &self.sources {
            let fetches = match (source, origin) {
                (Opened::Folder(_, holdings), Origin::File(url)) => {
                    let name = url.rsplit('/').next().unwrap_or(url);
                    // two of one name could be two versions
                    if let [(file, _)] = holdings.namesakes(name) {
                        let file = fs::File::open(file).map_err(StoreError::Read)?;
                        let digest = Digest::of_reader(Algorithm::Sha256, file);
                        return Ok(Some(digest.map_err(StoreError::Read)?.0));
                    }
                    continue;
                }
                (Opened::Folder(folder, _), Origin::Image(name)) => {
                    let found = made::from_folder(&self.blobs, folder, name, architectures)?;
                    if found.is_some() {
                        return Ok(found);
                    }
                    continue;
                }
                (Opened::Upstream, Origin::File(url)) => vec![Fetch::file(url)],
                (Opened::Upstream, Origin::Image(name)) => {
                    registry::tag(name).into_iter().collect()
                }
                (Opened::Registry(mirror), Origin::Image(name)) => {
                    registry::tag(name).map_or_else(Vec::new, |fetch| mirror.at(&fetch))
                }
                _ => Vec::new(),
            };
            let limit = matches!(origin, Origin::Image(_)).then_some(image::DOCUMENT_LIMIT);
            for fetch in fetches {
                match self.download_unknown(&fetch, limit) {
                    Ok(digest) => return Ok(Some(digest)),
                    Err(Failure::Write(error)) => return Err(self.blobs.failed(error)),
                    Err(Failure::Final(problem) | Failure::Passing(problem)) => {
                        let url = fetch.url;
                        attempts.push(Attempt::Http { url, problem });
                    }
                }
            }
        }
        Ok(None)
    }

    /// Has the store hold again what folders have of an image.
    fn by_name(&self, name: &str, architectures: &[Arch]) -> Result<(), StoreError> {
        for source in &self.sources {
            if let Opened::Folder(folder, _) = source {
                made::from_folder(&self.blobs, folder, name, architectures)?;
            }
        }
        Ok(())
    }

    /// Downloads into the store, under the digest that it has.
    fn download_unknown(&self, fetch: &Fetch, limit: Option<u64>) -> Result<Digest, Failure> {
        let mut new = self.blobs.unnamed().map_err(Failure::Write)?;
        let digest = self.http.stream(fetch, |response| {
            let file = new.as_file_mut();
            file.set_len(0)
                .and_then(|()| file.rewind())
                .map_err(Failure::Write)?;
            if let Some(length) = response.content_length() {
                self.tell(Event::Expected(length));
            }
            let mut hasher = Hasher::new(Algorithm::Sha256);
            let (mut buffer, mut size) = (vec![0; 1 << 17], 0);
            loop {
                let count = response.read(&mut buffer).map_err(|error| {
                    Failure::Passing(format!("ended after {size} bytes: {error}"))
                })?;
                if count == 0 {
                    return Ok(hasher.finish());
                }
                size += count as u64;
                if limit.is_some_and(|limit| size > limit) {
                    return Err(Failure::Final(format!("more than {size} bytes")));
                }
                hasher.update(&buffer[..count]);
                file.write_all(&buffer[..count]).map_err(Failure::Write)?;
                self.tell(Event::Bytes(count as u64));
            }
        })?;
        self.blobs.name(new, &digest).map_err(Failure::Write)?;
        Ok(digest)
    }
}
