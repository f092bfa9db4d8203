//! From the plan and the state folder to the identities.

use std::collections::BTreeMap;
use std::path::Path;

use time::OffsetDateTime;

use super::base::Base;
use super::lock::LockedCluster;
use super::press::{Changes, Press};
use super::set::leaf_path;
use super::state::{self, CLUSTER, ClusterFile, NODES};
use super::store::Store;
use super::{Identities, IdentityError, Issued, LeafKind, NodeIdentities, leaf, subnet};
use crate::plan::Plan;

/// How to issue.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Make a new cluster even where the lock or the state folder knows one; an old state folder is
    /// moved aside, never removed.
    pub new_identities: bool,
    /// Called after each node, from any thread.
    pub progress: &'a (dyn Fn() + Sync),
}

/// Reads the state folder, issues what `plan` needs and it lacks, and returns all of it with what is
/// new, in the order of the plan. `now` is used for what is issued and for nothing else: a second run
/// finds everything and gives the same bytes.
pub fn issue(
    plan: &Plan,
    state: &Path,
    lock: &Path,
    now: OffsetDateTime,
    options: Options<'_>,
) -> Result<(Identities, Vec<Issued>), IdentityError> {
    let mut locked = LockedCluster::read(lock)?;
    if options.new_identities {
        // What cannot work must fail before the old cluster is moved.
        subnet::allocate(plan, &BTreeMap::new())?;
        Store::set_aside(state, now)?;
        locked = None;
    }
    let known = Store::exists(state)?;
    if !known {
        expect_no_cluster(locked.as_ref(), plan, state, lock)?;
    }
    let store = Store::open_for_writing(state)?;
    let mut changes = Changes::default();
    let base = if known {
        Base::read(&store, &plan.cluster, locked.as_ref(), state, lock)?
    } else {
        Base::create(plan, now, &mut changes)?
    };
    base.check_time(now)?;
    let pod_subnets = subnet::allocate(plan, &base.pod_subnets)?;
    if !known || pod_subnets != base.pod_subnets {
        let file = ClusterFile::new(&plan.cluster, &base.id, &pod_subnets);
        changes.files.insert(CLUSTER.to_owned(), file.to_secret());
    }
    let press = Press::new(&base.roots, &store, plan, now)?;
    let admin = press.leaf(None, LeafKind::Admin, &leaf::admin(), &mut changes)?;
    let nodes = press.nodes(options.progress, &mut changes)?;
    store.commit(&changes.files)?;
    base.locked(&plan.cluster).write(lock)?;
    Ok((base.identities(admin, nodes, pod_subnets), changes.issued))
}

/// Reads what was issued for `cluster`, of every node the state folder knows, and writes nothing.
pub fn load(cluster: &str, state: &Path, lock: &Path) -> Result<Identities, IdentityError> {
    let locked = LockedCluster::read(lock)?;
    if let (false, Some(cluster)) = (Store::exists(state)?, &locked) {
        return Err(without_state(cluster, state, lock));
    }
    let store = Store::open_for_reading(state)?;
    let base = Base::read(&store, cluster, locked.as_ref(), state, lock)?;
    let read = |node: Option<&str>, kind: LeafKind| {
        let authority = base.roots.authority(kind.authority());
        state::leaf(&store, &leaf_path(node, kind), authority)
    };
    let not_issued = |path: &str| IdentityError::NotIssued {
        path: store.path(path),
    };
    let admin = read(None, LeafKind::Admin)?
        .ok_or_else(|| not_issued(&leaf_path(None, LeafKind::Admin)))?;
    let mut nodes = BTreeMap::new();
    for name in store.names(NODES)? {
        let mut leaves = BTreeMap::new();
        for kind in LeafKind::NODE.into_iter().chain(LeafKind::MASTER) {
            if let Some(leaf) = read(Some(&name), kind)? {
                leaves.insert(kind, leaf);
            }
        }
        let kinds = LeafKind::NODE.into_iter().chain(LeafKind::MASTER);
        let missing = kinds.into_iter().find(|kind| !leaves.contains_key(kind));
        let node = NodeIdentities::take(leaves, base.roots.stamp()).ok_or_else(|| {
            let kind = missing.expect("a complete set was taken");
            not_issued(&leaf_path(Some(&name), kind))
        })?;
        nodes.insert(name, node);
    }
    let pod_subnets = base.pod_subnets.clone();
    Ok(base.identities(admin, nodes, pod_subnets))
}

/// A lock that names a cluster forbids making another.
fn expect_no_cluster(
    locked: Option<&LockedCluster>,
    plan: &Plan,
    state: &Path,
    lock: &Path,
) -> Result<(), IdentityError> {
    match locked {
        None => Ok(()),
        Some(cluster) if cluster.name != plan.cluster => Err(IdentityError::OtherCluster {
            path: lock.to_owned(),
            found: cluster.name.clone(),
            expected: plan.cluster.clone(),
        }),
        Some(cluster) => Err(without_state(cluster, state, lock)),
    }
}

fn without_state(cluster: &LockedCluster, state: &Path, lock: &Path) -> IdentityError {
    IdentityError::LockWithoutState {
        lock: lock.to_owned(),
        state: state.to_owned(),
        cluster: Box::new(cluster.clone()),
    }
}
