//! From folders, by content.

use firstlight::artefact::store::{Source, StoreError, files};
use firstlight::artefact::{Algorithm, Digest};

use crate::upstream::{IMAGE, big, file, image, mirror, packed, put, run, tar_of, two_platforms};

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
    let names: Vec<&str> = report.files.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(&names[..2], ["index", "index.json"]);
    assert!(names[2..].is_sorted());
    assert_eq!(names.len(), 8);

    let store = packed(dest.path());
    let index = String::from_utf8(store["index"].clone()).unwrap();
    let lines: Vec<&str> = index.lines().collect();
    assert!(lines.is_sorted());
    assert!(lines.contains(&format!("file {} 12 a", Digest::sha256(b"content of a")).as_str()));
    let parts = two_platforms().parts;
    let size = store[&parts[0].blob_path()].len();
    let expected = format!(
        "image {} application/vnd.oci.image.index.v1+json {size} {IMAGE} {} {} {} {}",
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
    assert_eq!(packed(first.path()), packed(second.path()));

    let third = tempfile::tempdir().unwrap();
    run(
        &artefacts,
        &[Source::Folder(first.path().to_owned())],
        third.path(),
    )
    .unwrap();
    assert_eq!(packed(first.path()), packed(third.path()));
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
    let times = || -> Vec<_> {
        let list = files(dest.path()).unwrap();
        list.iter()
            .map(|f| fs_err::metadata(&f.file).unwrap().modified().unwrap())
            .collect()
    };
    let before = times();
    let report = run(&artefacts, &[], dest.path()).unwrap();
    assert_eq!((report.kept, report.added), (6, 0));
    assert_eq!(times(), before);
}

#[test]
fn a_damaged_blob_is_put_aside_and_fetched_again() {
    let (source, artefacts) = mirror();
    let sources = [Source::Folder(source.path().to_owned())];
    let dest = tempfile::tempdir().unwrap();
    run(&artefacts, &sources, dest.path()).unwrap();
    let digest = Digest::sha256(b"content of a");
    fs_err::write(dest.path().join(digest.blob_path()), b"").unwrap();
    let report = run(&artefacts, &sources, dest.path()).unwrap();
    assert_eq!((report.kept, report.added), (5, 1));
    assert!(
        dest.path()
            .join(format!("bad/{}.bad", digest.hex()))
            .exists()
    );
    assert_eq!(packed(dest.path())[&digest.blob_path()], b"content of a");
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
    assert!(!dest.path().join("index").exists());
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
        assert!(!dest.path().join(&layer).exists());
    }
}

#[test]
fn a_store_that_cannot_be_written_and_a_source_that_cannot_be_read_are_named() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &[("taken".to_owned(), vec![])]);
    let dest = dir.path().join("taken");
    let error = run(&[], &[], &dest).unwrap_err();
    assert!(
        error.to_string().contains(dest.to_str().unwrap()),
        "{error}"
    );
    let error = run(
        &[],
        &[Source::Folder("/nonexistent".into())],
        &dir.path().join("new"),
    )
    .unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("/nonexistent"), "{cause}");
}
