//! Images by name, where nobody published a digest.

use std::process::Command;

use firstlight::artefact::store::{NamedImage, named};
use firstlight::config::model::Arch;
use serde_json::json;

use crate::docker_archive::{NAME, file, saved, tar, whole};
use crate::support::images::{Form, RealImage, gzip, layer};
use crate::support::run;
use crate::upstream::put;

#[test]
fn finds_images_by_name_whatever_the_form() {
    let image = |name| RealImage::new(name, Form::Oci, &[("amd64", "amd64")]);
    let dir = tempfile::tempdir().unwrap();
    let [full, tag, packed] = ["full", "tag", "packed"].map(image);
    let reference = "org.opencontainers.image.ref.name";
    full.layout(
        &dir.path().join("a"),
        &json!({ "io.containerd.image.name": "registry.k8s.io/full:v1", reference: "v1" }),
    );
    // what `skopeo copy … oci:tag:v1` writes
    tag.layout(&dir.path().join("tag"), &json!({ reference: "v1" }));
    let layout = tempfile::tempdir().unwrap();
    packed.layout(
        layout.path(),
        &json!({ reference: "registry.k8s.io/packed:v1" }),
    );
    let to = dir.path().join("packed.tar");
    run(Command::new("tar")
        .arg("-cf")
        .arg(&to)
        .arg("-C")
        .arg(layout.path())
        .arg("."))
    .ok();
    put(
        dir.path(),
        &[
            ("arm64.tar".to_owned(), tar(&saved("arm64", &[NAME]))),
            (
                "k8s/server.tar.gz".to_owned(),
                gzip(&tar(&[file("b/p.tar", &tar(&saved("amd64", &[NAME])))])),
            ),
            ("other.tar.gz".to_owned(), gzip(&layer("bin/x", "x"))),
            (
                "broken.tgz".to_owned(),
                gzip(&layer("bin/x", "x"))[..20].to_vec(),
            ),
        ],
    );
    let by = |name: &str| named(dir.path(), name, Arch::Amd64).unwrap();
    for (name, image, place) in [
        ("full", &full, "a"),
        ("tag", &tag, "tag"),
        ("packed", &packed, "packed.tar"),
    ] {
        let found = by(&format!("registry.k8s.io/{name}:v1"));
        let (digest, place) = (image.digest, dir.path().join(place));
        assert_eq!(found, Some(NamedImage::Layout { digest, place }), "{name}");
    }
    let Some(NamedImage::Made(made)) = by(NAME) else {
        panic!("no {NAME}");
    };
    whole(&made);
    // one that cannot be read may have what nothing else has
    let error = named(dir.path(), "registry.k8s.io/none:v1", Arch::Amd64).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("broken.tgz` is no whole tar archive"),
        "{error}"
    );
    fs_err::remove_file(dir.path().join("broken.tgz")).unwrap();
    assert_eq!(by("registry.k8s.io/none:v1"), None);
    fs_err::remove_file(dir.path().join("k8s/server.tar.gz")).unwrap();
    let error = named(dir.path(), NAME, Arch::Amd64)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no image for linux/amd64; it has: linux/arm64"),
        "{error}"
    );
}
