//! `etcd:` of `cluster.yml`.

use super::key::key;
use super::kinds::{COUNT, NAMES, TEXT, URLS};
use super::model::{Etcd, ExternalEtcd, Snapshots};
use super::read::Reader;

/// The section.
pub(super) fn etcd(reader: &mut Reader<'_, '_>) -> Etcd {
    let remove = key(
        "remove",
        "masters of an earlier file that leave the cluster for good; once they have, the key may go",
    );
    let remove = reader.optional(&remove.default("[]").example("[m3]"), &NAMES);
    let snapshots = reader.section(
        &key(
            "snapshots",
            "copies of etcd's data on every master, in /var/lib/firstlight/snapshots",
        ),
        snapshots,
    );
    let external = external(reader);
    Etcd {
        remove: remove.unwrap_or_default(),
        snapshots,
        external,
    }
}

/// An etcd that somebody else runs; Pharos's keys.
fn external(reader: &mut Reader<'_, '_>) -> Option<ExternalEtcd> {
    let endpoints = key(
        "endpoints",
        "client URLs of an etcd that is not on the masters; nothing of etcd runs there then",
    );
    let ca = key("ca_certificate", "path of its authority's certificate");
    let certificate = key("certificate", "path of the client certificate");
    let client_key = key("key", "path of the client key");
    let endpoints = reader.optional(&endpoints.example("[\"https://10.0.0.31:2379\"]"), &URLS);
    let files = [
        reader.optional(&ca.example("etcd/ca.crt"), &TEXT),
        reader.optional(&certificate.example("etcd/client.crt"), &TEXT),
        reader.optional(&client_key.example("etcd/client.key"), &TEXT),
    ];
    let [ca_certificate, certificate, key] = files;
    let external = ExternalEtcd {
        endpoints: endpoints.unwrap_or_default(),
        ca_certificate,
        certificate,
        key,
    };
    let given = !external.endpoints.is_empty()
        || [
            &external.ca_certificate,
            &external.certificate,
            &external.key,
        ]
        .iter()
        .any(|file| file.is_some());
    given.then_some(external)
}

fn snapshots(reader: &mut Reader<'_, '_>) -> Snapshots {
    let every = key("every_hours", "hours between two").default("6");
    let keep = key("keep", "how many are kept").default("12");
    Snapshots {
        every_hours: reader.optional(&every.example("24"), &COUNT).unwrap_or(6),
        keep: reader.optional(&keep.example("30"), &COUNT).unwrap_or(12),
    }
}
