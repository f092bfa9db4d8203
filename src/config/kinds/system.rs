//! Types of what a host is given besides its place in the cluster.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::key::{At, Kind};
use super::super::model::{BondMode, OpenPgpKey};
use super::super::names;
use super::lists::{list, map};
use super::{armour, number, one_of, tested, text};
use crate::yaml::Node;

/// A zone of the tz database.
pub(in super::super) const TIME_ZONE: Kind<String> = Kind {
    name: "time zone",
    parse: |node, at| {
        let expected = "a time zone such as `Europe/Helsinki`";
        tested(
            node,
            at,
            names::is_time_zone,
            "config/not-a-time-zone",
            expected,
            "",
        )
    },
};
/// Names of distribution packages.
pub(in super::super) const PACKAGES: Kind<Vec<String>> = Kind {
    name: "list of packages",
    parse: |node, at| list(node, at, package),
};
/// Kernel settings.
pub(in super::super) const SYSCTLS: Kind<BTreeMap<String, String>> = Kind {
    name: "mapping of kernel settings",
    parse: |node, at| map(node, at, sysctl, one_line),
};
/// Certificates.
pub(in super::super) const CERTIFICATES: Kind<Vec<String>> = Kind {
    name: "list of certificates",
    parse: |node, at| list(node, at, certificate),
};
/// Where a file goes.
pub(in super::super) const PATH: Kind<String> = Kind {
    name: "absolute path",
    parse: |node, at| {
        let expected = "an absolute path of plain characters, without `..`";
        let path = tested(
            node,
            at,
            names::is_path,
            "files/bad-path",
            expected,
            "letters, digits and `._@%+:-`",
        )?;
        if names::is_ours(&path) {
            return at.error(
                node.span,
                "files/reserved",
                format!("`{path}` is firstlight's own"),
                "choose another place",
            );
        }
        Some(path)
    },
};
/// Permission bits.
pub(in super::super) const MODE: Kind<u32> = Kind {
    name: "octal mode",
    parse: |node, at| {
        let expected = "permission bits in octal digits, such as `\"0644\"`";
        let is_mode =
            |text: &str| (3..=4).contains(&text.len()) && u32::from_str_radix(text, 8).is_ok();
        let mode = tested(node, at, is_mode, "files/bad-mode", expected, "")?;
        u32::from_str_radix(&mode, 8).ok()
    },
};
/// Any bytes, in base64.
pub(in super::super) const BASE64: Kind<Vec<u8>> = Kind {
    name: "base64",
    parse: |node, at| {
        let given = text(node, at, "base64")?;
        let digits: String = given.split_whitespace().collect();
        STANDARD.decode(digits).ok().or_else(|| {
            at.error(
                node.span,
                "files/not-base64",
                "this is not base64".to_owned(),
                "`base64 FILE` makes it",
            )
        })
    },
};
/// A file of the package manager's sources.
pub(in super::super) const REPOSITORY: Kind<String> = Kind {
    name: "file name",
    parse: |node, at| {
        let expected = "a file name of plain characters, such as `docker.list`";
        let plain = |text: &str| !text.contains('/') && names::is_path(&format!("/{text}"));
        tested(node, at, plain, "repositories/bad-name", expected, "")
    },
};
/// The key of a repository.
pub(in super::super) const OPENPGP_KEY: Kind<OpenPgpKey> = Kind {
    name: "public key of OpenPGP",
    parse: |node, at| {
        let armoured = text(node, at, "text")?.to_owned();
        match armour::public_keys(&armoured) {
            Some(binary) => Some(OpenPgpKey { armoured, binary }),
            None => at.error(
                node.span,
                "repositories/bad-key",
                "this is no public key of OpenPGP in ASCII armour, or it is damaged".to_owned(),
                "`gpg --armor --export KEY` makes it; write it as a block (`key: |`)",
            ),
        }
    },
};
/// How a bond shares its interfaces.
pub(in super::super) const BOND_MODE: Kind<BondMode> = Kind {
    name: "bond mode",
    parse: |node, at| one_of(node, at, &BondMode::ALL),
};
/// A VLAN's number.
pub(in super::super) const VLAN: Kind<u32> = Kind {
    name: "VLAN id",
    parse: |node, at| {
        // IEEE 802.1Q keeps 0 and 4095
        number(node, at, 1..=4094)
    },
};
/// The largest packet of an interface, in bytes.
pub(in super::super) const MTU: Kind<u32> = Kind {
    name: "MTU",
    parse: |node, at| {
        // RFC 791: every host takes 576; 65535 is the longest IP packet
        number(node, at, 576..=65535)
    },
};

fn package(node: &Node, at: &mut At<'_>) -> Option<String> {
    let expected = "the name of a package";
    tested(
        node,
        at,
        names::is_package,
        "config/not-a-package",
        expected,
        "",
    )
}

fn sysctl(name: &str, span: crate::diagnostic::Span, at: &mut At<'_>) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let good = name.contains(['.', '/']) && name.chars().all(plain);
    if !good {
        let message = format!("`{name}` is not the name of a kernel setting");
        at.error::<()>(
            span,
            "config/not-a-sysctl",
            message,
            "such as `vm.max_map_count`",
        );
    }
    good
}

fn one_line(node: &Node, at: &mut At<'_>) -> Option<String> {
    let line = |text: &str| !text.is_empty() && !text.contains('\n');
    tested(node, at, line, "config/not-a-line", "one line", "")
}

fn certificate(node: &Node, at: &mut At<'_>) -> Option<String> {
    let given = text(node, at, "a certificate in PEM")?;
    let mut blocks = x509_parser::pem::Pem::iter_from_buffer(given.as_bytes()).peekable();
    let there = blocks.peek().is_some();
    let good = |pem: Result<x509_parser::pem::Pem, _>| {
        pem.is_ok_and(|pem| pem.label == "CERTIFICATE" && pem.parse_x509().is_ok())
    };
    if there && blocks.all(good) && !given.contains("PRIVATE KEY") {
        let end = if given.ends_with('\n') { "" } else { "\n" };
        return Some(format!("{given}{end}"));
    }
    at.error(
        node.span,
        "config/not-a-certificate",
        "this is not a certificate in PEM".to_owned(),
        "`-----BEGIN CERTIFICATE-----` and its lines, as a literal block (`|`)",
    )
}
