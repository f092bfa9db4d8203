//! Types of single values: what the reference calls them, how they are read, what an error says.

mod addresses;
mod armour;
mod lists;
mod machine;
mod settings;
mod system;

use std::net::IpAddr;

use super::key::{At, Kind, quoted, suggestion, wrong_type};
use super::model::{Arch, Provider, Role};
use super::names;
use super::pod_network::IpipMode;
use crate::yaml::{Node, Value};

use addresses::{cidr, ip, mac, server, url};

pub(super) use lists::SUBNETS;
pub(super) use lists::{
    ADDRESSES, CIDRS, DOMAINS, ENVIRONMENT, INTERFACES, IPS, LABELS, LIST, MAPPING, NAMES, PATHS,
    QUANTITIES, SERVERS, SSH_KEYS, TEXT_MAP, URLS, list,
};
pub(super) use machine::{DISK, INSTALLER_NETWORK, KERNEL_ARGUMENTS, SERIAL, UUID};
pub(super) use settings::{
    ARGUMENTS, CIPHER, DURATION, EVICTION, FEATURE_GATES, FILE, HTTPS, IMAGE_REPOSITORY,
    POD_SECURITY, PROXY_MODE, REGISTRIES, REGISTRY, WEBHOOK, WORD,
};
pub(super) use system::{
    BASE64, BOND_MODE, CERTIFICATES, MODE, MTU, OPENPGP_KEY, PACKAGES, PATH, REPOSITORY, SYSCTLS,
    TIME_ZONE, VLAN,
};

/// The text of a single value.
fn text<'n>(node: &'n Node, at: &mut At<'_>, expected: &str) -> Option<&'n str> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text),
        _ => wrong_type(at, node, expected),
    }
}

/// A single value that `test` takes.
pub(super) fn tested(
    node: &Node,
    at: &mut At<'_>,
    test: fn(&str) -> bool,
    code: &'static str,
    expected: &str,
    help: &str,
) -> Option<String> {
    let given = text(node, at, expected)?;
    if test(given) {
        Some(given.to_owned())
    } else {
        at.error(
            node.span,
            code,
            format!("`{given}` is not {expected}"),
            help,
        )
    }
}

fn one_of<T: Copy>(node: &Node, at: &mut At<'_>, choices: &[(&'static str, T)]) -> Option<T> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let must = format!("one of: {}", quoted(&names));
    let given = text(node, at, &must)?;
    if let Some((_, value)) = choices.iter().find(|(name, _)| *name == given) {
        return Some(*value);
    }
    let help =
        suggestion(given, &names).map_or(String::new(), |name| format!("did you mean `{name}`?"));
    at.error(
        node.span,
        "config/not-one-of",
        format!("`{given}` must be {must}"),
        &help,
    )
}

/// One of words that are known only to the caller.
pub(super) fn quoted_choice(node: &Node, at: &mut At<'_>, words: &[String]) -> Option<String> {
    let names: Vec<&str> = words.iter().map(String::as_str).collect();
    let must = format!("one of: {}", quoted(&names));
    let given = text(node, at, &must)?;
    if names.contains(&given) {
        return Some(given.to_owned());
    }
    let near = suggestion(given, &names);
    let help = near.map_or(String::new(), |name| format!("did you mean `{name}`?"));
    at.error(
        node.span,
        "config/not-one-of",
        format!("`{given}` must be {must}"),
        &help,
    )
}

pub(super) fn number(
    node: &Node,
    at: &mut At<'_>,
    range: std::ops::RangeInclusive<u32>,
) -> Option<u32> {
    let expected = format!("a whole number from {} to {}", range.start(), range.end());
    let given = text(node, at, &expected)?;
    match given.parse() {
        Ok(number) if range.contains(&number) => Some(number),
        _ => at.error(
            node.span,
            "config/not-a-number",
            format!("`{given}` is not {expected}"),
            "",
        ),
    }
}

