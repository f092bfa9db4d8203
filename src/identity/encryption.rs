//! Keys that the API servers encrypt Secrets with, and the phases in which they change.
//!
//! Every master must be able to read what another writes. So a new key is first given to all of them
//! to read, and only then, in another build, made the one that is written with; an old one goes when
//! nothing is left that was written with it. A build moves one phase on when it is told to, by
//! somebody who saw that the last one's seeds are on every master and what it asks for was done.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::certificate::random;
use super::generation::built_before;
use super::store::{Files, Store};
use super::{Damage, IdentityError, Remedy, Secret};
use crate::config::model::{Cipher, Encryption as Settings};

const FILE: &str = "encryption.json";

/// A step from one phase to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Make a new key, for all masters to read.
    Rotate,
    /// Write with the newest key.
    Write,
    /// Drop the keys that nothing is written with.
    Forget,
}

impl Step {
    const ALL: [Self; 3] = [Self::Rotate, Self::Write, Self::Forget];

    /// As the command line has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rotate => "rotate",
            Self::Write => "write",
            Self::Forget => "forget",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|step| step.as_str() == text);
        found.ok_or_else(|| "must be one of: `rotate`, `write`, `forget`".to_owned())
    }
}

/// One key.
#[derive(Debug, Clone)]
pub struct EncryptionKey {
    /// `key1`, `key2`…; what is encrypted names it.
    pub name: String,
    /// What uses it.
    pub cipher: Cipher,
    /// 32 random bytes, base64.
    pub secret: Secret,
}

/// The keys of a cluster, as its masters have them after this build.
#[derive(Debug, Clone, Default)]
pub struct EncryptionKeys {
    /// Oldest first.
    pub keys: Vec<EncryptionKey>,
    /// Name of the one that is written with; `None`: nothing is encrypted.
    pub writer: Option<String>,
}

/// Where a cluster stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No key.
    Off,
    /// One key, which is written with.
    On,
    /// A newer key is read, not yet written with.
    Reading,
    /// Older keys are read, that nothing is written with any more.
    Leaving,
}

impl EncryptionKeys {
    /// What holding them allows.
    pub const ALLOWS: &'static str = "decrypt the Secrets in etcd and in its snapshots";

    /// In the order of `EncryptionConfiguration`: the writer first, then the others, newest first.
    pub fn in_order(&self) -> impl Iterator<Item = &EncryptionKey> {
        let writes = |key: &&EncryptionKey| Some(&key.name) == self.writer.as_ref();
        let others = self.keys.iter().rev().filter(move |key| !writes(key));
        self.keys.iter().filter(writes).chain(others)
    }

    fn phase(&self) -> Phase {
        let newest = self.keys.last().map(|key| &key.name);
        match (self.keys.len(), newest, &self.writer) {
            (0, ..) => Phase::Off,
            (1, Some(newest), Some(writer)) if newest == writer => Phase::On,
            (_, Some(newest), Some(writer)) if newest == writer => Phase::Leaving,
            _ => Phase::Reading,
        }
    }

    /// What is to be done before the next step; `None` when nothing is.
    pub fn next(&self, enabled: bool) -> Option<String> {
        let newest = self.keys.last().map_or("", |key| key.name.as_str());
        let rewrite =
            "rewrite every Secret (`kubectl get secrets -A -o json | kubectl replace -f -`)";
        match (self.phase(), enabled, &self.writer) {
            (Phase::Off | Phase::On, true, _) | (Phase::Off, false, _) => None,
            (Phase::Reading, true, _) => Some(format!(
                "every master must be able to read `{newest}` before one writes with it: give all masters their new seeds, \
                 see that each API server runs with them, then `firstlight build --encryption write`"
            )),
            (Phase::Leaving, true, _) => Some(format!(
                "Secrets are written with `{newest}` once every master has its new seed; then {rewrite}, and \
                 `firstlight build --encryption forget`"
            )),
            (_, false, _) => Some(format!(
                "Secrets are no longer encrypted once every master has its new seed; then {rewrite}, and \
                 `firstlight build --encryption forget`"
            )),
        }
    }

