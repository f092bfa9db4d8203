//! `hosts[]`: interfaces, and what a host is given besides its place in the cluster.

use super::key::{Effect, key};
use super::kinds::{
    ADDRESSES, BASE64, BOND_MODE, BOOL, CERTIFICATES, INTERFACE, INTERFACES, MAC, MODE, MTU,
    OPENPGP_KEY, PACKAGES, PATH, REPOSITORY, SYSCTLS, TEXT, TIME_ZONE, URL, VLAN,
};
use super::model::{BondMode, ExtraFile, Interface, Link, Repository, System};
use super::read::Reader;

/// Of the host's interface and of its others.
pub(super) const MTU_OF: &str = "largest packet in bytes";

/// Reads `interfaces`.
pub(super) fn interfaces(reader: &mut Reader<'_, '_>) -> Vec<Interface> {
    let interfaces = key(
        "interfaces",
        "other interfaces of the host, and the bond or VLAN that `interface` names",
    );
    let read = reader.sections(&interfaces.default("[]"), interface);
    read.into_iter().flatten().flatten().collect()
}

fn interface(reader: &mut Reader<'_, '_>) -> Option<Interface> {
    let name = reader.required(&key("name", "its name").example("bond0"), &INTERFACE);
    let mac = key("mac", "MAC of a network card, where its name is not known");
    let mac = reader.optional(&mac.example("\"52:54:00:00:01:11\""), &MAC);
    let bond = key("bond", "the interfaces that act as this one");
    let bond = reader.optional(&bond.example("[ens3, ens4]"), &INTERFACES);
    let mode = key(
        "mode",
        "how a bond shares its interfaces: the kernel's names",
    );
    let mode = mode.default("active-backup").example("802.3ad");
    let mode = reader.optional(&mode, &BOND_MODE);
    let vlan = key("vlan", "the tag of a VLAN");
    let vlan = reader.optional(&vlan.example("100"), &VLAN);
    let on = key("of", "the interface that carries the VLAN");
    let on = reader.optional(&on.example("bond0"), &INTERFACE);
    let address = key("address", "static addresses with their prefix");
    let addresses = reader.optional(&address.example("10.10.0.11/24"), &ADDRESSES);
    let dhcp = key("dhcp", "whether it asks DHCP for an address");
    let dhcp = reader.optional(&dhcp.default("false").example("true"), &BOOL);
    let mtu = reader.optional(
        &key("mtu", MTU_OF).default("the driver's").example("9000"),
        &MTU,
    );
    let link = match (bond, vlan, on) {
        (Some(of), None, None) => Link::Bond(of, mode.unwrap_or(BondMode::ActiveBackup)),
        (None, Some(id), Some(of)) => Link::Vlan(of, id),
        (None, None, None) => Link::Card(mac),
        _ => {
            reader.wrong(
                "interfaces/neither",
                "an interface is a card (`mac`), a bond (`bond`, `mode`) or a VLAN (`vlan`, `of`)",
                "give the keys of one of them",
            );
            Link::Card(None)
        }
    };
    Some(Interface {
        name: name?,
        link,
        addresses: addresses.unwrap_or_default(),
        dhcp: dhcp.unwrap_or(false),
        mtu,
    })
}

/// Reads the rest.
pub(super) fn system(reader: &mut Reader<'_, '_>) -> System {
    let zone = key("timezone", "time zone").default("the image's");
    let packages = key(
        "packages",
        "distribution packages that are installed besides",
    );
    let sysctls = key("sysctls", "kernel settings besides those of every node");
    let certificates = key(
        "ca_certificates",
        "authorities that every program of the host trusts, in PEM",
    );
    let files = key(
        "files",
        "files that are written besides; ours cannot be replaced",
    );
    let repositories = key(
        "repositories",
        "where its packages come from besides: files of the package manager",
    );
    System {
        time_zone: reader.optional(&zone.example("Europe/Helsinki"), &TIME_ZONE),
        packages: reader
            .optional(&packages.default("[]").example("[htop]"), &PACKAGES)
            .unwrap_or_default(),
        sysctls: reader
            .optional(
                &sysctls
                    .default("{}")
                    .example("{vm.max_map_count: \"262144\"}"),
                &SYSCTLS,
            )
            .unwrap_or_default(),
        ca_certificates: reader
            .optional(&certificates.default("[]"), &CERTIFICATES)
            .unwrap_or_default(),
        files: list(reader.sections(&files.default("[]"), file)),
        repositories: list(reader.sections(&repositories.default("[]"), repository)),
    }
}

fn list<T>(read: Option<Vec<Option<T>>>) -> Vec<T> {
    read.into_iter().flatten().flatten().collect()
}

fn file(reader: &mut Reader<'_, '_>) -> Option<ExtraFile> {
    let path = reader.required(&key("path", "where, absolute").example("/etc/motd"), &PATH);
    let content = reader.optional(&key("content", "text").example("\"hello\\n\""), &TEXT);
    let bytes = key("base64", "any bytes, in base64, in place of `content`");
    let bytes = reader.optional(&bytes.example("aGVsbG8K"), &BASE64);
    let mode = key("mode", "permission bits; the owner is root").default("\"0644\"");
    let mode = reader.optional(&mode.example("\"0600\""), &MODE);
    let content = match (content, bytes) {
        (Some(_), Some(_)) => {
            reader.wrong(
                "files/twice",
                "a file has `content` or `base64`, not both",
                "remove one",
            );
            return None;
        }
        (text, bytes) => text.map(String::into_bytes).or(bytes).unwrap_or_default(),
    };
    Some(ExtraFile {
        path: path?,
        content,
        mode: mode.unwrap_or(0o644),
    })
}

fn repository(reader: &mut Reader<'_, '_>) -> Option<Repository> {
    let name = key("name", "file name, as the package manager wants it");
    let name = reader.required(&name.example("docker.list"), &REPOSITORY);
    let contents = key("contents", "the file");
    let contents = reader.required(
        &contents.example("\"deb https://download.docker.com/linux/debian bookworm stable\""),
        &TEXT,
    );
    let signer = key("key", "the key that signs it, ASCII-armoured");
    let signer = reader.optional(&signer, &OPENPGP_KEY);
    let url = key(
        "key_url",
        "Pharos: where that key is; nothing is trusted that comes without a digest: give `key`",
    );
    reader.optional(&url.effect(Effect::None), &URL);
    Some(Repository {
        name: name?,
        contents: contents?,
        key: signer,
    })
}
