//! What nobody published a digest of, and `firstlight.lock`.

use std::path::Path;

use firstlight::artefact::Digest;
use tempfile::TempDir;

use crate::server::{Answer, Server, serve};
use crate::support::images::{config, layer};
use crate::support::{self, Done, firstlight, root};
use crate::upstream::{image, put, tar_of};

/// What manifests of a master run.
const IMAGES: [&str; 5] = [
    "pause",
    "kube-proxy",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
];

/// A cluster whose train has one program and one image, without digests.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new(upstream: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let registry = upstream.strip_prefix("http://").unwrap();
        let file = |path: &str, text: String| (path.to_owned(), text.into_bytes());
        let train = fs_err::read_to_string(root().join("overlays/trains/1.34.yml")).unwrap();
        let (head, rest) = train.split_once("components:\n").unwrap();
        let (_, tail) = rest.split_once("host:\n").unwrap();
        let train =
            format!("{head}components:\n  demo: \"1.0\"\n  manifests: \"1.0\"\nhost:\n{tail}");
        // published, so that only the two of `demo` are not
        let published = image(&[("amd64", "amd64")], "made up").parts[0];
        let mut manifests = "licence: MIT\nhomepage: https://example.org\nimages:\n".to_owned();
        for name in IMAGES {
            manifests += &format!(
                "  {name}: {{ repository: {registry}/{name}, tag: v1, digests: {{ \"1.0\": \"{published}\" }} }}\n"
            );
        }
        let demo = format!(
            "licence: MIT\nhomepage: https://example.org\nrelease:\n  url: {upstream}/demo-{{version}}-{{arch}}\n  unpack: file\n  files: {{ demo: /opt/firstlight/bin/demo }}\n  digests: {{}}\nimages:\n  demo:\n    repository: {registry}/demo\n    tag: v{{version}}\n    digests: {{ \"1.0\": null }}\n"
        );
        let cluster = "name: demo\nnetwork: { provider: bridge }\naddons: { coredns: { enabled: false } }\nartefacts: { mirror: \"http://10.0.0.5\" }\nhosts:\n  - { name: m1, role: master, address: 10.0.0.11/24, mac: \"52:54:00:00:00:11\", os: debian-12 }\n";
        put(
            dir.path(),
            &[
                file("cluster.yml", cluster.to_owned()),
                file("overlays/trains/1.34.yml", train),
                file("overlays/demo/component.yml", demo),
                file("overlays/manifests/component.yml", manifests),
                file(
                    "overlays/packages/debian-12.yml",
                    "base: http://127.0.0.1:9\npackages: {}\n".to_owned(),
                ),
            ],
        );
        Self { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn run(&self, args: &[&str]) -> Done {
        let mut all = vec!["overlay"];
        all.extend(args);
        all.extend(["--overlays", "overlays"]);
        if args.first() != Some(&"list") {
            all.extend(["--store", "store"]);
        }
        support::run(&mut firstlight(self.path(), &all))
    }

    fn lock(&self) -> String {
        fs_err::read_to_string(self.path().join("firstlight.lock")).unwrap()
    }
}

fn upstream(program: &[u8]) -> (Server, Digest) {
    let image = image(&[("amd64", "amd64")], "made up");
    let mut answers = vec![(
        "/demo-1.0-amd64".to_owned(),
        Answer::Whole(program.to_vec()),
    )];
    for (path, content) in image.files {
        if let Some(hex) = path.strip_prefix("blobs/sha256/") {
            let name = if Digest::sha256(&content) == image.parts[0] {
                answers.push((
                    "/v2/demo/manifests/v1.0".to_owned(),
                    Answer::Guarded(content.clone()),
                ));
                "manifests"
            } else if Digest::sha256(&content) == image.parts[1] {
                "manifests"
            } else {
                "blobs"
            };
            for repository in IMAGES.iter().chain(&["demo"]) {
                let path = format!("/v2/{repository}/{name}/sha256:{hex}");
                answers.push((path, Answer::Guarded(content.clone())));
            }
        }
    }
    (serve(answers), image.parts[0])
}

