//! `etcd:` of `cluster.yml`.

use super::key::{Effect, key};
use super::kinds::{COUNT, LIST, NAMES, TEXT};
use super::model::{Etcd, Snapshots};
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
    // Pharos's, for an etcd of one's own
    for (name, doc) in [
        ("certificate", "path of the client certificate"),
        ("ca_certificate", "path of the authority's certificate"),
        ("key", "path of the client key"),
    ] {
        reader.optional(&key(name, doc).effect(Effect::None), &TEXT);
    }
    reader.optional(
        &key("endpoints", "client URLs of an etcd of one's own").effect(Effect::None),
        &LIST,
    );
    Etcd {
        remove: remove.unwrap_or_default(),
        snapshots,
    }
}

fn snapshots(reader: &mut Reader<'_, '_>) -> Snapshots {
    let every = key("every_hours", "hours between two").default("6");
    let keep = key("keep", "how many are kept").default("12");
    Snapshots {
        every_hours: reader.optional(&every.example("24"), &COUNT).unwrap_or(6),
        keep: reader.optional(&keep.example("30"), &COUNT).unwrap_or(12),
    }
}
