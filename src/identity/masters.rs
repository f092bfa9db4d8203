//! The masters of the last build: one that is left out of the file is still a member of etcd.

use std::path::Path;

use super::store::{Files, Store};
use super::{IdentityError, Remedy, Secret};
use crate::plan::Plan;

const FILE: &str = "masters";

/// Refuses a plan under which etcd would keep a member that is no machine, or lose all of them.
/// Reads only; a state folder that does not exist is a cluster's first build.
pub fn check_masters(state: &Path, plan: &Plan) -> Result<(), IdentityError> {
    if !Store::exists(state)? {
        return Ok(());
    }
    match Store::open_for_reading(state) {
        Ok(store) => check(&read(&store)?, plan),
        // the build that follows ends what was interrupted, and looks again
        Err(IdentityError::Interrupted { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Records the masters of a plan that is being built.
pub fn record_masters(state: &Path, plan: &Plan) -> Result<(), IdentityError> {
    let store = Store::open_for_writing(state)?;
    let before = read(&store)?;
    check(&before, plan)?;
    let now: Vec<_> = plan.masters().map(|m| m.name.clone()).collect();
    if before != now {
        let text = Secret::new(now.join("\n") + "\n");
        store.commit(&Files::from([(FILE.to_owned(), text)]))?;
    }
    Ok(())
}

fn check(before: &[String], plan: &Plan) -> Result<(), IdentityError> {
    let stays = |name: &&String| plan.masters().any(|m| m.name == **name);
    if !before.is_empty() && !before.iter().any(|name| stays(&name)) {
        return Err(IdentityError::NoMasterRemains {
            before: before.join(", "),
        });
    }
    let gone = |name: &&String| !stays(name) && !plan.etcd.remove.contains(name);
    match before.iter().find(gone) {
        Some(name) => Err(IdentityError::MasterLeftOut { name: name.clone() }),
        None => Ok(()),
    }
}

fn read(store: &Store) -> Result<Vec<String>, IdentityError> {
    let text = store.read(FILE, &Remedy::Restore)?;
    Ok(text.map_or_else(Vec::new, |t| {
        t.expose().lines().map(str::to_owned).collect()
    }))
}
