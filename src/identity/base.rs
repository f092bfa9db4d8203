//! What is made once per cluster: its id, its authorities, its service-account key.

use std::collections::BTreeMap;
use std::path::Path;

use ipnet::IpNet;
use time::OffsetDateTime;

use super::certificate::{issued, random};
use super::lock::LockedCluster;
use super::press::Changes;
use super::state::{self, CLUSTER, ClusterFile, SERVICE_ACCOUNT};
use super::store::Store;
use super::{
    Authority, AuthorityKind, Identities, IdentityError, Leaf, NodeIdentities, Secret,
    ServiceAccount, Why,
};
use crate::plan::Plan;

/// What signs: made once per cluster.
#[derive(Debug, Clone)]
pub(super) struct Roots {
    pub cluster: Authority,
    pub etcd: Authority,
    pub front_proxy: Authority,
    pub service_account: ServiceAccount,
}

impl Roots {
    /// Reads them from a state folder, which must have them all.
    pub fn read(store: &Store) -> Result<Self, IdentityError> {
        Ok(Self {
            cluster: state::authority(store, AuthorityKind::Cluster)?,
            etcd: state::authority(store, AuthorityKind::Etcd)?,
            front_proxy: state::authority(store, AuthorityKind::FrontProxy)?,
            service_account: state::service_account(store)?,
        })
    }

    /// One of the authorities.
    pub fn authority(&self, kind: AuthorityKind) -> &Authority {
        match kind {
            AuthorityKind::Cluster => &self.cluster,
            AuthorityKind::Etcd => &self.etcd,
            AuthorityKind::FrontProxy => &self.front_proxy,
        }
    }

    /// The day on which the last of them was made.
    pub fn stamp(&self) -> OffsetDateTime {
        let days = AuthorityKind::ALL.map(|kind| issued(&self.authority(kind).facts));
        days.into_iter().max().expect("there are three")
    }
}

/// What is made once per cluster.
pub(super) struct Base {
    pub id: String,
    pub roots: Roots,
    pub pod_subnets: BTreeMap<String, Vec<IpNet>>,
}

impl Base {
    pub fn create(
        plan: &Plan,
        now: OffsetDateTime,
        changes: &mut Changes,
    ) -> Result<Self, IdentityError> {
        let mut authority = |kind: AuthorityKind| {
            let authority = Authority::create(kind, now, plan.certificates.ca_days)?;
            let (path, cert) = (kind.path(), Secret::new(authority.cert.clone()));
            changes.files.insert(format!("{path}.crt"), cert);
            changes
                .files
                .insert(format!("{path}.key"), authority.key.clone());
            changes.note(path, None, Why::New);
            Ok::<_, IdentityError>(authority)
        };
        let (cluster, etcd) = (
            authority(AuthorityKind::Cluster)?,
            authority(AuthorityKind::Etcd)?,
        );
        let front_proxy = authority(AuthorityKind::FrontProxy)?;
        let service_account = ServiceAccount::create()?;
        let public = Secret::new(service_account.public.clone());
        changes
            .files
            .insert(format!("{SERVICE_ACCOUNT}.pub"), public);
        changes.files.insert(
            format!("{SERVICE_ACCOUNT}.key"),
            service_account.key.clone(),
        );
        changes.note(SERVICE_ACCOUNT, None, Why::New);
        Ok(Self {
            id: format!("{:032x}", u128::from_be_bytes(random()?)),
            roots: Roots {
                cluster,
                etcd,
                front_proxy,
                service_account,
            },
            pod_subnets: BTreeMap::new(),
        })
    }

    /// Reads it, and checks that it is `cluster`'s and the lock's.
    pub fn read(
        store: &Store,
        cluster: &str,
        locked: Option<&LockedCluster>,
        state: &Path,
        lock: &Path,
    ) -> Result<Self, IdentityError> {
        let file = ClusterFile::read(store)?;
        if file.name != cluster {
            return Err(IdentityError::OtherCluster {
                path: store.path(CLUSTER),
                found: file.name,
                expected: cluster.to_owned(),
            });
        }
        let base = Self {
            pod_subnets: file.pod_subnets(),
            id: file.id,
            roots: Roots::read(store)?,
        };
        let Some(locked) = locked else {
            return Ok(base);
        };
        match difference(locked, &base.locked(cluster)) {
            None => Ok(base),
            Some((what, locked, found)) => Err(IdentityError::LockDisagrees {
                lock: lock.to_owned(),
                state: state.to_owned(),
                what,
                locked,
                found,
            }),
        }
    }

    pub fn locked(&self, cluster: &str) -> LockedCluster {
        LockedCluster::new(cluster, &self.id, |kind| {
            self.roots.authority(kind).facts.fingerprint
        })
    }

    /// The authorities must be valid at `now`.
    pub fn check_time(&self, now: OffsetDateTime) -> Result<(), IdentityError> {
        for kind in AuthorityKind::ALL {
            let facts = &self.roots.authority(kind).facts;
            if now >= facts.not_after {
                return Err(IdentityError::AuthorityExpired {
                    authority: kind,
                    when: facts.not_after,
                });
            }
            if now < facts.not_before {
                return Err(IdentityError::ClockBehind {
                    now,
                    made: facts.not_before,
                });
            }
        }
        Ok(())
    }

    pub fn identities(
        self,
        admin: Leaf,
        nodes: BTreeMap<String, NodeIdentities>,
        pod_subnets: BTreeMap<String, Vec<IpNet>>,
    ) -> Identities {
        let stamps = nodes.values().map(|node| node.stamp);
        Identities {
            external_etcd: None,
            weave_password: None,
            given: super::Given::default(),
            encryption: super::EncryptionKeys::default(),
            stamp: stamps
                .chain([issued(&admin.facts)])
                .fold(self.roots.stamp(), Ord::max),
            cluster_id: self.id,
            cluster_ca: self.roots.cluster,
            etcd_ca: self.roots.etcd,
            front_proxy_ca: self.roots.front_proxy,
            service_account: self.roots.service_account,
            admin,
            metrics_server: None,
            nodes,
            pod_subnets,
        }
    }
}

/// The first thing in which a lock and a state differ, and both values.
fn difference(
    lock: &LockedCluster,
    state: &LockedCluster,
) -> Option<(&'static str, String, String)> {
    let text = |value: Option<&String>| value.map_or("absent".to_owned(), |v| format!("`{v}`"));
    let pairs = [
        ("cluster name", Some(&lock.name), Some(&state.name)),
        ("cluster id", Some(&lock.id), Some(&state.id)),
        (
            "cluster authority",
            lock.ca.get("cluster"),
            state.ca.get("cluster"),
        ),
        ("etcd authority", lock.ca.get("etcd"), state.ca.get("etcd")),
        (
            "front-proxy authority",
            lock.ca.get("front-proxy"),
            state.ca.get("front-proxy"),
        ),
    ];
    let (what, locked, found) = pairs.into_iter().find(|(_, a, b)| a != b)?;
    Some((what, text(locked), text(found)))
}
