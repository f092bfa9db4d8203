//! Types of what components and containerd are told.

use std::collections::BTreeMap;

use super::super::key::{At, Kind, wrong_type};
use super::super::model::{Argument, Cipher, PodSecurity, ProxyMode};
use super::super::names;
use super::addresses::url;
use super::lists::{list, map};
use super::{boolean, one_of, tested, text};
use crate::diagnostic::Span;
use crate::yaml::Node;

/// Where a service answers whose word counts: only with TLS.
pub(in super::super) const HTTPS: Kind<String> = Kind {
    name: "https URL",
    parse: |node, at| {
        let given = url(node, at)?;
        if given.starts_with("https://") {
            return Some(given);
        }
        at.error(
            node.span,
            "config/not-https",
            format!("`{given}` is not an https URL"),
            "whoever stands on the way could answer in its place",
        )
    },
};
/// The same, or a service on the master itself.
pub(in super::super) const WEBHOOK: Kind<String> = Kind {
    name: "https URL",
    parse: |node, at| {
        let given = text(node, at, "a URL")?;
        let local = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
        let behind = local.iter().find_map(|start| given.strip_prefix(start));
        if behind.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])) {
            return url(node, at);
        }
        (HTTPS.parse)(node, at)
    },
};
/// A file beside `cluster.yml`, read when seeds are built.
pub(in super::super) const FILE: Kind<String> = Kind {
    name: "path of a file",
    parse: |node, at| {
        let expected = "the path of a file";
        let is_path = |text: &str| !text.trim().is_empty() && !text.chars().any(char::is_control);
        tested(node, at, is_path, "files/bad-path", expected, "")
    },
};
/// Text that an argument can hold.
pub(in super::super) const WORD: Kind<String> = Kind {
    name: "text without blanks",
    parse: |node, at| {
        tested(
            node,
            at,
            names::is_word,
            "config/not-a-word",
            "text without blanks and quotes",
            "",
        )
    },
};
/// Go's `time.ParseDuration`, whole units.
pub(in super::super) const DURATION: Kind<String> = Kind {
    name: "duration",
    parse: |node, at| {
        let expected = "a duration such as `90s`, `2m` or `1h30m`";
        let code = "config/not-a-duration";
        tested(node, at, names::is_duration, code, expected, "")
    },
};
/// Arguments of a program.
pub(in super::super) const ARGUMENTS: Kind<Vec<Argument>> = Kind {
    name: "list of arguments",
    parse: |node, at| list(node, at, argument),
};
/// Feature gates.
pub(in super::super) const FEATURE_GATES: Kind<BTreeMap<String, bool>> = Kind {
    name: "mapping of true or false",
    parse: |node, at| map(node, at, feature_gate, boolean),
};
/// Eviction signals.
pub(in super::super) const EVICTION: Kind<BTreeMap<String, String>> = Kind {
    name: "mapping of thresholds",
    parse: |node, at| map(node, at, signal, threshold),
};
/// Registries by host.
pub(in super::super) const REGISTRIES: Kind<Vec<String>> = Kind {
    name: "list of registries",
    parse: |node, at| list(node, at, registry),
};
/// One registry by host.
pub(in super::super) const REGISTRY: Kind<String> = Kind {
    name: "registry",
    parse: registry,
};
/// Where images come from: a registry and a path there.
pub(in super::super) const IMAGE_REPOSITORY: Kind<String> = Kind {
    name: "registry and path",
    parse: |node, at| {
        let expected = "a registry and a path there, such as `registry.example.com/kubernetes`";
        tested(
            node,
            at,
            names::is_image_repository,
            "images/bad-repository",
            expected,
            "neither scheme, tag nor a slash at the end belong here",
        )
    },
};
/// `kube_proxy.mode`
pub(in super::super) const PROXY_MODE: Kind<ProxyMode> = Kind {
    name: "`iptables`, `ipvs` or `nftables`",
    parse: |node, at| {
        let modes = [ProxyMode::Iptables, ProxyMode::Ipvs, ProxyMode::Nftables];
        one_of(node, at, &modes.map(|mode| (mode.as_str(), mode)))
    },
};
/// `encryption.cipher`
pub(in super::super) const CIPHER: Kind<Cipher> = Kind {
    name: "`secretbox` or `aescbc`",
    parse: |node, at| {
        let choices = [Cipher::Secretbox, Cipher::Aescbc].map(|cipher| (cipher.as_str(), cipher));
        one_of(node, at, &choices)
    },
};
/// `pod_security_policy.default_policy`; Pharos's names too.
pub(in super::super) const POD_SECURITY: Kind<PodSecurity> = Kind {
    name: "`privileged`, `baseline` or `restricted`",
    parse: |node, at| {
        let standards = [
            PodSecurity::Privileged,
            PodSecurity::Baseline,
            PodSecurity::Restricted,
        ];
        if let Some(pharos) = match text(node, at, "a name").unwrap_or_default() {
            "00-pharos-privileged" => Some(PodSecurity::Privileged),
            "99-pharos-restricted" => Some(PodSecurity::Restricted),
            _ => None,
        } {
            return Some(pharos);
        }
        one_of(
            node,
            at,
            &standards.map(|standard| (standard.as_str(), standard)),
        )
    },
};

