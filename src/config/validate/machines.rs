//! Checks of machines: what they have, what they are known by, how they are installed.

use std::collections::HashMap;

use super::super::model::Host;
use super::Check;

impl Check<'_> {
    pub(super) fn machines(&mut self) {
        let config = self.config;
        let (mut uuids, mut serials) = (HashMap::new(), HashMap::new());
        for (index, host) in config.hosts.iter().enumerate() {
            let known = [
                ("uuid", "UUID", &host.uuid, &mut uuids),
                ("serial", "serial number", &host.serial, &mut serials),
            ];
            for (key, what, value, seen) in known {
                let Some(value) = value else { continue };
                if let Some(other) = seen.insert(value.as_str(), index) {
                    let code = match key {
                        "uuid" => "hosts/duplicate-uuid",
                        _ => "hosts/duplicate-serial",
                    };
                    self.twice(code, &format!("hosts[{index}].{key}"), what, value, other);
                }
            }
            self.size(&format!("hosts[{index}]"), host);
            self.installer(index, host);
        }
    }

    /// The contract's minimum: 2 GB of memory, 40 GB of disk. Below what cannot work is an error.
    fn size(&mut self, path: &str, host: &Host) {
        let planned = [
            ("memory_mib", host.memory_mib, 1700, 2048, "MiB of memory"),
            ("disk_gib", host.disk_gib, 8, 40, "GiB of disk"),
        ];
        for (key, size, works, minimum, what) in planned {
            let path = format!("{path}.{key}");
            match size {
                Some(size) if size < works => self.error(
                    "hosts/too-small",
                    &path,
                    format!("a node cannot run with {size} {what}"),
                    format!("plan {minimum} or more"),
                ),
                Some(size) if size < minimum => self.warning(
                    "hosts/below-minimum",
                    &path,
                    format!("{size} {what} are below the minimum of {minimum}"),
                    "it may do for a trial, with little else on the node",
                ),
                _ => {}
            }
        }
    }

    fn installer(&mut self, index: usize, host: &Host) {
        let own = &host.installer;
        let at = |key: &str| format!("hosts[{index}].{key}");
        let Some(url) = &own.url else {
            if self.document.exact(&at("installer")).is_some() {
                self.warning(
                    "installer/no-url",
                    &at("installer"),
                    format!(
                        "`{}` is not installed over the network: `installer.url` is missing",
                        host.name
                    ),
                    "give `url`, the address at which machines reach `pxe/` of the output",
                );
            }
            return;
        };
        if host.disk.is_none() {
            self.warning(
                "installer/no-disk",
                &at("name"),
                format!("`{}` is not installed over the network: it has no `disk`, and an installer touches none that is not named", host.name),
                "add `disk: /dev/sda`, or a rule such as `disk: {serial: S4EVNX0M123456}`",
            );
            return;
        }
        // one that could not be read is not blamed again
        let known = ["mac", "uuid", "serial"];
        if known
            .iter()
            .all(|key| self.document.exact(&at(key)).is_none())
        {
            self.error(
                "installer/unknown-machine",
                &at("name"),
                format!(
                    "nothing tells the machine of `{}` from others that boot from the network",
                    host.name
                ),
                "add its `mac`, `uuid` or `serial`",
            );
        }
        if own.kernel.is_some() != own.initrd.is_some() {
            let (given, missing) = match own.kernel {
                Some(_) => ("kernel", "initrd"),
                None => ("initrd", "kernel"),
            };
            self.error(
                "installer/half-a-kernel",
                &at(&format!("installer.{given}")),
                format!(
                    "`installer.{missing}` is missing: a kernel boots with its own initial RAM disk"
                ),
                "give both, or neither",
            );
        }
        let seeds = own.seeds.as_ref().unwrap_or(url);
        if !seeds.starts_with("https://") && !own.insecure {
            let key = if own.seeds.is_some() { "seeds" } else { "url" };
            self.error(
                "installer/seeds-in-the-clear",
                &at(&format!("installer.{key}")),
                format!("seeds would travel from `{seeds}` without TLS, and they hold keys of the cluster"),
                "name an https URL in `installer.seeds`, or say `installer.insecure: true` where nobody listens",
            );
        }
    }
}
