//! Leaf certificates: kept where they serve, issued where they do not, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rayon::prelude::*;
use rcgen::{Issuer, KeyPair};
use time::{Duration, OffsetDateTime};

use super::base::Roots;
use super::certificate::{Request, Validity, issued};
use super::set::leaf_path;
use super::state;
use super::store::{Files, Store};
use super::{Facts, IdentityError, Leaf, LeafKind, NodeIdentities, San, Secret, Subject, Usage};
use crate::config::model::Role;
use crate::plan::{Node, Plan};

/// One thing that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Its place in the state folder, without extension.
    pub what: String,
    /// The node whose bundle it changes; `None`: the cluster's, or the administrator's.
    pub node: Option<String>,
    /// Why.
    pub why: Why,
}

impl fmt::Display for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

/// Why something was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There was none.
    New,
    /// It ran out.
    Expired(OffsetDateTime),
    /// It must answer for other names and addresses.
    Names {
        /// Those that came.
        added: Vec<San>,
        /// Those that went.
        removed: Vec<San>,
    },
    /// It is about somebody else; this is whom it was about.
    Subject(Subject),
    /// It is for something else; this is what it was for.
    Usage(Usage),
    /// It was asked for; this is when the one before was issued.
    Renewed(OffsetDateTime),
}

/// Which certificates to issue anew although they still serve.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renewal {
    /// Of these nodes alone; empty: of all, and the administrator's.
    pub nodes: BTreeSet<String>,
    /// Only those issued at least so long ago.
    pub older_than: Option<Duration>,
}

impl Renewal {
    fn wants(&self, node: Option<&str>, facts: &Facts, now: OffsetDateTime) -> bool {
        let named = self.nodes.is_empty() || node.is_some_and(|n| self.nodes.contains(n));
        named && self.older_than.is_none_or(|age| now - issued(facts) >= age)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::Expired(when) => write!(f, "expired on {}", when.date()),
            Self::Subject(was) => write!(f, "subject was {was}"),
            Self::Usage(was) => write!(f, "usage was {was}"),
            Self::Renewed(was) => write!(f, "renewed, was issued on {}", was.date()),
            Self::Names { added, removed } => {
                let added = added.iter().map(|san| format!("+{san}"));
                let removed = removed.iter().map(|san| format!("-{san}"));
                f.write_str(&added.chain(removed).collect::<Vec<_>>().join(" "))
            }
        }
    }
}

/// What will be written, and what to tell about it.
#[derive(Default)]
pub(super) struct Changes {
    pub files: Files,
    pub issued: Vec<Issued>,
}

impl Changes {
    /// Tells of one issue.
    pub fn note(&mut self, what: &str, node: Option<&str>, why: Why) {
        self.issued.push(Issued {
            what: what.to_owned(),
            node: node.map(ToOwned::to_owned),
            why,
        });
    }
}

/// The authorities ready to sign, with what they sign for.
pub(super) struct Press<'a> {
    store: &'a Store,
    plan: &'a Plan,
    roots: &'a Roots,
    now: OffsetDateTime,
    issuers: [Issuer<'static, KeyPair>; 3],
    renewal: Option<&'a Renewal>,
}

impl<'a> Press<'a> {
    /// For `plan`, at `now`.
    pub fn new(
        roots: &'a Roots,
        store: &'a Store,
        plan: &'a Plan,
        now: OffsetDateTime,
    ) -> Result<Self, IdentityError> {
        let issuers = [
            roots.cluster.issuer()?,
            roots.etcd.issuer()?,
            roots.front_proxy.issuer()?,
        ];
        Ok(Self {
            store,
            plan,
            roots,
            now,
            issuers,
            renewal: None,
        })
    }

    /// The same, for a run that issues some of them anew.
    pub fn renewing(mut self, renewal: Option<&'a Renewal>) -> Self {
        self.renewal = renewal;
        self
    }

