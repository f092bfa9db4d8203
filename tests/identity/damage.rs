//! What is lost, cut short or mixed up is named with its remedy, and never replaced in silence.

use std::path::PathBuf;

use firstlight::identity::IdentityError;
use time::Duration;

use super::{Place, noon, plan};

const RESTORE: &str = "restore it from a backup; `--new-identities` makes a new cluster instead, \
                       whose machines must all be set up again";
const NEW: &str =
    "`--new-identities` makes a new cluster instead, whose machines must all be set up again";

/// A place with one master and one worker, damaged by `act`; `act` gets paths of the state folder.
fn damaged(act: impl FnOnce(&dyn Fn(&str) -> PathBuf)) -> Place {
    let place = Place::new();
    place.issue(&plan(1, 1));
    act(&|path| place.state().join(path));
    place
}

/// Issuing and loading must both fail with `message` and `hint`, and change nothing.
fn refused(place: &Place, message: &str, hint: &str) {
    let before = place.files();
    let errors = [
        place.try_issue(&plan(1, 1), noon(), false).err(),
        place.load().err(),
    ];
    for error in errors {
        says(place, &error.expect("must be refused"), message, hint);
    }
    assert_eq!(before, place.files());
}

/// Compares with the place's own folder written as `@`.
fn says(place: &Place, error: &IdentityError, message: &str, hint: &str) {
    let plain = |text: String| text.replace(place.0.path().to_str().unwrap(), "@");
    assert_eq!(plain(error.to_string()), message);
    assert_eq!(plain(error.hint().unwrap_or_default()), hint);
}

fn remove_both(stem: &str) -> String {
    format!(
        "remove both `@/state/{stem}.crt` and `@/state/{stem}.key` to have them issued anew, or \
         restore them from a backup"
    )
}

#[test]
fn missing_files() {
    for (path, hint) in [
        ("cluster.json", RESTORE.to_owned()),
        ("pki/ca.crt", RESTORE.to_owned()),
        ("pki/ca.key", RESTORE.to_owned()),
        ("pki/etcd/ca.key", RESTORE.to_owned()),
        ("pki/sa.key", RESTORE.to_owned()),
        ("pki/sa.pub", RESTORE.to_owned()),
        ("pki/admin.key", remove_both("pki/admin")),
        ("nodes/m1/apiserver.crt", remove_both("nodes/m1/apiserver")),
        (
            "nodes/w1/kubelet-client.key",
            remove_both("nodes/w1/kubelet-client"),
        ),
    ] {
        let place = damaged(|at| fs_err::remove_file(at(path)).unwrap());
        refused(&place, &format!("`@/state/{path}` is missing"), &hint);
    }
    let place = damaged(|at| fs_err::remove_dir_all(at("pki")).unwrap());
    refused(&place, "`@/state/pki/ca.crt` is missing", RESTORE);
}

#[test]
fn empty_and_half_written_files() {
    for (path, hint) in [
        ("cluster.json", RESTORE.to_owned()),
        ("pki/front-proxy-ca.crt", RESTORE.to_owned()),
        ("pki/ca.key", RESTORE.to_owned()),
        ("pki/sa.pub", RESTORE.to_owned()),
        (
            "nodes/w1/kubelet-server.crt",
            remove_both("nodes/w1/kubelet-server"),
        ),
        (
            "nodes/w1/kubelet-server.key",
            remove_both("nodes/w1/kubelet-server"),
        ),
    ] {
        let place = damaged(|at| fs_err::write(at(path), "").unwrap());
        refused(&place, &format!("`@/state/{path}` is empty"), &hint);
        let message = format!("`@/state/{path}` cannot be read: it is damaged or half-written");
        let place = damaged(|at| {
            let whole = fs_err::read(at(path)).unwrap();
            fs_err::write(at(path), &whole[..whole.len() / 2]).unwrap();
        });
        refused(&place, &message, &hint);
        let place = damaged(|at| fs_err::write(at(path), [0xff; 512]).unwrap());
        refused(&place, &message, &hint);
    }
}

#[test]
fn mixed_up_pairs() {
    for (path, other, hint) in [
        ("pki/ca.key", "pki/etcd/ca.key", RESTORE.to_owned()),
        ("pki/sa.key", "pki/ca.key", RESTORE.to_owned()),
        (
            "nodes/w1/kubelet-client.key",
            "nodes/w1/kubelet-server.key",
            remove_both("nodes/w1/kubelet-client"),
        ),
    ] {
        let place = damaged(|at| {
            fs_err::copy(at(other), at(path)).unwrap();
        });
        let message = format!("`@/state/{path}` does not belong to the certificate beside it");
        refused(&place, &message, &hint);
    }
}

#[test]
fn leaves_of_another_authority() {
    let stem = "nodes/w1/kubelet-client";
    let place = damaged(|at| {
        let other = Place::new();
        other.issue(&plan(1, 1));
        for extension in ["crt", "key"] {
            let path = format!("{stem}.{extension}");
            fs_err::copy(other.state().join(&path), at(&path)).unwrap();
        }
    });
    let message =
        format!("`@/state/{stem}.crt` was not signed by the authority of this state folder");
    refused(&place, &message, &remove_both(stem));
    for extension in ["crt", "key"] {
        fs_err::remove_file(place.state().join(stem).with_extension(extension)).unwrap();
    }
    let error = place.load().unwrap_err();
    says(
        &place,
        &error,
        &format!("`@/state/{stem}` has not been issued"),
        "run `firstlight build`",
    );
    let issued = place.issue(&plan(1, 1)).1;
    assert_eq!(issued.len(), 1);
    assert_eq!(issued[0].what, stem);
}

