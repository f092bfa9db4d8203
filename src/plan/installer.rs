//! How a machine is installed over the network, where it is.

use std::net::IpAddr;

use super::build::Problems;
use super::profile::{Answers, Profile};
use crate::artefact::{Digest, Pins};
use crate::config::model::{Disk, Host, InstallerNetwork, Link};

/// An installation, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    /// Root of the PXE tree, without a slash at the end.
    pub url: String,
    /// What `NAME/seed.tar` is below.
    pub seeds: String,
    /// Form of the answers.
    pub answers: Answers,
    /// Kernel of the installer.
    pub kernel: BootFile,
    /// Its initial RAM disk.
    pub initrd: BootFile,
    /// Where it finds the distribution; `None` where its ISO has all.
    pub mirror: Option<Mirror>,
    /// What it reaches the distribution's own hosts by; public, as all of its answers.
    pub proxy: Option<String>,
    /// ISO that a live installer loads.
    pub iso: Option<String>,
    /// Its network; `None` is DHCP.
    pub network: Option<StaticNetwork>,
    /// Further kernel arguments.
    pub arguments: Vec<String>,
    /// The one disk that it touches.
    pub disk: Disk,
}

/// A public file that a machine boots, known by digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFile {
    /// Where it comes from.
    pub url: String,
    /// As `firstlight.lock` pins it.
    pub digest: Digest,
}

/// Where an installer finds its distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Without a slash at the end: the folder with `dists/`, or with `images/pxeboot/`.
    pub url: String,
    /// The distribution's own, which has its updates beside it.
    pub official: bool,
}

/// A static network of one card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticNetwork {
    /// Address.
    pub ip: IpAddr,
    /// Bits of its prefix.
    pub prefix: u8,
    /// Way out.
    pub gateway: Option<IpAddr>,
    /// Resolvers.
    pub nameservers: Vec<IpAddr>,
}

/// Whether a host is one that gets its system over the network.
pub fn is_installed(host: &Host) -> bool {
    host.installer.url.is_some() && host.disk.is_some()
}

/// URLs of kernel and initial RAM disk, where they are known.
pub fn boot_files(host: &Host, profile: &Profile) -> Option<[String; 2]> {
    let own = &host.installer;
    if let (Some(kernel), Some(initrd)) = (&own.kernel, &own.initrd) {
        return Some([kernel.clone(), initrd.clone()]);
    }
    let installer = &profile.installer;
    if let (Answers::Kickstart, Some(tree)) = (installer.answers, &own.mirror) {
        let file = |name| format!("{tree}/images/pxeboot/{name}");
        return Some([file("vmlinuz"), file("initrd.img")]);
    }
    let netboot = installer.netboot.get(&host.arch)?;
    let on_mirror = |url: &str| match (&own.mirror, url.split_once("/dists/")) {
        (Some(mirror), Some((_, path))) => format!("{mirror}/dists/{path}"),
        _ => url.to_owned(),
    };
    Some([&netboot.kernel, &netboot.initrd].map(|url| on_mirror(url)))
}

/// Decides the installation of a host; `None` where it is not installed, or where that cannot be.
pub(super) fn install(
    host: &Host,
    index: usize,
    profile: &Profile,
    pins: &Pins,
    problems: &mut Problems<'_>,
) -> Option<Install> {
    let own = &host.installer;
    let (Some(url), Some(disk)) = (&own.url, &host.disk) else {
        return None;
    };
    let at = |key: &str| format!("hosts[{index}].installer.{key}");
    let answers = profile.installer.answers;
    let Some([kernel, initrd]) = boot_files(host, profile) else {
        let (key, has) = match answers {
            Answers::Kickstart => (
                "mirror",
                "the installation tree has them in `images/pxeboot/`",
            ),
            _ => ("kernel", "its ISO has them in `casper/`"),
        };
        problems.add(
            "installer/no-kernel",
            &at(key),
            format!(
                "where kernel and initial RAM disk of `{}` are is not known",
                profile.name
            ),
            format!("give `installer.{key}`: {has}"),
        );
        return None;
    };
    if answers == Answers::Autoinstall && own.iso.is_none() {
        problems.add(
            "installer/no-iso",
            &at("iso"),
            format!(
                "the installer of `{}` loads its ISO, and none is named",
                profile.name
            ),
            "give `installer.iso`, with the kernel and the initial RAM disk of that ISO".to_owned(),
        );
        return None;
    }
    let network = network(host, answers, &at("network"), problems).ok()?;
    let [kernel, initrd] = pinned([kernel, initrd], host, &at("url"), pins, problems)?;
    let mirror = mirror(host, profile, &kernel.url);
    let proxy = proxy(host, mirror.as_ref());
    // user and password stand before the `@` (RFC 3986 §3.2)
    if proxy.is_some_and(|url| url.contains('@')) {
        problems.add(
            "installer/public-password",
            &at("url"),
            format!(
                "the proxy of `{}` asks for a login, which would stand in its answers for all to read",
                host.name
            ),
            "give `installer.mirror`, which is reached without a proxy, or let machines through without a login"
                .to_owned(),
        );
        return None;
    }
    Some(Install {
        url: url.clone(),
        seeds: own.seeds.as_ref().unwrap_or(url).clone(),
        answers,
        kernel,
        initrd,
        proxy: proxy.map(str::to_owned),
        mirror,
        iso: own.iso.clone().filter(|_| answers == Answers::Autoinstall),
        network,
        arguments: own.arguments.clone(),
        disk: disk.clone(),
    })
}

