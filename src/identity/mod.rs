//! Authorities, certificates, keys and what else is decided once: kept in the state folder,
//! issued when missing, never silently replaced.
//!
//! [`issue`] is what `build` calls: it reads the state folder, makes what the plan needs and the
//! folder lacks, and says why. [`load`] is for commands that only look. The three authorities,
//! the service-account key and the cluster's id are made once; `firstlight.lock` remembers which.

mod authority;
mod base;
mod certificate;
mod encryption;
mod error;
mod external;
mod facts;
mod fingerprint;
mod generation;
mod given;
mod issue;
mod kubeconfig;
mod leaf;
mod lock;
mod masters;
mod networks;
mod press;
mod release;
mod scan;
mod secret;
mod seeds;
mod set;
mod state;
mod store;
mod subnet;
mod user;
mod weave;

pub use authority::{Authority, AuthorityKind};
pub use encryption::{EncryptionKey, EncryptionKeys, Step, encryption, preview_encryption};
pub use error::{Damage, IdentityError, Remedy};
pub use external::ExternalEtcd;
pub use facts::{Facts, San, Subject, Usage};
pub use fingerprint::Fingerprint;
pub use generation::{generation, next_generation};
pub use given::Given;
pub use issue::{Options, issue, load, preview, renew};
pub use kubeconfig::kubeconfig;
pub use leaf::LeafKind;
pub use masters::{check_masters, record_masters};
pub use networks::{check_networks, record_networks};
pub use press::{Issued, Renewal, Why};
pub use release::{check_release, record_release};
pub use scan::private_keys;
pub use secret::Secret;
pub use seeds::{Made, Seeds};
pub use set::{
    CertificateInfo, Identities, Leaf, MasterIdentities, NodeIdentities, Owner, ServiceAccount,
};
pub use user::User;
pub use weave::weave_password;
