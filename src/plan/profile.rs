//! What firstlight must know of an operating system, read from `profiles/*.yml`.

mod installer;

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::artefact::IptablesBackend;
use crate::artefact::train::{Host, MajorMinor};
use crate::config::model::Arch;
use crate::diagnostic::{Diagnostic, Source, Span};
use crate::yaml::ReadError;

pub use installer::{Answers, Installer, KickstartSyntax, Netboot};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/profiles");

/// One operating system: facts, no behaviour.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Name used in `cluster.yml`, equal to the file's stem.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// Architectures it exists for.
    pub architectures: Vec<Arch>,
    /// cloud-init's version in the official image.
    pub cloud_init: String,
    /// systemd's version.
    pub systemd: u32,
    /// Kernel series of the official image.
    pub kernel: MajorMinor,
    /// glibc's version; programs of a train may need a newer one.
    pub glibc: MajorMinor,
    /// Control group hierarchy mounted by default, 1 or 2.
    pub cgroup: u8,
    /// `SELinux` is enforcing: whatever is put in place is labelled.
    pub selinux: bool,
    /// The firewall of a node.
    pub firewall: Firewall,
    /// The rules that its `iptables` writes.
    pub iptables: IptablesBackend,
    /// Distribution packages.
    pub packages: Packages,
    /// The host's network.
    pub network: HostNetwork,
    /// What keeps the clock.
    pub time: Time,
    /// The resolver file that pods inherit; never systemd-resolved's own address.
    pub resolv_conf: String,
    /// Kernel settings that this system needs besides those of every node.
    #[serde(default)]
    pub sysctls: BTreeMap<String, String>,
    /// Whether its own downloader reaches today's hosts: their TLS, and the roots they chain to.
    pub downloads: bool,
    /// Names of the serial console by architecture.
    pub consoles: BTreeMap<Arch, String>,
    /// Official cloud image by architecture, for hypervisors with paravirtual devices.
    #[serde(default)]
    pub image: BTreeMap<Arch, Image>,
    /// The same system with the drivers of real devices, where it is another image.
    #[serde(default)]
    pub image_with_drivers: BTreeMap<Arch, Image>,
    /// How bare metal is installed.
    pub installer: Installer,
}

impl Profile {
    /// What a train asks of a machine that this system lacks.
    pub fn lacks(&self, host: &Host) -> Option<String> {
        if host.kernel > self.kernel {
            let (kernel, needed) = (self.kernel, host.kernel);
            return Some(format!("its kernel is {kernel}, the train needs {needed}"));
        }
        if !host.cgroup.contains(&self.cgroup) {
            return Some(format!("it has control groups version {}", self.cgroup));
        }
        if let Some(needed) = host.systemd.filter(|needed| *needed > self.systemd) {
            let systemd = self.systemd;
            return Some(format!(
                "its systemd is {systemd}, the train needs {needed}"
            ));
        }
        let needed = host.glibc.filter(|needed| *needed > self.glibc)?;
        Some(format!(
            "its glibc is {}, the train needs {needed}",
            self.glibc
        ))
    }
}

/// How the node's firewall is made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firewall {
    /// What filters.
    pub backend: FirewallBackend,
    /// Distribution packages that it needs and the image lacks, by name.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Its firewalld has policies (0.9).
    #[serde(default)]
    pub policies: bool,
}

/// What filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirewallBackend {
    /// A table of nftables; nft 0.9.4 and Linux 5.6 at least.
    Nftables,
    /// Chains of iptables.
    Iptables,
    /// firewalld, and before it rules in what its `iptables` writes.
    Firewalld,
}

/// How the distribution's packages are installed, and which.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// The program that installs them.
    pub manager: PackageManager,
    /// File in `overlays/packages/` that lists what the official image lacks, without `.yml`; absent
    /// where it lacks nothing.
    #[serde(default)]
    pub lacking: Option<String>,
    /// Units that hold the manager's lock or restart services at first boot: stopped until first light.
    #[serde(default)]
    pub units: Vec<String>,
}

/// Programs that install packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageManager {
    /// Debian's, of `.deb` files.
    Apt,
    /// EL7's, of `.rpm` files.
    Yum,
    /// yum's successor.
    Dnf,
}

impl PackageManager {
    /// The command.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Yum => "yum",
            Self::Dnf => "dnf",
        }
    }

    /// The folder of its sources.
    pub const fn repositories(self) -> &'static str {
        match self {
            Self::Apt => "/etc/apt/sources.list.d",
            Self::Yum | Self::Dnf => "/etc/yum.repos.d",
        }
    }

    /// The folder of the keys that sign them: apt trusts what is there, the others what a source names.
    pub const fn keys(self) -> &'static str {
        match self {
            Self::Apt => "/etc/apt/trusted.gpg.d",
            Self::Yum | Self::Dnf => "/etc/pki/rpm-gpg",
        }
    }

    /// The folder of authorities that the family trusts besides, and the command that reads it.
    pub const fn trust(self) -> (&'static str, &'static str) {
        match self {
            Self::Apt => ("/usr/local/share/ca-certificates", "update-ca-certificates"),
            Self::Yum | Self::Dnf => ("/etc/pki/ca-trust/source/anchors", "update-ca-trust"),
        }
    }
}