fn boolean(node: &Node, at: &mut At<'_>) -> Option<bool> {
    let given = text(node, at, "`true` or `false`")?;
    match given {
        "true" | "True" | "yes" | "on" => Some(true),
        "false" | "False" | "no" | "off" => Some(false),
        _ => at.error(
            node.span,
            "config/not-a-boolean",
            format!("`{given}` is neither `true` nor `false`"),
            "",
        ),
    }
}

fn dns_label(node: &Node, at: &mut At<'_>) -> Option<String> {
    let expected = "a DNS label: at most 63 of `a-z`, `0-9` and `-`, no `-` at the ends";
    let given = text(node, at, expected)?;
    if names::is_dns_label(given) {
        return Some(given.to_owned());
    }
    let better = given.to_lowercase().replace(['_', '.', ' '], "-");
    let help = if names::is_dns_label(&better) {
        format!("did you mean `{better}`?")
    } else {
        String::new()
    };
    at.error(
        node.span,
        "config/not-a-dns-label",
        format!("`{given}` is not {expected}"),
        &help,
    )
}

fn interface(node: &Node, at: &mut At<'_>) -> Option<String> {
    let expected = "an interface name: at most 15 characters, no blank, `/` or `:`";
    let code = "config/not-an-interface";
    tested(node, at, names::is_interface, code, expected, "")
}

fn train(node: &Node, at: &mut At<'_>) -> Option<String> {
    let expected = "a release train such as `1.34`";
    let given = text(node, at, expected)?;
    let bare = given.trim_start_matches('v');
    let parts: Vec<&str> = bare.split('.').collect();
    let numbers = parts.iter().all(|part| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    });
    if numbers && parts.len() == 2 && bare == given {
        return Some(given.to_owned());
    }
    let help = if numbers && parts.len() >= 2 {
        format!(
            "the catalogue decides the patch release: write `\"{}.{}\"`",
            parts[0], parts[1]
        )
    } else {
        String::new()
    };
    at.error(
        node.span,
        "config/not-a-release-train",
        format!("`{given}` is not {expected}"),
        &help,
    )
}