    fn add(&mut self, cipher: Cipher) -> Result<(), IdentityError> {
        let number = |key: &EncryptionKey| key.name.trim_start_matches("key").parse().unwrap_or(0);
        let last: u32 = self.keys.iter().map(number).max().unwrap_or(0);
        self.keys.push(EncryptionKey {
            name: format!("key{}", last + 1),
            cipher,
            secret: Secret::new(STANDARD.encode(random::<32>()?)),
        });
        Ok(())
    }

    fn newest(&self) -> Option<String> {
        self.keys.last().map(|key| key.name.clone())
    }

    /// What a build does of its own accord.
    fn settle(&mut self, settings: Settings, first: bool) -> Result<(), IdentityError> {
        if settings.enabled && self.keys.is_empty() {
            self.add(settings.cipher)?;
            // nobody wrote anything yet: there is no master that could not read it
            if first {
                self.writer = self.newest();
            }
        }
        // every master reads what is not encrypted, in each phase
        if !settings.enabled {
            self.writer = None;
        }
        Ok(())
    }

    fn step(&mut self, step: Step, settings: Settings) -> Result<(), IdentityError> {
        match (step, self.phase(), settings.enabled) {
            (Step::Rotate, Phase::On, true) => self.add(settings.cipher)?,
            (Step::Write, Phase::Reading, true) => self.writer = self.newest(),
            (Step::Forget, Phase::Leaving, true) | (Step::Forget, Phase::Reading, false) => {
                let writer = self.writer.clone();
                self.keys.retain(|key| Some(&key.name) == writer.as_ref());
            }
            _ => {
                return Err(IdentityError::EncryptionStep {
                    step,
                    next: self.next(settings.enabled),
                });
            }
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    schema_version: u32,
    writer: Option<String>,
    keys: Vec<RecordedKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedKey {
    name: String,
    cipher: String,
    secret: String,
}

/// The keys of the cluster in `state`: as they were, made where there are none, moved on by `step`;
/// what changed is recorded. Call it before [`super::generation`], which tells a first build from others.
pub fn encryption(
    state: &Path,
    settings: Settings,
    step: Option<Step>,
) -> Result<EncryptionKeys, IdentityError> {
    let store = Store::open_for_writing(state)?;
    let (keys, text) = next(&store, settings, step)?;
    if let Some(text) = text {
        store.commit(&Files::from([(FILE.to_owned(), text)]))?;
    }
    Ok(keys)
}

/// What [`encryption`] would give. Writes nothing.
pub fn preview_encryption(
    state: &Path,
    settings: Settings,
) -> Result<EncryptionKeys, IdentityError> {
    Ok(next(&Store::absent(state), settings, None)?.0)
}

/// The keys, and the record of them where it differs from the one that is there.
fn next(
    store: &Store,
    settings: Settings,
    step: Option<Step>,
) -> Result<(EncryptionKeys, Option<Secret>), IdentityError> {
    let before = store.read(FILE, &Remedy::Restore)?;
    let damaged = || store.damaged(FILE, Damage::Unreadable, &Remedy::Restore);
    let mut keys = match &before {
        None => EncryptionKeys::default(),
        Some(text) => parse(text).ok_or_else(damaged)?,
    };
    if let Some(step) = step {
        keys.step(step, settings)?;
    }
    keys.settle(settings, !built_before(store)?)?;
    let text = record(&keys);
    let same = before.as_ref() == Some(&text) || before.is_none() && keys.keys.is_empty();
    Ok((keys, (!same).then_some(text)))
}

fn parse(text: &Secret) -> Option<EncryptionKeys> {
    let record: Record = serde_json::from_str(text.expose()).ok()?;
    let key = |key: RecordedKey| {
        let ciphers = [Cipher::Secretbox, Cipher::Aescbc];
        let bytes = STANDARD.decode(&key.secret).ok()?;
        Some(EncryptionKey {
            cipher: ciphers.into_iter().find(|c| c.as_str() == key.cipher)?,
            name: key.name,
            secret: (bytes.len() == 32).then(|| Secret::new(key.secret))?,
        })
    };
    Some(EncryptionKeys {
        keys: record.keys.into_iter().map(key).collect::<Option<_>>()?,
        writer: record.writer,
    })
}

fn record(keys: &EncryptionKeys) -> Secret {
    let key = |key: &EncryptionKey| RecordedKey {
        name: key.name.clone(),
        cipher: key.cipher.as_str().to_owned(),
        secret: key.secret.expose().to_owned(),
    };
    let record = Record {
        schema_version: 1,
        writer: keys.writer.clone(),
        keys: keys.keys.iter().map(key).collect(),
    };
    let text = serde_json::to_string_pretty(&record).expect("plain values have a JSON form");
    Secret::new(text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: Settings = Settings {
        enabled: true,
        cipher: Cipher::Secretbox,
    };
    const OFF: Settings = Settings {
        enabled: false,
        ..ON
    };

    fn names(keys: &EncryptionKeys) -> (Vec<String>, Option<&str>) {
        let order = keys.in_order().map(|key| key.name.clone()).collect();
        (order, keys.writer.as_deref())
    }

    fn build(
        state: &Path,
        settings: Settings,
        step: Option<Step>,
    ) -> Result<EncryptionKeys, String> {
        let keys = encryption(state, settings, step).map_err(|error| error.to_string())?;
        crate::identity::generation(state, "objects").unwrap();
        Ok(keys)
    }

    #[test]
    fn a_rotation_takes_three_builds_and_each_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let of = |step| build(&state, ON, step);
        let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let first = of(None).unwrap();
        assert_eq!(names(&first), (list(&["key1"]), Some("key1")));
        // nothing moves by itself, and no step can be left out
        assert_eq!(names(&of(None).unwrap()), names(&first));
        assert!(of(Some(Step::Write)).is_err() && of(Some(Step::Forget)).is_err());
        let read = of(Some(Step::Rotate)).unwrap();
        assert_eq!(names(&read), (list(&["key1", "key2"]), Some("key1")));
        assert_eq!(read.keys[0].secret, first.keys[0].secret);
        assert!(of(Some(Step::Rotate)).is_err() && of(Some(Step::Forget)).is_err());
        let written = of(Some(Step::Write)).unwrap();
        assert_eq!(names(&written), (list(&["key2", "key1"]), Some("key2")));
        let done = of(Some(Step::Forget)).unwrap();
        assert_eq!(names(&done), (list(&["key2"]), Some("key2")));
        assert_eq!(done.next(true), None);
        // a name is never used for another key
        assert_eq!(
            names(&of(Some(Step::Rotate)).unwrap()).0,
            list(&["key2", "key3"])
        );
    }

    #[test]
    fn turned_on_later_it_is_read_first() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert_eq!(
            names(&build(&state, OFF, None).unwrap()),
            (Vec::new(), None)
        );
        let read = build(&state, ON, None).unwrap();
        assert_eq!(names(&read), (vec!["key1".to_owned()], None));
        assert!(read.next(true).unwrap().contains("--encryption write"));
        assert!(build(&state, ON, Some(Step::Rotate)).is_err());
        let written = build(&state, ON, Some(Step::Write)).unwrap();
        assert_eq!(written.writer.as_deref(), Some("key1"));
    }

    #[test]
    fn turned_off_the_key_stays_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        build(&state, ON, None).unwrap();
        let off = build(&state, OFF, None).unwrap();
        assert_eq!(names(&off), (vec!["key1".to_owned()], None));
        assert!(off.next(false).unwrap().contains("--encryption forget"));
        let gone = build(&state, OFF, Some(Step::Forget)).unwrap();
        assert_eq!(names(&gone), (Vec::new(), None));
    }

    #[test]
    fn a_damaged_record_is_named_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        build(&state, ON, None).unwrap();
        let file = state.join(FILE);
        let text = fs_err::read_to_string(&file).unwrap();
        fs_err::write(&file, &text[..text.len() / 2]).unwrap();
        assert!(build(&state, ON, None).unwrap_err().contains(FILE));
    }
}
