//! What an installer runs of ours: it finds the planned disk, and puts the seed into what it installed.

use super::overlay;
use crate::config::model::Disk;
use crate::plan::Node;
use crate::plan::installer::Install;

/// The seed that an installed machine gets.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// SHA-256 of `seed.tar`, in hex.
    pub sha256: &'a str,
    /// Since when it is what it is, in seconds since 1970.
    pub made: i64,
    /// The cluster's authority, PEM.
    pub authority: &'a str,
}

/// A POSIX script with two verbs: `disk` prints the device, `seed` runs in the installed system. It holds nothing
/// secret.
pub fn hook(node: &Node, install: &Install, placed: Placed<'_>) -> String {
    let disk = &install.disk;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let number = |value: Option<u32>| value.map(|gib| gib.to_string()).unwrap_or_default();
    let values = [
        ("FL_NODE", node.name.clone()),
        ("FL_DISK", described(disk)),
        ("FL_DISK_PATH", text(&disk.path)),
        ("FL_DISK_SERIAL", text(&disk.serial)),
        ("FL_DISK_WWN", text(&disk.wwn)),
        ("FL_DISK_MODEL", text(&disk.model)),
        ("FL_DISK_MIN", number(disk.min_gib)),
        ("FL_DISK_MAX", number(disk.max_gib)),
        ("FL_SEEDS", install.seeds.clone()),
        ("FL_SEED_SHA256", placed.sha256.to_owned()),
        ("FL_MADE", placed.made.to_string()),
        ("FL_CA", placed.authority.trim_end().to_owned()),
    ];
    let values = values.map(|(name, value)| format!("{name}='{value}'\n"));
    format!(
        "#!/bin/sh\n# firstlight's part of the installation of {}\nset -eu\n{}{}{}\
         case ${{1-}} in\n  disk) find_disk ;;\n  seed) place_seed ;;\n  *) refuse \"usage: $0 disk | seed\" ;;\nesac\n",
        node.name,
        values.concat(),
        overlay::file("installer/disk.sh"),
        overlay::file("installer/seed.sh"),
    )
}

/// The rule, for people.
fn described(disk: &Disk) -> String {
    let named = [
        ("", &disk.path),
        ("serial ", &disk.serial),
        ("WWN ", &disk.wwn),
        ("model ", &disk.model),
    ];
    let named = named
        .iter()
        .filter_map(|(what, value)| Some(format!("{what}{}", value.as_ref()?)));
    let sizes = [("at least", disk.min_gib), ("at most", disk.max_gib)];
    let sizes = sizes
        .iter()
        .filter_map(|(what, gib)| Some(format!("{what} {} GiB", (*gib)?)));
    named.chain(sizes).collect::<Vec<_>>().join(", ")
}
