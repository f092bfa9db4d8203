//! `hosts[].installer`: how bare metal gets its system.

use super::key::key;
use super::kinds::{BOOL, INSTALLER_NETWORK, KERNEL_ARGUMENTS, URL};
use super::read::Reader;

/// What tells one disk of a machine from its others; all of it must be true of exactly one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disk {
    /// Device, such as `/dev/vda` or `/dev/disk/by-id/…`.
    pub path: Option<String>,
    /// Serial number, as udev's `ID_SERIAL_SHORT` or `ID_SERIAL` has it.
    pub serial: Option<String>,
    /// World-wide name in lower case, as udev's `ID_WWN` has it.
    pub wwn: Option<String>,
    /// Model with `_` for blanks, as udev's `ID_MODEL` has it.
    pub model: Option<String>,
    /// Least size in GiB.
    pub min_gib: Option<u32>,
    /// Greatest size in GiB.
    pub max_gib: Option<u32>,
}

/// How an installer's own network is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallerNetwork {
    /// As the installed machine's.
    Planned,
    /// By DHCP, on the interface that booted.
    Dhcp,
}

/// `hosts[].installer`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installer {
    /// Where machines reach the PXE root; no installer is planned without it.
    pub url: Option<String>,
    /// Where they reach the seeds.
    pub seeds: Option<String>,
    /// Whether seeds may travel without TLS.
    pub insecure: bool,
    /// Where the distribution's packages come from, in place of the distribution.
    pub mirror: Option<String>,
    /// Kernel of the installer, in place of the profile's.
    pub kernel: Option<String>,
    /// Its initial RAM disk.
    pub initrd: Option<String>,
    /// ISO that the live installer loads.
    pub iso: Option<String>,
    /// Its network.
    pub network: InstallerNetwork,
    /// Further kernel arguments, of the installer and of what it installs.
    pub arguments: Vec<String>,
}

/// The section.
pub(super) fn installer(reader: &mut Reader<'_, '_>) -> Installer {
    let mut address = |name, doc, example| reader.optional(&key(name, doc).example(example), &URL);
    let url = address(
        "url",
        "where machines reach `pxe/` of the output; with it, and with `disk`, the host is installed over the network",
        "\"http://10.0.0.5:8080\"",
    );
    let seeds = address(
        "seeds",
        "where they reach `NAME/seed.tar`, which is secret; `url` without it, where that is https",
        "\"https://10.0.0.5:8443/seeds\"",
    );
    let mirror = address(
        "mirror",
        "where the installer finds the distribution, in place of its own hosts: the folder with `dists/`, or an installation tree with `images/pxeboot/`",
        "\"http://10.0.0.5/debian\"",
    );
    let kernel = address(
        "kernel",
        "kernel of the installer, in place of the distribution's",
        "\"http://10.0.0.5/noble/casper/vmlinuz\"",
    );
    let initrd = address(
        "initrd",
        "its initial RAM disk",
        "\"http://10.0.0.5/noble/casper/initrd\"",
    );
    let iso = address(
        "iso",
        "ISO that Ubuntu's live installer loads into memory; kernel and initial RAM disk must be its own",
        "\"http://10.0.0.5/ubuntu-24.04-live-server-amd64.iso\"",
    );
    let insecure = key(
        "insecure",
        "whether seeds, which hold keys, may travel without TLS",
    );
    let insecure = reader.optional(&insecure.default("false").example("true"), &BOOL);
    let network = key(
        "network",
        "network of the installer: as the machine's will be, or by DHCP where an installer cannot make that one (bonds, VLANs)",
    );
    let network = network.default("planned").example("dhcp");
    let network = reader.optional(&network, &INSTALLER_NETWORK);
    let arguments = key(
        "arguments",
        "further kernel arguments, of the installer and of the system that it installs",
    );
    let arguments = arguments
        .default("[]")
        .example("[\"console=ttyS1,115200n8\"]");
    let arguments = reader.optional(&arguments, &KERNEL_ARGUMENTS);
    Installer {
        url,
        seeds,
        insecure: insecure.unwrap_or(false),
        mirror,
        kernel,
        initrd,
        iso,
        network: network.unwrap_or(InstallerNetwork::Planned),
        arguments: arguments.unwrap_or_default(),
    }
}
