//! What can go wrong between the plan and its identities.

use std::fmt;
use std::path::PathBuf;

use ipnet::IpNet;
use time::OffsetDateTime;

use super::lock::LockedCluster;
use super::{AuthorityKind, Step};
use crate::lock::LockError;

/// Why there are no identities.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file could not be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// Signing failed.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A file of the state folder is not as it was left.
    #[error("`{}` {damage}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
        /// What to do.
        remedy: Remedy,
    },
    /// Another pod network than the cluster was built with.
    #[error("the cluster was built with the provider `{before}`, and this file has `{now}`")]
    ProviderChanged {
        /// The one that nodes have.
        before: String,
        /// The one of the file.
        now: String,
    },
    /// Other addresses than the cluster was built with.
    #[error("the cluster was built with the {what} network {before}, and this file has {now}")]
    NetworkChanged {
        /// `pod` or `service`
        what: &'static str,
        /// Its key.
        key: &'static str,
        /// The networks that the cluster has.
        before: String,
        /// Those of the file.
        now: String,
    },
    /// A file that cannot be Weave Net's password.
    #[error("`{}`, the password of Weave Net, {why}", path.display())]
    WeavePassword {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// Nothing was ever issued here.
    #[error("there are no identities in `{}`", path.display())]
    NoState {
        /// The state folder.
        path: PathBuf,
    },
    /// A certificate that was never issued, or was removed to be issued anew.
    #[error("`{}` has not been issued", path.display())]
    NotIssued {
        /// The certificate.
        path: PathBuf,
    },
    /// The folder holds something else.
    #[error("`{}` is no state folder: it holds other files", path.display())]
    NotState {
        /// The folder.
        path: PathBuf,
    },
    /// Another process holds the state folder.
    #[error("another firstlight is at work in `{}`", path.display())]
    Busy {
        /// The state folder.
        path: PathBuf,
    },
    /// A build was cut off while it wrote.
    #[error("a build was interrupted while it wrote `{}`", path.display())]
    Interrupted {
        /// The state folder.
        path: PathBuf,
    },
    /// Written by a later firstlight.
    #[error("`{}` has schema version {found}, this firstlight knows {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The state folder or the lock belongs to another cluster.
    #[error("`{}` belongs to cluster `{found}`, the configuration says `{expected}`", path.display())]
    OtherCluster {
        /// The file that says so.
        path: PathBuf,
        /// Its cluster.
        found: String,
        /// Ours.
        expected: String,
    },
    /// The lock names a cluster whose keys are gone.
    #[error(
        "`{}` names {cluster}, but its keys are not in `{}`", lock.display(), state.display()
    )]
    LockWithoutState {
        /// The lock file.
        lock: PathBuf,
        /// Where the state should be.
        state: PathBuf,
        /// Whose keys are missing.
        cluster: Box<LockedCluster>,
    },
    /// Lock and state are not of the same cluster.
    #[error(
        "`{}` and `{}` disagree: the {what} is {locked} in the lock and {found} in the state",
        lock.display(), state.display()
    )]
    LockDisagrees {
        /// The lock file.
        lock: PathBuf,
        /// The state folder.
        state: PathBuf,
        /// What differs.
        what: &'static str,
        /// In the lock.
        locked: String,
        /// In the state.
        found: String,
    },
    /// The lock cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The authority ran out.
    #[error("the {authority} authority expired on {}", when.date())]
    AuthorityExpired {
        /// Which one.
        authority: AuthorityKind,
        /// When.
        when: OffsetDateTime,
    },
    /// The clock cannot be right.
    #[error("the clock says {}, before the authorities became valid on {}", now.date(), made.date())]
    ClockBehind {
        /// What the clock says.
        now: OffsetDateTime,
        /// Start of the authorities' validity.
        made: OffsetDateTime,
    },
    /// No pod subnet is left.
    #[error(
        "`{cidr}` holds {room} pod subnets of /{prefix}, {reserved} are taken, {wanted} more are needed"
    )]
    SubnetsExhausted {
        /// The pod network.
        cidr: IpNet,
        /// Length of a node's part in bits.
        prefix: u8,
        /// How many there are.
        room: u128,
        /// How many belong to nodes, past ones too.
        reserved: usize,
        /// How many nodes have none.
        wanted: usize,
    },
    /// A file of the user's that holds no certificate.
    #[error("`{}` holds no certificate in PEM form", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A key of the user's that is not the certificate's.
    #[error("`{}` is not the key of `{}`", key.display(), certificate.display())]
    OtherKey {
        /// The key's file.
        key: PathBuf,
        /// The certificate's.
        certificate: PathBuf,
    },
    /// A step of encryption at rest that is not the next one.
    #[error("`--encryption {step}` is not the next step{}", next.as_ref().map_or(" from here: `rotate` makes a new key, where `encryption.enabled` has one in use".to_owned(), |next| format!(": {next}")))]
    EncryptionStep {
        /// What was asked for.
        step: Step,
        /// What is to be done.
        next: Option<String>,
    },
    /// A master of the last build is none any more, and nobody said what becomes of its etcd member.
    #[error("`{name}` was a master in the last build, and is none in this file")]
    MasterLeftOut {
        /// The node.
        name: String,
    },
    /// Another release train than the cluster was built with.
    #[error("the cluster was built with the release train {before}, and this file has {now}")]
    TrainChanged {
        /// The one that nodes run.
        before: String,
        /// The one of the file.
        now: String,
    },
    /// An older Kubernetes than the cluster was built with.
    #[error("the cluster was built with Kubernetes {before}, and {now} is older")]
    Downgrade {
        /// The one that nodes run.
        before: String,
        /// The one that they would be given.
        now: String,
    },
    /// Another domain than the cluster was built with.
    #[error("the cluster was built with the domain `{before}`, and this file has `{now}`")]
    DomainChanged {
        /// The one that nodes have.
        before: String,
        /// The one of the file.
        now: String,
    },
    /// Every master would be another machine.
    #[error(
        "none of the masters of the last build ({before}) remains: nobody would have the cluster's data"
    )]
    NoMasterRemains {
        /// Their names.
        before: String,
    },
    /// The pod network changed under a node.
    #[error("node `{node}` has the pod subnet `{subnet}`, which is outside the pod network")]
    SubnetOutside {
        /// The node.
        node: String,
        /// Its subnet.
        subnet: IpNet,
    },
}