/// The host's network.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostNetwork {
    /// Who owns the host's interfaces once the machine is up.
    pub owner: NetworkOwner,
    /// What cloud-init writes for it.
    pub renderer: Renderer,
    /// How cloud-init's network-config must name the default gateway, for this version to read it.
    pub default_gateway: DefaultGateway,
}

/// The program that configures network interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkOwner {
    /// systemd-networkd, usually behind netplan.
    Networkd,
    /// Debian's ifupdown.
    Ifupdown,
    /// `NetworkManager`, with or without ifcfg files.
    NetworkManager,
    /// EL7's `network` service.
    Initscripts,
}

/// What cloud-init turns network-config into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Renderer {
    /// `/etc/network/interfaces.d`
    Eni,
    /// `/etc/netplan`
    Netplan,
    /// `/etc/sysconfig/network-scripts/ifcfg-*`
    Sysconfig,
    /// `/etc/systemd/network`
    Networkd,
    /// `/etc/NetworkManager/system-connections`
    NetworkManager,
}

/// Where network-config version 1 names the default gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DefaultGateway {
    /// `gateway:` of a subnet.
    Gateway,
    /// A route to 0.0.0.0/0 and the resolvers at the top: EL7's 0.7.9 reads neither of a subnet.
    Route,
}

/// What keeps the clock.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// The program.
    pub service: TimeService,
    /// Its unit.
    pub unit: String,
    /// The file that names its servers.
    pub file: String,
}

/// Programs that keep the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeService {
    /// systemd-timesyncd
    Timesyncd,
    /// chrony
    Chrony,
}

/// An official cloud image.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Where it is published.
    pub url: String,
    /// `sha256:<hex>` or `sha512:<hex>` as published; absent where no published one is at hand.
    #[serde(default)]
    pub digest: Option<String>,
    /// Where the distribution publishes its digests.
    #[serde(default)]
    pub sums: Option<String>,
}

/// The text of a profile of the program, with the comments that say where each fact was read.
pub fn embedded_text(name: &str) -> Option<&'static str> {
    EMBEDDED.get_file(format!("{name}.yml"))?.contents_utf8()
}

/// Every profile by name.
#[derive(Debug, Clone)]
pub struct Profiles(BTreeMap<String, Profile>);

impl Profiles {
    /// The profiles built into the program.
    ///
    /// # Panics
    /// Never in a released program: a test reads them all.
    pub fn embedded() -> Profiles {
        let files = EMBEDDED
            .files()
            .filter(|f| f.path().extension().is_some_and(|e| e == "yml"));
        Profiles(
            files
                .map(|f| {
                    let text = f.contents_utf8().expect("profiles are UTF-8");
                    let p: Profile =
                        crate::yaml::from_str(text).expect("embedded profiles are tested");
                    (p.name.clone(), p)
                })
                .collect(),
        )
    }

    /// The built-in profiles, with those of `files` replacing or adding to them.
    ///
    /// # Errors
    /// The first file that is no profile, and what is wrong with it.
    pub fn with_overrides(files: Vec<Source>) -> Result<Profiles, Box<(Source, Diagnostic)>> {
        let mut all = Self::embedded();
        for file in files {
            match crate::yaml::from_str::<Profile>(&file.text) {
                Ok(profile) => all.0.insert(profile.name.clone(), profile),
                Err(error) => {
                    let finding = finding(&file, &error);
                    return Err(Box::new((file, finding)));
                }
            };
        }
        Ok(all)
    }

    /// The profile of that name.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.0.values()
    }

    /// `debian-12 (amd64, arm64), …`: every supported pair, for messages.
    pub fn describe(&self) -> String {
        let one = |p: &Profile| {
            let arches: Vec<_> = p.architectures.iter().map(|a| a.as_str()).collect();
            format!("{} ({})", p.name, arches.join(", "))
        };
        self.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// What is wrong with a file, at its line.
fn finding(file: &Source, error: &ReadError) -> Diagnostic {
    // what it says ends with the place, which is shown anyway
    let message = error
        .message
        .rsplit_once(" at line ")
        .map_or(&*error.message, |(what, _)| what);
    let message = message
        .split_once(", column ")
        .map_or(message, |(_, rest)| {
            rest.split_once(": ").map_or(message, |(_, what)| what)
        });
    let line = usize::try_from(error.line.saturating_sub(1)).unwrap_or(0);
    let start: usize = file
        .text
        .split_inclusive('\n')
        .take(line)
        .map(str::len)
        .sum();
    let length = file.text[start..].lines().next().map_or(0, str::len);
    let span = (error.line > 0).then_some(Span {
        start,
        end: start + length,
    });
    Diagnostic::error("profiles/unusable", file.name.clone(), span, message.to_owned())
        .with_help("`profiles/README.md` lists the facts of a profile; `firstlight profiles show debian-12` is one")
}
