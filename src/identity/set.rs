//! Everything issued for a cluster.

use std::collections::BTreeMap;

use ipnet::IpNet;
use rcgen::KeyPair;
use time::OffsetDateTime;

use super::certificate::issued;
use super::state::{NODES, SERVICE_ACCOUNT, public_fingerprint};
use super::{
    Authority, AuthorityKind, Facts, Fingerprint, IdentityError, LeafKind, San, Secret, Subject,
};

/// A certificate below an authority, with its key.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Certificate, PEM.
    pub cert: String,
    /// Private key, PEM (PKCS #8).
    pub key: Secret,
    /// What the certificate says.
    pub facts: Facts,
}

/// The pair that signs and verifies service-account tokens (ES256).
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// Public key, PEM (`PUBLIC KEY`).
    pub public: String,
    /// Private key, PEM (PKCS #8, which client-go's `keyutil` reads since 1.7).
    pub key: Secret,
    /// The pair's name.
    pub fingerprint: Fingerprint,
}

impl ServiceAccount {
    /// What its key allows whoever holds it.
    pub const ALLOWS: &str = "sign tokens of any service account";

    pub(super) fn create() -> Result<Self, IdentityError> {
        let key = KeyPair::generate()?;
        let public = key.public_key_pem();
        Ok(Self {
            fingerprint: public_fingerprint(&public).expect("a key just made is one"),
            public,
            key: Secret::new(key.serialize_pem()),
        })
    }
}

/// Everything issued for a cluster.
#[derive(Debug, Clone)]
pub struct Identities {
    /// 32 hexadecimal digits, made once.
    pub cluster_id: String,
    /// Signs users, nodes and the API server.
    pub cluster_ca: Authority,
    /// Signs everything that speaks to etcd.
    pub etcd_ca: Authority,
    /// Signs what may speak for users to extension API servers.
    pub front_proxy_ca: Authority,
    /// Signs service-account tokens.
    pub service_account: ServiceAccount,
    /// The administrator outside the cluster.
    pub admin: Leaf,
    /// Where the cluster has the addon metrics-server, its HTTPS.
    pub metrics_server: Option<Leaf>,
    /// Towards an etcd that is not ours, where there is one.
    pub external_etcd: Option<super::ExternalEtcd>,
    /// What Weave Net's peers show each other and encrypt by, where it is the pod network.
    pub weave_password: Option<super::Secret>,
    /// The user's own files.
    pub given: super::Given,
    /// What Secrets are encrypted with.
    pub encryption: super::EncryptionKeys,
    /// By node name.
    pub nodes: BTreeMap<String, NodeIdentities>,
    /// By node name, removed nodes' too; one per pod network, in the plan's order.
    pub pod_subnets: BTreeMap<String, Vec<IpNet>>,
    /// The day of the latest issue of anything here, at 00:00 UTC. For one node's seed take
    /// [`NodeIdentities::stamp`], which another node's arrival does not change.
    pub stamp: OffsetDateTime,
}

/// What one node is given.
#[derive(Debug, Clone)]
pub struct NodeIdentities {
    /// The kubelet towards the API server.
    pub kubelet_client: Leaf,
    /// The kubelet's own HTTPS.
    pub kubelet_server: Leaf,
    /// What a master has besides.
    pub master: Option<MasterIdentities>,
    /// The day of the latest issue of the authorities or of anything of this node, at 00:00 UTC: the
    /// earliest time its clock can honestly show.
    pub stamp: OffsetDateTime,
}

/// What a master is given besides. What each is for: [`LeafKind`].
#[derive(Debug, Clone)]
#[expect(
    missing_docs,
    reason = "each field is the variant of `LeafKind` of the same name"
)]
pub struct MasterIdentities {
    pub apiserver: Leaf,
    pub apiserver_kubelet_client: Leaf,
    pub apiserver_etcd_client: Leaf,
    pub front_proxy_client: Leaf,
    pub etcd_server: Leaf,
    pub etcd_peer: Leaf,
    pub etcd_healthcheck_client: Leaf,
    pub controller_manager: Leaf,
    pub scheduler: Leaf,
    pub admin: Leaf,
}

