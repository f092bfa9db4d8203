//! From the plan and the state folder to the identities.

use std::collections::BTreeMap;
use std::path::Path;

use time::OffsetDateTime;

use super::base::Base;
use super::lock::LockedCluster;
use super::press::{Changes, Press, Renewal};
use super::set::leaf_path;
use super::state::{self, CLUSTER, ClusterFile, NODES};
use super::store::Store;
use super::{Identities, IdentityError, Issued, LeafKind, NodeIdentities, leaf, subnet, weave};
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
    let draft = Draft {
        plan,
        store: Store::open_for_writing(state)?,
        known,
        now,
        renewal: None,
    };
    draft.settle(locked.as_ref(), state, lock, options.progress)
}

/// What [`issue`] would give, with all that would be new made in memory: nothing is written, and no
/// two calls give the same keys.
pub fn preview(
    plan: &Plan,
    state: &Path,
    lock: &Path,
    now: OffsetDateTime,
) -> Result<(Identities, Vec<Issued>), IdentityError> {
    let locked = LockedCluster::read(lock)?;
    let known = Store::exists(state)?;
    let store = if known {
        Store::open_for_reading(state)?
    } else {
        expect_no_cluster(locked.as_ref(), plan, state, lock)?;
        Store::absent(state)
    };
    let draft = Draft {
        plan,
        store,
        known,
        now,
        renewal: None,
    };
    let drawn = draft.draw(locked.as_ref(), state, lock, &|| {})?;
    Ok((drawn.identities, drawn.changes.issued))
}

/// Issues anew what `renewal` says of a cluster that exists, with new keys, and what is missing besides.
pub fn renew(
    plan: &Plan,
    state: &Path,
    lock: &Path,
    now: OffsetDateTime,
    renewal: &Renewal,
) -> Result<Vec<Issued>, IdentityError> {
    let locked = LockedCluster::read(lock)?;
    if !Store::exists(state)? {
        return Err(match &locked {
            Some(cluster) => without_state(cluster, state, lock),
            None => IdentityError::NoState {
                path: state.to_owned(),
            },
        });
    }
    let draft = Draft {
        plan,
        store: Store::open_for_writing(state)?,
        known: true,
        now,
        renewal: Some(renewal),
    };
    let (_, issued) = draft.settle(locked.as_ref(), state, lock, &|| {})?;
    Ok(issued)
}

/// Everything that decides what is issued.
struct Draft<'a> {
    plan: &'a Plan,
    store: Store,
    /// Whether the store holds a cluster.
    known: bool,
    now: OffsetDateTime,
    renewal: Option<&'a Renewal>,
}

/// What was issued, not written yet.
struct Drawn {
    identities: Identities,
    locked: LockedCluster,
    changes: Changes,
}

impl Draft<'_> {
    fn draw(
        &self,
        locked: Option<&LockedCluster>,
        state: &Path,
        lock: &Path,
        progress: &(dyn Fn() + Sync),
    ) -> Result<Drawn, IdentityError> {
        let plan = self.plan;
        let mut changes = Changes::default();
        let base = if self.known {
            Base::read(&self.store, &plan.cluster, locked, state, lock)?
        } else {
            Base::create(plan, self.now, &mut changes)?
        };
        base.check_time(self.now)?;
        let pod_subnets = subnet::allocate(plan, &base.pod_subnets)?;
        if !self.known || pod_subnets != base.pod_subnets {
            let file = ClusterFile::new(&plan.cluster, &base.id, &pod_subnets);
            changes.files.insert(CLUSTER.to_owned(), file.to_secret());
        }
        let press = Press::new(&base.roots, &self.store, plan, self.now)?.renewing(self.renewal);
        let admin = press.leaf(None, LeafKind::Admin, &leaf::admin(), &mut changes)?;
        let service = plan.addon("metrics-server").map(|_| {
            let wanted = leaf::metrics_server(plan);
            press.leaf(None, LeafKind::MetricsServer, &wanted, &mut changes)
        });
        let service = service.transpose()?;
        let nodes = press.nodes(progress, &mut changes)?;
        let weave_password = weave::password(&self.store, plan, &mut changes)?;
        let locked = base.locked(&plan.cluster);
        let mut identities = base.identities(admin, nodes, pod_subnets);
        identities.weave_password = weave_password;
        identities.metrics_server = service;
        Ok(Drawn {
            identities,
            locked,
            changes,
        })
    }

    fn settle(
        &self,
        locked: Option<&LockedCluster>,
        state: &Path,
        lock: &Path,
        progress: &(dyn Fn() + Sync),
    ) -> Result<(Identities, Vec<Issued>), IdentityError> {
        let drawn = self.draw(locked, state, lock, progress)?;
        self.store.commit(&drawn.changes.files)?;
        drawn.locked.write(lock)?;
        Ok((drawn.identities, drawn.changes.issued))
    }
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
    let service = read(None, LeafKind::MetricsServer)?;
    let mut ids = base.identities(admin, nodes, pod_subnets);
    ids.metrics_server = service;
    Ok(ids)
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
