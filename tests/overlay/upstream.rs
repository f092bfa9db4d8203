//! A made-up upstream, and how to build from it.

use std::collections::BTreeMap;
use std::path::Path;

use firstlight::artefact::store::{
    Content, Credentials, Report, Request, Set, Source, StoreError, StoreFile, build,
};
use firstlight::artefact::{Algorithm, Artefact, Digest, Item, Where};
use firstlight::config::model::Arch;
use tempfile::TempDir;

/// Content that no single read holds.
pub fn big() -> Vec<u8> {
    (0..400_000u32).flat_map(u32::to_le_bytes).collect()
}

pub fn file(name: &str, content: &[u8], algorithm: Algorithm) -> Artefact {
    artefact(
        name,
        Item::File {
            digest: Digest::of(algorithm, content),
            url: format!("http://127.0.0.1:9/{name}"),
            dest: format!("/opt/firstlight/bin/{name}"),
            mode: 0o755,
        },
    )
}

pub fn artefact(component: &str, item: Item) -> Artefact {
    Artefact {
        component: component.to_owned(),
        version: "1.0".to_owned(),
        licence: "Apache-2.0".to_owned(),
        on: Where::Everywhere,
        item,
    }
}

/// A two-platform image as an OCI layout: path to content.
pub struct Image {
    pub artefact: Artefact,
    pub files: Vec<(String, Vec<u8>)>,
    /// Digests of index, manifest, configuration and layer for amd64.
    pub parts: Vec<Digest>,
}

pub fn image(platforms: &[(&str, &str)], name: &str) -> Image {
    let mut files = vec![(
        "oci-layout".to_owned(),
        br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
    )];
    let mut parts = vec![];
    let mut add = |bytes: Vec<u8>| {
        let digest = Digest::sha256(&bytes);
        let field = format!(r#""digest":"{digest}","size":{}"#, bytes.len());
        files.push((digest.blob_path(), bytes));
        (digest, field)
    };
    let mut manifests = vec![];
    for (listed, actual) in platforms {
        let (layer, layer_is) = add(format!("layer for {actual}").into_bytes());
        let (config, config_is) =
            add(format!(r#"{{"architecture":"{actual}","os":"linux"}}"#).into_bytes());
        let manifest =
            format!(r#"{{"schemaVersion":2,"config":{{{config_is}}},"layers":[{{{layer_is}}}]}}"#);
        let (manifest, manifest_is) = add(manifest.into_bytes());
        if *listed == "amd64" {
            parts = vec![manifest, config, layer];
        }
        manifests.push(format!(
            r#"{{{manifest_is},"platform":{{"os":"linux","architecture":"{listed}"}}}}"#
        ));
    }
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        manifests.join(",")
    );
    let (digest, _) = add(index.into_bytes());
    parts.insert(0, digest);
    let name = name.to_owned();
    let artefact = artefact("demo-image", Item::Image { name, digest });
    Image {
        artefact,
        files,
        parts,
    }
}

pub const IMAGE: &str = "registry.example/demo:v1";

pub fn two_platforms() -> Image {
    image(&[("arm64", "arm64"), ("amd64", "amd64")], IMAGE)
}

pub fn put(root: &Path, files: &[(String, Vec<u8>)]) {
    for (path, content) in files {
        let path = root.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }
}

pub fn tar_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // the crate refuses `..`, which is what some of these archives are about
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Builds one set below `dir`: into `out`, by way of `store`.
pub fn run(artefacts: &[Artefact], sources: &[Source], dir: &Path) -> Result<Report, StoreError> {
    build_sets(&[set(Arch::Amd64, artefacts)], sources, dir)
}

pub fn set(arch: Arch, artefacts: &[Artefact]) -> Set {
    Set {
        name: format!("demo-{}", arch.as_str()),
        arch,
        attached: true,
        artefacts: artefacts.to_vec(),
    }
}

pub fn build_sets(sets: &[Set], sources: &[Source], dir: &Path) -> Result<Report, StoreError> {
    build_as(sets, sources, dir, &Credentials::default())
}

/// The same as somebody who has logged in.
pub fn run_as(
    artefacts: &[Artefact],
    sources: &[Source],
    dir: &Path,
    credentials: &Credentials,
) -> Result<Report, StoreError> {
    build_as(&[set(Arch::Amd64, artefacts)], sources, dir, credentials)
}

fn build_as(
    sets: &[Set],
    sources: &[Source],
    dir: &Path,
    credentials: &Credentials,
) -> Result<Report, StoreError> {
    let request = Request {
        sets,
        sources,
        store: &dir.join("store"),
        dest: &dir.join("out"),
        ca_file: None,
        credentials,
    };
    build(&request, &mut |_| {})
}

/// Path to content, of everything that is served from `out` in `dir`.
pub fn served(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let dest = &dir.join("out");
    let mut folders = vec![dest.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dest).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), fs_err::read(&path).unwrap());
            }
        }
    }
    found
}

/// Path to content, of everything that would be packed.
pub fn packed(files: &[StoreFile]) -> BTreeMap<String, Vec<u8>> {
    let read = |file: &StoreFile| {
        let content = match &file.content {
            Content::Text(text) => text.clone().into_bytes(),
            Content::Blob { file, size } => {
                let content = fs_err::read(file).unwrap();
                assert_eq!(content.len() as u64, *size);
                content
            }
        };
        (file.path.clone(), content)
    };
    files.iter().map(read).collect()
}

pub fn mirror() -> (TempDir, Vec<Artefact>) {
    let dir = tempfile::tempdir().unwrap();
    let image = two_platforms();
    put(
        dir.path(),
        &[
            ("deep/a".to_owned(), b"content of a".to_vec()),
            ("renamed".to_owned(), big()),
        ],
    );
    put(&dir.path().join("layout"), &image.files);
    let artefacts = vec![
        file("a", b"content of a", Algorithm::Sha256),
        file("b", &big(), Algorithm::Sha512),
        image.artefact,
    ];
    (dir, artefacts)
}
