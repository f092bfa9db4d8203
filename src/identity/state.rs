//! The state folder as what it means: which cluster, which pairs of certificate and key.

use std::collections::BTreeMap;

use ipnet::IpNet;
use rcgen::{KeyPair, PublicKeyData as _};
use serde::{Deserialize, Serialize};

use super::facts::signed_by;
use super::store::Store;
use super::{
    Authority, AuthorityKind, Damage, Facts, Fingerprint, IdentityError, Leaf, Remedy, Secret,
    ServiceAccount,
};

/// The file that says which cluster a state folder belongs to.
pub(super) const CLUSTER: &str = "cluster.json";
/// The service-account pair, as on a master.
pub(super) const SERVICE_ACCOUNT: &str = "pki/sa";
/// Node folders.
pub(super) const NODES: &str = "nodes";

const SCHEMA: u32 = 1;

/// `cluster.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClusterFile {
    schema_version: u32,
    pub name: String,
    pub id: String,
    pod_subnets: BTreeMap<String, Vec<String>>,
}

impl ClusterFile {
    pub fn new(name: &str, id: &str, pod_subnets: &BTreeMap<String, Vec<IpNet>>) -> Self {
        let texts = |nets: &Vec<IpNet>| nets.iter().map(ToString::to_string).collect();
        Self {
            schema_version: SCHEMA,
            name: name.to_owned(),
            id: id.to_owned(),
            pod_subnets: pod_subnets
                .iter()
                .map(|(n, s)| (n.clone(), texts(s)))
                .collect(),
        }
    }

    /// Reads it from a state folder, which must have one.
    pub fn read(store: &Store) -> Result<Self, IdentityError> {
        #[derive(Deserialize)]
        struct Version {
            schema_version: u32,
        }
        let damaged = |damage| store.damaged(CLUSTER, damage, &Remedy::Restore);
        let text = store.read(CLUSTER, &Remedy::Restore)?;
        let text = text.ok_or_else(|| damaged(Damage::Missing))?;
        let version: Version =
            serde_json::from_str(text.expose()).map_err(|_| damaged(Damage::Unreadable))?;
        if version.schema_version > SCHEMA {
            return Err(IdentityError::Newer {
                path: store.path(CLUSTER),
                found: version.schema_version,
                known: SCHEMA,
            });
        }
        let file: Self =
            serde_json::from_str(text.expose()).map_err(|_| damaged(Damage::Unreadable))?;
        file.parse_subnets()
            .map_err(|_| damaged(Damage::Unreadable))?;
        Ok(file)
    }

    /// The pod subnets by node name.
    pub fn pod_subnets(&self) -> BTreeMap<String, Vec<IpNet>> {
        self.parse_subnets().expect("checked by `read`")
    }

    fn parse_subnets(&self) -> Result<BTreeMap<String, Vec<IpNet>>, ipnet::AddrParseError> {
        let parse = |texts: &Vec<String>| {
            texts
                .iter()
                .map(|text| text.parse::<IpNet>())
                .collect::<Result<_, _>>()
        };
        let entries = self.pod_subnets.iter();
        entries
            .map(|(name, texts)| Ok((name.clone(), parse(texts)?)))
            .collect()
    }

    /// As written.
    pub fn to_secret(&self) -> Secret {
        let json = serde_json::to_string_pretty(self).expect("strings and a number");
        Secret::new(json + "\n")
    }
}

/// An authority, which must be there.
pub(super) fn authority(store: &Store, kind: AuthorityKind) -> Result<Authority, IdentityError> {
    let path = format!("{}.crt", kind.path());
    let damaged = |damage| store.damaged(&path, damage, &Remedy::Restore);
    let pair = pair(store, kind.path(), &Remedy::Restore)?;
    let pair = pair.ok_or_else(|| damaged(Damage::Missing))?;
    if !pair.facts.authority || pair.facts.subject.common_name != kind.common_name() {
        return Err(damaged(Damage::Unreadable));
    }
    if !signed_by(&pair.cert, &pair.cert) {
        return Err(damaged(Damage::OtherAuthority));
    }
    Ok(Authority {
        cert: pair.cert,
        key: pair.key,
        facts: pair.facts,
    })
}

