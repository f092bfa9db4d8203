//! An apt repository: signed release file, index of packages.

mod release;
mod stanza;
pub(super) mod version;

use super::pool::Candidate;
use super::{AptRepository, Release, ResolveError, Source, index};
use release::SignedRelease;

/// Everything that the repositories offer for the node's architecture.
pub(super) fn read(
    source: &Source<'_>,
    repositories: &[AptRepository],
) -> Result<(Vec<Release>, Vec<Candidate>), ResolveError> {
    let mut releases = Vec::new();
    let mut candidates = Vec::new();
    let arch = source.arch.as_str();
    for (number, repository) in repositories.iter().enumerate() {
        if !repository.serves(source.arch) {
            continue;
        }
        for suite in &repository.suites {
            let signed = SignedRelease::read(source, repository, suite)?;
            for component in &repository.components {
                let folder = format!("{component}/binary-{arch}");
                let file = signed.index(&folder)?;
                let text = index::text(source.fetch, &file)?;
                let read = stanza::candidates(&text, &repository.url, arch, number);
                candidates.extend(read.map_err(|problem| index::malformed(&file.url, problem))?);
            }
            releases.push(signed.release);
        }
    }
    Ok((releases, candidates))
}
