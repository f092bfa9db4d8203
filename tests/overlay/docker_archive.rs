//! Images of docker archives, and by name.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use firstlight::artefact::Digest;
use firstlight::artefact::store::{DockerArchive, DockerArchiveError, MadeImage};
use firstlight::config::model::Arch;
use serde_json::{Value, json};
use tar::EntryType;
use tempfile::TempDir;

use crate::support::images::{Form, RealImage, config, gzip, layer};
use crate::support::run;
use crate::upstream::put;

pub const NAME: &str = "registry.k8s.io/kube-proxy:v1.34.7";

/// Type, name, and content or target.
pub type Entry = (EntryType, String, Vec<u8>);

pub fn file(name: &str, content: &[u8]) -> Entry {
    (EntryType::Regular, name.to_owned(), content.to_vec())
}

fn link(kind: EntryType, name: &str, target: &str) -> Entry {
    (kind, name.to_owned(), target.as_bytes().to_vec())
}

pub fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        let fields = header.as_gnu_mut().unwrap();
        // the crate refuses `..`, which is what some of these archives are about
        fields.name[..name.len()].copy_from_slice(name.as_bytes());
        let mut body = content.as_slice();
        if *kind != EntryType::Regular {
            fields.linkname[..content.len()].copy_from_slice(content);
            body = b"";
        }
        header.set_size(body.len() as u64);
        header.set_cksum();
        builder.append(&header, body).unwrap();
    }
    builder.into_inner().unwrap()
}

/// As `docker save` before 25 has it: a folder a layer, equal ones by link.
pub fn saved(arch: &str, tags: &[&str]) -> Vec<Entry> {
    let one = layer("bin/demo", &format!("demo for {arch}"));
    let config = config(arch, &[&one, &one]);
    let config_name = format!("{}.json", Digest::sha256(&config).hex());
    let manifest = json!([{
        "Config": config_name, "RepoTags": tags, "Layers": ["aa/layer.tar", "bb/layer.tar"],
    }]);
    vec![
        file("aa/VERSION", b"1.0"),
        file("aa/layer.tar", &one),
        link(EntryType::Symlink, "bb/layer.tar", "../aa/layer.tar"),
        file(&config_name, &config),
        file("manifest.json", manifest.to_string().as_bytes()),
        file("repositories", b"{}"),
    ]
}

/// The archive as a file of that name.
fn at(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &[(name.to_owned(), bytes.to_vec())]);
    let path = dir.path().join(name);
    (dir, path)
}

fn find(path: &Path, name: &str) -> Result<MadeImage, DockerArchiveError> {
    DockerArchive::open(path)?.find(name, Arch::Amd64)
}

/// Why these entries give no image.
fn refused(entries: &[Entry]) -> String {
    let (_dir, path) = at("image.tar", &tar(entries));
    find(&path, NAME).unwrap_err().to_string()
}

/// Every part is what its digest says.
pub fn whole(image: &MadeImage) -> Value {
    assert_eq!(image.digest, Digest::sha256(&image.manifest));
    for part in &image.parts {
        let mut content = Vec::new();
        part.open().unwrap().read_to_end(&mut content).unwrap();
        assert_eq!(Digest::sha256(&content), part.digest);
        assert_eq!(content.len() as u64, part.size);
    }
    serde_json::from_slice(&image.manifest).unwrap()
}

#[test]
fn equal_layers_by_link_are_one_part() {
    let (_dir, path) = at("image.tar", &tar(&saved("amd64", &[NAME])));
    let image = find(&path, NAME).unwrap();
    let manifest = whole(&image);
    assert_eq!(image.parts.len(), 2);
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 2);
    assert_eq!(manifest["layers"][0], manifest["layers"][1]);
    let expected = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:"#;
    assert!(image.manifest.starts_with(expected.as_bytes()));
    // hard links begin elsewhere
    let mut entries = saved("amd64", &[NAME]);
    entries[2] = link(EntryType::Link, "bb/layer.tar", "aa/layer.tar");
    let (_dir, path) = at("image.tar", &tar(&entries));
    assert_eq!(find(&path, NAME).unwrap().manifest, image.manifest);
}

