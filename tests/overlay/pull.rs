//! Copies of upstream, laid out by host and path.

use std::path::Path;

use firstlight::artefact::store::{
    Copy, Credentials, Request, Set, Source, StoreError, addresses, pull as pull_into,
};
use firstlight::artefact::{Algorithm, Artefact, Digest, Item};
use firstlight::config::model::Arch;
use tempfile::TempDir;

use crate::server::{Answer, Server, serve};
use crate::upstream::{artefact, big, build_sets, image, put, served, set};

fn from(url: &str, name: &str, content: &[u8]) -> Artefact {
    artefact(
        name,
        Item::File {
            digest: Digest::of(Algorithm::Sha512, content),
            url: format!("{url}/{name}"),
            dest: format!("/opt/firstlight/bin/{name}"),
            mode: 0o755,
        },
    )
}

/// Upstream with a release that lives elsewhere, a plain file and a registry that wants a token.
fn upstream() -> (Server, Server, Vec<Artefact>) {
    let elsewhere = serve(vec![("/objects/1".to_owned(), Answer::GetOnly(big()))]);
    let parts = image(&[("arm64", "arm64"), ("amd64", "amd64")], "made up");
    let mut answers: Vec<(String, Answer)> = Vec::new();
    for (path, content) in &parts.files {
        if let Some(hex) = path.strip_prefix("blobs/sha256/") {
            for kind in ["manifests", "blobs"] {
                let path = format!("/v2/group/demo/{kind}/sha256:{hex}");
                answers.push((path, Answer::Guarded(content.clone())));
            }
        }
    }
    let moved = Answer::Moved(format!("{}/objects/1", elsewhere.url));
    answers.push(("/release/moved".to_owned(), moved));
    answers.push((
        "/release/plain%2B1".to_owned(),
        Answer::Whole(b"plain".to_vec()),
    ));
    let server = serve(answers);
    let release = format!("{}/release", server.url);
    let host = server.url.strip_prefix("http://").unwrap();
    let artefacts = vec![
        from(&release, "moved", &big()),
        from(&release, "plain%2B1", b"plain"),
        image(
            &[("arm64", "arm64"), ("amd64", "amd64")],
            &format!("{host}/group/demo:v1"),
        )
        .artefact,
    ];
    (server, elsewhere, artefacts)
}

fn pull(sets: &[Set], sources: &[Source], dir: &Path) -> Result<usize, StoreError> {
    with(sets, sources, dir, |request| {
        pull_into(request, &mut |_| {})
    })
}

