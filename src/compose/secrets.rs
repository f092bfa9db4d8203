//! Who holds which secret: an inventory for people, and the check that no node holds another's.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::tree::NodeTree;
use crate::identity::{Fingerprint, Owner, private_keys};
use crate::plan::{Node, Plan};

/// One secret file of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// Node that holds it.
    pub node: String,
    /// Absolute path there.
    pub path: String,
    /// What it allows whoever holds it.
    pub allows: String,
}

/// A key in a place where it must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Node whose tree holds it.
    pub node: String,
    /// Absolute path there.
    pub path: String,
    /// Whose it is, or that it signs.
    pub why: String,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} holds {}", self.node, self.path, self.why)
    }
}

/// Every secret of the tree.
pub fn inventory(node: &Node, tree: &NodeTree) -> Vec<SecretFile> {
    let secret = |(path, file): (&String, &super::File)| {
        let allows = file.secret.clone()?;
        Some(SecretFile {
            node: node.name.clone(),
            path: path.clone(),
            allows,
        })
    };
    tree.files.iter().filter_map(secret).collect()
}

/// Private keys, found by looking at the bytes of every file that is not part of the program: a
/// worker's tree may hold none that signs, no tree one that is another node's, and no file one that is
/// readable by others. `owners` is [`crate::identity::Identities::owners`].
pub fn leaks(
    plan: &Plan,
    node: &Node,
    tree: &NodeTree,
    owners: &BTreeMap<Fingerprint, Owner>,
) -> Vec<Leak> {
    let mut leaks = Vec::new();
    let made = |file: &super::File| matches!(file.content, Cow::Owned(_));
    for (path, file) in tree.files.iter().filter(|(_, file)| made(file)) {
        for key in private_keys(&file.content) {
            let why = match owners.get(&key) {
                // the operator's own, in a Secret of `manifests`
                None if file.secret.is_some() && path.starts_with("/etc/firstlight/apply/90-") => {
                    None
                }
                None => Some("a private key that nobody issued".to_owned()),
                Some(owner) if owner.signs && !node.is_master() => {
                    Some(format!("the key that may {}", owner.allows))
                }
                Some(owner) if owner.node.as_ref().is_some_and(|n| *n != node.name) => {
                    Some(format!("a key of another node: {}", owner.what))
                }
                Some(owner) if owner.node.is_none() && !owner.signs => {
                    Some(format!("a key for use outside {}", plan.cluster))
                }
                Some(_) if file.secret.is_none() || file.mode & 0o077 != 0 => {
                    Some("a private key that others can read".to_owned())
                }
                Some(_) => None,
            };
            leaks.extend(why.map(|why| Leak {
                node: node.name.clone(),
                path: path.clone(),
                why,
            }));
        }
    }
    leaks
}