#[test]
fn a_release_tarball_gives_what_the_archive_in_it_gives() {
    let short = "registry.k8s.io/kube-proxy-amd64:v1.34.7";
    let archive = tar(&saved("amd64", &[short]));
    let other = tar(&saved("amd64", &["registry.k8s.io/etcd:3"]));
    let release = tar(&[
        (EntryType::Directory, "kubernetes/".to_owned(), vec![]),
        file("kubernetes/server/bin/kubelet", &vec![0x7f; 70_000]),
        file("kubernetes/server/bin/other.tar", &other),
        file("kubernetes/server/bin/kube-proxy.tar", &archive),
        file("kubernetes/src.tar", &layer("README", "no image")),
    ]);
    let (_dir, alone) = at("kube-proxy.tar", &archive);
    let alone = find(&alone, NAME).unwrap();
    for (name, bytes) in [
        ("release.tar", release.clone()),
        ("kubernetes-server-linux-amd64.tar.gz", gzip(&release)),
        ("saved.tar.gz", gzip(&archive)),
    ] {
        let (_dir, path) = at(name, &bytes);
        let image = find(&path, NAME).unwrap();
        whole(&image);
        assert_eq!(image.manifest, alone.manifest, "{name}");
        let error = find(&path, "registry.k8s.io/pause:3.10")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("has no image `registry.k8s.io/pause:3.10`; it has: "),
            "{error}"
        );
        assert!(error.ends_with(short), "{error}");
        let error = DockerArchive::open(&path).unwrap().find(NAME, Arch::Arm64);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("it has: "), "{error}");
    }
    let (_dir, path) = at("cni.tgz", &gzip(&layer("bin/bridge", "program")));
    let error = find(&path, NAME).unwrap_err();
    assert!(
        matches!(error, DockerArchiveError::NoImages { .. }),
        "{error}"
    );
}

#[test]
fn several_images_of_one_archive_are_told_apart() {
    let mut entries = saved("arm64", &[NAME]);
    let mut more = saved("amd64", &["haproxy:3.2", "example/demo:v1"]);
    let [second] = serde_json::from_slice::<[Value; 1]>(&more[4].2).unwrap();
    // the layers of both, each in its folder
    for entry in &mut more {
        entry.1 = entry.1.replace("aa/", "cc/").replace("bb/", "dd/");
        if entry.0 == EntryType::Symlink {
            entry.2 = b"../cc/layer.tar".to_vec();
        }
    }
    let [first] = serde_json::from_slice::<[Value; 1]>(&entries[4].2).unwrap();
    let mut second = second;
    second["Layers"] = json!(["cc/layer.tar", "dd/layer.tar"]);
    let nameless =
        json!({ "Config": second["Config"], "RepoTags": null, "Layers": second["Layers"] });
    entries[4].2 = json!([first, second, nameless]).to_string().into_bytes();
    entries.extend(more.into_iter().take(4));
    let (_dir, path) = at("images.tar", &tar(&entries));
    let archive = DockerArchive::open(&path).unwrap();
    let names: Vec<String> = archive.names().unwrap().into_iter().collect();
    assert_eq!(
        names,
        [
            "docker.io/example/demo:v1",
            "docker.io/library/haproxy:3.2",
            NAME
        ]
    );
    let by = |name| archive.find(name, Arch::Amd64).unwrap();
    assert_eq!(
        by("docker.io/library/haproxy:3.2"),
        by("docker.io/example/demo:v1")
    );
    whole(&by("docker.io/library/haproxy:3.2"));
    let error = archive.find(NAME, Arch::Amd64).unwrap_err().to_string();
    let expected = format!(
        "`{NAME}` in `{}`: no image for linux/amd64; it has: linux/arm64",
        path.display()
    );
    assert_eq!(error, expected);
    whole(&archive.find(NAME, Arch::Arm64).unwrap());
}

