//! The generation of the cluster's objects: a number that only grows, so that a master with an
//! older seed never undoes a newer one's work.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::store::{Files, Store};
use super::{Damage, IdentityError, Remedy, Secret};
use crate::artefact::Digest;

const FILE: &str = "generation.json";

#[derive(Serialize, Deserialize)]
struct Record {
    generation: u64,
    objects: String,
}

/// The generation of `objects`: the recorded one when they are as they were, else the next, which
/// is recorded. The first is 1.
pub fn generation(state: &Path, objects: &str) -> Result<u64, IdentityError> {
    let store = Store::open_for_writing(state)?;
    let (record, new) = next(&store, objects)?;
    if !new {
        return Ok(record.generation);
    }
    let text = serde_json::to_string(&record).expect("plain values have a JSON form") + "\n";
    store.commit(&Files::from([(FILE.to_owned(), Secret::new(text))]))?;
    Ok(record.generation)
}

/// What [`generation`] would give. Writes nothing.
pub fn next_generation(state: &Path, objects: &str) -> Result<u64, IdentityError> {
    Ok(next(&Store::absent(state), objects)?.0.generation)
}

/// The record that `objects` are to have, and whether it differs from the one that is there.
fn next(store: &Store, objects: &str) -> Result<(Record, bool), IdentityError> {
    let digest = Digest::sha256(objects.as_bytes()).to_string();
    let before = match store.read(FILE, &Remedy::Restore)? {
        None => None,
        Some(text) => {
            let record: Result<Record, _> = serde_json::from_str(text.expose());
            Some(record.map_err(|_| store.damaged(FILE, Damage::Unreadable, &Remedy::Restore))?)
        }
    };
    match before {
        Some(record) if record.objects == digest => Ok((record, false)),
        before => {
            let record = Record {
                generation: before.map_or(0, |b| b.generation) + 1,
                objects: digest,
            };
            Ok((record, true))
        }
    }
}

/// Whether a build was finished in this state folder.
pub(super) fn built_before(store: &Store) -> Result<bool, IdentityError> {
    Ok(store.read(FILE, &Remedy::Restore)?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_changes_only() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let of = |objects: &str| {
            let next = next_generation(&state, objects).unwrap();
            assert_eq!(generation(&state, objects).unwrap(), next);
            next
        };
        assert_eq!(
            [of("a"), of("a"), of("b"), of("b"), of("a")],
            [1, 1, 2, 2, 3]
        );
    }
}
