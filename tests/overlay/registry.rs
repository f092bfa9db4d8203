//! From a real registry, filled by a real client.

use std::path::Path;

use firstlight::artefact::store::{Credentials, RegistryMirror, Source};
use firstlight::artefact::{Artefact, Digest, Item};
use tempfile::TempDir;

use crate::server::{Answer, serve};
use crate::support::images::{Form, RealImage};
use crate::support::registry::Registry;
use crate::tokens::Tokens;
use crate::upstream::{artefact, run, run_as, served};

const BOTH: [(&str, &str); 2] = [("arm64", "arm64"), ("amd64", "amd64")];

/// What a registry of an organisation holds, and where its content lies.
fn filled() -> (TempDir, Vec<(&'static str, RealImage)>) {
    let root = tempfile::tempdir().unwrap();
    let open = Registry::start(root.path(), "");
    let images = vec![
        ("team/oci:v1", RealImage::new("oci", Form::Oci, &BOTH)),
        ("docker:v1", RealImage::new("docker", Form::Docker, &BOTH)),
        (
            "single:v1",
            RealImage::new("single", Form::Single, &[("amd64", "amd64")]),
        ),
    ];
    for (name, image) in &images {
        open.push(image, name);
    }
    (root, images)
}

fn wanted(host: &str, images: &[(&str, RealImage)]) -> Vec<Artefact> {
    let item = |(name, image): &(&str, RealImage)| Item::Image {
        name: format!("{host}/{name}"),
        digest: image.digest,
    };
    images
        .iter()
        .map(|image| artefact(image.0, item(image)))
        .collect()
}

/// Asserts that everything of the images, and nothing else, is in `dir`, byte by byte.
fn holds(dir: &Path, images: &[(&str, RealImage)]) {
    let mut served = served(dir);
    let index = String::from_utf8(served.remove("index").unwrap()).unwrap();
    served.remove("index.json").unwrap();
    for (name, image) in images {
        for digest in &image.amd64 {
            let found = served.get(&digest.blob_path());
            assert!(found == Some(&image.contents[digest]), "{name}: {digest}");
        }
        let parts: Vec<String> = image.amd64.iter().map(Digest::to_string).collect();
        let line = format!(
            "image {} amd64 {} {} ",
            image.digest,
            image.media_type,
            image.contents[&image.digest].len()
        );
        let found = index
            .lines()
            .find(|l| l.starts_with(&line))
            .unwrap_or_else(|| panic!("{line}\n{index}"));
        assert!(
            found.ends_with(&format!("/{name} {}", parts.join(" "))),
            "{found}"
        );
    }
    let expected: usize = images.iter().map(|(_, image)| image.amd64.len()).sum();
    assert_eq!(
        served.len(),
        expected,
        "one platform of each, no attestation"
    );
}

/// What a build from upstream says that has to fail.
fn fails(artefacts: &[Artefact], credentials: &Credentials) -> String {
    let dir = tempfile::tempdir().unwrap();
    let error = run_as(artefacts, &[Source::Upstream], dir.path(), credentials);
    error.unwrap_err().to_string()
}

#[test]
fn takes_indexes_lists_and_manifests_as_they_are() {
    let (root, images) = filled();
    let registry = Registry::start(root.path(), "");
    let dir = tempfile::tempdir().unwrap();
    run(
        &wanted(&registry.host, &images),
        &[Source::Upstream],
        dir.path(),
    )
    .unwrap();
    holds(dir.path(), &images);
}

#[test]
fn an_index_that_lies_about_its_platform_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let registry = Registry::start(root.path(), "");
    let lying = RealImage::new("lying", Form::Oci, &[("amd64", "arm64")]);
    let single = RealImage::new("single", Form::Single, &[("", "arm64")]);
    let images = [("lying:v1", lying), ("single:v1", single)];
    for (name, image) in &images {
        registry.push(image, name);
    }
    let message = fails(&wanted(&registry.host, &images), &Credentials::default());
    assert_eq!(
        message
            .matches("no image for linux/amd64; it has: linux/arm64")
            .count(),
        2,
        "{message}"
    );
}

