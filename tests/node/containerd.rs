//! Container images, judged by real containerds: 1.6, 1.7 and 2.x.

use std::collections::BTreeMap;
use std::io::Read as _;

use firstlight::artefact::store::{
    Credentials, DockerArchive, Request, Set, Source, StoreError, build,
};
use firstlight::artefact::{Artefact, Item, Where};
use firstlight::config::model::Arch;
use fs_err as fs;
use serde_json::json;

use crate::machine::Machine;
use crate::support::images::{Form, RealImage, config, gzip, layer};
use crate::support::registry::Registry;
use crate::support::tool;

/// Folder of `ci/tools`, and how its version begins.
const CONTAINERDS: [(&str, &str); 3] = [
    ("containerd-1.6", " 1.6."),
    ("containerd-1.7", " 1.7."),
    ("containerd-2", " 2."),
];

/// Starts containerd as the node has it, waits until it answers, runs the rest, and ends it.
const BEGIN: &str = "set -a; . /etc/firstlight/node.env; PATH=/opt/firstlight/bin:$PATH; cd /
containerd --config /etc/containerd/config.toml > /test/containerd 2>&1 & containerd=$!
n=0; until ctr version > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 300 ] || { cat /test/containerd; exit 90; }; /usr/bin/sleep 0.1; done
";
const END: &str = "\ncode=$?; kill $containerd; wait $containerd; exit $code";

const BOTH: [(&str, &str); 2] = [("arm64", "arm64"), ("amd64", "amd64")];

fn images() -> Vec<(&'static str, RealImage)> {
    vec![
        (
            "registry.k8s.io/pause:3.10",
            RealImage::new("pause", Form::Docker, &BOTH),
        ),
        (
            "docker.io/library/haproxy:3.2",
            RealImage::new("haproxy", Form::Oci, &BOTH),
        ),
        (
            "registry.example.org:5000/team/single:v1",
            RealImage::new("single", Form::Single, &[("amd64", "amd64")]),
        ),
        ("registry.k8s.io/kube-proxy:v1.34.7", made()),
    ]
}

/// One of a release tarball, which no registry has.
fn made() -> RealImage {
    let layer = layer("bin/demo", "#!/bin/sh\necho made amd64\n");
    let config = config("amd64", &[&layer]);
    let name = "registry.k8s.io/kube-proxy-amd64:v1.34.7";
    let manifest = json!([{ "Config": "c.json", "RepoTags": [name], "Layers": ["l/layer.tar"] }]);
    let manifest = manifest.to_string().into_bytes();
    let files = [
        ("c.json", config),
        ("l/layer.tar", layer),
        ("manifest.json", manifest),
    ];
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("kubernetes-server-linux-amd64.tar.gz");
    let release = tar_of(&[("kubernetes/server/bin/kube-proxy.tar", tar_of(&files))]);
    fs::write(&path, gzip(&release)).unwrap();
    let archive = DockerArchive::open(&path).unwrap();
    let found = archive
        .find("registry.k8s.io/kube-proxy:v1.34.7", Arch::Amd64)
        .unwrap();
    let mut contents = BTreeMap::from([(found.digest, found.manifest)]);
    for part in &found.parts {
        let mut content = Vec::new();
        part.open().unwrap().read_to_end(&mut content).unwrap();
        contents.insert(part.digest, content);
    }
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    RealImage {
        digest: found.digest,
        media_type,
        contents,
        documents: vec![(found.digest, media_type)],
        amd64: vec![],
    }
}

fn tar_of(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, name, content.as_slice())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

/// Builds an overlay folder with them at `dest`, for machines of `arch`.
fn overlay(
    images: &[(&str, RealImage)],
    arch: Arch,
    dest: &std::path::Path,
) -> Result<(), StoreError> {
    let work = tempfile::tempdir().unwrap();
    let artefact = |(name, image): &(&str, RealImage)| {
        image.layout(
            &work.path().join("from").join(image.digest.hex()),
            &json!({}),
        );
        Artefact {
            component: "demo".to_owned(),
            version: "1.0".to_owned(),
            licence: "Apache-2.0".to_owned(),
            on: Where::Everywhere,
            item: Item::Image {
                name: (*name).to_owned(),
                digest: image.digest,
            },
        }
    };
    let sets = [Set {
        name: "demo".to_owned(),
        arch,
        attached: true,
        artefacts: images.iter().map(artefact).collect(),
    }];
    let request = Request {
        sets: &sets,
        sources: &[Source::Folder(work.path().join("from"))],
        store: &work.path().join("store"),
        dest,
        ca_file: None,
        credentials: &Credentials::default(),
    };
    build(&request, &mut |_| {}).map(|_| ())
}

/// A machine with a real containerd, and a disk that holds the images.
fn machine(folder: &str, images: &[(&str, RealImage)]) -> Machine {
    let machine = Machine::with_scripts();
    for program in ["containerd", "ctr"] {
        let path = format!("opt/firstlight/bin/{program}");
        fs::copy(tool(&format!("{folder}/{program}")), machine.at(&path)).unwrap();
    }
    overlay(images, Arch::Amd64, &machine.at("run/firstlight/media/sr0")).unwrap();
    machine.write(
        "etc/firstlight/node.env",
        "FL_NODE='w1'\nFL_ARCH='amd64'\nFL_MIRROR=''\nFL_UPSTREAM='false'\n",
    );
    let lines: String = images
        .iter()
        .map(|(name, image)| format!("{name} {}\n", image.digest))
        .collect();
    machine.write("etc/firstlight/images", lines);
    machine.write(
        "etc/containerd/config.toml",
        "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.cri.v1.images\", \"io.containerd.cri.v1.runtime\"]\n",
    );
    machine
}

