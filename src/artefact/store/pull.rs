//! Fills a copy of upstream, and says first what that asks for.

use std::collections::BTreeSet;

use fs_err as fs;
use serde::Serialize;

use super::build::{Event, Request};
use super::error::{Problem, StoreError};
use super::find::{Finder, find, problem, some_at_a_time, tasks};
use super::gather::Gatherer;
use super::http::Fetch;
use super::index::Held;
use super::source::Source;
use super::{layout, registry, upstream};
use crate::artefact::digest::Digest;
use crate::artefact::list::{Artefact, Item};

/// A URL that a download asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Address {
    /// As the catalogue has it.
    pub url: String,
    /// Hosts that it leads to, one after the other: redirects, and the service that a registry sends for a
    /// token. A firewall must let them through as well.
    pub redirects: Vec<String>,
    /// Why that could not be found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Address {
    /// The host that is asked, with its port where that is not the scheme's.
    pub fn host(&self) -> &str {
        let (_, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        rest.split('/').next().unwrap_or(rest)
    }
}

/// Every URL that `request` asks upstream for, sorted. For this the documents of images are downloaded,
/// which say what they consist of; of all else only the head is asked for.
pub fn addresses(
    request: &Request<'_>,
    progress: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<Vec<Address>, StoreError> {
    let gatherer = Gatherer::open(request, progress)?;
    let found = some_at_a_time(&tasks(request.sets), |(arch, artefact)| {
        gatherer.tell(Event::Artefact(artefact.name()));
        let finder = Finder {
            arch: *arch,
            gatherer: &gatherer,
        };
        fetches_of(&finder, artefact)
    })?;
    let mut fetches: Vec<Fetch> = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for found in found {
        match found {
            Ok(some) => fetches.extend(some),
            Err(problem) => problems.push(*problem),
        }
    }
    if !problems.is_empty() {
        let notes = gatherer.notes.clone();
        return Err(StoreError::Incomplete { problems, notes });
    }
    fetches.sort_by(|a, b| a.url.cmp(&b.url));
    fetches.dedup();
    let asked = request.sources.contains(&Source::Upstream);
    some_at_a_time(&fetches, |fetch| {
        let (redirects, problem) = match asked {
            true => gatherer.http.redirects(fetch),
            false => (Vec::new(), Some("upstream is not asked".to_owned())),
        };
        let url = fetch.url.clone();
        Ok(Address {
            url,
            redirects,
            problem,
        })
    })
}

/// What an artefact is downloaded from.
fn fetches_of(
    finder: &Finder<'_, '_, '_>,
    artefact: &Artefact,
) -> Result<Result<Vec<Fetch>, Box<Problem>>, StoreError> {
    let (name, digest) = match &artefact.item {
        Item::Image { name, digest } => (name, digest),
        Item::File { url, .. }
        | Item::TarGz { url, .. }
        | Item::Package { url, .. }
        | Item::Boot { url, .. } => return Ok(Ok(vec![Fetch::file(url)])),
    };
    let mut attempts = Vec::new();
    let Some(image) = finder.documents(name, digest, &mut attempts)? else {
        return Ok(Err(Box::new(problem(artefact, attempts))));
    };
    let content = image.content.iter().map(|part| &part.digest);
    let places = in_registry(name, &image.documents, content);
    Ok(Ok(places.into_iter().map(|(fetch, _)| fetch).collect()))
}

/// Gets everything of `request` and lays it out in `request.dest` as upstream has it, besides what is
/// there already. Number of files that it lacked.
pub fn pull(
    request: &Request<'_>,
    progress: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<usize, StoreError> {
    let gatherer = Gatherer::open(request, progress)?;
    let sets = find(&gatherer, request.sets)?;
    let failed = |source| StoreError::Write {
        store: request.dest.to_owned(),
        source,
    };
    fs::create_dir_all(request.dest).map_err(failed)?;
    let mut places = BTreeSet::new();
    for held in sets.iter().flatten() {
        for (Fetch { url, .. }, digest) in origins(held) {
            let path = upstream::path(&url).ok_or(StoreError::NoPath { url })?;
            places.insert((path, digest));
        }
    }
    let mut added = 0;
    for (path, digest) in places {
        let to = request.dest.join(path);
        let folder = to.parent().expect("below a host");
        fs::create_dir_all(folder).map_err(failed)?;
        let from = gatherer.blobs.path(&digest);
        added += usize::from(layout::place(&digest, &from, &to).map_err(failed)?);
    }
    Ok(added)
}

/// Where upstream has each content of an artefact.
fn origins(held: &Held<'_>) -> Vec<(Fetch, Digest)> {
    let (Item::Image { name, .. }, Some(image)) = (&held.artefact.item, &held.image) else {
        let fetch = Fetch::file(&held.artefact.origin());
        return vec![(fetch, *held.artefact.digest())];
    };
    in_registry(name, &image.documents, image.content.iter())
}

/// Where a registry has the parts of the image `name`.
fn in_registry<'d>(
    name: &str,
    documents: &[Digest],
    content: impl Iterator<Item = &'d Digest>,
) -> Vec<(Fetch, Digest)> {
    let documents = documents.iter();
    let documents = documents.filter_map(|d| Some((registry::manifest(name, d)?, *d)));
    let content = content.filter_map(|d| Some((registry::blob(name, d)?, *d)));
    documents.chain(content).collect()
}