#[test]
fn the_first_download_is_pinned_and_nothing_else_used_from_then_on() {
    let (server, index) = upstream(b"first");
    let place = Place::new(&server.url);
    let built = place.run(&["build"]).ok();
    let program = Digest::sha256(b"first");
    let name = format!("{}/demo:v1.0", server.url.strip_prefix("http://").unwrap());
    for line in [
        format!(
            "firstlight.lock: {}/demo-1.0-amd64 is {program}",
            server.url
        ),
        format!("firstlight.lock: {name} is {index}"),
    ] {
        assert!(built.stderr.contains(&line), "{line}\n{}", built.stderr);
    }
    let lock = place.lock();
    assert!(
        lock.contains(&program.to_string()) && lock.contains(&index.to_string()),
        "{lock}"
    );
    // complete: nothing is asked and nothing written
    // what an interrupted process left goes
    let left = place.path().join("store/blobs/.new-left");
    fs_err::write(&left, b"half").unwrap();
    place.run(&["lock", "--locked", "--offline"]).ok();
    assert!(!left.exists());
    place.run(&["build", "--locked", "--offline"]).ok();
    assert_eq!(place.lock(), lock);
    // nor is anything lost where `--overlays` is forgotten
    let args = ["overlay", "build", "--offline", "--store", "store"];
    let forgot = support::run(&mut firstlight(place.path(), &args));
    assert_eq!(forgot.code, Some(1));
    assert_eq!(place.lock(), lock);

    // what upstream has now is something else
    fs_err::remove_dir_all(place.path().join("store")).unwrap();
    fs_err::remove_dir_all(place.path().join("out")).unwrap();
    let (changed, _) = upstream(b"second");
    let component = place.path().join("overlays/demo/component.yml");
    let text = fs_err::read_to_string(&component).unwrap();
    fs_err::write(&component, text.replace(&server.url, &changed.url)).unwrap();
    let path = place.path().join("firstlight.lock");
    fs_err::write(&path, lock.replace(&server.url, &changed.url)).unwrap();
    let refused = place.run(&["build"]);
    assert_eq!(refused.code, Some(1));
    let second = Digest::sha256(b"second");
    let line = format!(
        "{}/demo-1.0-amd64: expected {program}, got {second} (6 bytes)",
        changed.url
    );
    assert!(refused.stderr.contains(&line), "{}", refused.stderr);
    // unless that is what is wanted
    place.run(&["lock", "--update"]).ok();
    assert!(place.lock().contains(&second.to_string()));
    place.run(&["build", "--locked"]).ok();
}

#[test]
fn locked_names_what_is_not_pinned() {
    let (server, _) = upstream(b"program");
    let place = Place::new(&server.url);
    let registry = server.url.strip_prefix("http://").unwrap();
    for command in ["lock", "build", "pull"] {
        let mut args = vec![command, "--locked"];
        if command == "pull" {
            args.extend(["--to", "copy"]);
        }
        let refused = place.run(&args);
        assert_eq!(refused.code, Some(1));
        assert_eq!(
            refused.stderr,
            format!(
                "error: firstlight.lock: does not pin what `--locked` asks for:\n  demo 1.0 (amd64): {}/demo-1.0-amd64\n  demo 1.0 (amd64): {registry}/demo:v1.0\nhint: run `firstlight overlay lock`, and commit the file\n",
                server.url
            )
        );
    }
    assert!(!place.path().join("firstlight.lock").exists());
    assert!(!place.path().join("store").exists());
    assert!(server.log.lock().unwrap().is_empty());
}

#[test]
fn a_file_at_hand_is_pinned_by_its_name() {
    let (server, _) = upstream(b"upstream's");
    let place = Place::new(&server.url);
    put(
        place.path(),
        &[("files/deep/demo-1.0-amd64".to_owned(), b"at hand".to_vec())],
    );
    place.run(&["lock", "--from", "files", "--upstream"]).ok();
    assert!(
        place
            .lock()
            .contains(&Digest::sha256(b"at hand").to_string())
    );
}

#[test]
fn what_no_source_has_is_listed_and_nothing_pinned() {
    let server = serve(vec![]);
    let place = Place::new(&server.url);
    let refused = place.run(&["lock"]);
    assert_eq!(refused.code, Some(1));
    let registry = server.url.strip_prefix("http://").unwrap();
    let url = &server.url;
    let gone = "; it is not there any more, or the version or the URL is wrong";
    assert_eq!(
        refused.stderr,
        format!(
            "error: no source has what is to be pinned:\n  demo 1.0 (amd64): {url}/demo-1.0-amd64\n    {url}/demo-1.0-amd64: 404 Not Found{gone}\n  demo 1.0 (amd64): {registry}/demo:v1.0\n    {url}/v2/demo/manifests/v1.0: 404 Not Found{gone}\n  hint: allow upstream, or name a folder with a file of that name\n"
        )
    );
    assert!(!place.path().join("firstlight.lock").exists());
}

#[test]
fn a_build_says_what_is_not_pinned_and_a_damaged_lock_is_refused() {
    let (server, _) = upstream(b"program");
    let place = Place::new(&server.url);
    let build = || {
        support::run(&mut firstlight(
            place.path(),
            &["build", "--overlays", "overlays"],
        ))
    };
    let refused = build();
    assert_eq!(refused.code, Some(1));
    for part in [
        "release train `1.34` has no digest for: demo 1.0 (amd64), demo 1.0 (amd64)",
        "`firstlight overlay lock` finds the digests out and remembers them",
    ] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let lock = place.path().join("firstlight.lock");
    fs_err::write(lock, "artefacts:\n  upstream: { a: md5:00 }\n").unwrap();
    let refused = build();
    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .stderr
            .starts_with("error: `firstlight.lock` cannot be read as a lock file: `artefacts`: "),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.ends_with(
        "hint: restore it from version control, or remove it where the state folder is at hand\n"
    ));
}

