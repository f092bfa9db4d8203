//! Bad input, foreign folders, full disks, cuts: what is refused, in which words, and what is repaired.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::Place;
use crate::support::{files, firstlight, paths, run};

#[test]
fn input_that_cannot_be_read() {
    let place = Place::empty();
    assert_eq!(
        place.refused(&["build"]),
        "error: there is no `cluster.yml`\nhint: `firstlight init` writes one, `firstlight build --example` needs none\n"
    );
    fs_err::create_dir(place.path("cluster.yml")).unwrap();
    let said = place.refused(&["build"]);
    assert!(
        said.starts_with("error: ") && said.contains("`cluster.yml`") && said.contains("directory"),
        "{said}"
    );
    fs_err::remove_dir(place.path("cluster.yml")).unwrap();
    fs_err::write(place.path("cluster.yml"), b"name: demo\nhosts: \xff\n").unwrap();
    let said = place.refused(&["build"]);
    assert!(
        said.contains("[yaml/encoding]")
            && said.contains("the file is not UTF-8: byte `0xff` in line 2"),
        "{said}"
    );
    assert!(
        !place.path("out").exists() && !place.path("state").exists(),
        "nothing is written for a file that is refused"
    );
}

#[test]
fn a_byte_order_mark_is_no_content() {
    let place = Place::with(1, 0);
    let text = fs_err::read(place.path("cluster.yml")).unwrap();
    fs_err::write(
        place.path("cluster.yml"),
        [b"\xef\xbb\xbf".as_slice(), &text].concat(),
    )
    .unwrap();
    place.build();
}