/// Any single value.
pub(super) const TEXT: Kind<String> = Kind {
    name: "text",
    parse: |node, at| text(node, at, "text").map(str::to_owned),
};
/// True or false, in all of YAML 1.1's words: Pharos's reader took them.
pub(super) const BOOL: Kind<bool> = Kind {
    name: "true or false",
    parse: boolean,
};
/// At least one of something.
pub(super) const COUNT: Kind<u32> = Kind {
    name: "whole number",
    parse: |node, at| number(node, at, 1..=1_000_000),
};
/// A TCP port.
pub(super) const PORT: Kind<u32> = Kind {
    name: "port",
    parse: |node, at| number(node, at, 1..=65_535),
};
/// A lifetime; beyond a century clocks and formats begin to disagree.
pub(super) const DAYS: Kind<u32> = Kind {
    name: "days",
    parse: |node, at| number(node, at, 1..=36_500),
};
/// How long something lives that is replaced while it runs: nothing is replaced in time below ten minutes.
pub(super) const LIFETIME: Kind<time::Duration> = Kind {
    name: "time",
    parse: |node, at| {
        let given = text(node, at, "a time as `30d`, `12h` or `90m`")?;
        let found = match super::lifetime(given) {
            Ok(time) if time < time::Duration::minutes(10) => {
                Err(format!("`{given}` is less than ten minutes"))
            }
            found => found,
        };
        found.map_or_else(
            |why| at.error(node.span, "config/not-a-time", why, ""),
            Some,
        )
    },
};
/// One address.
pub(super) const IP: Kind<IpAddr> = Kind {
    name: "address",
    parse: ip,
};
/// A network.
pub(super) const NETWORK: Kind<ipnet::IpNet> = Kind {
    name: "network",
    parse: cidr,
};
/// One MAC, lower case with colons.
pub(super) const MAC: Kind<String> = Kind {
    name: "MAC",
    parse: mac,
};
/// A name of a cluster or a node.
pub(super) const DNS_LABEL: Kind<String> = Kind {
    name: "DNS label",
    parse: dns_label,
};
/// A DNS domain.
pub(super) const DOMAIN: Kind<String> = Kind {
    name: "domain",
    parse: domain,
};
/// Something to connect to.
pub(super) const ENDPOINT: Kind<String> = Kind {
    name: "host name or address",
    parse: server,
};
/// A release train.
pub(super) const TRAIN: Kind<String> = Kind {
    name: "release train",
    parse: train,
};
/// Root of a mirror, without a slash at its end.
pub(super) const URL: Kind<String> = Kind {
    name: "http(s) URL",
    parse: url,
};
/// A network interface.
pub(super) const INTERFACE: Kind<String> = Kind {
    name: "interface",
    parse: interface,
};
/// An account.
pub(super) const USER: Kind<String> = Kind {
    name: "account name",
    parse: |node, at| {
        tested(
            node,
            at,
            names::is_user,
            "ssh/bad-user",
            "an account name: `a-z`, `0-9`, `_` and `-`, at most 32, a letter first",
            "",
        )
    },
};
/// A profile's name; whether there is such a profile is known to the plan.
pub(super) const OS: Kind<String> = Kind {
    name: "profile",
    parse: |node, at| {
        tested(
            node,
            at,
            names::is_dns_name,
            "config/not-a-profile",
            "the name of a profile, such as `debian-12`",
            "",
        )
    },
};
/// A label's key.
pub(super) const LABEL_KEY: Kind<String> = Kind {
    name: "label key",
    parse: |node, at| {
        tested(
            node,
            at,
            names::is_label_key,
            "hosts/bad-label",
            "a label key such as `disk` or `example.com/disk`",
            "",
        )
    },
};
/// A label's value.
pub(super) const LABEL_VALUE: Kind<String> = Kind {
    name: "label value",
    parse: |node, at| {
        tested(
            node,
            at,
            is_label_value,
            "hosts/bad-label",
            LABEL_VALUE_TEXT,
            "",
        )
    },
};
/// `hosts[].role`
pub(super) const ROLE: Kind<Role> = Kind {
    name: "`master` or `worker`",
    parse: |node, at| {
        one_of(
            node,
            at,
            &[("master", Role::Master), ("worker", Role::Worker)],
        )
    },
};
/// `hosts[].arch`
pub(super) const ARCH: Kind<Arch> = Kind {
    name: "`amd64` or `arm64`",
    parse: |node, at| one_of(node, at, &[("amd64", Arch::Amd64), ("arm64", Arch::Arm64)]),
};
/// `network.provider`
pub(super) const PROVIDER: Kind<Provider> = Kind {
    name: "`weave`, `calico`, `bridge` or `custom`",
    parse: |node, at| {
        one_of(
            node,
            at,
            &[
                ("weave", Provider::Weave),
                ("calico", Provider::Calico),
                ("bridge", Provider::Bridge),
                ("custom", Provider::Custom),
            ],
        )
    },
};
/// `network.calico.ipip_mode`
pub(super) const IPIP_MODE: Kind<IpipMode> = Kind {
    name: "`Always`, `CrossSubnet` or `Never`",
    parse: |node, at| {
        let modes = [IpipMode::Always, IpipMode::CrossSubnet, IpipMode::Never];
        one_of(node, at, &modes.map(|mode| (mode.as_str(), mode)))
    },
};
/// `hosts[].taints[].effect`
pub(super) const TAINT_EFFECT: Kind<&str> = Kind {
    name: "`NoSchedule`, `PreferNoSchedule` or `NoExecute`",
    parse: |node, at| {
        one_of(
            node,
            at,
            &["NoSchedule", "PreferNoSchedule", "NoExecute"].map(|effect| (effect, effect)),
        )
    },
};

const LABEL_VALUE_TEXT: &str =
    "a label value: at most 63 letters, digits, `.`, `_` and `-`, a letter or digit at the ends";

fn is_label_value(text: &str) -> bool {
    text.is_empty() || names::is_label_name(text)
}

fn domain(node: &Node, at: &mut At<'_>) -> Option<String> {
    tested(
        node,
        at,
        names::is_dns_name,
        "config/not-a-domain",
        "a domain in lower case, such as `cluster.local`",
        "",
    )
}