impl MasterIdentities {
    /// `None` unless every one of [`LeafKind::MASTER`] is there.
    fn take(leaves: &mut BTreeMap<LeafKind, Leaf>) -> Option<Self> {
        let mut take = |kind| leaves.remove(&kind);
        Some(Self {
            apiserver: take(LeafKind::Apiserver)?,
            apiserver_kubelet_client: take(LeafKind::ApiserverKubeletClient)?,
            apiserver_etcd_client: take(LeafKind::ApiserverEtcdClient)?,
            front_proxy_client: take(LeafKind::FrontProxyClient)?,
            etcd_server: take(LeafKind::EtcdServer)?,
            etcd_peer: take(LeafKind::EtcdPeer)?,
            etcd_healthcheck_client: take(LeafKind::EtcdHealthcheckClient)?,
            controller_manager: take(LeafKind::ControllerManager)?,
            scheduler: take(LeafKind::Scheduler)?,
            admin: take(LeafKind::Admin)?,
        })
    }

    /// All of them, in the order of [`LeafKind::MASTER`].
    pub fn leaves(&self) -> [(LeafKind, &Leaf); 10] {
        [
            (LeafKind::Apiserver, &self.apiserver),
            (
                LeafKind::ApiserverKubeletClient,
                &self.apiserver_kubelet_client,
            ),
            (LeafKind::ApiserverEtcdClient, &self.apiserver_etcd_client),
            (LeafKind::FrontProxyClient, &self.front_proxy_client),
            (LeafKind::EtcdServer, &self.etcd_server),
            (LeafKind::EtcdPeer, &self.etcd_peer),
            (
                LeafKind::EtcdHealthcheckClient,
                &self.etcd_healthcheck_client,
            ),
            (LeafKind::ControllerManager, &self.controller_manager),
            (LeafKind::Scheduler, &self.scheduler),
            (LeafKind::Admin, &self.admin),
        ]
    }
}

impl NodeIdentities {
    /// `None` unless the node's leaves are complete for its role.
    pub(super) fn take(
        mut leaves: BTreeMap<LeafKind, Leaf>,
        roots: OffsetDateTime,
    ) -> Option<Self> {
        let stamp = leaves
            .values()
            .map(|leaf| issued(&leaf.facts))
            .fold(roots, Ord::max);
        Some(Self {
            kubelet_client: leaves.remove(&LeafKind::KubeletClient)?,
            kubelet_server: leaves.remove(&LeafKind::KubeletServer)?,
            master: if leaves.is_empty() {
                None
            } else {
                Some(MasterIdentities::take(&mut leaves)?)
            },
            stamp,
        })
    }

    /// All of them: [`LeafKind::NODE`], then a master's.
    pub fn leaves(&self) -> impl Iterator<Item = (LeafKind, &Leaf)> {
        let own = [
            (LeafKind::KubeletClient, &self.kubelet_client),
            (LeafKind::KubeletServer, &self.kubelet_server),
        ];
        let master = self.master.iter().flat_map(MasterIdentities::leaves);
        own.into_iter().chain(master)
    }
}

/// Whose a private key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The only node that may hold it; `None`: the cluster's, or the administrator's.
    pub node: Option<String>,
    /// Whether it signs certificates or tokens.
    pub signs: bool,
    /// Its place in the state folder, without extension.
    pub what: String,
    /// What it allows whoever holds it.
    pub allows: String,
}

/// One certificate, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// The node that has it; `None`: an authority's or the administrator's.
    pub node: Option<String>,
    /// Its place in the state folder, without extension.
    pub what: String,
    /// Whom it is about.
    pub subject: Subject,
    /// Who signed it.
    pub issuer: Subject,
    /// Valid from.
    pub not_before: OffsetDateTime,
    /// Valid until.
    pub not_after: OffsetDateTime,
    /// Names and addresses it answers for, sorted.
    pub sans: Vec<San>,
}

