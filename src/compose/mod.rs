//! `Plan` + identities → [`NodeTree`] per node. One file per concern.
//!
//! What is the same for all nodes is a plain file in `overlays/`; what differs is a value, in
//! `/etc/firstlight/node.env` or in a typed configuration file.

mod addons;
mod apply;
mod artefacts;
mod balancer;
mod containerd;
mod control_plane;
pub mod effects;
pub mod firewall;
mod given;
mod host;
pub mod images;
pub mod installer;
mod interfaces;
mod kubelet;
pub mod listeners;
mod network;
mod object;
mod overlay;
mod pki;
mod pod_security;
mod proxy;
mod registries;
pub mod secrets;
mod tls;
mod tree;
mod units;

pub use host::bracketed;
pub use tree::{File, Kind, NodeTree};

use crate::identity::Identities;
use crate::plan::{Node, Plan};

/// What the cluster's objects looked like when they last changed, counted up by every change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(pub u64);

/// The tree of one node.
///
/// # Panics
/// When `ids` were not issued for this plan.
pub fn node(plan: &Plan, node: &Node, ids: &Identities, generation: Generation) -> NodeTree {
    let mut tree = NodeTree::default();
    units::add(&mut tree, plan, node);
    host::add(&mut tree, plan, node, ids, generation);
    addons::upgrades::add(&mut tree, plan);
    artefacts::add(&mut tree, node);
    containerd::add(&mut tree, plan, node, ids);
    firewall::add(&mut tree, plan, node);
    network::add(&mut tree, plan, node, ids);
    pki::add(&mut tree, plan, node, ids);
    kubelet::add(&mut tree, plan, node);
    control_plane::add_cloud(&mut tree, plan, ids);
    if node.is_master() {
        control_plane::add(&mut tree, plan, node, ids);
        apply::add(&mut tree, plan, node, ids);
    } else {
        balancer::add(&mut tree, plan, node);
    }
    given::add(&mut tree, node);
    tree
}

/// The script that a boot format runs on every boot to hand the seed over: it carries the seed's
/// archive as base64 lines, known by the SHA-256 of its bytes.
pub fn foothold(archive: &str, digest_hex: &str) -> String {
    units::foothold(archive, digest_hex)
}

/// The objects that every master applies, as text: when it differs from the last build's, the
/// generation goes up.
pub fn objects(plan: &Plan, ids: &Identities) -> String {
    plan.masters()
        .next()
        .map(|master| {
            let waves = apply::waves(plan, master, ids).into_values();
            waves.chain(apply::secret_digests(ids)).collect()
        })
        .unwrap_or_default()
}
