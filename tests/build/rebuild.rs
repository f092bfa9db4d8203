//! What a second build changes, and what it leaves alone.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::SystemTime;

use crate::Place;
use crate::support::{files, run};

/// Content of `out/`, without what lists everything.
fn bundles(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(&place.path("out"));
    files.retain(|path, _| path.starts_with("nodes/") || path == "kubeconfig");
    files
}

/// Nodes one of whose files differs or is gone.
fn changed(
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
) -> BTreeSet<String> {
    let differs = before
        .iter()
        .filter(|(path, content)| after.get(*path) != Some(content));
    differs
        .map(|(path, _)| path.split('/').nth(1).unwrap_or(path).to_owned())
        .collect()
}

fn times(place: &Place) -> BTreeMap<String, (u64, SystemTime)> {
    let paths = files(&place.path("out")).into_keys().chain(
        files(&place.path("state"))
            .into_keys()
            .map(|p| format!("../state/{p}")),
    );
    paths
        .map(|path| {
            let meta = fs_err::metadata(place.path("out").join(&path)).unwrap();
            (path, (meta.ino(), meta.modified().unwrap()))
        })
        .collect()
}

#[test]
fn a_second_build_changes_nothing_and_says_so() {
    let place = Place::with(1, 2);
    let first = place.build();
    assert!(
        first
            .stderr
            .contains("demo: 1 master, 2 workers; Kubernetes 1.34.7; out"),
        "{}",
        first.stderr
    );
    let before = (files(place.dir()), times(&place));
    let second = place.build();
    assert!(files(place.dir()) == before.0, "a byte changed");
    assert_eq!(times(&place), before.1, "a file was written again");
    assert!(
        second
            .stderr
            .contains("nothing changed, 16 files are as they were"),
        "{}",
        second.stderr
    );
    assert_eq!(
        second.stdout, "",
        "a build without --format json has no data"
    );
}

/// What did not change is not made again, so what lies there has to be looked at.
#[test]
fn damage_of_any_kind_is_noticed_although_nothing_changed() {
    let place = Place::with(1, 1);
    place.build();
    let expected = files(&place.path("out"));
    let image = place.path("out/nodes/w1/seed.iso");
    let notes = place.path("out/nodes/w1/cloud-init/meta-data");
    let list = place.path("out/manifest.json");
    let again = |what: &str| {
        let done = place.build();
        assert!(files(&place.path("out")) == expected, "{what}");
        assert!(!done.stderr.contains("removed"), "{what}: {}", done.stderr);
        done.stderr
    };
    let mut bytes = fs_err::read(&image).unwrap();
    for at in [0, bytes.len() / 2, bytes.len() - 1] {
        bytes[at] ^= 1;
        fs_err::write(&image, &bytes).unwrap();
        bytes[at] ^= 1;
        let said = again("one bit of the image");
        assert!(
            said.contains("1 of 11 files written anew; seeds that changed: w1"),
            "{said}"
        );
    }
    fs_err::set_permissions(&notes, std::fs::Permissions::from_mode(0o644)).unwrap();
    again("a mode");
    let mode = fs_err::metadata(&notes).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs_err::read_to_string(&list).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["files"]
        .as_object_mut()
        .unwrap()
        .remove("nodes/w1/cloud-init/user-data");
    value["files"]["nodes/m1/seed.iso"]["sha256"] = "0".repeat(64).into();
    value["inputs"]["w1"] = "of another program".into();
    fs_err::write(&list, value.to_string()).unwrap();
    again("the manifest");
}

#[test]
fn another_folder_another_day_and_another_number_of_threads_give_the_same_bytes() {
    let place = Place::with(1, 2);
    place.build();
    let before = files(&place.path("out"));
    let mut later = crate::firstlight(
        place.dir(),
        &["build", "--out", "elsewhere", "--threads", "1"],
    );
    run(later
        .env_remove("SOURCE_DATE_EPOCH")
        .env("TZ", "Asia/Kathmandu")
        .env("LANG", "tr_TR.UTF-8"))
    .ok();
    assert!(files(&place.path("elsewhere")) == before);
}