/// A certificate in its place: where, whose, whether it signs, what its key allows.
type Placed<'a> = (Owner, &'a Facts);

impl Identities {
    /// One of the authorities.
    pub fn authority(&self, kind: AuthorityKind) -> &Authority {
        match kind {
            AuthorityKind::Cluster => &self.cluster_ca,
            AuthorityKind::Etcd => &self.etcd_ca,
            AuthorityKind::FrontProxy => &self.front_proxy_ca,
        }
    }

    /// Who may hold which private key. What [`super::private_keys`] finds elsewhere and is not in here
    /// belongs to nobody.
    pub fn owners(&self) -> BTreeMap<Fingerprint, Owner> {
        let service_account = Owner {
            node: None,
            signs: true,
            what: SERVICE_ACCOUNT.to_owned(),
            allows: ServiceAccount::ALLOWS.to_owned(),
        };
        let placed = self
            .placed()
            .map(|(owner, facts)| (facts.fingerprint, owner));
        let external = self.external_etcd.as_ref().and_then(|e| e.fingerprint);
        let external = external.map(|fingerprint| {
            // it signs nothing, but is a master's alone like what does
            let owner = Owner {
                node: None,
                signs: true,
                what: "etcd.key".to_owned(),
                allows: super::ExternalEtcd::ALLOWS.to_owned(),
            };
            (fingerprint, owner)
        });
        let given = self.given.keys.iter().map(|(fingerprint, allows)| {
            let owner = Owner {
                node: None,
                signs: true,
                what: "a file that cluster.yml names".to_owned(),
                allows: (*allows).to_owned(),
            };
            (*fingerprint, owner)
        });
        placed
            .chain([(self.service_account.fingerprint, service_account)])
            .chain(external)
            .chain(given)
            .collect()
    }

    /// Every certificate: the authorities, the administrator, the nodes by name.
    pub fn certificates(&self) -> Vec<CertificateInfo> {
        let info = |(owner, facts): Placed<'_>| CertificateInfo {
            node: owner.node,
            what: owner.what,
            subject: facts.subject.clone(),
            issuer: facts.issuer.clone(),
            not_before: facts.not_before,
            not_after: facts.not_after,
            sans: facts.sans.iter().cloned().collect(),
        };
        self.placed().map(info).collect()
    }

    fn placed(&self) -> impl Iterator<Item = Placed<'_>> {
        let authorities = AuthorityKind::ALL.into_iter().map(|kind| {
            let owner = Owner {
                node: None,
                signs: true,
                what: kind.path().to_owned(),
                allows: kind.allows().to_owned(),
            };
            (owner, &self.authority(kind).facts)
        });
        let admin = [(leaf_owner(None, LeafKind::Admin), &self.admin.facts)];
        let nodes = self.nodes.iter().flat_map(|(name, node)| {
            let leaves = node.leaves();
            leaves.map(|(kind, leaf)| (leaf_owner(Some(name), kind), &leaf.facts))
        });
        let service = self.metrics_server.iter().map(|leaf| {
            // it signs nothing, but is a master's alone like what does
            let owner = Owner {
                signs: true,
                ..leaf_owner(None, LeafKind::MetricsServer)
            };
            (owner, &leaf.facts)
        });
        authorities.chain(admin).chain(service).chain(nodes)
    }
}

fn leaf_owner(node: Option<&str>, kind: LeafKind) -> Owner {
    Owner {
        node: node.map(ToOwned::to_owned),
        signs: false,
        what: leaf_path(node, kind),
        allows: kind.allows(node),
    }
}

/// Where a leaf lives in the state folder, without `.crt` or `.key`.
pub(super) fn leaf_path(node: Option<&str>, kind: LeafKind) -> String {
    match node {
        Some(node) => format!("{NODES}/{node}/{}", kind.name()),
        None => format!("pki/{}", kind.name()),
    }
}
