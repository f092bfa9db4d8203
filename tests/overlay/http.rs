//! Over HTTP: mirrors, upstream, registries.

use std::collections::BTreeMap;

use firstlight::artefact::store::{Credentials, Request, Source, build};
use firstlight::artefact::{Algorithm, Artefact, Digest, Item};
use firstlight::config::model::Arch;

use crate::server::{Answer, serve};
use crate::upstream::{artefact, big, file, mirror, run, served, set, two_platforms};

#[test]
fn a_mirror_serves_the_same_store() {
    let (source, artefacts) = mirror();
    let first = tempfile::tempdir().unwrap();
    run(
        &artefacts,
        &[Source::Folder(source.path().to_owned())],
        first.path(),
    )
    .unwrap();
    let answers = served(first.path())
        .into_iter()
        .map(|(path, content)| (format!("/fl/{path}"), Answer::Whole(content)));
    let server = serve(answers.collect());
    let second = tempfile::tempdir().unwrap();
    run(
        &artefacts,
        &[Source::Mirror(format!("{}/fl/", server.url))],
        second.path(),
    )
    .unwrap();
    assert_eq!(served(first.path()), served(second.path()));
}

#[test]
fn a_download_is_resumed_and_a_busy_server_asked_again() {
    let (cut, busy) = (
        file("cut", &big(), Algorithm::Sha256),
        file("busy", b"x", Algorithm::Sha256),
    );
    let path = |artefact: &Artefact| format!("/{}", artefact.digest().blob_path());
    let server = serve(vec![
        (path(&cut), Answer::Cut(big(), 700_000)),
        (path(&busy), Answer::Busy(b"x".to_vec())),
    ]);
    let dest = tempfile::tempdir().unwrap();
    run(
        &[cut.clone(), busy],
        &[Source::Mirror(server.url)],
        dest.path(),
    )
    .unwrap();
    assert_eq!(served(dest.path())[&cut.digest().blob_path()], big());
    let log = server.log.lock().unwrap();
    let resumed = format!("{} Some(700000)", path(&cut));
    assert!(log.contains(&resumed), "{log:?}");
}

#[test]
fn a_build_goes_on_where_an_interrupted_one_ended() {
    let artefact = file("cut", &big(), Algorithm::Sha256);
    let path = format!("/{}", artefact.digest().blob_path());
    let (hex, size) = (artefact.digest().hex(), big().len());
    let half = &big()[..size / 2];
    // what was left, the tag it was left with, and where the next build goes on
    for (part, tag, from) in [
        (half, "\"1\"", Some(size / 2)),
        (half, "\"another\"", Some(size / 2)),
        (b"damaged".as_slice(), "\"1\"", Some(7)),
        (vec![b'x'; 9_999_999].leak(), "\"1\"", Some(9_999_999)),
        (half, "", None),
    ] {
        let server = serve(vec![(path.clone(), Answer::Ranged(big()))]);
        let dest = tempfile::tempdir().unwrap();
        let folder = dest.path().join("store/blobs/sha256");
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join(format!(".part-{hex}")), part).unwrap();
        if !tag.is_empty() {
            fs_err::write(folder.join(format!(".tag-{hex}")), tag).unwrap();
        }
        let sources = [Source::Mirror(server.url.clone())];
        run(std::slice::from_ref(&artefact), &sources, dest.path()).unwrap();
        assert_eq!(served(dest.path())[&artefact.digest().blob_path()], big());
        let log = server.log.lock().unwrap();
        assert_eq!(log[0], format!("{path} {from:?}"), "{log:?}");
        let left = fs_err::read_dir(&folder).unwrap().count();
        assert_eq!(left, 1, "the blob alone");
    }
    // all of it was there but its name
    let server = serve(vec![]);
    let dest = tempfile::tempdir().unwrap();
    let folder = dest.path().join("store/blobs/sha256");
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::write(folder.join(format!(".part-{hex}")), big()).unwrap();
    fs_err::write(folder.join(format!(".tag-{hex}")), "\"1\"").unwrap();
    run(
        std::slice::from_ref(&artefact),
        &[Source::Mirror(server.url.clone())],
        dest.path(),
    )
    .unwrap();
    assert_eq!(server.log.lock().unwrap().len(), 0);
}