/// The distribution's own host follows from where its installer is.
fn mirror(host: &Host, profile: &Profile, kernel: &str) -> Option<Mirror> {
    let end = match profile.installer.answers {
        Answers::Preseed => "/dists/",
        Answers::Kickstart => "/images/pxeboot/",
        Answers::Autoinstall => return None,
    };
    let own = host.installer.mirror.as_ref();
    let derived = || kernel.split_once(end).map(|(root, _)| root.to_owned());
    Some(Mirror {
        url: own.cloned().or_else(derived)?,
        official: own.is_none(),
    })
}

/// The host's proxy, where its installer leaves the operator's network.
fn proxy<'h>(host: &'h Host, mirror: Option<&Mirror>) -> Option<&'h str> {
    let names: &[&str] = match mirror {
        Some(mirror) if !mirror.official => &[],
        Some(mirror) if mirror.url.starts_with("https:") => &["https_proxy", "HTTPS_PROXY"],
        _ => &["http_proxy", "HTTP_PROXY"],
    };
    let mut found = names.iter().filter_map(|name| host.environment.get(*name));
    found.next().map(String::as_str)
}

/// A problem was added.
struct Refused;

/// The first address as an installer can have it, `None` for DHCP; an error where it is refused.
fn network(
    host: &Host,
    answers: Answers,
    path: &str,
    problems: &mut Problems<'_>,
) -> Result<Option<StaticNetwork>, Refused> {
    let planned = host.installer.network == InstallerNetwork::Planned;
    let fits = |ip: IpAddr| ip.is_ipv4() || answers != Answers::Autoinstall;
    let fixed = host
        .addresses
        .iter()
        .filter_map(|a| Some((a.ip, a.prefix?)));
    let Some((first, _)) = fixed.clone().next().filter(|_| planned) else {
        return Ok(None);
    };
    let made_of = host
        .interfaces
        .iter()
        .find(|i| Some(&i.name) == host.interface.as_ref());
    let what = match made_of.map(|i| &i.link) {
        Some(Link::Bond(..)) => Some("a bond"),
        Some(Link::Vlan(..)) => Some("a VLAN"),
        _ => None,
    };
    let mut refuse = |message: String| {
        let help = "set `installer.network: dhcp`: only the installer asks DHCP, the installed machine has its planned addresses";
        problems.add("installer/network", path, message, help.to_owned());
    };
    if let Some(what) = what {
        refuse(format!(
            "the installer of `{}` cannot have its address on {what}",
            host.name
        ));
        return Err(Refused);
    }
    let Some((ip, prefix)) = fixed.clone().find(|(ip, _)| fits(*ip)) else {
        refuse(format!(
            "the installer of `{}` cannot have `{first}`: its kernel sets IPv4 only",
            host.name
        ));
        return Err(Refused);
    };
    let same = |other: &&IpAddr| other.is_ipv4() == ip.is_ipv4();
    Ok(Some(StaticNetwork {
        ip,
        prefix,
        gateway: host.network.gateways.iter().find(same).copied(),
        nameservers: host
            .network
            .nameservers
            .iter()
            .filter(same)
            .copied()
            .collect(),
    }))
}

fn pinned(
    files: [String; 2],
    host: &Host,
    path: &str,
    pins: &Pins,
    problems: &mut Problems<'_>,
) -> Option<[BootFile; 2]> {
    let [kernel, initrd] = files.map(|url| {
        let digest = pins.upstream.get(&url).copied();
        digest
            .map(|digest| BootFile {
                url: url.clone(),
                digest,
            })
            .ok_or(url)
    });
    match (kernel, initrd) {
        (Ok(kernel), Ok(initrd)) => Some([kernel, initrd]),
        (kernel, initrd) => {
            let missing: Vec<String> = [kernel.err(), initrd.err()].into_iter().flatten().collect();
            problems.add(
                "installer/not-pinned",
                path,
                format!(
                    "no digest is known of what `{}` boots to be installed: {}",
                    host.name,
                    missing.join(", ")
                ),
                "`firstlight overlay lock` finds the digests out and remembers them".to_owned(),
            );
            None
        }
    }
}