/// A leaf that `authority` must have signed; `None` when neither file exists.
pub(super) fn leaf(
    store: &Store,
    stem: &str,
    authority: &Authority,
) -> Result<Option<Leaf>, IdentityError> {
    let (cert, key) = (format!("{stem}.crt"), format!("{stem}.key"));
    let remedy = Remedy::Remove(store.path(&cert), store.path(&key));
    let leaf = pair(store, stem, &remedy)?;
    if leaf
        .as_ref()
        .is_some_and(|leaf| !signed_by(&leaf.cert, &authority.cert))
    {
        return Err(store.damaged(&cert, Damage::OtherAuthority, &remedy));
    }
    Ok(leaf)
}

/// A certificate and its key; `None` when neither exists.
fn pair(store: &Store, stem: &str, remedy: &Remedy) -> Result<Option<Leaf>, IdentityError> {
    let (cert_path, key_path) = (format!("{stem}.crt"), format!("{stem}.key"));
    let Some((cert, key)) = both(store, &cert_path, &key_path, remedy)? else {
        return Ok(None);
    };
    let facts = Facts::parse(cert.expose())
        .ok_or_else(|| store.damaged(&cert_path, Damage::Unreadable, remedy))?;
    if key_fingerprint(store, &key_path, &key, remedy)? != facts.fingerprint {
        return Err(store.damaged(&key_path, Damage::OtherKey, remedy));
    }
    Ok(Some(Leaf {
        cert: cert.expose().to_owned(),
        key,
        facts,
    }))
}

/// The service-account pair, which must be there.
pub(super) fn service_account(store: &Store) -> Result<ServiceAccount, IdentityError> {
    let remedy = Remedy::Restore;
    let (public_path, key_path) = (
        format!("{SERVICE_ACCOUNT}.pub"),
        format!("{SERVICE_ACCOUNT}.key"),
    );
    let (public, key) = both(store, &public_path, &key_path, &remedy)?
        .ok_or_else(|| store.damaged(&key_path, Damage::Missing, &remedy))?;
    let fingerprint = public_fingerprint(public.expose())
        .ok_or_else(|| store.damaged(&public_path, Damage::Unreadable, &remedy))?;
    if key_fingerprint(store, &key_path, &key, &remedy)? != fingerprint {
        return Err(store.damaged(&key_path, Damage::OtherKey, &remedy));
    }
    Ok(ServiceAccount {
        public: public.expose().to_owned(),
        key,
        fingerprint,
    })
}

/// Both files of a pair, or neither: one alone is damage.
fn both(
    store: &Store,
    public: &str,
    key: &str,
    remedy: &Remedy,
) -> Result<Option<(Secret, Secret)>, IdentityError> {
    match (store.read(public, remedy)?, store.read(key, remedy)?) {
        (Some(public), Some(key)) => Ok(Some((public, key))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(store.damaged(public, Damage::Missing, remedy)),
        (Some(_), None) => Err(store.damaged(key, Damage::Missing, remedy)),
    }
}

fn key_fingerprint(
    store: &Store,
    path: &str,
    key: &Secret,
    remedy: &Remedy,
) -> Result<Fingerprint, IdentityError> {
    let key = KeyPair::from_pem(key.expose())
        .map_err(|_| store.damaged(path, Damage::Unreadable, remedy))?;
    Ok(Fingerprint::of_public_key(&key.subject_public_key_info()))
}

/// The fingerprint of a `PUBLIC KEY` block (RFC 7468 §13).
pub(super) fn public_fingerprint(pem: &str) -> Option<Fingerprint> {
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).ok()?;
    (block.label == "PUBLIC KEY").then(|| Fingerprint::of_public_key(&block.contents))
}
