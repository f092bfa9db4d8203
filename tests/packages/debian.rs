//! Debian itself: its mirrors, its keys, the lists of this program.
//!
//! `ci/packages` asks for all releases and takes what was resolved from the folder it names.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use firstlight::artefact::Catalogue;
use firstlight::config::model::Arch;
use firstlight::packages::{ResolveError, Resolved, Wanted, resolve};
use time::OffsetDateTime;

/// From the mirror; tried again where the network, not the mirror, says no.
fn fetch(client: &reqwest::blocking::Client, url: &str, limit: u64) -> Result<Vec<u8>, String> {
    let once = || {
        let response = client.get(url).send().map_err(|error| error.to_string())?;
        let status = response.status();
        if !status.is_success() {
            return Err(status.to_string());
        }
        let mut bytes = Vec::new();
        let read = response.take(limit + 1).read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(|error| error.to_string())
    };
    (0..3).fold(once(), |got, _| got.or_else(|_| once()))
}

fn today(catalogue: &Catalogue, name: &str, arch: Arch) -> Resolved {
    let sources = catalogue.sources(name, arch).unwrap().unwrap();
    let wanted = Wanted {
        repositories: sources.repositories,
        keys: &sources.keys,
        arch,
        base: sources.image.unwrap(),
        names: sources.wanted,
        locked: &[],
    };
    let client = reqwest::blocking::Client::builder();
    let client = client.timeout(Duration::from_mins(3)).build().unwrap();
    let get = |url: &str, limit| fetch(&client, url, limit);
    resolve(&wanted, &get, OffsetDateTime::now_utc()).unwrap()
}

#[test]
fn every_list_has_keys_that_can_be_read() {
    let catalogue = Catalogue::embedded().unwrap();
    let mut asked = Vec::new();
    for name in catalogue.packages.keys() {
        for arch in [Arch::Amd64, Arch::Arm64] {
            let Some(sources) = catalogue.sources(name, arch).unwrap() else {
                continue;
            };
            let wanted = Wanted {
                repositories: sources.repositories,
                keys: &sources.keys,
                arch,
                base: &BTreeMap::new(),
                names: &[],
                locked: &[],
            };
            let nobody = |_: &str, _| Err("nobody is asked".to_owned());
            match resolve(&wanted, &nobody, OffsetDateTime::UNIX_EPOCH) {
                Err(ResolveError::Fetch { url, .. }) => asked.push(url),
                other => panic!("{name}: {other:?}"),
            }
            // without the image's packages, everything down to the C library would be lacking
            assert!(sources.wanted.is_empty() || sources.image.is_some_and(|i| i.len() > 250));
        }
    }
    let arm = "https://ports.ubuntu.com/ubuntu-ports/dists/noble/InRelease";
    assert!(asked.iter().any(|url| url == arm), "{asked:?}");
    let rocky = "https://dl.rockylinux.org/pub/rocky/9/BaseOS/aarch64/os/repodata/repomd.xml";
    assert!(asked.iter().any(|url| url == rocky), "{asked:?}");
}

#[test]
fn what_nodes_need_is_resolved_from_the_mirrors_of_today() {
    let releases = std::env::var("FIRSTLIGHT_RELEASES").unwrap_or("debian-13".to_owned());
    let catalogue = Catalogue::embedded().unwrap();
    for name in releases.split_whitespace() {
        let all = std::env::var_os("FIRSTLIGHT_RESOLVED");
        for arch in [Arch::Amd64, Arch::Arm64] {
            if all.is_none() && arch == Arch::Arm64 {
                continue;
            }
            let started = Instant::now();
            let resolved = today(&catalogue, name, arch);
            let has = |name: &str| resolved.packages.iter().any(|p| p.name == name);
            assert!(
                has("iptables") && has("conntrack") && has("libnftnl11"),
                "{resolved:?}"
            );
            assert!(!has("libc6"), "the image has it");
            let count = resolved.packages.len();
            assert!((5..15).contains(&count), "{resolved:?}");
            println!(
                "{name} {}: {count} packages, {:.1?}",
                arch.as_str(),
                started.elapsed()
            );
            if let Some(folder) = &all {
                let lines = resolved.packages.iter().map(|p| {
                    format!(
                        "{} {} {} {} {}\n",
                        p.kind.name(),
                        p.digest,
                        p.url,
                        p.name,
                        p.version
                    )
                });
                let file = Path::new(folder).join(format!("{name}-{}", arch.as_str()));
                fs_err::write(file, lines.collect::<String>()).unwrap();
            }
        }
    }
}
