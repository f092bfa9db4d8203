//! From folders, by content.

use std::os::unix::fs::MetadataExt as _;

use firstlight::artefact::store::{Source, StoreError};
use firstlight::artefact::{Algorithm, Digest};
use firstlight::config::model::Arch;

use crate::upstream::{
    IMAGE, big, build_sets, file, image, mirror, packed, put, run, served, set, tar_of,
    two_platforms,
};

#[test]
fn a_store_holds_what_was_asked_and_lists_it() {
    let (source, artefacts) = mirror();
    let dest = tempfile::tempdir().unwrap();
    let report = run(
        &artefacts,
        &[Source::Folder(source.path().to_owned())],
        dest.path(),
    )
    .unwrap();
    assert_eq!((report.kept, report.added), (0, 6));
    let [laid] = report.sets.as_slice() else {
        panic!("one set was asked for");
    };
    let files = &laid.files;
    let names: Vec<&str> = files.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(&names[..2], ["index", "index.json"]);
    assert!(names[2..].is_sorted());
    assert_eq!(names.len(), 8);

    let store = served(dest.path());
    assert_eq!(packed(files), store, "of one set all is packed");
    let index = String::from_utf8(store["index"].clone()).unwrap();
    let lines: Vec<&str> = index.lines().collect();
    assert!(lines.is_sorted());
    assert!(lines.contains(&format!("file {} 12 a", Digest::sha256(b"content of a")).as_str()));
    let parts = two_platforms().parts;
    let size = store[&parts[0].blob_path()].len();
    let expected = format!(
        "image {} amd64 application/vnd.oci.image.index.v1+json {size} {IMAGE} {} {} {} {}",
        parts[0], parts[0], parts[1], parts[2], parts[3]
    );
    assert_eq!(lines[2], expected);
    let json: serde_json::Value = serde_json::from_slice(&store["index.json"]).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["artefacts"][0]["licence"], "Apache-2.0");
}

#[test]
fn two_builds_are_identical_whatever_the_order_and_the_form_of_the_sources() {
    let (source, mut artefacts) = mirror();
    let first = tempfile::tempdir().unwrap();
    run(
        &artefacts,
        &[Source::Folder(source.path().to_owned())],
        first.path(),
    )
    .unwrap();

    let other = tempfile::tempdir().unwrap();
    let layout = tar_of(&two_platforms().files);
    put(
        other.path(),
        &[
            ("z/image.tar".to_owned(), layout),
            ("y".to_owned(), b"content of a".to_vec()),
            ("x".to_owned(), big()),
        ],
    );
    artefacts.reverse();
    let second = tempfile::tempdir().unwrap();
    run(
        &artefacts,
        &[Source::Folder(other.path().to_owned())],
        second.path(),
    )
    .unwrap();
    assert_eq!(served(first.path()), served(second.path()));

    let third = tempfile::tempdir().unwrap();
    run(
        &artefacts,
        &[Source::Folder(first.path().join("out"))],
        third.path(),
    )
    .unwrap();
    assert_eq!(served(first.path()), served(third.path()));
}

#[test]
fn machines_of_both_architectures_are_served_by_one_folder() {
    let (source, artefacts) = mirror();
    let dest = tempfile::tempdir().unwrap();
    let sets = [Arch::Amd64, Arch::Arm64].map(|arch| set(arch, &artefacts));
    let from = [Source::Folder(source.path().to_owned())];
    let report = build_sets(&sets, &from, dest.path()).unwrap();
    let served = served(dest.path());
    let index = String::from_utf8(served["index"].clone()).unwrap();
    let image = two_platforms().artefact;
    let line = |arch: &str| {
        let start = format!("image {} {arch} ", image.digest());
        let found: Vec<&str> = index.lines().filter(|l| l.starts_with(&start)).collect();
        assert_eq!(found.len(), 1, "{arch}: {index}");
        found[0].to_owned()
    };
    assert_ne!(line("amd64").replace("amd64", "arm64"), line("arm64"));
    // what both need is there once; each set holds its own alone
    assert_eq!(index.lines().filter(|l| l.starts_with("file")).count(), 2);
    for (laid, arch) in report.sets.iter().zip(["amd64", "arm64"]) {
        let packed = packed(&laid.files);
        let index = String::from_utf8(packed["index"].clone()).unwrap();
        assert!(index.contains(&line(arch)), "{index}");
        assert_eq!(index.matches("image ").count(), 1, "{index}");
        assert!(packed.len() < served.len());
    }
}

