//! The password of Weave Net's peers: made once, or the user's own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::certificate::random;
use super::press::Changes;
use super::store::Store;
use super::{IdentityError, Remedy, Secret, Why};
use crate::config::model::Provider;
use crate::plan::Plan;

/// Where it is kept.
const FILE: &str = "weave-password";

/// What a Secret of Kubernetes and a variable of a container take without a second thought.
const LONGEST: usize = 4096;

/// The cluster's own, made where there is none; `None` for another pod network, or where the user has one.
pub(super) fn password(
    store: &Store,
    plan: &Plan,
    changes: &mut Changes,
) -> Result<Option<Secret>, IdentityError> {
    if plan.provider != Provider::Weave || plan.network.weave.password.is_some() {
        return Ok(None);
    }
    if let Some(known) = store.read(FILE, &Remedy::Restore)? {
        return Ok(Some(known));
    }
    let word = || random().map(|bytes| format!("{:032x}", u128::from_be_bytes(bytes)));
    let password = Secret::new(word()? + &word()?);
    changes.files.insert(FILE.to_owned(), password.clone());
    changes.note(FILE, None, Why::New);
    Ok(Some(password))
}

/// The user's own password, from the file that `network.weave.password` names, below `base` where its
/// path is relative; white space around it does not count.
///
/// # Errors
/// A file that cannot be read, that others can read, that is empty or no line of text.
pub fn weave_password(plan: &Plan, base: &Path) -> Result<Option<Secret>, IdentityError> {
    let Some(path) = &plan.network.weave.password else {
        return Ok(None);
    };
    if plan.provider != Provider::Weave {
        return Ok(None);
    }
    let path = base.join(path);
    let wrong = |why: &'static str| IdentityError::WeavePassword {
        path: path.clone(),
        why,
    };
    let mode = fs_err::metadata(&path)?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(wrong("can be read or written by everybody"));
    }
    let bytes = zeroize::Zeroizing::new(fs_err::read(&path)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("holds no text"))?;
    let text = text.trim();
    match text {
        "" => Err(wrong("is empty")),
        _ if text.len() > LONGEST => Err(wrong("holds more than 4096 bytes")),
        _ if text.contains(char::is_control) => Err(wrong("holds more than one line of text")),
        _ => Ok(Some(Secret::new(text.to_owned()))),
    }
}