#[test]
fn a_lock_without_its_state_is_no_new_cluster() {
    let place = Place::new();
    let first = place.issue(&plan(1, 1)).0;
    fs_err::remove_dir_all(place.state()).unwrap();
    let message = format!(
        "`@/firstlight.lock` names cluster `demo` (id {}, authorities cluster {}, etcd {}, \
         front-proxy {}), but its keys are not in `@/state`",
        first.cluster_id,
        first.cluster_ca.facts.fingerprint,
        first.etcd_ca.facts.fingerprint,
        first.front_proxy_ca.facts.fingerprint,
    );
    let hint = format!("put the state folder where it was, or restore it from a backup; {NEW}");
    refused(&place, &message, &hint);
    assert!(!place.state().exists());
    let second = place.try_issue(&plan(1, 1), noon(), true).unwrap().0;
    assert_ne!(first.cluster_id, second.cluster_id);
    place.issue(&plan(1, 1));
}

#[test]
fn lock_and_state_of_different_clusters() {
    let (place, other) = (Place::new(), Place::new());
    let mine = place.issue(&plan(1, 1)).0;
    let theirs = other.issue(&plan(1, 1)).0;
    fs_err::copy(other.lock(), place.lock()).unwrap();
    let message = format!(
        "`@/firstlight.lock` and `@/state` disagree: the cluster id is `{}` in the lock and `{}` in \
         the state",
        theirs.cluster_id, mine.cluster_id
    );
    let hint = format!("restore the one that belongs to the other; {NEW}");
    refused(&place, &message, &hint);
}

#[test]
fn another_cluster() {
    let place = Place::new();
    place.issue(&plan(1, 1));
    let mut renamed = plan(1, 1);
    renamed.cluster = "prod".to_owned();
    let error = place.try_issue(&renamed, noon(), false).unwrap_err();
    let hint =
        "give every cluster a state folder and a lock of its own; a cluster cannot be renamed";
    let message = "`@/state/cluster.json` belongs to cluster `demo`, the configuration says `prod`";
    says(&place, &error, message, hint);
    fs_err::remove_dir_all(place.state()).unwrap();
    let error = place.try_issue(&renamed, noon(), false).unwrap_err();
    let message = "`@/firstlight.lock` belongs to cluster `demo`, the configuration says `prod`";
    says(&place, &error, message, hint);
}

#[test]
fn new_identities_keep_the_old_ones_aside() {
    let place = Place::new();
    let first = place.issue(&plan(1, 1)).0;
    let (second, issued) = place.try_issue(&plan(1, 1), noon(), true).unwrap();
    assert_ne!(first.cluster_id, second.cluster_id);
    assert_eq!(issued.len(), 3 + 1 + 1 + 12 + 2);
    let aside = place
        .0
        .path()
        .join(format!("state.until-{}", noon().unix_timestamp()));
    let key = fs_err::read_to_string(aside.join("pki/ca.key")).unwrap();
    assert_eq!(key, first.cluster_ca.key.expose());
    assert_eq!(place.load().unwrap().cluster_id, second.cluster_id);
}

#[test]
fn looking_never_writes() {
    let place = Place::new();
    let error = place.load().unwrap_err();
    let message = "there are no identities in `@/state`";
    says(&place, &error, message, "run `firstlight build`");
    assert_eq!(place.files().len(), 0);
    assert!(!place.state().exists());
}

#[test]
fn a_lost_lock_is_written_again() {
    let place = Place::new();
    place.issue(&plan(1, 1));
    let before = fs_err::read(place.lock()).unwrap();
    fs_err::remove_file(place.lock()).unwrap();
    place.issue(&plan(1, 1));
    assert_eq!(before, fs_err::read(place.lock()).unwrap());
}

#[test]
fn clocks_and_lifetimes() {
    let place = Place::new();
    let mut short = plan(1, 1);
    short.certificates.ca_days = 10;
    place.issue(&short);
    let issue = |days| place.try_issue(&short, noon() + Duration::days(days), false);
    let message = "the cluster authority expired on 2026-03-20";
    says(&place, &issue(10).unwrap_err(), message, NEW);
    let message = "the clock says 2026-03-06, before the authorities became valid on 2026-03-08";
    says(&place, &issue(-4).unwrap_err(), message, "set the clock");
}

#[test]
fn pod_networks_that_do_not_fit() {
    let place = Place::new();
    let mut small = plan(1, 4);
    small.pod_cidrs = vec!["10.32.0.0/22".parse().unwrap()];
    let error = place.try_issue(&small, noon(), false).unwrap_err();
    let message = "`10.32.0.0/22` holds 4 pod subnets of /24, 0 are taken, 5 more are needed";
    let hint = "enlarge `network.pod_network_cidr`; removed nodes keep their subnets";
    says(&place, &error, message, hint);
    assert!(!place.lock().exists());
    place.issue(&plan(1, 1));
    small.pod_cidrs = vec!["10.99.0.0/16".parse().unwrap()];
    let error = place.try_issue(&small, noon(), false).unwrap_err();
    let message = "node `m1` has the pod subnet `10.32.0.0/24`, which is outside the pod network";
    let hint = format!("let `network.pod_network_cidr` contain it again; {NEW}");
    says(&place, &error, message, &hint);
}

#[test]
fn a_newer_state() {
    let place = damaged(|at| {
        let text = fs_err::read_to_string(at("cluster.json")).unwrap();
        let newer = text.replace("\"schema_version\": 1", "\"schema_version\": 7");
        fs_err::write(at("cluster.json"), newer).unwrap();
    });
    let message = "`@/state/cluster.json` has schema version 7, this firstlight knows 1";
    refused(&place, message, "use the firstlight that wrote it");
}