fn with_containerd(machine: &Machine, script: &str) -> crate::support::Done {
    fs::remove_file(machine.at("test/console")).ok();
    machine.run(&format!("{BEGIN}{script}{END}"))
}

/// What `ctr images ls` says: name to digest and labels.
fn listed(text: &str) -> BTreeMap<String, (String, String)> {
    let fields = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let lines = text.lines().filter(|line| line.contains("sha256:"));
    lines
        .map(|line| {
            let fields = fields(line);
            (
                fields[0].clone(),
                (fields[2].clone(), fields.last().unwrap().clone()),
            )
        })
        .collect()
}

/// Asserts that every image is there under both names, pinned, and nothing else is.
fn holds(text: &str, images: &[(&str, RealImage)]) {
    let listed = listed(text);
    for (name, image) in images {
        let (repository, _) = name.rsplit_once(':').unwrap();
        let digest = image.digest.to_string();
        for name in [(*name).to_owned(), format!("{repository}@{digest}")] {
            let (target, labels) = listed
                .get(&name)
                .unwrap_or_else(|| panic!("{name}\n{text}"));
            assert_eq!(*target, digest, "{name}");
            for label in [
                "io.cri-containerd.pinned=pinned",
                "io.cri-containerd.image=managed",
            ] {
                assert!(labels.split(',').any(|l| l == label), "{name}: {labels}");
            }
        }
    }
    assert_eq!(listed.len(), 2 * images.len(), "{text}");
}

const IMPORT: &str = "NOTIFY_SOCKET=there firstlight-images && ctr -n k8s.io images ls";

#[test]
fn every_containerd_takes_what_a_build_made() {
    let images = images();
    for (folder, version) in CONTAINERDS {
        let machine = machine(folder, &images);
        let done = with_containerd(&machine, &format!("ctr --version && {IMPORT}")).ok();
        assert!(
            done.stdout.lines().next().unwrap().contains(version),
            "{}",
            done.stdout
        );
        holds(&done.stdout, &images);
        assert_eq!(
            machine.read("test/console"),
            "firstlight: images ready (4 imported and pinned)\r\n",
            "{folder}: {}",
            done.stderr
        );

        // unpacked, so that a container starts from it at once, and complete
        for (name, image) in &images {
            let digest = &image.digest;
            let (repository, _) = name.rsplit_once(':').unwrap();
            let script = format!(
                "ctr -n k8s.io images check 'name=={repository}@{digest}' && mkdir -p /test/root &&
                 ctr -n k8s.io images mount --platform linux/amd64 {repository}@{digest} /test/root > /dev/null &&
                 cat /test/root/bin/demo"
            );
            let done = with_containerd(&machine, &script).ok();
            assert!(
                done.stdout.contains(" complete "),
                "{folder}: {}",
                done.stdout
            );
            assert!(done.stdout.contains("amd64\n"), "{folder}: {}", done.stdout);
        }

        // a second time there is nothing to do, not even a disk to look at
        fs::remove_dir_all(machine.at("run/firstlight/media")).unwrap();
        holds(&with_containerd(&machine, IMPORT).ok().stdout, &images);
    }
}

#[test]
fn every_containerd_gets_back_what_it_lost() {
    let images = images();
    for (folder, _) in CONTAINERDS {
        let machine = machine(folder, &images);
        let (first, second, third) = (images[0].0, images[1].0, images[2].0);
        let repository = |name: &str| name.rsplit_once(':').unwrap().0.to_owned();
        let (digest, of_second) = (images[0].1.digest, repository(second));
        let script = format!(
            "{IMPORT} > /dev/null || exit 91
             ctr -n k8s.io images rm --sync {first} {}@{digest} > /dev/null || exit 92
             ctr -n k8s.io images rm {of_second}@{} > /dev/null || exit 93
             ctr -n k8s.io images label {third} io.cri-containerd.pinned= > /dev/null || exit 94
             {IMPORT} && ctr -n k8s.io images check > /test/check",
            repository(first),
            images[1].1.digest,
        );
        let done = with_containerd(&machine, &script).ok();
        holds(&done.stdout, &images);
        // what was collected when the first went is not of the others
        let check = machine.read("test/check");
        let complete = check.lines().filter(|line| line.contains(" complete "));
        assert_eq!(complete.count(), 2 * images.len(), "{folder}: {check}");
    }
}

#[test]
fn every_containerd_pulls_by_digest_what_no_store_has() {
    let root = tempfile::tempdir().unwrap();
    let registry = Registry::start(root.path(), "");
    let image = RealImage::new("pulled", Form::Oci, &BOTH);
    registry.push(&image, "team/demo:v1");
    // another image has the tag by now
    registry.push(&RealImage::new("newer", Form::Oci, &BOTH), "team/demo:v1");
    let name = format!("{}/team/demo:v1", registry.host);
    let images = [(name.as_str(), image)];
    for (folder, _) in CONTAINERDS {
        let machine = machine(folder, &images);
        fs::remove_dir_all(machine.at("run/firstlight/media")).unwrap();
        let env = machine
            .read("etc/firstlight/node.env")
            .replace("'false'", "'true'");
        machine.write("etc/firstlight/node.env", env);
        let done = with_containerd(&machine, IMPORT).ok();
        holds(&done.stdout, &images);
    }
}

#[test]
fn an_image_for_other_machines_fails_the_build() {
    let images = [(
        "registry.k8s.io/pause:3.10",
        RealImage::new("pause", Form::Oci, &[("amd64", "arm64")]),
    )];
    let dest = tempfile::tempdir().unwrap();
    let error = overlay(&images, Arch::Amd64, &dest.path().join("out")).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("no image for linux/amd64; it has: linux/arm64"),
        "{message}"
    );
    assert!(!dest.path().join("out").exists());
}