#[test]
fn builds_at_the_same_time_share_a_download() {
    let artefact = file("slow", &big(), Algorithm::Sha256);
    let path = format!("/{}", artefact.digest().blob_path());
    let server = serve(vec![(path.clone(), Answer::Slow(big()))]);
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (artefact, dir) = (&artefact, dir.path());
            let sources = [Source::Mirror(server.url.clone())];
            scope.spawn(move || {
                let sets = [set(Arch::Amd64, std::slice::from_ref(artefact))];
                let request = Request {
                    sets: &sets,
                    sources: &sources,
                    store: &dir.join("store"),
                    dest: &dir.join(number.to_string()),
                    ca_file: None,
                    credentials: &Credentials::default(),
                };
                build(&request, &mut |_| {}).unwrap();
            });
        }
    });
    assert_eq!(server.log.lock().unwrap().len(), 1);
    for number in 0..4 {
        let blob = dir.path().join(number.to_string()).join(&path[1..]);
        assert_eq!(fs_err::read(blob).unwrap(), big());
    }
}

#[test]
fn a_lying_mirror_is_passed_over_and_its_file_kept() {
    let artefact = file("a", b"content of a", Algorithm::Sha256);
    let path = format!("/{}", artefact.digest().blob_path());
    let liar = serve(vec![(path.clone(), Answer::Whole(b"lies".to_vec()))]);
    let honest = serve(vec![(path, Answer::Whole(b"content of a".to_vec()))]);
    let dest = tempfile::tempdir().unwrap();
    let artefacts = [artefact];
    let message = run(&artefacts, &[Source::Mirror(liar.url.clone())], dest.path())
        .unwrap_err()
        .to_string();
    let bad = dest.path().join("store/bad/a.bad");
    assert!(
        message.contains(&format!(
            "expected {}, got {}",
            artefacts[0].digest(),
            Digest::sha256(b"lies")
        )),
        "{message}"
    );
    assert!(message.contains(bad.to_str().unwrap()), "{message}");
    assert_eq!(fs_err::read(&bad).unwrap(), b"lies");
    run(
        &artefacts,
        &[Source::Mirror(liar.url), Source::Mirror(honest.url)],
        dest.path(),
    )
    .unwrap();
}

#[test]
fn upstream_is_asked_by_url_and_by_registry_and_a_404_is_told() {
    let plain = two_platforms();
    let parts = plain.parts.clone();
    let content: BTreeMap<_, _> = plain.files.iter().cloned().collect();
    let mut answers: Vec<_> = parts
        .iter()
        .enumerate()
        .map(|(number, digest)| {
            let kind = if number < 2 { "manifests" } else { "blobs" };
            (
                format!("/v2/demo/{kind}/{digest}"),
                Answer::Guarded(content[&digest.blob_path()].clone()),
            )
        })
        .collect();
    answers.push(("/a".to_owned(), Answer::Whole(b"content of a".to_vec())));
    let server = serve(answers);
    let name = format!("{}/demo:v1", server.url.strip_prefix("http://").unwrap());
    let image = artefact(
        "demo-image",
        Item::Image {
            name,
            digest: parts[0],
        },
    );
    let at = |name: &str| {
        artefact(
            name,
            Item::TarGz {
                digest: Digest::sha256(b"content of a"),
                url: format!("{}/{name}", server.url),
                members: vec![],
            },
        )
    };
    let dest = tempfile::tempdir().unwrap();
    let report = run(&[at("a"), image], &[Source::Upstream], dest.path()).unwrap();
    assert_eq!(report.added, 5);
    let tokens = server
        .log
        .lock()
        .unwrap()
        .iter()
        .filter(|l| l.starts_with("/token"))
        .count();
    assert_eq!(tokens, 1);

    let empty = tempfile::tempdir().unwrap();
    let message = run(&[at("gone")], &[Source::Upstream], empty.path())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains(&format!("{}/gone: 404 Not Found", server.url)),
        "{message}"
    );
}