fn with<R>(
    sets: &[Set],
    sources: &[Source],
    dir: &Path,
    work: impl FnOnce(&Request<'_>) -> R,
) -> R {
    work(&Request {
        sets,
        sources,
        store: &dir.join("store"),
        dest: &dir.join("out"),
        ca_file: None,
        credentials: &Credentials::default(),
    })
}

fn pulled() -> (Server, TempDir, Vec<Set>) {
    let (server, _elsewhere, artefacts) = upstream();
    let dir = tempfile::tempdir().unwrap();
    let sets = vec![set(Arch::Amd64, &artefacts), set(Arch::Arm64, &artefacts)];
    pull(&sets, &[Source::Upstream], dir.path()).unwrap();
    (server, dir, sets)
}

#[test]
fn says_which_hosts_a_download_leads_to() {
    let (server, elsewhere, artefacts) = upstream();
    let dir = tempfile::tempdir().unwrap();
    let sets = [set(Arch::Amd64, &artefacts)];
    let list = |sources: &[Source]| {
        let list = with(&sets, sources, dir.path(), |request| {
            addresses(request, &mut |_| {})
        });
        list.unwrap()
    };
    let found = list(&[Source::Upstream]);
    let url = |path: &str| format!("{}{path}", server.url);
    // index, manifest, configuration and layer, and two files
    assert_eq!(found.len(), 6, "{found:#?}");
    assert!(found.is_sorted());
    let moved = found
        .iter()
        .find(|a| a.url == url("/release/moved"))
        .unwrap();
    assert_eq!(
        moved.redirects,
        [elsewhere.url.strip_prefix("http://").unwrap()]
    );
    assert!(found.iter().all(|a| a.problem.is_none()), "{found:#?}");
    let plain = found.iter().find(|a| a.url == url("/release/plain%2B1"));
    assert_eq!(plain.unwrap().redirects, [""; 0]);
    // nothing but heads and documents was asked for
    assert!(!dir.path().join("out").exists());
    // where upstream is not asked, nobody knows
    let folder = Source::Folder(dir.path().join("store"));
    let found = list(&[folder]);
    assert!(
        found
            .iter()
            .all(|a| a.problem.as_deref() == Some("upstream is not asked"))
    );
}

#[test]
fn what_was_pulled_serves_as_upstream() {
    let (server, pulled, sets) = pulled();
    let host = server.url.strip_prefix("http://").unwrap();
    let root = pulled.path().join("out").join(host);
    assert_eq!(fs_err::read(root.join("release/moved")).unwrap(), big());
    assert_eq!(
        fs_err::read(root.join("release/plain+1")).unwrap(),
        b"plain"
    );
    let direct = tempfile::tempdir().unwrap();
    build_sets(&sets, &[Source::Upstream], direct.path()).unwrap();
    let copy = Copy::Folder(pulled.path().join("out"));
    let by_folder = tempfile::tempdir().unwrap();
    build_sets(&sets, &[Source::Copy(copy)], by_folder.path()).unwrap();
    assert_eq!(served(direct.path()), served(by_folder.path()));

    let answers = served(pulled.path()).into_iter().map(|(path, content)| {
        let path = path.replace('+', "%2B");
        (format!("/copy/{path}"), Answer::Whole(content))
    });
    let mirror = serve(answers.collect());
    let copy = Copy::Served(format!("{}/copy/", mirror.url));
    let by_url = tempfile::tempdir().unwrap();
    build_sets(&sets, &[Source::Copy(copy)], by_url.path()).unwrap();
    assert_eq!(served(direct.path()), served(by_url.path()));
}

#[test]
fn pulling_again_adds_what_is_missing_and_leaves_the_rest() {
    let (server, dir, sets) = pulled();
    let asked = server.log.lock().unwrap().len();
    put(
        &dir.path().join("out"),
        &[("other/file".to_owned(), b"mine".to_vec())],
    );
    let again = pull(&sets, &[Source::Upstream], dir.path()).unwrap();
    assert_eq!(again, 0);
    let host = server.url.strip_prefix("http://").unwrap();
    let plain = dir.path().join("out").join(host).join("release/plain+1");
    fs_err::remove_file(&plain).unwrap();
    assert_eq!(pull(&sets, &[Source::Upstream], dir.path()).unwrap(), 1);
    assert_eq!(fs_err::read(plain).unwrap(), b"plain");
    let mine = dir.path().join("out/other/file");
    assert_eq!(fs_err::read(mine).unwrap(), b"mine");
    // everything was in the store
    assert_eq!(server.log.lock().unwrap().len(), asked);
}

#[test]
fn a_copy_that_lies_is_told_by_its_path() {
    let (server, dir, sets) = pulled();
    let host = server.url.strip_prefix("http://").unwrap();
    let plain = dir.path().join("out").join(host).join("release/plain+1");
    fs_err::remove_file(&plain).unwrap();
    fs_err::write(&plain, b"lies").unwrap();
    let other = tempfile::tempdir().unwrap();
    let copy = || Source::Copy(Copy::Folder(dir.path().join("out")));
    let error = build_sets(&sets, &[copy()], other.path()).unwrap_err();
    let text = error.to_string();
    let expected = Digest::of(Algorithm::Sha512, b"plain");
    let got = Digest::of(Algorithm::Sha512, b"lies");
    let line = format!(
        "{}: expected {expected}, got {got} (4 bytes)",
        plain.display()
    );
    assert!(text.contains(&line), "{text}");
    // one that does not lie makes it good
    build_sets(&sets, &[copy(), Source::Upstream], other.path()).unwrap();
}

#[test]
fn a_url_with_a_query_is_no_path() {
    let server = serve(vec![(
        "/get?file=a".to_owned(),
        Answer::Whole(b"a".to_vec()),
    )]);
    let wanted = from(&server.url, "get?file=a", b"a");
    let dir = tempfile::tempdir().unwrap();
    let sets = [set(Arch::Amd64, &[wanted])];
    let error = pull(&sets, &[Source::Upstream], dir.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`{}/get?file=a` cannot be laid out in a folder: it has a query, or leads out of it",
            server.url
        )
    );
}

#[test]
fn redirects_in_a_circle_end() {
    let server = serve(vec![("/a".to_owned(), Answer::Moved("/a".to_owned()))]);
    let wanted = from(&server.url, "a", b"a");
    let dir = tempfile::tempdir().unwrap();
    let sets = [set(Arch::Amd64, &[wanted])];
    let found = with(&sets, &[Source::Upstream], dir.path(), |request| {
        addresses(request, &mut |_| {})
    });
    let problem = found.unwrap().remove(0).problem.unwrap();
    assert_eq!(problem, "too many redirects");
    let error = pull(&sets, &[Source::Upstream], dir.path()).unwrap_err();
    assert!(error.to_string().contains("too many redirects"), "{error}");
}

#[test]
fn the_service_that_gives_tokens_is_one_of_the_hosts() {
    let tokens = serve(vec![]);
    let guarded = Answer::GuardedBy(tokens.url.clone(), b"a".to_vec());
    let server = serve(vec![("/a".to_owned(), guarded)]);
    let dir = tempfile::tempdir().unwrap();
    let sets = [set(Arch::Amd64, &[from(&server.url, "a", b"a")])];
    let found = with(&sets, &[Source::Upstream], dir.path(), |request| {
        addresses(request, &mut |_| {})
    });
    let host = tokens.url.strip_prefix("http://").unwrap();
    assert_eq!(found.unwrap()[0].redirects, [host]);
}
