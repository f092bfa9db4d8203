//! Machines that are installed over the network: answers and boot scripts, read by the real readers; the script that finds
//! the disk, on made-up machines; the whole way from `overlay lock` to an armed machine.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

#[path = "installer/command.rs"]
mod command;
#[path = "installer/hook.rs"]
mod hook;
#[path = "installer/readers.rs"]
mod readers;
#[path = "installer/refused.rs"]
mod refused;

use std::collections::BTreeMap;

use firstlight::artefact::{Catalogue, Digest};
use firstlight::compose::installer::{self, Placed};
use firstlight::plan::Plan;
use firstlight::plan::profile::{Answers, Profiles};
use firstlight::render::pxe;

const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\nTm90IG9uZS4=\n-----END CERTIFICATE-----\n";

/// A catalogue that pins whatever anybody boots.
fn catalogue() -> Catalogue {
    let mut catalogue = support::CATALOGUE.clone();
    let urls = Profiles::embedded()
        .iter()
        .flat_map(|p| p.installer.netboot.values().cloned().collect::<Vec<_>>())
        .flat_map(|n| [n.kernel, n.initrd])
        .collect::<Vec<_>>();
    let own = [
        "vmlinuz",
        "initrd",
        "images/pxeboot/vmlinuz",
        "images/pxeboot/initrd.img",
    ];
    let own = own.map(|name| format!("http://10.0.0.5/media/{name}"));
    for url in urls.into_iter().chain(own) {
        let digest = Digest::sha256(url.as_bytes());
        catalogue.pins.upstream.insert(url, digest);
    }
    catalogue
}

/// A lone master of a system, installed over the network, with further keys of the host.
fn cluster(os: &str, train: &str, more: &str) -> String {
    format!(
        "name: demo\nkubernetes: {{ version: \"{train}\" }}\nnetwork: {{ provider: bridge }}\n\
         artefacts: {{ mirror: \"http://10.0.0.5/firstlight\" }}\n\
         defaults:\n  os: {os}\n  network: {{ gateway: 10.0.0.1, nameservers: [10.0.0.1, 10.0.0.2] }}\n\
         hosts:\n  - name: m1\n    role: master\n    address: 10.0.0.11/24\n    mac: \"52:54:00:00:00:11\"\n    disk: /dev/vda\n\
         {more}"
    )
}

/// What the machine's system needs to be said of its installer besides.
fn installer_of(os: &str) -> String {
    let more = match os {
        "ubuntu-22.04" | "ubuntu-24.04" => {
            ", iso: \"http://10.0.0.5/media/live.iso\", kernel: \"http://10.0.0.5/media/vmlinuz\", initrd: \"http://10.0.0.5/media/initrd\""
        }
        os if os.starts_with("rhel") => ", mirror: \"http://10.0.0.5/media\"",
        _ => "",
    };
    format!(
        "    installer: {{ url: \"http://10.0.0.5:8080\", seeds: \"https://10.0.0.5:8443/seeds\"{more} }}\n"
    )
}

fn train_of(profile: &firstlight::plan::profile::Profile) -> &'static str {
    let catalogue = &support::CATALOGUE;
    let able = |train: &&str| profile.lacks(&catalogue.trains[*train].host).is_none();
    ["1.34", "1.20"].into_iter().find(able).unwrap()
}

/// The public tree of a plan, with seeds that are the same in every run.
fn tree(plan: &Plan) -> BTreeMap<String, String> {
    let placed = Placed {
        sha256: &"5e".repeat(32),
        made: support::NOON,
        authority: AUTHORITY,
    };
    let mut files = pxe::common(plan);
    for node in &plan.nodes {
        if let Some(install) = &node.install {
            let hook = installer::hook(node, install, placed);
            files.extend(pxe::node(plan, node, install, &hook));
        }
    }
    let text = |(path, content): (String, Vec<u8>)| (path, String::from_utf8(content).unwrap());
    files.into_iter().map(text).collect()
}

/// Every system with its tree: static addresses, then DHCP.
fn every_system() -> Vec<(String, Answers, BTreeMap<String, String>)> {
    let catalogue = catalogue();
    let mut all = Vec::new();
    for profile in Profiles::embedded().iter() {
        for (case, more) in [
            ("static", String::new()),
            (
                "dhcp",
                "    uuid: 4C4C4544-0042-3510-8052-b4c04f4e3332\n    serial: CN7792194B0042\n"
                    .to_owned(),
            ),
        ] {
            let mut text = cluster(
                &profile.name,
                train_of(profile),
                &(installer_of(&profile.name) + &more),
            );
            if case == "dhcp" {
                text = text.replace(
                    " }\n    uuid",
                    ", network: dhcp, arguments: [\"console=ttyS1,115200n8\"] }\n    uuid",
                );
            }
            let plan = support::plan_with(&text, &catalogue).unwrap_or_else(|why| panic!("{why}"));
            all.push((
                format!("{}-{case}", profile.name),
                profile.installer.answers,
                tree(&plan),
            ));
        }
    }
    all
}