#[test]
fn an_image_of_a_docker_archive_is_pinned_by_the_index_that_is_made_for_it() {
    let (server, of_registry) = upstream(b"program");
    let place = Place::new(&server.url);
    let registry = server.url.strip_prefix("http://").unwrap();
    let archive = |arch: &str| {
        let layer = layer("etc/demo", "1");
        let config = config(arch, &[&layer]);
        let manifest = format!(
            r#"[{{"Config":"c.json","RepoTags":["{registry}/demo:v1.0"],"Layers":["l/layer.tar"]}}]"#
        );
        tar_of(&[
            ("manifest.json".to_owned(), manifest.into_bytes()),
            ("c.json".to_owned(), config),
            ("l/layer.tar".to_owned(), layer),
        ])
    };
    let file = "files/demo.tar".to_owned();
    put(place.path(), &[(file.clone(), archive("arm64"))]);
    let build = ["build", "--from", "files", "--upstream"];
    let refused = place.run(&build);
    assert_eq!(refused.code, Some(1));
    assert_eq!(
        refused.stderr,
        format!(
            "error: `{registry}/demo:v1.0` in `files/demo.tar`: no image for linux/amd64; it has: linux/arm64\n"
        )
    );
    put(place.path(), &[(file, archive("amd64"))]);
    place.run(&build).ok();
    let lock = place.lock();
    assert!(!lock.contains(&of_registry.to_string()), "{lock}");
    let listed = fs_err::read_to_string(place.path().join("out/overlays/index")).unwrap();
    let line = listed.lines().find(|line| line.contains("/demo:v1.0"));
    let digest = line.unwrap().split(' ').nth(1).unwrap();
    assert!(lock.contains(digest), "{lock}");

    // what is no archive of images stands in nobody's way
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Char);
    header.set_path("dev/null").unwrap();
    header.set_size(0);
    header.set_cksum();
    let mut device = tar::Builder::new(Vec::new());
    device.append(&header, std::io::empty()).unwrap();
    let device = device.into_inner().unwrap();
    put(place.path(), &[("files/a.tar".to_owned(), device)]);

    // a store that lost it finds it there again
    fs_err::remove_dir_all(place.path().join("store")).unwrap();
    fs_err::remove_dir_all(place.path().join("out")).unwrap();
    place.run(&[&build[..], &["--locked"]].concat()).ok();
    let again = fs_err::read_to_string(place.path().join("out/overlays/index")).unwrap();
    assert_eq!((&place.lock(), &again), (&lock, &listed));
    // and nowhere else
    fs_err::remove_dir_all(place.path().join("store")).unwrap();
    let refused = place.run(&["build", "--locked"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .stderr
            .contains(&format!("{registry}/demo:v1.0 {digest}")),
        "{}",
        refused.stderr
    );
}

#[test]
fn an_archive_for_some_of_the_machines_only_is_refused() {
    let (server, _) = upstream(b"program");
    let place = Place::new(&server.url);
    let registry = server.url.strip_prefix("http://").unwrap();
    let layer = layer("etc/demo", "1");
    let manifest = format!(
        r#"[{{"Config":"c.json","RepoTags":["{registry}/demo-amd64:v1.0"],"Layers":["l/layer.tar"]}}]"#
    );
    let archive = tar_of(&[
        ("manifest.json".to_owned(), manifest.into_bytes()),
        ("c.json".to_owned(), config("amd64", &[&layer])),
        ("l/layer.tar".to_owned(), layer),
    ]);
    put(place.path(), &[("files/demo.tar".to_owned(), archive)]);
    let cluster = place.path().join("cluster.yml");
    let worker = "  - { name: w1, role: worker, address: 10.0.0.12/24, mac: \"52:54:00:00:00:12\", os: debian-12, arch: arm64 }\n";
    let text = fs_err::read_to_string(&cluster).unwrap();
    fs_err::write(&cluster, text + worker).unwrap();
    let refused = place.run(&["lock", "--from", "files"]);
    assert_eq!(refused.code, Some(1));
    assert_eq!(
        refused.stderr,
        format!(
            "error: `{registry}/demo:v1.0`: no archive below `files` has it for linux/arm64, as for the other machines of the cluster\n"
        )
    );
}

#[test]
fn a_list_of_urls_writes_nothing() {
    let (server, _) = upstream(b"program");
    let place = Place::new(&server.url);
    let refused = place.run(&["pull", "--dry-run"]);
    assert_eq!(refused.code, Some(1));
    let hint = "`firstlight overlay lock` finds the digests out and remembers them";
    assert!(refused.stderr.contains(hint), "{}", refused.stderr);
    assert!(!place.path().join("firstlight.lock").exists());
    assert!(!place.path().join("store").exists());
}

#[test]
fn a_lock_of_an_unknown_train_is_refused() {
    let (server, _) = upstream(b"program");
    let place = Place::new(&server.url);
    place.run(&["lock"]).ok();
    let lock = place.lock();
    let cluster = place.path().join("cluster.yml");
    let text = fs_err::read_to_string(&cluster).unwrap();
    fs_err::write(&cluster, text + "kubernetes: { version: \"1.99\" }\n").unwrap();
    let refused = place.run(&["lock"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .stderr
            .starts_with("error: unknown release train `1.99`, must be one of: "),
        "{}",
        refused.stderr
    );
    assert_eq!(place.lock(), lock);
}