#[test]
fn archives_that_reach_outside_are_refused() {
    for entry in [
        file("../escape", b"x"),
        file("aa/../../escape", b"x"),
        file("/etc/escape", b"x"),
        link(EntryType::Symlink, "cc/layer.tar", "../../etc/passwd"),
        link(EntryType::Symlink, "cc/layer.tar", "/etc/passwd"),
        link(EntryType::Link, "cc/layer.tar", "../etc/passwd"),
        link(EntryType::Char, "dev/null", ""),
        link(EntryType::Block, "dev/sda", ""),
        link(EntryType::Fifo, "pipe", ""),
    ] {
        let mut entries = saved("amd64", &[NAME]);
        let name = entry.1.clone();
        entries.push(entry);
        let error = refused(&entries);
        assert!(
            error.ends_with(&format!("unsafe entry `{name}`")),
            "{error}"
        );
        // in an archive of archives too
        let (_dir, path) = at(
            "release.tar.gz",
            &gzip(&tar(&[file("a/image.tar", &tar(&entries))])),
        );
        let error = find(&path, NAME).unwrap_err();
        assert!(
            matches!(error, DockerArchiveError::UnsafeEntry { .. }),
            "{error}"
        );
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let (manifest, config, first) = (4, 3, 1);
    let broken = |at: usize, change: &dyn Fn(&mut Entry)| {
        let mut entries = saved("amd64", &[NAME]);
        change(&mut entries[at]);
        refused(&entries)
    };
    for (error, words) in [
        (
            broken(manifest, &|e| e.2 = b"{}".to_vec()),
            "`manifest.json`",
        ),
        (
            broken(config, &|e| e.2 = b"{\"os\":1}".to_vec()),
            ".json`: ",
        ),
        (
            broken(config, &|e| e.1 = "else.json".to_owned()),
            "there is no `",
        ),
        (
            broken(first, &|e| e.1 = "cc/layer.tar".to_owned()),
            "there is no `aa/layer.tar`",
        ),
        (
            broken(first, &|e| e.2 = layer("bin/demo", "evil")),
            "`aa/layer.tar`: expected sha256:",
        ),
        (
            broken(first, &|e| e.2 = b"text".to_vec()),
            "`aa/layer.tar` is no tar",
        ),
        (
            broken(2, &|e| e.2 = b"../bb/layer.tar".to_vec()),
            "there is no `bb/layer.tar`",
        ),
    ] {
        assert!(
            error.contains("is no docker archive") && error.contains(words),
            "{error}"
        );
    }
    let mut entries = saved("amd64", &[NAME]);
    let text = String::from_utf8(entries[manifest].2.clone()).unwrap();
    entries[manifest].2 = text.replace(r#","bb/layer.tar""#, "").into_bytes();
    assert!(refused(&entries).contains("1 layers, 2 in the configuration"));
}

#[test]
fn an_archive_that_ends_early_gives_nothing() {
    let plain = tar(&saved("amd64", &[NAME]));
    let release = tar(&[file("bin/kube-proxy.tar", &plain)]);
    // the mark at the end is two empty blocks, of which one is enough
    for bytes in [&plain, &release] {
        for end in (0..bytes.len() - 1024).step_by(256) {
            let (_dir, path) = at("image.tar", &bytes[..end]);
            find(&path, NAME).unwrap_err();
        }
    }
    let packed = gzip(&release);
    for end in (3..packed.len()).step_by(7) {
        let (_dir, path) = at("image.tar.gz", &packed[..end]);
        let error = find(&path, NAME).unwrap_err();
        assert!(
            matches!(error, DockerArchiveError::Broken { .. }),
            "{end}: {error}"
        );
    }
}

/// Copies with skopeo.
fn skopeo(from: &str, to: &str) {
    let policy = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(
        policy.path(),
        r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
    )
    .unwrap();
    run(Command::new("skopeo")
        .arg("--policy")
        .arg(policy.path())
        .args([
            "--override-arch",
            "amd64",
            "--override-os",
            "linux",
            "copy",
            "--quiet",
            from,
            to,
        ]))
    .ok();
}

#[test]
fn what_skopeo_wrote_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let image = RealImage::new(
        "demo",
        Form::Docker,
        &[("arm64", "arm64"), ("amd64", "amd64")],
    );
    image.dir(&dir.path().join("image"));
    let archive = dir.path().join("archive.tar");
    let to = format!("docker-archive:{}:{NAME}", archive.display());
    skopeo(&format!("dir:{}", dir.path().join("image").display()), &to);
    let made = find(&archive, NAME).unwrap();
    let manifest = whole(&made);
    // the configuration is the registry's, the layers are what it unpacks
    assert_eq!(made.parts[0].digest, image.amd64[2]);
    let config: Value = serde_json::from_slice(&image.contents[&image.amd64[2]]).unwrap();
    for number in 0..2 {
        let layer = &manifest["layers"][number];
        assert_eq!(layer["digest"], config["rootfs"]["diff_ids"][number]);
        assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar");
    }
    // what was made is an image to others: skopeo reads it, and writes the same archive again
    let layout = dir.path().join("layout");
    let mut files = vec![(made.digest.blob_path(), made.manifest.clone())];
    for part in &made.parts {
        let mut content = Vec::new();
        part.open().unwrap().read_to_end(&mut content).unwrap();
        files.push((part.digest.blob_path(), content));
    }
    let index = MadeImage::index(&[(Arch::Amd64, &made)]);
    files.push(("index.json".to_owned(), index.index));
    files.push((
        "oci-layout".to_owned(),
        br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
    ));
    put(&layout, &files);
    let again = dir.path().join("again.tar");
    let to = format!("docker-archive:{}:{NAME}", again.display());
    skopeo(&format!("oci:{}", layout.display()), &to);
    assert_eq!(find(&again, NAME).unwrap().manifest, made.manifest);
}
