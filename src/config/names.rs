//! What names, addresses and quantities may look like.

/// RFC 1123 label in lower case, as Kubernetes demands of names (`apimachinery`'s
/// `IsDNS1123Label`).
pub(super) fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Labels with dots between them, at most 253 bytes.
pub(super) fn is_dns_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

/// Host name or address.
pub(super) fn is_server(text: &str) -> bool {
    // `1.2.3.400` is a legal name by its characters, and never meant as one.
    text.parse::<std::net::IpAddr>().is_ok() || (is_dns_name(text) && !looks_like_ipv4(text))
}

/// Numbers and dots only.
pub(super) fn looks_like_ipv4(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// A label's value, or its key behind the slash: up to 63 of `[A-Za-z0-9._-]`, alphanumeric at
/// both ends (`IsValidLabelValue`, which also takes the empty text).
pub(super) fn is_label_name(text: &str) -> bool {
    let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
        && alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
}

/// `name` or `prefix/name` (`IsQualifiedName`).
pub(super) fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_name(prefix) && is_label_name(name),
        None => is_label_name(text),
    }
}

/// The kernel's `dev_valid_name`: at most 15 bytes (`IFNAMSIZ` is 16), no slash, colon or blank.
pub(super) fn is_interface(text: &str) -> bool {
    (1..=15).contains(&text.len())
        && !matches!(text, "." | "..")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':')
}

/// A name of the tz database: `Area/Location`, or a single word such as `UTC`.
pub(super) fn is_time_zone(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_+-".contains(c);
    text.split('/')
        .all(|part| !part.is_empty() && part.chars().all(plain))
}

/// Debian Policy §5.6.7, and what RPM takes besides: nothing that an option or a path could be.
pub(super) fn is_package(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain)
}

/// An absolute path that scripts may name without quotes.
pub(super) fn is_path(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._@%+:-".contains(c);
    text.strip_prefix('/').is_some_and(|rest| {
        rest.split('/')
            .all(|part| !matches!(part, "" | "." | "..") && part.chars().all(plain))
    })
}

/// Whether a path is one that firstlight, Kubernetes or cloud-init look after on a node.
pub(super) fn is_ours(path: &str) -> bool {
    const FOLDERS: [&str; 12] = [
        "/dev/",
        "/etc/cloud/",
        "/etc/firstlight/",
        "/etc/kubernetes/",
        "/opt/firstlight/",
        "/proc/",
        "/run/",
        "/sys/",
        "/var/lib/cloud/",
        "/var/lib/etcd/",
        "/var/lib/firstlight/",
        "/var/lib/kubelet/",
    ];
    const FILES: [&str; 7] = [
        "/etc/containerd/config.toml",
        "/etc/hostname",
        "/etc/machine-id",
        "/etc/modules-load.d/firstlight.conf",
        "/etc/sysctl.d/90-firstlight.conf",
        "/etc/systemd/system/containerd.service",
        "/etc/systemd/system/kubelet.service",
    ];
    FOLDERS.iter().any(|folder| path.starts_with(folder))
        || FILES.contains(&path)
        || path.starts_with("/etc/systemd/system/firstlight")
        || path.starts_with("/etc/systemd/system/etcd")
}

/// What one argument of a program can hold where blanks part arguments and quotes end them.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"'\"\\`$".contains(&byte))
}

/// Go's `time.ParseDuration`, without fractions and signs.
pub(super) fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let unit = &rest[digits..];
        // the longer ones first: `ms` begins with `m`
        let units = ["ms", "us", "ns", "h", "m", "s"];
        let Some(known) = units.into_iter().find(|known| unit.starts_with(known)) else {
            return false;
        };
        if !(1..=9).contains(&digits) {
            return false;
        }
        rest = &unit[known.len()..];
    }
    !text.is_empty()
}

/// A registry as images name it: host or address, and a port.
pub(super) fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let known = match bare {
        Some(ip) => ip.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_server(host) && !host.contains(':'),
    };
    known && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Whether the first part of an image's name is its registry (`docker.io`'s rule: it holds a dot or a
/// colon, or is `localhost`), and the others are path components.
pub(super) fn is_image_repository(text: &str) -> bool {
    let mut parts = text.split('/');
    let registry = parts.next().unwrap_or_default();
    let component = |part: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(plain)
    };
    is_registry(registry)
        && (registry.contains(['.', ':']) || registry == "localhost")
        && parts.all(component)
}