#[test]
fn a_worker_more_changes_no_other_bundle() {
    for (masters, workers) in [(1, 1), (3, 2), (1, 4)] {
        let place = Place::with(masters, workers);
        place.build();
        let before = bundles(&place);
        place.describe(masters, workers + 1);
        let done = place.build();
        assert_eq!(
            changed(&before, &bundles(&place)),
            BTreeSet::new(),
            "of {masters} masters and {workers} workers"
        );
        let new = format!("seeds that changed: w{}\n", workers + 1);
        assert!(done.stderr.contains(&new), "{}", done.stderr);
        place.describe(masters, workers);
        place.build();
        assert!(bundles(&place) == before, "and back again");
    }
}

#[test]
fn a_lone_master_gains_its_taint_with_the_first_other_node() {
    // the one case in which a worker changes a master: before, it had to run everything itself
    let place = Place::with(1, 0);
    place.build();
    let before = bundles(&place);
    place.describe(1, 1);
    place.build();
    assert_eq!(
        changed(&before, &bundles(&place)),
        BTreeSet::from(["m1".to_owned()])
    );
}

#[test]
fn a_master_more_changes_every_bundle_that_must_know_it_and_the_build_lists_them() {
    let place = Place::with(2, 1);
    place.build();
    let before = bundles(&place);
    place.describe(3, 1);
    let done = place.run(&["build", "--format", "json"]).ok().json();
    // masters: members of etcd, names in the API server's certificate; workers: servers of the balancer
    assert_eq!(
        changed(&before, &bundles(&place)),
        BTreeSet::from(["m1", "m2", "w1"].map(str::to_owned))
    );
    let listed: Vec<_> = done["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|n| n["changed"] == true)
        .map(|n| n["name"].as_str().unwrap())
        .collect();
    assert_eq!(listed, ["m1", "m2", "m3", "w1"]);
    let issued: Vec<_> = done["issued"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i.as_str().unwrap())
        .collect();
    assert!(
        issued
            .iter()
            .any(|i| i.contains("m1") && i.contains("apiserver")),
        "{issued:?}"
    );
    assert!(
        !issued.iter().any(|i| i.contains("w1")),
        "a worker's certificates know no master: {issued:?}"
    );
}

#[test]
fn a_node_less_is_removed_and_the_build_says_so() {
    let place = Place::with(1, 3);
    place.build();
    let before = bundles(&place);
    place.describe(1, 2);
    let done = place.build();
    assert_eq!(
        changed(&before, &bundles(&place)),
        BTreeSet::from(["w3".to_owned()])
    );
    assert!(!place.path("out/nodes/w3").exists());
    assert!(
        done.stderr.contains("removed nodes/w3/seed.iso\n"),
        "{}",
        done.stderr
    );
    assert!(
        place.path("state/nodes/w3").exists(),
        "the node may come back with the identity it had"
    );
}

#[test]
fn only_what_a_setting_touches_changes() {
    let place = Place::with(1, 2);
    place.build();
    let before = bundles(&place);
    let text = fs_err::read_to_string(place.path("cluster.yml")).unwrap();
    fs_err::write(
        place.path("cluster.yml"),
        text.replace("name: w2,", "name: w2, labels: { disk: ssd },"),
    )
    .unwrap();
    place.build();
    assert_eq!(
        changed(&before, &bundles(&place)),
        BTreeSet::from(["w2".to_owned()])
    );
}

#[test]
fn the_sums_verify() {
    let place = Place::with(1, 1);
    place.build();
    let sums = run(std::process::Command::new("sha256sum")
        .args(["--strict", "-c", "SHA256SUMS"])
        .current_dir(place.path("out")))
    .ok();
    assert_eq!(sums.stdout.matches(": OK").count(), 11);
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs_err::read(place.path("out/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["schema_version"], 1);
    let listed: Vec<_> = manifest["files"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let mut there: Vec<_> = files(&place.path("out")).into_keys().collect();
    there.retain(|p| !["manifest.json", "SHA256SUMS", ".firstlight"].contains(&p.as_str()));
    assert_eq!(listed, there);
    for (path, entry) in manifest["files"].as_object().unwrap() {
        assert_eq!(
            entry["size"],
            fs_err::metadata(place.path("out").join(path))
                .unwrap()
                .len()
        );
    }
}
