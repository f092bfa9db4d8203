//! Types of lists and mappings.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::super::key::{At, Kind, suggestion, wrong_type};
use super::super::model::Address;
use super::super::names;
use super::addresses::{address, cidr, ip, server, url};
use super::{LABEL_VALUE_TEXT, dns_label, domain, interface, is_label_value, text};
use crate::diagnostic::Span;
use crate::yaml::{Node, Value};

pub(in super::super) type Parse<T> = fn(&Node, &mut At<'_>) -> Option<T>;

/// A value or a list of them; what could not be read is left out, with a finding.
fn one_or_more<T>(node: &Node, at: &mut At<'_>, item: Parse<T>) -> Option<Vec<T>> {
    let Value::Seq(items) = &node.value else {
        return item(node, at).map(|value| vec![value]);
    };
    if items.is_empty() {
        return at.error(
            node.span,
            "config/empty",
            "this list must not be empty".into(),
            "give one value, or remove the key",
        );
    }
    Some(each(items, at, item))
}

/// A list, which may be empty.
pub(in super::super) fn list<T>(node: &Node, at: &mut At<'_>, item: Parse<T>) -> Option<Vec<T>> {
    match &node.value {
        Value::Seq(items) => Some(each(items, at, item)),
        _ => wrong_type(at, node, "a list"),
    }
}

fn each<T>(items: &[Node], at: &mut At<'_>, item: Parse<T>) -> Vec<T> {
    items
        .iter()
        .enumerate()
        .filter_map(|(index, node)| item(node, &mut at.part(&format!("[{index}]"))))
        .collect()
}

/// A mapping of free names to single values.
pub(super) fn map<T>(
    node: &Node,
    at: &mut At<'_>,
    name: fn(&str, Span, &mut At<'_>) -> bool,
    value: Parse<T>,
) -> Option<BTreeMap<String, T>> {
    let Value::Map(entries) = &node.value else {
        return wrong_type(at, node, "a mapping");
    };
    let mut out = BTreeMap::new();
    for entry in entries {
        let at = &mut at.part(&format!(".{}", entry.key));
        if name(&entry.key, entry.key_span, at)
            && let Some(value) = value(&entry.value, at)
        {
            out.insert(entry.key.clone(), value);
        }
    }
    Some(out)
}

fn any_name(_: &str, _: Span, _: &mut At<'_>) -> bool {
    true
}

fn label_key(name: &str, span: Span, at: &mut At<'_>) -> bool {
    names::is_label_key(name)
        || at
            .error::<()>(
                span,
                "hosts/bad-label",
                format!("`{name}` is not a label key such as `disk` or `example.com/disk`"),
                "",
            )
            .is_some()
}

fn label_value(node: &Node, at: &mut At<'_>) -> Option<String> {
    // `zone:` without a value is the empty label, as `kubectl` has it.
    let given = if node.value == Value::Null {
        ""
    } else {
        text(node, at, LABEL_VALUE_TEXT)?
    };
    if is_label_value(given) {
        return Some(given.to_owned());
    }
    at.error(
        node.span,
        "hosts/bad-label",
        format!("`{given}` is not {LABEL_VALUE_TEXT}"),
        "",
    )
}

fn variable(name: &str, span: Span, at: &mut At<'_>) -> bool {
    let legal = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    legal
        || at
            .error::<()>(
                span,
                "hosts/bad-environment",
                format!("`{name}` is not the name of a variable"),
                "letters, digits and `_`, no digit first",
            )
            .is_some()
}

fn one_line(node: &Node, at: &mut At<'_>) -> Option<String> {
    let given = text(node, at, "text")?;
    if given.chars().any(char::is_control) {
        return at.error(
            node.span,
            "hosts/bad-environment",
            "a variable holds one line without control characters".into(),
            "",
        );
    }
    Some(given.to_owned())
}

/// What the kubelet can set aside (`kubelet.config.k8s.io/v1beta1`, `systemReserved`).
const RESOURCES: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "pid"];

fn resource(name: &str, span: Span, at: &mut At<'_>) -> bool {
    let help = suggestion(name, &RESOURCES)
        .map_or(String::new(), |known| format!("did you mean `{known}`?"));
    RESOURCES.contains(&name)
        || at
            .error::<()>(
                span,
                "kubelet/bad-reservation",
                format!("`{name}` must be one of: {}", super::quoted(&RESOURCES)),
                &help,
            )
            .is_some()
}

fn quantity(node: &Node, at: &mut At<'_>) -> Option<String> {
    let expected = "a quantity such as `100m` or `200Mi`";
    super::tested(
        node,
        at,
        names::is_quantity,
        "kubelet/bad-reservation",
        expected,
        "",
    )
}

fn ssh_keys(node: &Node, at: &mut At<'_>) -> Option<Vec<String>> {
    let private = |item: &Node| matches!(&item.value, Value::Scalar { text, .. } if text.contains("PRIVATE KEY"));
    if private(node) || matches!(&node.value, Value::Seq(items) if items.iter().any(private)) {
        // Its lines may be items of their own: none is shown.
        return at.secret(
            "ssh/private-key",
            "this holds a private key",
            "give the public one, from the file that ends with `.pub`, and replace the pair",
        );
    }
    list(node, at, ssh_key)
}

fn ssh_key(node: &Node, at: &mut At<'_>) -> Option<String> {
    let expected = "an OpenSSH public key, such as `ssh-ed25519 AAAA… name`";
    let given = text(node, at, expected)?.trim_end();
    if names::is_ssh_key(given) && !given.chars().any(char::is_control) {
        return Some(given.to_owned());
    }
    // The value itself is not repeated: it may be a secret pasted by mistake.
    at.error(
        node.span,
        "ssh/bad-key",
        format!("this is not {expected}"),
        "copy the whole line of the file that ends with `.pub`",
    )
}

/// Addresses of a host.
pub(in super::super) const ADDRESSES: Kind<Vec<Address>> = Kind {
    name: "address or list",
    parse: |node, at| one_or_more(node, at, address),
};
/// Plain addresses.
pub(in super::super) const IPS: Kind<Vec<IpAddr>> = Kind {
    name: "address or list",
    parse: |node, at| one_or_more(node, at, ip),
};
/// Networks.
pub(in super::super) const CIDRS: Kind<Vec<IpNet>> = Kind {
    name: "network or list",
    parse: |node, at| one_or_more(node, at, cidr),
};
/// Domains.
pub(in super::super) const DOMAINS: Kind<Vec<String>> = Kind {
    name: "list of domains",
    parse: |node, at| list(node, at, domain),
};
/// Host names and addresses.
pub(in super::super) const SERVERS: Kind<Vec<String>> = Kind {
    name: "list of host names and addresses",
    parse: |node, at| list(node, at, server),
};
/// Networks, perhaps none.
pub(in super::super) const SUBNETS: Kind<Vec<IpNet>> = Kind {
    name: "list of networks",
    parse: |node, at| list(node, at, cidr),
};
/// URLs.
pub(in super::super) const URLS: Kind<Vec<String>> = Kind {
    name: "list of URLs",
    parse: |node, at| one_or_more(node, at, url),
};
/// Node names.
pub(in super::super) const NAMES: Kind<Vec<String>> = Kind {
    name: "list of node names",
    parse: |node, at| list(node, at, dns_label),
};
/// Names of interfaces.
pub(in super::super) const INTERFACES: Kind<Vec<String>> = Kind {
    name: "list of interfaces",
    parse: |node, at| one_or_more(node, at, interface),
};
/// OpenSSH public keys.
pub(in super::super) const SSH_KEYS: Kind<Vec<String>> = Kind {
    name: "list of public keys",
    parse: ssh_keys,
};
/// Node labels.
pub(in super::super) const LABELS: Kind<BTreeMap<String, String>> = Kind {
    name: "mapping of labels",
    parse: |node, at| map(node, at, label_key, label_value),
};
/// Environment variables.
pub(in super::super) const ENVIRONMENT: Kind<BTreeMap<String, String>> = Kind {
    name: "mapping of variables",
    parse: |node, at| map(node, at, variable, one_line),
};
/// Resources set aside.
pub(in super::super) const QUANTITIES: Kind<BTreeMap<String, String>> = Kind {
    name: "mapping of quantities",
    parse: |node, at| map(node, at, resource, quantity),
};
/// Free settings.
pub(in super::super) const TEXT_MAP: Kind<BTreeMap<String, String>> = Kind {
    name: "mapping",
    parse: |node, at| {
        map(node, at, any_name, |node, at| {
            text(node, at, "a single value").map(str::to_owned)
        })
    },
};
/// Files and folders.
pub(in super::super) const PATHS: Kind<Vec<String>> = Kind {
    name: "list of paths",
    parse: |node, at| {
        list(node, at, |node, at| {
            text(node, at, "a path").map(str::to_owned)
        })
    },
};
/// Any mapping, unread.
pub(in super::super) const MAPPING: Kind<()> = Kind {
    name: "mapping",
    parse: |node, at| {
        if matches!(node.value, Value::Map(_)) {
            Some(())
        } else {
            wrong_type(at, node, "a mapping")
        }
    },
};
/// Any list, unread.
pub(in super::super) const LIST: Kind<()> = Kind {
    name: "list",
    parse: |node, at| {
        if matches!(node.value, Value::Seq(_)) {
            Some(())
        } else {
            wrong_type(at, node, "a list")
        }
    },
};