/// Account names as Debian's `adduser` and `useradd` both take them.
pub(super) fn is_user(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
        && text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
}

/// Kubernetes' `resource.Quantity`, without a sign.
pub fn is_quantity(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
    let suffixes = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ];
    let exponent = suffix.strip_prefix(['e', 'E']);
    number.bytes().any(|byte| byte.is_ascii_digit())
        && number.matches('.').count() <= 1
        && (suffixes.contains(&suffix) || exponent.is_some_and(|by| by.parse::<i16>().is_ok()))
}

/// Six octets, lower case with colons; hyphens are taken too.
pub(super) fn mac(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    let octet = |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    (parts.len() == 6 && parts.iter().all(octet)).then(|| parts.join(":").to_ascii_lowercase())
}

/// Whether this is one public key as OpenSSH writes it: type, base64 that repeats the type
/// (RFC 4253 §6.6), comment.
pub(super) fn is_ssh_key(text: &str) -> bool {
    use base64::Engine;
    let mut words = text.split(' ');
    let (Some(kind), Some(blob)) = (words.next(), words.next()) else {
        return false;
    };
    let Ok(blob) = base64::engine::general_purpose::STANDARD.decode(blob) else {
        return false;
    };
    let Some((length, rest)) = blob.split_first_chunk::<4>() else {
        return false;
    };
    let known = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|prefix| kind.starts_with(prefix));
    known
        && u32::from_be_bytes(*length) as usize == kind.len()
        && rest.len() > kind.len()
        && rest.starts_with(kind.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_end_with_letters_or_digits() {
        assert!(is_dns_label("m1") && is_dns_label("1-a") && is_dns_label(&"a".repeat(63)));
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", &"a".repeat(64)] {
            assert!(!is_dns_label(bad), "{bad}");
        }
        assert!(
            is_label_key("topology.kubernetes.io/zone")
                && is_label_key("Disk")
                && !is_label_key("a/b/c")
                && !is_label_key("/a")
                && !is_label_key("")
        );
    }

    #[test]
    fn quantities_are_those_of_kubernetes() {
        assert!(
            [
                "50m", "50Mi", "1", "0.5", "2Gi", "1.", ".5", "1e3", "2E-2", "3E", "100n"
            ]
            .iter()
            .all(|text| is_quantity(text))
        );
        assert!(
            [
                "", "m", "50mb", ".", "1.5.2", "-1", "1 Gi", "50MiB", "1e", "1e3k"
            ]
            .iter()
            .all(|text| !is_quantity(text))
        );
    }

    #[test]
    fn durations_are_those_of_go() {
        assert!(
            ["90s", "2m", "1h30m", "10ms", "100us"]
                .iter()
                .all(|text| is_duration(text))
        );
        assert!(
            ["", "5", "s", "1.5s", "-1s", "1d", "1 s", "m5"]
                .iter()
                .all(|text| !is_duration(text))
        );
    }

    #[test]
    fn registries_are_hosts_with_ports() {
        assert!(
            [
                "docker.io",
                "10.0.0.5:5000",
                "localhost:5000",
                "[fd00::5]:5000",
                "registry"
            ]
            .iter()
            .all(|text| is_registry(text))
        );
        assert!(
            [
                "",
                "https://a.example",
                "a.example/path",
                "a.example:0",
                "a.example:port",
                "A.example",
                "1.2.3.400"
            ]
            .iter()
            .all(|text| !is_registry(text))
        );
        assert!(
            is_image_repository("registry.example.com/a/b-c")
                && is_image_repository("10.0.0.5:5000")
        );
        assert!(
            [
                "a/b",
                "registry.example.com/",
                "registry.example.com/A",
                "https://a.b",
                "a.b/c:tag"
            ]
            .iter()
            .all(|text| !is_image_repository(text))
        );
    }

    #[test]
    fn macs_are_normalised() {
        assert_eq!(
            mac("52-54-00-AB-cd-01").as_deref(),
            Some("52:54:00:ab:cd:01")
        );
        assert_eq!(mac("52:54:00:ab:cd"), None);
        assert_eq!(mac("52:54:00:ab:cd:0"), None);
    }

    #[test]
    fn a_public_key_names_its_type_twice() {
        let good =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me";
        assert!(is_ssh_key(good));
        assert!(!is_ssh_key(&good.replace("ssh-ed25519 ", "ssh-rsa ")));
        assert!(!is_ssh_key("ssh-ed25519") && !is_ssh_key("ssh-ed25519 AAAA") && !is_ssh_key(""));
    }
}