#[test]
fn a_second_build_needs_no_source_and_rewrites_nothing() {
    let (source, artefacts) = mirror();
    let dest = tempfile::tempdir().unwrap();
    run(
        &artefacts,
        &[Source::Folder(source.path().to_owned())],
        dest.path(),
    )
    .unwrap();
    let about = || -> Vec<_> {
        let path = |name: &String| dest.path().join("out").join(name);
        let stat = |name| fs_err::metadata(path(name)).unwrap();
        let served = served(dest.path());
        let stats = served.keys().map(stat);
        stats.map(|s| (s.ino(), s.mtime_nsec())).collect()
    };
    let before = about();
    let report = run(&artefacts, &[], dest.path()).unwrap();
    assert_eq!((report.kept, report.added), (6, 0));
    assert_eq!(about(), before);
}

#[test]
fn another_build_finds_in_the_store_what_one_has_had() {
    let (source, artefacts) = mirror();
    let dest = tempfile::tempdir().unwrap();
    let from = [Source::Folder(source.path().to_owned())];
    run(&artefacts, &from, dest.path()).unwrap();
    let first = served(dest.path());
    fs_err::rename(dest.path().join("out"), dest.path().join("first")).unwrap();
    // less of it: the folder holds what was asked for, the store everything
    let report = run(&artefacts[..1], &[], dest.path()).unwrap();
    assert_eq!((report.kept, report.added), (1, 0));
    assert_eq!(served(dest.path()).len(), 3);
    run(&artefacts, &[], dest.path()).unwrap();
    assert_eq!(served(dest.path()), first);
    let theirs = dest.path().join("out/blobs/sha256/README");
    fs_err::write(&theirs, "not a content").unwrap();
    fs_err::create_dir(dest.path().join("out/blobs/sha256/lost+found")).unwrap();
    run(&artefacts[..1], &[], dest.path()).unwrap();
    assert!(theirs.exists(), "what is no content stays");
    assert_eq!(served(dest.path()).len(), 4, "what nobody needs goes");
}

#[test]
fn a_folder_on_another_file_system_holds_copies_that_stay() {
    // memory is no disk, on every machine that systemd has started
    let other = tempfile::tempdir_in("/dev/shm").unwrap();
    let (source, artefacts) = mirror();
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let device = |path: &std::path::Path| fs_err::metadata(path).unwrap().dev();
    assert_ne!(device(other.path()), device(dir.path()));
    std::os::unix::fs::symlink(other.path(), dir.path().join("out")).unwrap();
    let from = [Source::Folder(source.path().to_owned())];
    run(&artefacts, &from, dir.path()).unwrap();
    let a = dir
        .path()
        .join("out")
        .join(Digest::sha256(b"content of a").blob_path());
    let inode = || fs_err::metadata(&a).unwrap().ino();
    let before = inode();
    run(&artefacts, &[], dir.path()).unwrap();
    assert_eq!(inode(), before);
    fs_err::write(&a, "content of b").unwrap();
    run(&artefacts, &[], dir.path()).unwrap();
    assert_eq!(fs_err::read(&a).unwrap(), b"content of a");
}

#[test]
fn a_damaged_blob_is_put_aside_and_fetched_again() {
    let (source, artefacts) = mirror();
    let sources = [Source::Folder(source.path().to_owned())];
    let dest = tempfile::tempdir().unwrap();
    run(&artefacts, &sources, dest.path()).unwrap();
    let digest = Digest::sha256(b"content of a");
    let stored = dest.path().join("store").join(digest.blob_path());
    fs_err::write(stored, b"").unwrap();
    let report = run(&artefacts, &sources, dest.path()).unwrap();
    assert_eq!((report.kept, report.added), (5, 1));
    let bad = format!("store/bad/{}.bad", digest.hex());
    assert!(dest.path().join(bad).exists());
    assert_eq!(served(dest.path())[&digest.blob_path()], b"content of a");
}