/// What is wrong with a file of the state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It is not there, though what belongs to it is.
    Missing,
    /// It has no content.
    Empty,
    /// It is not what its name says.
    Unreadable,
    /// The key is not the certificate's.
    OtherKey,
    /// Not the authority of this state folder signed it.
    OtherAuthority,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Empty => "is empty",
            Self::Unreadable => "cannot be read: it is damaged or half-written",
            Self::OtherKey => "does not belong to the certificate beside it",
            Self::OtherAuthority => "was not signed by the authority of this state folder",
        })
    }
}

/// What to do about a damaged file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Only a backup has it.
    Restore,
    /// These two can be issued anew.
    Remove(PathBuf, PathBuf),
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restore => f.write_str(
                "restore it from a backup; `--new-identities` makes a new cluster instead, whose \
                 machines must all be set up again",
            ),
            Self::Remove(cert, key) => write!(
                f,
                "remove both `{}` and `{}` to have them issued anew, or restore them from a backup",
                cert.display(),
                key.display()
            ),
        }
    }
}

impl IdentityError {
    /// What to do, where we know.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Damaged { remedy, .. } => remedy.to_string(),
            Self::NoState { .. } | Self::NotIssued { .. } | Self::Interrupted { .. } => {
                "run `firstlight build`".to_owned()
            }
            Self::NotState { .. } => "name an empty folder, or one that does not exist".to_owned(),
            Self::Busy { .. } => "wait for it to end".to_owned(),
            Self::Newer { .. } => "use the firstlight that wrote it".to_owned(),
            Self::OtherCluster { .. } => {
                "give every cluster a state folder and a lock of its own; a cluster cannot be renamed"
                    .to_owned()
            }
            Self::LockWithoutState { .. } => format!(
                "put the state folder where it was, or restore it from a backup; {NEW_CLUSTER}"
            ),
            Self::LockDisagrees { .. } => {
                format!("restore the one that belongs to the other; {NEW_CLUSTER}")
            }
            Self::Lock(error) => return error.hint().map(str::to_owned),
            Self::AuthorityExpired { .. } => NEW_CLUSTER.to_owned(),
            Self::ClockBehind { .. } => "set the clock".to_owned(),
            Self::SubnetsExhausted { .. } => {
                "enlarge `network.pod_network_cidr`; removed nodes keep their subnets".to_owned()
            }
            Self::MasterLeftOut { name } => format!(
                "a member that is only left out still counts for etcd's majority: `etcd: {{ remove: [{name}] }}` has it leave"
            ),
            Self::TrainChanged { before, .. } => format!(
                "a running cluster moves by one minor release at a time, and trains are further apart: set `kubernetes.version: \"{before}\"` \
                 again, or build a new cluster beside this one and move the workloads; {NEW_CLUSTER}"
            ),
            Self::Downgrade { before, .. } => format!(
                "Kubernetes has no way back: an older release need not read what a newer one wrote; build with the firstlight, or the \
                 `--overlays`, that has {before} or a later one; {NEW_CLUSTER}"
            ),
            Self::DomainChanged { before, .. } => format!(
                "names of Services, and the issuer in every token, would be others: let it be `{before}`; {NEW_CLUSTER}"
            ),
            Self::NoMasterRemains { .. } => {
                "add the new masters first; when they have joined, take the old ones out with `etcd.remove`"
                    .to_owned()
            }
            Self::SubnetOutside { .. } => {
                format!("let `network.pod_network_cidr` contain it again; {NEW_CLUSTER}")
            }
            Self::ProviderChanged { before, .. } => format!(
                "every pod would lose its address and what is connected to it, network policies would stop, and nodes with old and new \
                 seeds could not reach each other's pods: set `network.provider: {before}` again; {NEW_CLUSTER}"
            ),
            Self::NetworkChanged { what, key, .. } => format!(
                "{}: let `{key}` be what it was; {NEW_CLUSTER}",
                match *what {
                    "pod" => "every pod would lose its address, and nodes with old and new seeds could not reach each other's pods",
                    _ => "every Service would lose its address, certificates of the API server would not be for its new one, and pods would ask \
                          DNS where nobody answers",
                }
            ),
            Self::WeavePassword { .. } => {
                "one line of text in a file for its owner alone; without `network.weave.password` one is made and kept in the state folder"
                    .to_owned()
            }
            Self::NoCertificate { .. } => {
                "it must begin with `-----BEGIN CERTIFICATE-----`".to_owned()
            }
            Self::OtherKey { .. } => {
                "name the key that the certificate was made for, unencrypted and in PEM form".to_owned()
            }
            Self::Io(_)
            | Self::NoRandomness
            | Self::Certificate(_)
            | Self::EncryptionStep { .. } => return None,
        })
    }
}

const NEW_CLUSTER: &str =
    "`--new-identities` makes a new cluster instead, whose machines must all be set up again";
