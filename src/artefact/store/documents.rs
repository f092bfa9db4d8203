//! Documents that no digest names, because they are signed: read from upstream or a copy of it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Mutex;

use fs_err as fs;

use super::auth::Credentials;
use super::error::StoreError;
use super::gather::held;
use super::http::{Failure, Fetch, Http};
use super::source::Source;
use super::upstream::At;

/// Reads them.
pub struct Documents<'a> {
    sources: &'a [Source],
    http: Http,
    /// What was read, by URL: one run sees one state of the world.
    read: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl<'a> Documents<'a> {
    /// From those of `sources` that go by URL. `ca_file`: more trusted roots for HTTPS, PEM.
    pub fn new(
        sources: &'a [Source],
        ca_file: Option<&Path>,
        credentials: &Credentials,
    ) -> Result<Self, StoreError> {
        let http = Http::new(ca_file, credentials)?;
        let read = Mutex::default();
        Ok(Self {
            sources,
            http,
            read,
        })
    }

    /// What is at `url`, of at most `limit` bytes; what each source said otherwise.
    pub fn get(&self, url: &str, limit: u64) -> Result<Vec<u8>, String> {
        if let Some(bytes) = held(&self.read).get(url) {
            return Ok(bytes.clone());
        }
        let bytes = self.ask(url, limit)?;
        held(&self.read).insert(url.to_owned(), bytes.clone());
        Ok(bytes)
    }

    fn ask(&self, url: &str, limit: u64) -> Result<Vec<u8>, String> {
        let upstream = Fetch::file(url);
        let mut said = Vec::new();
        for source in self.sources {
            let at = match source {
                Source::Copy(copy) => copy.at(&upstream),
                Source::Upstream => Some(At::Url(upstream.clone())),
                Source::Folder(_) | Source::Mirror(_) | Source::Registry(_) => None,
            };
            let read = match at {
                None => continue,
                Some(At::File(path)) => fs::File::open(path)
                    .map_err(|error| error.to_string())
                    .and_then(|file| bounded(file, limit)),
                Some(At::Url(fetch)) => self.download(&fetch, limit),
            };
            match read {
                Ok(bytes) => return Ok(bytes),
                Err(problem) => said.push(problem),
            }
        }
        if said.is_empty() {
            return Err("no source goes by URL: allow upstream, or name a `--mirror`".to_owned());
        }
        Err(said.join("; "))
    }

    fn download(&self, fetch: &Fetch, limit: u64) -> Result<Vec<u8>, String> {
        let taken = self.http.stream(fetch, |response| {
            bounded(response, limit).map_err(Failure::Passing)
        });
        taken.map_err(|failure| match failure {
            Failure::Final(problem) | Failure::Passing(problem) => problem,
            Failure::Write(error) => error.to_string(),
        })
    }
}

fn bounded(from: impl std::io::Read, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = from.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| format!("ended after {} bytes: {error}", bytes.len()))?;
    if bytes.len() as u64 > limit {
        return Err(format!("more than the {limit} bytes that it may have"));
    }
    Ok(bytes)
}
