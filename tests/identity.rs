//! Identities as their readers see them: OpenSSL, the next build, the operator after an accident.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "identity/damage.rs"]
mod damage;
#[path = "identity/openssl.rs"]
mod openssl;
#[path = "identity/rebuild.rs"]
mod rebuild;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use firstlight::artefact::Catalogue;
use firstlight::config;
use firstlight::diagnostic::Source;
use firstlight::identity::{Identities, IdentityError, Issued, Options, issue, load};
use firstlight::plan::profile::Profiles;
use firstlight::plan::{self, Plan};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// A plan of `masters` and `workers`, named `m1…` and `w1…`, made as every build makes it.
fn plan(masters: u8, workers: u8) -> Plan {
    let host = |role: &'static str, third: u8| {
        move |index: u8| {
            let letter = &role[..1];
            format!(
                "  - {{ name: {letter}{index}, address: 10.0.{third}.{index}/16, interface: eth0, role: {role} }}\n"
            )
        }
    };
    let masters = (1..=masters).map(host("master", 1));
    let workers = (1..=workers).map(host("worker", 2));
    let hosts: String = masters.chain(workers).collect();
    let text = format!(
        "name: demo\napi: {{ endpoint: api.example.com }}\nnetwork: {{ provider: bridge }}\ndefaults: {{ network: {{ gateway: 10.0.0.1 }} }}\nhosts:\n{hosts}"
    );
    let source = Source {
        name: "cluster.yml".to_owned(),
        text,
    };
    let (config, document, _) = config::parse(&source).unwrap();
    plan::plan(
        &config,
        &document,
        &Profiles::embedded(),
        &Catalogue::embedded().unwrap(),
    )
    .unwrap()
}

/// 2026-03-10 12:00 UTC.
fn noon() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_773_144_000).unwrap()
}

/// A place for one cluster's state folder and lock.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn lock(&self) -> PathBuf {
        self.0.path().join("firstlight.lock")
    }

    fn try_issue(
        &self,
        plan: &Plan,
        now: OffsetDateTime,
        new_identities: bool,
    ) -> Result<(Identities, Vec<Issued>), IdentityError> {
        let options = Options {
            new_identities,
            progress: &|| {},
        };
        issue(plan, &self.state(), &self.lock(), now, options)
    }

    fn issue(&self, plan: &Plan) -> (Identities, Vec<Issued>) {
        self.try_issue(plan, noon(), false).unwrap()
    }

    fn load(&self) -> Result<Identities, IdentityError> {
        load("demo", &self.state(), &self.lock())
    }

    /// Every file of state and lock, by path.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.0.path()).unwrap().to_owned();
                    files.insert(name, fs_err::read(&path).unwrap());
                }
            }
        }
        files
    }
}

fn mode(path: &Path) -> u32 {
    fs_err::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn state_is_private_and_readable_by_people() {
    let place = Place::new();
    place.issue(&plan(1, 1));
    assert_eq!(mode(&place.state()), 0o700);
    let files = place.files();
    for path in files.keys().filter(|path| path.starts_with("state")) {
        let path = place.0.path().join(path);
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        assert_eq!(mode(path.parent().unwrap()), 0o700, "{}", path.display());
    }
    let names: Vec<_> = files.keys().map(|path| path.to_string_lossy()).collect();
    let listing = names.join("\n");
    for expected in [
        "pki/ca.key",
        "pki/etcd/ca.crt",
        "pki/sa.pub",
        "nodes/m1/apiserver.crt",
    ] {
        assert!(listing.contains(expected), "{expected} in\n{listing}");
    }
    let lock = String::from_utf8(files[Path::new("firstlight.lock")].clone()).unwrap();
    assert!(!lock.contains("PRIVATE"), "{lock}");
    assert!(lock.contains("front-proxy: sha256:"), "{lock}");
}

#[test]
fn secrets_are_not_in_debug_output() {
    let identities = Place::new().issue(&plan(1, 0)).0;
    let text = format!("{identities:?}");
    assert!(text.contains("[redacted]") && !text.contains("PRIVATE KEY"));
}

#[test]
fn owners_tell_a_worker_from_an_authority() {
    use firstlight::identity::private_keys;
    let identities = Place::new().issue(&plan(2, 1)).0;
    let owners = identities.owners();
    // 3 authorities, service account, administrator, 2 × 12 for masters, 2 for the worker.
    assert_eq!(owners.len(), 3 + 1 + 1 + 24 + 2);
    let owner = |key: &str| {
        let found = private_keys(key.as_bytes());
        owners[&found[0]].clone()
    };
    let worker = owner(identities.nodes["w1"].kubelet_client.key.expose());
    assert_eq!(worker.node.as_deref(), Some("w1"));
    assert_eq!(
        (worker.signs, worker.allows.as_str()),
        (false, "act as node w1")
    );
    assert!(owner(identities.cluster_ca.key.expose()).signs);
    assert!(owner(identities.service_account.key.expose()).signs);
}

#[test]
fn certificates_are_listed_in_order() {
    let place = Place::new();
    let identities = place.issue(&plan(1, 1)).0;
    let listed = identities.certificates();
    assert_eq!(listed, place.load().unwrap().certificates());
    let whats: Vec<_> = listed.iter().map(|info| info.what.as_str()).collect();
    assert_eq!(
        whats[..5],
        [
            "pki/ca",
            "pki/etcd/ca",
            "pki/front-proxy-ca",
            "pki/admin",
            "nodes/m1/kubelet-client"
        ]
    );
    assert_eq!(whats.last(), Some(&"nodes/w1/kubelet-server"));
    let kubelet = listed.last().unwrap();
    assert_eq!(
        kubelet.subject.to_string(),
        "O=system:nodes, CN=system:node:w1"
    );
    assert_eq!(kubelet.issuer.to_string(), "CN=kubernetes");
    let sans: Vec<_> = kubelet.sans.iter().map(ToString::to_string).collect();
    assert_eq!(sans, ["DNS:w1", "IP:10.0.2.1"]);
    assert_eq!(kubelet.not_before, noon() - Duration::hours(60));
}