/// `--name=value`, or `--name` for a switch.
fn argument(node: &Node, at: &mut At<'_>) -> Option<Argument> {
    let expected = "an argument such as `--v=2`";
    let given = text(node, at, expected)?;
    let bare = given.strip_prefix("--").unwrap_or_default();
    let (name, value) = bare.split_once('=').unwrap_or((bare, "true"));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.chars().all(plain) && (value.is_empty() || names::is_word(value)) {
        return Some(Argument {
            name: name.to_owned(),
            value: value.to_owned(),
        });
    }
    at.error(
        node.span,
        "config/not-an-argument",
        format!("`{given}` is not {expected}"),
        "two hyphens, the name in lower case, `=`, and a value without blanks and quotes",
    )
}

/// `k8s.io/component-base/featuregate`: names in camel case; `AllAlpha` and `AllBeta` among them.
fn feature_gate(name: &str, span: Span, at: &mut At<'_>) -> bool {
    let legal = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric());
    legal
        || at
            .error::<()>(
                span,
                "config/not-a-feature-gate",
                format!(
                    "`{name}` is not the name of a feature gate, such as `GracefulNodeShutdown`"
                ),
                "",
            )
            .is_some()
}

/// `k8s.io/kubernetes/pkg/kubelet/eviction/api`
const SIGNALS: [&str; 6] = [
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
    "pid.available",
];

fn signal(name: &str, span: Span, at: &mut At<'_>) -> bool {
    SIGNALS.contains(&name)
        || at
            .error::<()>(
                span,
                "kubelet/bad-eviction",
                format!("`{name}` must be one of: {}", super::quoted(&SIGNALS)),
                "",
            )
            .is_some()
}

fn threshold(node: &Node, at: &mut At<'_>) -> Option<String> {
    let expected = "a quantity such as `200Mi`, or a share such as `10%`";
    let is_threshold = |text: &str| match text.strip_suffix('%') {
        Some(share) => share.parse::<u8>().is_ok_and(|share| share < 100),
        None => names::is_quantity(text),
    };
    tested(node, at, is_threshold, "kubelet/bad-eviction", expected, "")
}

fn registry(node: &Node, at: &mut At<'_>) -> Option<String> {
    let expected = "a registry such as `registry.example.com` or `10.0.0.5:5000`";
    if !matches!(node.value, crate::yaml::Value::Scalar { .. }) {
        return wrong_type(at, node, expected);
    }
    tested(
        node,
        at,
        names::is_registry,
        "images/bad-registry",
        expected,
        "as images name it: neither scheme nor path belong here",
    )
}
