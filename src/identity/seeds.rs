//! When the seed of each node last changed: a seed that was made later is the newer one, and nodes take no
//! older one than they have.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::store::{Files, Store};
use super::{Damage, IdentityError, Remedy, Secret};
use crate::artefact::Digest;

const FILE: &str = "seeds.json";

/// One node's seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// In seconds since 1970.
    pub at: i64,
    /// Of everything in it but this.
    pub content: String,
}

/// The seeds of the builds until now, by node.
#[derive(Debug)]
pub struct Seeds {
    now: i64,
    made: BTreeMap<String, Made>,
}

impl Seeds {
    /// Reads what the state folder has of them, for a build at `now`.
    pub fn read(state: &Path, now: OffsetDateTime) -> Result<Self, IdentityError> {
        Ok(Self {
            now: now.unix_timestamp(),
            made: recorded(&Store::absent(state))?,
        })
    }

    /// The seed of `node` with that content: the recorded one, or one of now. Later than any before it, though
    /// the clock stood still or was set back.
    pub fn of(&self, node: &str, content: &Digest) -> Made {
        let (before, content) = (self.made.get(node), content.to_string());
        match before {
            Some(made) if made.content == content => made.clone(),
            _ => Made {
                at: before.map_or(self.now, |made| self.now.max(made.at + 1)),
                content,
            },
        }
    }

    /// Records the seeds of a build.
    pub fn record<'a>(
        state: &Path,
        built: impl Iterator<Item = (&'a str, &'a Made)>,
    ) -> Result<(), IdentityError> {
        let store = Store::open_for_writing(state)?;
        let before = recorded(&store)?;
        let mut made = before.clone();
        made.extend(built.map(|(node, seed)| (node.to_owned(), seed.clone())));
        if made == before {
            return Ok(());
        }
        let text = serde_json::to_string(&made).expect("plain values have a JSON form") + "\n";
        store.commit(&Files::from([(FILE.to_owned(), Secret::new(text))]))
    }
}

/// Removed nodes' too: the name may come back.
fn recorded(store: &Store) -> Result<BTreeMap<String, Made>, IdentityError> {
    let Some(text) = store.read(FILE, &Remedy::Restore)? else {
        return Ok(BTreeMap::new());
    };
    serde_json::from_str(text.expose())
        .map_err(|_| store.damaged(FILE, Damage::Unreadable, &Remedy::Restore))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_later_and_what_did_not_stays() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let build = |second: i64, content: &str| {
            let now = OffsetDateTime::from_unix_timestamp(second).unwrap();
            let digest = Digest::sha256(content.as_bytes());
            let made = Seeds::read(&state, now).unwrap().of("m1", &digest);
            Seeds::record(&state, [("m1", &made)].into_iter()).unwrap();
            made.at
        };
        assert_eq!(
            [build(100, "a"), build(200, "a"), build(300, "b")],
            [100, 100, 300]
        );
        // two changes in a second, a way back, a clock that was set back
        assert_eq!(
            [build(300, "c"), build(300, "b"), build(50, "d")],
            [301, 302, 303]
        );
        // another node's build forgets none of it
        let other = Seeds::read(&state, OffsetDateTime::UNIX_EPOCH).unwrap();
        let made = other.of("w1", &Digest::sha256(b"w"));
        Seeds::record(&state, [("w1", &made)].into_iter()).unwrap();
        assert_eq!(build(400, "d"), 303);
    }
}
