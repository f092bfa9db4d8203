//! Types of what tells one machine, and one disk of it, from others.

use super::super::installer::{Disk, InstallerNetwork};
use super::super::key::{At, Kind, quoted, suggestion, wrong_type};
use super::lists::list;
use super::{number, one_of, tested, text};
use crate::yaml::{Node, Value};

/// Keys of a disk rule.
const RULES: [&str; 5] = ["serial", "wwn", "model", "min_gib", "max_gib"];

/// The disk that an installer uses: a path, or what is true of this disk alone.
pub(in super::super) const DISK: Kind<Disk> = Kind {
    name: "device path, or mapping of `serial`, `wwn`, `model`, `min_gib`, `max_gib`",
    parse: |node, at| {
        match &node.value {
        Value::Map(_) => rule(node, at),
        _ => tested(
            node,
            at,
            is_device,
            "config/not-a-disk",
            "a device such as `/dev/vda`",
            "or a rule: `{serial: S4EVNX0}`, `{wwn: \"0x5002538e\"}`, `{min_gib: 400, max_gib: 500}`",
        )
        .map(|path| Disk {
            path: Some(path),
            ..Disk::default()
        }),
    }
    },
};
/// SMBIOS §7.2.1, as `/sys/class/dmi/id/product_uuid` has it.
pub(in super::super) const UUID: Kind<String> = Kind {
    name: "UUID",
    parse: |node, at| {
        let expected = "a UUID such as `4c4c4544-0042-3510-8052-b4c04f4e3332`";
        let given = tested(node, at, is_uuid, "config/not-a-uuid", expected, "")?;
        Some(given.to_ascii_lowercase())
    },
};
/// A serial number, of a machine or of a disk.
pub(in super::super) const SERIAL: Kind<String> = Kind {
    name: "serial number",
    parse: serial,
};
/// `installer.network`
pub(in super::super) const INSTALLER_NETWORK: Kind<InstallerNetwork> = Kind {
    name: "`planned` or `dhcp`",
    parse: |node, at| {
        let choices = [
            ("planned", InstallerNetwork::Planned),
            ("dhcp", InstallerNetwork::Dhcp),
        ];
        one_of(node, at, &choices)
    },
};
/// Further arguments of a kernel.
pub(in super::super) const KERNEL_ARGUMENTS: Kind<Vec<String>> = Kind {
    name: "list of kernel arguments",
    parse: |node, at| {
        list(node, at, |node, at| {
            let expected = "one kernel argument such as `console=ttyS1,115200n8`";
            let help = "letters, digits and `._,:=/@+-`; one argument each";
            let code = "config/not-a-kernel-argument";
            tested(node, at, is_kernel_argument, code, expected, help)
        })
    },
};

fn rule(node: &Node, at: &mut At<'_>) -> Option<Disk> {
    let Value::Map(entries) = &node.value else {
        return wrong_type(at, node, "a mapping");
    };
    let mut disk = Disk::default();
    for entry in entries {
        let (value, at) = (&entry.value, &mut at.part(&format!(".{}", entry.key)));
        match entry.key.as_str() {
            "serial" => disk.serial = Some(serial(value, at)?),
            "wwn" => disk.wwn = Some(wwn(value, at)?),
            "model" => disk.model = Some(model(value, at)?),
            "min_gib" => disk.min_gib = Some(number(value, at, 1..=1 << 30)?),
            "max_gib" => disk.max_gib = Some(number(value, at, 1..=1 << 30)?),
            other => {
                let help = suggestion(other, &RULES).map_or_else(
                    || format!("known here: {}", quoted(&RULES)),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("unknown key `{other}`");
                return at.error(entry.key_span, "config/unknown-key", message, &help);
            }
        }
    }
    if disk == Disk::default() {
        let message = "this rule says nothing of the disk".to_owned();
        let help = format!("give one or more of: {}", quoted(&RULES));
        return at.error(node.span, "config/not-a-disk", message, &help);
    }
    if let (Some(least), Some(most)) = (disk.min_gib, disk.max_gib)
        && least > most
    {
        let message = format!("no disk has {least} GiB at least and {most} GiB at most");
        return at.error(node.span, "config/not-a-disk", message, "");
    }
    Some(disk)
}

fn serial(node: &Node, at: &mut At<'_>) -> Option<String> {
    let help = "letters, digits and `._:-`, as `lsblk -o NAME,SERIAL` or `dmidecode -s system-serial-number` shows it";
    let code = "config/not-a-serial";
    tested(node, at, is_serial, code, "a serial number", help)
}

fn wwn(node: &Node, at: &mut At<'_>) -> Option<String> {
    let expected = "a WWN such as `0x5002538e4038d3ce` or `eui.0025385171b0a33c`";
    let help = "as `lsblk -o NAME,WWN` shows it";
    let given = tested(node, at, is_serial, "config/not-a-wwn", expected, help)?;
    Some(given.to_ascii_lowercase())
}

/// udev's `ID_MODEL` has `_` in the place of blanks.
fn model(node: &Node, at: &mut At<'_>) -> Option<String> {
    let given = text(node, at, "the model of a disk")?
        .trim()
        .replace(' ', "_");
    if is_serial(&given) {
        return Some(given);
    }
    let message = format!("`{given}` is not the model of a disk");
    let help = "as `lsblk -o NAME,MODEL` shows it";
    at.error(node.span, "config/not-a-model", message, help)
}

fn is_device(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._:+@-".contains(&byte);
    path.len() > 5 && path.starts_with("/dev/") && path.bytes().all(plain) && !path.contains("..")
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(hex)
}

fn is_serial(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:+-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

fn is_kernel_argument(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._,:=/@+-".contains(&byte);
    // debian-installer takes what follows `---` for the installed system
    !text.is_empty() && text.bytes().all(plain) && !text.starts_with("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_machines_have_is_read() {
        assert!(is_uuid("4C4C4544-0042-3510-8052-b4c04f4e3332"));
        assert!(!is_uuid("4c4c4544-0042-3510-8052-b4c04f4e333"));
        assert!(is_device("/dev/disk/by-id/nvme-eui.0025385171b0a33c"));
        assert!(!is_device("/dev/../etc"));
        assert!(is_kernel_argument(
            "ip=10.0.0.11::10.0.0.1:255.255.255.0:m1:eno1:none"
        ));
        assert!(!is_kernel_argument("---"));
        assert!(!is_kernel_argument("a b"));
    }
}