    /// Every node's identities; `progress` is called after each.
    pub fn nodes(
        &self,
        progress: &(dyn Fn() + Sync),
        changes: &mut Changes,
    ) -> Result<BTreeMap<String, NodeIdentities>, IdentityError> {
        let made: Vec<_> = self
            .plan
            .nodes
            .par_iter()
            .map(|node| {
                let made = self.node(node);
                progress();
                made
            })
            .collect();
        let mut nodes = BTreeMap::new();
        for (node, made) in self.plan.nodes.iter().zip(made) {
            let (identities, new) = made?;
            changes.files.extend(new.files);
            changes.issued.extend(new.issued);
            nodes.insert(node.name.clone(), identities);
        }
        Ok(nodes)
    }

    fn node(&self, node: &Node) -> Result<(NodeIdentities, Changes), IdentityError> {
        let mut changes = Changes::default();
        let mut leaves = BTreeMap::new();
        let master: &[LeafKind] = match node.role {
            Role::Master => &LeafKind::MASTER,
            Role::Worker => &[],
        };
        for kind in LeafKind::NODE.iter().chain(master) {
            let request = kind.request(self.plan, node);
            let leaf = self.leaf(Some(&node.name), *kind, &request, &mut changes)?;
            leaves.insert(*kind, leaf);
        }
        let identities =
            NodeIdentities::take(leaves, self.roots.stamp()).expect("every kind was just issued");
        Ok((identities, changes))
    }

    /// The leaf as it is kept, or a new one. A leaf that only has to say something else keeps its key,
    /// so that one file changes and no interruption can part a pair.
    pub fn leaf(
        &self,
        node: Option<&str>,
        kind: LeafKind,
        request: &Request,
        changes: &mut Changes,
    ) -> Result<Leaf, IdentityError> {
        let stem = leaf_path(node, kind);
        let authority = self.roots.authority(kind.authority());
        let kept = state::leaf(self.store, &stem, authority)?;
        let (why, key) = match kept {
            None => (Why::New, KeyPair::generate()?),
            Some(leaf) => {
                let wants = |r: &&Renewal| r.wants(node, &leaf.facts, self.now);
                match reason(request, &leaf.facts, self.now) {
                    _ if self.renewal.as_ref().is_some_and(wants) => {
                        (Why::Renewed(issued(&leaf.facts)), KeyPair::generate()?)
                    }
                    None => return Ok(leaf),
                    Some(why) => (why, KeyPair::from_pem(leaf.key.expose())?),
                }
            }
        };
        let days = self.plan.certificates.leaf_days;
        let validity = Validity::of(self.now, days, Some(authority.facts.not_after));
        let cert = request.sign(&key, &self.issuers[kind.authority() as usize], validity)?;
        let leaf = Leaf {
            facts: Facts::parse(&cert).expect("a certificate just made is one"),
            cert,
            key: Secret::new(key.serialize_pem()),
        };
        changes
            .files
            .insert(format!("{stem}.crt"), Secret::new(leaf.cert.clone()));
        if matches!(why, Why::New | Why::Renewed(_)) {
            changes
                .files
                .insert(format!("{stem}.key"), leaf.key.clone());
        }
        changes.note(&stem, node, why);
        Ok(leaf)
    }
}

/// Why a leaf that says `facts` does not serve `request` any more.
fn reason(request: &Request, facts: &Facts, now: OffsetDateTime) -> Option<Why> {
    if now >= facts.not_after {
        return Some(Why::Expired(facts.not_after));
    }
    if request.subject() != facts.subject {
        return Some(Why::Subject(facts.subject.clone()));
    }
    if request.usage != facts.usage {
        return Some(Why::Usage(facts.usage));
    }
    if request.sans == facts.sans {
        return None;
    }
    Some(Why::Names {
        added: request.sans.difference(&facts.sans).cloned().collect(),
        removed: facts.sans.difference(&request.sans).cloned().collect(),
    })
}
