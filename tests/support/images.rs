//! Images that real registries, clients and containerds take: layers that unpack, configurations with
//! their digests, documents with sizes.

#![allow(dead_code, reason = "every test takes the part that it needs")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use firstlight::artefact::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// What the pinned document is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// An OCI index, with an attestation for each image, as `docker buildx` pushes it.
    Oci,
    /// Docker's manifest list.
    Docker,
    /// A manifest: the image of one platform.
    Single,
}

/// An image as registries hold it.
#[derive(Clone)]
pub struct RealImage {
    /// Of the pinned document.
    pub digest: Digest,
    /// Media type of the pinned document.
    pub media_type: &'static str,
    /// Every content by its digest.
    pub contents: BTreeMap<Digest, Vec<u8>>,
    /// Those that are no blobs: each with its media type, the pinned one last.
    pub documents: Vec<(Digest, &'static str)>,
    /// Those that a machine of amd64 needs, in the order of the store's list.
    pub amd64: Vec<Digest>,
}

/// Media types of index, manifest, configuration and layer.
fn media_types(form: Form) -> [&'static str; 4] {
    match form {
        Form::Docker => [
            "application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.docker.container.image.v1+json",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ],
        Form::Oci | Form::Single => [
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.oci.image.config.v1+json",
            "application/vnd.oci.image.layer.v1.tar+gzip",
        ],
    }
}

/// A tar with one file.
pub fn layer(name: &str, content: &str) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o755);
    let mut builder = tar::Builder::new(Vec::new());
    builder
        .append_data(&mut header, name, content.as_bytes())
        .unwrap();
    builder.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A configuration for layers that unpack to `tars`.
pub fn config(arch: &str, tars: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<String> = tars.iter().map(|t| Digest::sha256(t).to_string()).collect();
    let value = json!({
        "created": "2026-01-01T00:00:00Z", "architecture": arch, "os": "linux",
        "config": { "Cmd": ["/bin/demo"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    value.to_string().into_bytes()
}

struct Maker {
    image: RealImage,
    types: [&'static str; 4],
}

impl Maker {
    fn add(&mut self, bytes: Vec<u8>, media_type: &str) -> Value {
        let digest = Digest::sha256(&bytes);
        let descriptor =
            json!({ "mediaType": media_type, "digest": digest.to_string(), "size": bytes.len() });
        self.image.contents.insert(digest, bytes);
        descriptor
    }

    fn document(&mut self, value: &Value, media_type: &'static str) -> Value {
        let descriptor = self.add(value.to_string().into_bytes(), media_type);
        let digest = digest_of(&descriptor);
        self.image.documents.push((digest, media_type));
        self.image.digest = digest;
        self.image.media_type = media_type;
        descriptor
    }

    /// The manifest of a platform, and its digest with those of its parts.
    fn manifest(&mut self, name: &str, arch: &str) -> (Value, Vec<Digest>) {
        let [_, manifest_type, config_type, layer_type] = self.types;
        // more than one read takes, and nothing that compresses to nothing
        let words =
            (0..20_000).map(|n| Digest::sha256(format!("{n} {arch} {name}").as_bytes()).hex());
        let tars = [
            layer("bin/demo", &format!("#!/bin/sh\necho {name} {arch}\n")),
            layer("usr/share/demo", &words.collect::<String>()),
        ];
        let config = self.add(config(arch, &[&tars[0], &tars[1]]), config_type);
        let layers: Vec<Value> = tars
            .iter()
            .map(|tar| self.add(gzip(tar), layer_type))
            .collect();
        let value = json!({
            "schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": layers,
        });
        let manifest = self.document(&value, manifest_type);
        let parts = [&manifest, &config].into_iter().chain(&layers);
        let parts = parts.map(digest_of).collect();
        (manifest, parts)
    }

    /// What `docker buildx` adds for each image: a manifest that is no image.
    fn attestation(&mut self, of: &Value) -> Value {
        let [_, manifest_type, config_type, _] = self.types;
        let statement =
            json!({ "_type": "https://in-toto.io/Statement/v0.1", "subject": [of["digest"]] });
        let layer_type = "application/vnd.in-toto+json";
        let layer = self.add(statement.to_string().into_bytes(), layer_type);
        let config = json!({
            "architecture": "unknown", "os": "unknown", "config": {},
            "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
        });
        let config = self.add(config.to_string().into_bytes(), config_type);
        let value = json!({
            "schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": [layer],
        });
        let mut entry = self.document(&value, manifest_type);
        entry["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
        entry["annotations"] = json!({
            "vnd.docker.reference.digest": of["digest"],
            "vnd.docker.reference.type": "attestation-manifest",
        });
        entry
    }
}

fn digest_of(descriptor: &Value) -> Digest {
    descriptor["digest"].as_str().unwrap().parse().unwrap()
}

impl RealImage {
    /// An image for each pair of the platform that is listed and the one that it is for.
    pub fn new(name: &str, form: Form, platforms: &[(&str, &str)]) -> RealImage {
        let image = RealImage {
            digest: Digest::sha256(b""),
            media_type: "",
            contents: BTreeMap::new(),
            documents: Vec::new(),
            amd64: Vec::new(),
        };
        let mut maker = Maker {
            image,
            types: media_types(form),
        };
        let mut entries = Vec::new();
        let mut attestations = Vec::new();
        for (listed, actual) in platforms {
            let (mut manifest, parts) = maker.manifest(name, actual);
            if *listed == "amd64" {
                maker.image.amd64 = parts;
            }
            if form == Form::Oci {
                attestations.push(maker.attestation(&manifest));
            }
            manifest["platform"] = json!({ "architecture": listed, "os": "linux" });
            entries.push(manifest);
        }
        if form != Form::Single {
            entries.extend(attestations);
            let media_type = maker.types[0];
            let value =
                json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": entries });
            maker.document(&value, media_type);
            let pinned = maker.image.digest;
            maker.image.amd64.insert(0, pinned);
        }
        maker.image
    }

    /// The layout of skopeo's `dir:`, which keeps every document as it is.
    pub fn dir(&self, folder: &Path) {
        fs_err::create_dir_all(folder).unwrap();
        fs_err::write(folder.join("version"), "Directory Transport Version: 1.1\n").unwrap();
        for (digest, content) in &self.contents {
            let hex = digest.hex();
            let name = match self.documents.iter().any(|(known, _)| known == digest) {
                _ if *digest == self.digest => "manifest.json".to_owned(),
                true => format!("{hex}.manifest.json"),
                false => hex,
            };
            fs_err::write(folder.join(name), content).unwrap();
        }
    }

    /// An OCI layout whose only image has these annotations.
    pub fn layout(&self, folder: &Path, annotations: &Value) {
        for (digest, content) in &self.contents {
            let path = folder.join(digest.blob_path());
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
        let size = self.contents[&self.digest].len();
        let index = json!({ "schemaVersion": 2, "manifests": [{
            "mediaType": self.media_type, "digest": self.digest.to_string(), "size": size,
            "annotations": annotations,
        }] });
        fs_err::write(
            folder.join("oci-layout"),
            r#"{"imageLayoutVersion":"1.0.0"}"#,
        )
        .unwrap();
        fs_err::write(folder.join("index.json"), index.to_string()).unwrap();
    }
}