#[test]
fn an_unreadable_file_is_named() {
    let place = Place::with(1, 0);
    fs_err::set_permissions(
        place.path("cluster.yml"),
        std::fs::Permissions::from_mode(0o0),
    )
    .unwrap();
    // root reads everything: as nobody
    let readable = fs_err::read(place.path("cluster.yml")).is_ok();
    if readable {
        // the program may stand in root's own folders. Copied by a process of its own: what is open for writing here
        // stays open in whatever another test starts just then, and cannot be run
        let program = env!("CARGO_BIN_EXE_firstlight");
        run(Command::new("cp")
            .arg(program)
            .arg(place.path("firstlight")))
        .ok();
        fs_err::set_permissions(place.dir(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new("setpriv");
        command
            .args([
                "--reuid",
                "65534",
                "--regid",
                "65534",
                "--clear-groups",
                "./firstlight",
                "check",
            ])
            .current_dir(place.dir());
        let done = run(&mut command);
        assert_eq!(done.code, Some(1), "{}", done.stderr);
        assert!(
            done.stderr.contains("cluster.yml") && done.stderr.contains("ermission denied"),
            "{}",
            done.stderr
        );
        // and what cannot be written is named
        fs_err::set_permissions(
            place.path("cluster.yml"),
            std::fs::Permissions::from_mode(0o644),
        )
        .unwrap();
        let mut command = Command::new("setpriv");
        command
            .args([
                "--reuid",
                "65534",
                "--regid",
                "65534",
                "--clear-groups",
                "./firstlight",
                "build",
            ])
            .current_dir(place.dir());
        let done = run(&mut command);
        assert_eq!(done.code, Some(1), "{}", done.stderr);
        assert!(
            done.stderr.contains("out") && done.stderr.contains("ermission denied"),
            "{}",
            done.stderr
        );
    } else {
        let said = place.refused(&["check"]);
        assert!(
            said.contains("cluster.yml") && said.contains("ermission denied"),
            "{said}"
        );
    }
}

#[test]
fn an_output_folder_of_somebody_else_is_left_alone() {
    let place = Place::with(1, 0);
    fs_err::create_dir(place.path("out")).unwrap();
    fs_err::write(place.path("out/thesis.tex"), "years").unwrap();
    assert_eq!(
        place.refused(&["build"]),
        "error: `out` is not empty and was not made by firstlight\nhint: choose another folder with `--out`, or empty it\n"
    );
    assert_eq!(paths(&place.path("out")), ["thesis.tex"]);
    assert!(
        !place.path("state").exists(),
        "no identities are made for a build that is refused"
    );
    fs_err::remove_file(place.path("out/thesis.tex")).unwrap();
    place.build();
    fs_err::write(place.path("file"), "").unwrap();
    let said = place.refused(&["build", "--out", "file"]);
    assert!(
        said.starts_with("error: ") && said.contains("file"),
        "{said}"
    );
}

#[test]
fn what_others_put_beside_our_files_stays() {
    let place = Place::with(1, 1);
    place.build();
    fs_err::write(place.path("out/notes.txt"), "mine").unwrap();
    place.describe(1, 0);
    place.build();
    assert_eq!(
        fs_err::read_to_string(place.path("out/notes.txt")).unwrap(),
        "mine"
    );
}

#[test]
fn the_state_of_another_cluster_is_refused() {
    let place = Place::with(1, 0);
    place.build();
    let text = fs_err::read_to_string(place.path("cluster.yml")).unwrap();
    fs_err::write(
        place.path("cluster.yml"),
        text.replace("name: demo", "name: other"),
    )
    .unwrap();
    let before = files(&place.path("state"));
    let said = place.refused(&["build"]);
    assert!(
        said.contains("belongs to cluster `demo`, the configuration says `other`"),
        "{said}"
    );
    assert!(
        said.contains("\nhint: give every cluster a state folder and a lock of its own"),
        "{said}"
    );
    assert!(files(&place.path("state")) == before);
}

#[test]
fn a_lock_without_its_state_names_the_authorities() {
    let place = Place::with(1, 0);
    place.build();
    let lock = fs_err::read_to_string(place.path("firstlight.lock")).unwrap();
    fs_err::remove_dir_all(place.path("state")).unwrap();
    let out = files(&place.path("out"));
    let said = place.refused(&["build"]);
    let fingerprints: Vec<_> = lock
        .split_whitespace()
        .map(|w| w.trim_matches(['\'', '"']))
        .filter(|w| w.starts_with("sha256:"))
        .collect();
    assert_eq!(fingerprints.len(), 3, "{lock}");
    for fingerprint in fingerprints {
        assert!(said.contains(fingerprint), "{said}");
    }
    assert!(
        said.contains("\nhint: ") && said.contains("--new-identities"),
        "{said}"
    );
    assert!(
        files(&place.path("out")) == out && !place.path("state").exists(),
        "never a new cluster by accident"
    );
    place.run(&["build", "--new-identities"]).ok();
    assert!(files(&place.path("out")) != out);
}

#[test]
fn a_damaged_state_is_named_and_never_mended_silently() {
    let place = Place::with(1, 0);
    place.build();
    let pristine = files(&place.path("state"));
    for name in [
        "pki/ca.key",
        "pki/etcd/ca.crt",
        "pki/sa.key",
        "cluster.json",
        "nodes/m1/apiserver.key",
    ] {
        let path = place.path("state").join(name);
        let whole = fs_err::read(&path).unwrap();
        for content in [b"".as_slice(), &whole[..whole.len() / 2]] {
            fs_err::write(&path, content).unwrap();
            let said = place.refused(&["build"]);
            assert!(
                said.contains(&format!("`state/{name}`")) && said.contains("\nhint: "),
                "{said}"
            );
        }
        fs_err::write(&path, whole).unwrap();
    }
    assert!(files(&place.path("state")) == pristine);
    place.build();
}

#[test]
fn a_build_that_was_cut_off_is_repaired_by_the_next() {
    let whole = Place::with(3, 8);
    whole.build();
    let expected = files(&whole.path("out"));
    // the state is the first build's, or the identities would differ
    let place = Place::with(3, 8);
    run(Command::new("cp").arg("-a").args([
        whole.path("state"),
        whole.path("firstlight.lock"),
        place.dir().to_owned(),
    ]))
    .ok();
    let begun = std::time::Instant::now();
    whole.run(&["build", "--out", "again"]).ok();
    let time = begun.elapsed();
    let mut seen = std::collections::BTreeSet::new();
    for cut in 0..12 {
        let mut child = firstlight(place.dir(), &["build"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // most of the time goes before the first file; the writing itself is cut the most often
        std::thread::sleep(time.mul_f64(0.4 + 0.05 * f64::from(cut)));
        child.kill().unwrap();
        child.wait().unwrap();
        if !place.path("out").exists() {
            continue;
        }
        seen.insert(files(&place.path("out")).len());
        // every file that has its name is whole
        for (path, content) in files(&place.path("out")) {
            let temporary = path
                .rsplit('/')
                .next()
                .is_some_and(|n| n.starts_with(".firstlight-"));
            assert!(
                temporary || expected.get(&path) == Some(&content),
                "{path} after cut {cut}"
            );
        }
        let _ = fs_err::remove_file(place.path("out/manifest.json"));
        if cut % 3 == 0 {
            let _ = fs_err::remove_dir_all(place.path("out/nodes/m1"));
        }
    }
    assert!(
        seen.len() > 1,
        "the cuts fell at different moments: {seen:?}"
    );
    place.build();
    assert!(
        files(&place.path("out")) == expected,
        "{:?}",
        paths(&place.path("out"))
    );
}

#[test]
fn leftovers_go_and_damaged_outputs_come_back() {
    let place = Place::with(1, 2);
    place.build();
    let expected = files(&place.path("out"));
    fs_err::write(place.path("out/nodes/w1/.firstlight-Ab12"), "half a key").unwrap();
    fs_err::write(place.path("out/.firstlight-Cd34"), "half a sum").unwrap();
    fs_err::create_dir_all(place.path("out/nodes/w9/cloud-init")).unwrap();
    fs_err::write(
        place.path("out/nodes/w9/cloud-init/user-data"),
        "of a build that never ended",
    )
    .unwrap();
    fs_err::remove_file(place.path("out/manifest.json")).unwrap();
    fs_err::write(place.path("out/nodes/w1/seed.iso"), "").unwrap();
    fs_err::remove_file(place.path("out/nodes/w2/cloud-init/user-data")).unwrap();
    fs_err::set_permissions(
        place.path("out/kubeconfig"),
        std::fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let done = place.build();
    assert!(
        files(&place.path("out")) == expected,
        "{:?}",
        paths(&place.path("out"))
    );
    assert!(!place.path("out/nodes/w9").exists(), "{}", done.stderr);
    assert_eq!(
        fs_err::metadata(place.path("out/kubeconfig"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
}

/// Starts a build for each folder, all at once, and gives exit code and errors of each.
fn builds_at_once(place: &Place, folders: [&str; 4]) -> Vec<(Option<i32>, String)> {
    let start = |out: &str| {
        firstlight(place.dir(), &["build", "--out", out])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let builds: Vec<_> = folders.into_iter().map(start).collect();
    let end = |build: std::process::Child| {
        let output = build.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    builds.into_iter().map(end).collect()
}

/// Asserts that every file of a build is as its checksums say.
fn assert_whole(place: &Place, out: &str) {
    let sums = run(Command::new("sha256sum")
        .args(["--quiet", "-c", "SHA256SUMS"])
        .current_dir(place.path(out)))
    .ok();
    assert_eq!(sums.stdout, "");
}

#[test]
fn builds_into_one_folder_at_the_same_time_wait_for_each_other() {
    let place = Place::with(1, 4);
    for (code, said) in builds_at_once(&place, ["out"; 4]) {
        assert_eq!(code, Some(0), "{said}");
    }
    assert_whole(&place, "out");
}

#[test]
fn builds_from_one_state_at_the_same_time_are_refused_and_harm_nothing() {
    let place = Place::with(1, 4);
    for (code, said) in builds_at_once(&place, ["out", "out2", "out3", "out4"]) {
        let refused = "another firstlight is at work in `state`\nhint: wait for it to end";
        assert!(
            code == Some(0) || code == Some(1) && said.contains(refused),
            "{code:?}: {said}"
        );
    }
    place.build();
    assert_whole(&place, "out");
}

/// A file system of 300 kB mounted on `DIR/small`, in a mount namespace of its own.
const SMALL: &str = r#"set -eu
mkdir small && mount -t tmpfs -o size=300k tmpfs small
code=0; "$0" build --out small/out || code=$?
find small -name '.firstlight-*' ! -name .firstlight
[ ! -e small/out/manifest.json ] || echo "a manifest"
(cd small/out/nodes && find . -name seed.iso -size 0)
mount -o remount,size=30m small
"$0" build --out small/out 2>/dev/null && (cd small/out && sha256sum --quiet -c SHA256SUMS) && echo "then whole"
exit $code"#;

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let place = Place::with(3, 8);
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "--map-root-user",
            "sh",
            "-c",
            SMALL,
            env!("CARGO_BIN_EXE_firstlight"),
        ])
        .current_dir(place.dir());
    let done = run(&mut command);
    assert!(
        !done.stderr.contains("unshare:") && !done.stderr.contains("mount:"),
        "this test needs root or user namespaces: {}",
        done.stderr
    );
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (Some(1), "then whole\n"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr
            .starts_with("error: cannot write `small/out/nodes/"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr.contains("No space left on device"),
        "{}",
        done.stderr
    );
}

#[test]
fn an_overlay_is_built_only_into_a_folder_that_is_ours() {
    let place = Place::with(1, 0);
    let refused = |more: &[&str]| {
        let args = ["overlay", "build", "--offline", "--store", "store"];
        place.refused(&[&args, more].concat())
    };
    fs_err::create_dir(place.path("theirs")).unwrap();
    fs_err::write(place.path("theirs/index.json"), "{}").unwrap();
    assert_eq!(
        refused(&["-o", "theirs"]),
        "error: `theirs` is not empty and was not made by firstlight\nhint: choose another folder with `--out`, or empty it\n"
    );
    assert_eq!(
        refused(&["-o", "store"]),
        "error: store: this is the store that all builds share\nhint: choose another folder with `--out`\n"
    );
    assert_eq!(
        refused(&["--from", "http://127.0.0.1:9"]),
        "error: `--offline` asks no network, but `--from http://127.0.0.1:9` is on it\nhint: leave one of them out\n"
    );
    // nothing is at hand: everything that is missing is named, and no list is written
    let said = refused(&[]);
    assert!(said.contains("artefacts could not be had:"), "{said}");
    assert!(!place.path("out/overlays/index").exists());
}