#[test]
fn what_a_registry_lacks_or_holds_damaged_is_told() {
    let (root, images) = filled();
    let registry = Registry::start(root.path(), "");
    let gone = Item::Image {
        name: format!("{}/gone:v1", registry.host),
        digest: images[0].1.digest,
    };
    let message = fails(&[artefact("gone", gone)], &Credentials::default());
    let line = format!(
        "/v2/gone/manifests/{}: 404 Not Found: manifest unknown; ",
        images[0].1.digest
    );
    assert!(message.contains(&line), "{message}");
    // a disk that lost the end of a layer, before its registry looked at it
    let layer = *images[0].1.amd64.last().unwrap();
    let hex = layer.hex();
    let data = root.path().join("docker/registry/v2/blobs/sha256");
    let data = data.join(&hex[..2]).join(&hex).join("data");
    let whole = fs_err::read(&data).unwrap();
    fs_err::write(&data, &whole[..whole.len() / 2]).unwrap();
    let message = fails(
        &wanted(&registry.host, &images[..1]),
        &Credentials::default(),
    );
    let got = Digest::sha256(&whole[..whole.len() / 2]);
    assert!(
        message.contains(&format!("expected {layer}, got {got}")),
        "{message}"
    );
}

/// Logins of a user, as `docker login` writes them.
fn logins(host: &str, user_password: &str) -> (TempDir, Credentials) {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(user_password);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.json");
    fs_err::write(
        &file,
        format!(r#"{{"auths":{{"{host}":{{"auth":"{auth}"}}}}}}"#),
    )
    .unwrap();
    let credentials = Credentials::read(&file).unwrap();
    (dir, credentials)
}

#[test]
fn logs_in_with_a_password_where_the_registry_wants_one() {
    let (root, images) = filled();
    let htpasswd = root.path().join("htpasswd");
    // pass:word
    let line = "reader:$2b$04$yN5XrJxQ1h.uemAA1ZOXLulGXxuZ5rD4lsU9WkiXJGqlPtlvfm84W\n";
    fs_err::write(&htpasswd, line).unwrap();
    let auth = format!(
        "auth: {{ htpasswd: {{ realm: demo, path: {} }} }}\n",
        htpasswd.display()
    );
    let registry = Registry::start(root.path(), &auth);
    let artefacts = wanted(&registry.host, &images);
    let (_file, credentials) = logins(&registry.host, "reader:pass:word");
    let dir = tempfile::tempdir().unwrap();
    run_as(&artefacts, &[Source::Upstream], dir.path(), &credentials).unwrap();
    holds(dir.path(), &images);

    let (file, credentials) = logins(&registry.host, "reader:wrong");
    let message = fails(&artefacts, &credentials);
    let shown = file.path().join("config.json");
    let line = format!(
        "401 Unauthorized: the login in `{}` is refused",
        shown.display()
    );
    assert!(
        message.contains(&line) && !message.contains("wrong\n"),
        "{message}"
    );
    let (_file, credentials) = logins("elsewhere.example", "reader:pass:word");
    let message = fails(&artefacts, &credentials);
    let line = format!("401 Unauthorized: no login for `{}`", registry.host);
    assert!(message.contains(&line), "{message}");
    assert!(fails(&artefacts, &Credentials::default()).contains(&line));
}

#[test]
fn gets_tokens_for_anybody_and_for_who_logs_in() {
    let (root, images) = filled();
    let tokens = Tokens::start(root.path());
    let registry = Registry::start(root.path(), &tokens.config());
    let open = images.iter().filter(|(name, _)| !name.starts_with("team/"));
    let open: Vec<_> = open.cloned().collect();
    let dir = tempfile::tempdir().unwrap();
    run(
        &wanted(&registry.host, &open),
        &[Source::Upstream],
        dir.path(),
    )
    .unwrap();
    holds(dir.path(), &open);

    // of `team/`, a token for nothing
    let artefacts = wanted(&registry.host, &images);
    let message = fails(&artefacts, &Credentials::default());
    assert!(
        message.contains("401 Unauthorized: no login for"),
        "{message}"
    );
    let (_file, credentials) = logins(&registry.host, &format!("reader:{}", Tokens::PASSWORD));
    let dir = tempfile::tempdir().unwrap();
    run_as(&artefacts, &[Source::Upstream], dir.path(), &credentials).unwrap();
    holds(dir.path(), &images);
    // a password that the service does not know
    let (_file, credentials) = logins(&registry.host, "reader:else");
    let message = fails(&artefacts, &credentials);
    assert!(
        message.contains("/token?service=demo") && message.contains("403 Forbidden"),
        "{message}"
    );
}

#[test]
fn a_server_that_wants_to_be_left_alone_is_asked_later_or_told_of() {
    let image = RealImage::new("limited", Form::Single, &[("", "amd64")]);
    let build = |limit: &dyn Fn(Vec<u8>) -> Answer| {
        let answers = image.contents.iter().map(|(digest, content)| {
            let document = image.digest == *digest;
            let kind = if document { "manifests" } else { "blobs" };
            let answer = match document {
                true => limit(content.clone()),
                false => Answer::Whole(content.clone()),
            };
            (format!("/v2/demo/{kind}/{digest}"), answer)
        });
        let server = serve(answers.collect());
        let host = server.url.strip_prefix("http://").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let begun = std::time::Instant::now();
        let artefacts = wanted(host, &[("demo:v1", image.clone())]);
        let result = run(&artefacts, &[Source::Upstream], dir.path());
        let asked = server
            .log
            .lock()
            .unwrap()
            .iter()
            .filter(|l| l.contains("manifests"))
            .count();
        (
            result.map_err(|error| error.to_string()),
            asked,
            begun.elapsed(),
        )
    };
    let (result, asked, took) = build(&|content| Answer::Limited(content, "1"));
    result.unwrap();
    assert_eq!(asked, 2);
    assert!(took.as_millis() >= 1000, "{took:?}");

    let (result, asked, took) = build(&|content| Answer::Limited(content, "21600"));
    let message = result.unwrap_err();
    let line = "429 Too Many Requests: toomanyrequests (to be asked again after 21600 s); wait";
    assert!(message.contains(line), "{message}");
    assert_eq!(asked, 1);
    assert!(took.as_secs() < 30, "{took:?}");

    for (status, times) in [("403 Forbidden", 1), ("502 Bad Gateway", 4)] {
        let (result, asked, _) = build(&|_| Answer::Status(status));
        let message = result.unwrap_err();
        assert!(message.contains(&format!(": {status}")), "{message}");
        assert_eq!(asked, times, "{status}");
    }
}

fn mirror(text: &str) -> Source {
    Source::Registry(text.parse::<RegistryMirror>().unwrap())
}

#[test]
fn a_registry_with_the_images_of_another_is_asked_first() {
    let root = tempfile::tempdir().unwrap();
    let copy = Registry::start(root.path(), "");
    let oci = RealImage::new("oci", Form::Oci, &BOTH);
    // upstream's whole name below a path, and, as kubeadm has it, the last part alone
    let images = [
        ("sub/oci:v1", oci),
        (
            "sub/docker:v1",
            RealImage::new("docker", Form::Docker, &BOTH),
        ),
    ];
    copy.push(&images[0].1, "k8s/sub/oci:v1");
    copy.push(&images[1].1, "k8s/docker:v1");
    let upstream = Registry::start(&root.path().join("upstream"), "");
    let artefacts = wanted(&upstream.host, &images);
    let from = mirror(&format!("{}=http://{}/k8s", upstream.host, copy.host));
    let dir = tempfile::tempdir().unwrap();
    run(&artefacts, &[from.clone(), Source::Upstream], dir.path()).unwrap();
    holds(dir.path(), &images);
    assert_eq!(upstream.answered(&["GET"]), 0);
    assert!(
        copy.answered(&[
            "/v2/k8s/sub/oci/manifests/",
            &format!("ns={}", upstream.host)
        ]) > 0
    );

    // what it lacks comes from upstream, and one that is gone is no matter
    let more = [(
        "sub/single:v1",
        RealImage::new("more", Form::Single, &[("", "amd64")]),
    )];
    let mut more = more;
    more[0].1.amd64 = more[0].1.contents.keys().copied().collect();
    upstream.push(&more[0].1, more[0].0);
    let gone = mirror(&format!("{}=http://127.0.0.1:9", upstream.host));
    let dir = tempfile::tempdir().unwrap();
    let artefacts = wanted(&upstream.host, &more);
    run(
        &artefacts,
        &[from.clone(), gone.clone(), Source::Upstream],
        dir.path(),
    )
    .unwrap();
    assert!(upstream.answered(&["GET"]) > 0);
    // where upstream may not be asked, both are told
    let dir = tempfile::tempdir().unwrap();
    let message = run(&artefacts, &[from, gone], dir.path())
        .unwrap_err()
        .to_string();
    for line in [
        "/v2/k8s/sub/single/manifests/",
        "/v2/k8s/single/manifests/",
        "127.0.0.1:9/v2/",
    ] {
        assert!(message.contains(line), "{message}");
    }
}

#[test]
fn a_mirror_that_lies_is_found_out_by_digest() {
    let image = RealImage::new("lies", Form::Single, &[("", "amd64")]);
    let path = format!("/v2/demo/manifests/{}?ns=registry.example", image.digest);
    let server = serve(vec![(path, Answer::Whole(b"{}".to_vec()))]);
    let artefacts = wanted("registry.example", &[("demo:v1", image.clone())]);
    let from = mirror(&format!("registry.example={}", server.url));
    let dir = tempfile::tempdir().unwrap();
    let message = run(&artefacts, &[from], dir.path())
        .unwrap_err()
        .to_string();
    let line = format!("expected {}, got {}", image.digest, Digest::sha256(b"{}"));
    assert!(message.contains(&line), "{message}");
}