#[test]
fn everything_missing_is_listed_at_once_with_what_was_found_instead() {
    let source = tempfile::tempdir().unwrap();
    put(source.path(), &[("b".to_owned(), big()[..1000].to_vec())]);
    let artefacts = [
        file("a", b"content of a", Algorithm::Sha256),
        file("b", &big(), Algorithm::Sha512),
        two_platforms().artefact,
    ];
    let dest = tempfile::tempdir().unwrap();
    let error = run(
        &artefacts,
        &[Source::Folder(source.path().to_owned())],
        dest.path(),
    )
    .unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("3 artefacts could not be had:"),
        "{message}"
    );
    for artefact in &artefacts {
        assert!(
            message.contains(&artefact.digest().to_string()),
            "{message}"
        );
        assert!(message.contains(&artefact.origin()), "{message}");
    }
    let got = Digest::of(Algorithm::Sha512, &big()[..1000]);
    assert!(
        message.contains(&format!("got {got} (1000 bytes)")),
        "{message}"
    );
    assert!(message.contains("hint: "), "{message}");
    assert!(!dest.path().join("out").exists());
}

#[test]
fn a_missing_layer_is_named() {
    let image = two_platforms();
    let source = tempfile::tempdir().unwrap();
    let layer = image.parts[3].blob_path();
    let kept: Vec<_> = image
        .files
        .into_iter()
        .filter(|(path, _)| *path != layer)
        .collect();
    put(source.path(), &kept);
    let dest = tempfile::tempdir().unwrap();
    let message = run(
        &[image.artefact],
        &[Source::Folder(source.path().to_owned())],
        dest.path(),
    )
    .unwrap_err()
    .to_string();
    assert!(
        message.contains(&format!("layer {} is in no source", image.parts[3])),
        "{message}"
    );
}

#[test]
fn an_image_for_other_machines_is_refused() {
    for platforms in [&[("arm64", "arm64")][..], &[("amd64", "arm64")]] {
        let image = image(platforms, IMAGE);
        let source = tempfile::tempdir().unwrap();
        put(source.path(), &image.files);
        let dest = tempfile::tempdir().unwrap();
        let message = run(
            &[image.artefact],
            &[Source::Folder(source.path().to_owned())],
            dest.path(),
        )
        .unwrap_err()
        .to_string();
        assert!(
            message.contains("no image for linux/amd64; it has: linux/arm64"),
            "{message}"
        );
    }
}

#[test]
fn an_archive_that_leaves_its_folder_is_refused() {
    for name in ["blobs/../../escape", "/etc/escape"] {
        let mut image = two_platforms();
        image.files.push((name.to_owned(), b"x".to_vec()));
        let source = tempfile::tempdir().unwrap();
        put(
            source.path(),
            &[("image.tar".to_owned(), tar_of(&image.files))],
        );
        let dest = tempfile::tempdir().unwrap();
        let error = run(
            &[image.artefact],
            &[Source::Folder(source.path().to_owned())],
            dest.path(),
        )
        .unwrap_err();
        assert!(
            matches!(&error, StoreError::UnsafeEntry { entry, .. } if entry == name),
            "{error}"
        );
    }
}

#[test]
fn an_archive_that_lies_or_ends_early_does_not_serve() {
    let mut image = two_platforms();
    let layer = image.parts[3].blob_path();
    let found = image
        .files
        .iter_mut()
        .find(|(path, _)| *path == layer)
        .unwrap();
    found.1.push(b'!');
    let whole = tar_of(&image.files);
    for archive in [whole.clone(), whole[..2000].to_vec()] {
        let source = tempfile::tempdir().unwrap();
        put(source.path(), &[("image.tar".to_owned(), archive)]);
        let dest = tempfile::tempdir().unwrap();
        let artefacts = [image.artefact.clone()];
        let message = run(
            &artefacts,
            &[Source::Folder(source.path().to_owned())],
            dest.path(),
        )
        .unwrap_err()
        .to_string();
        assert!(message.contains("image.tar"), "{message}");
        assert!(
            message.contains("expected") || message.contains("no whole tar archive"),
            "{message}"
        );
        assert!(!dest.path().join("store").join(&layer).exists());
    }
}

#[test]
fn a_store_that_cannot_be_written_and_a_source_that_cannot_be_read_are_named() {
    let dir = tempfile::tempdir().unwrap();
    for taken in ["store", "out"] {
        let dir = dir.path().join(taken);
        put(&dir, &[(taken.to_owned(), vec![])]);
        let error = run(&[], &[], &dir).unwrap_err();
        let taken = dir.join(taken);
        assert!(
            error.to_string().contains(taken.to_str().unwrap()),
            "{error}"
        );
    }
    let error = run(
        &[],
        &[Source::Folder("/nonexistent".into())],
        &dir.path().join("new"),
    )
    .unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("/nonexistent"), "{cause}");
}
