//! What a machine boots to be installed, and with which arguments.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::compose::bracketed;
use crate::plan::Node;
use crate::plan::installer::{BootFile, Install, StaticNetwork};
use crate::plan::profile::Answers;

/// Where the answers of a node are, below the root of the PXE tree.
pub(super) fn folder(node: &Node) -> String {
    format!("nodes/{}", node.name)
}

/// Of the tz database.
pub(super) fn time_zone(node: &Node) -> &str {
    node.system.time_zone.as_deref().unwrap_or("Etc/UTC")
}

/// Path of a public file below the root, named by its content.
pub(super) fn blob(file: &BootFile) -> String {
    file.digest.blob_path()
}

/// Arguments of the installer's kernel, each one word.
pub(super) fn arguments(node: &Node, install: &Install) -> Vec<String> {
    let own = format!("{}/{}", install.url, folder(node));
    let mut all = match install.answers {
        Answers::Preseed => preseed(node, install, &own),
        Answers::Kickstart => kickstart(node, install, &own),
        Answers::Autoinstall => autoinstall(node, install, &own),
    };
    if let Some(mac) = &node.mac {
        // RFC 2132's type of hardware and the address, as PXELINUX's IPAPPEND 2 writes it
        all.push(format!("BOOTIF=01-{}", mac.replace(':', "-")));
    }
    if install.answers == Answers::Kickstart {
        all.extend(installed(node, install));
    } else {
        // what follows is for the installed system too
        all.push("---".to_owned());
        all.extend(installed(node, install));
    }
    all
}

/// Kernel arguments of the installed system. The last console is where an installer asks and shows: the screen.
pub(super) fn installed(node: &Node, install: &Install) -> Vec<String> {
    let serial = node.profile.consoles.get(&node.arch);
    let serial = serial.map(|name| format!("console={name},115200n8"));
    let screen = Some("console=tty0".to_owned());
    let own = install.arguments.iter().cloned();
    serial.into_iter().chain(screen).chain(own).collect()
}

/// debian-installer's manual, appendix B.2.2. Its network is set up before the file of answers is there.
fn preseed(node: &Node, install: &Install, own: &str) -> Vec<String> {
    let mut all = vec![
        "auto=true".to_owned(),
        "priority=critical".to_owned(),
        format!("url={own}/preseed.cfg"),
        format!("interface={}", node.interface.as_deref().unwrap_or("auto")),
        format!("hostname={}", node.name),
        "domain=".to_owned(),
    ];
    let Some(network) = &install.network else {
        return all;
    };
    let gateway = network
        .gateway
        .map_or("none".to_owned(), |ip| ip.to_string());
    all.extend([
        "netcfg/disable_autoconfig=true".to_owned(),
        format!("netcfg/get_ipaddress={}", network.ip),
        format!("netcfg/get_netmask={}", netmask(network)),
        format!("netcfg/get_gateway={gateway}"),
        "netcfg/confirm_static=true".to_owned(),
    ]);
    // it splits its command line at blanks: one is what it can be told
    let first = network.nameservers.first();
    all.extend(first.map(|ip| format!("netcfg/get_nameservers={ip}")));
    all
}

/// Anaconda's boot options, and dracut.cmdline(7).
fn kickstart(node: &Node, install: &Install, own: &str) -> Vec<String> {
    let mut all = vec![format!("inst.ks={own}/kickstart.cfg")];
    if let Some(mirror) = &install.mirror {
        all.push(format!("inst.stage2={}/", mirror.url));
    }
    let Some(network) = &install.network else {
        all.push("ip=dhcp".to_owned());
        return all;
    };
    // dracut names a card only by what it is called
    let card = node.interface.as_deref().unwrap_or("node0");
    if let (Some(mac), None) = (&node.mac, &node.interface) {
        all.push(format!("ifname={card}:{mac}"));
    }
    let gateway = network.gateway.map(bracketed).unwrap_or_default();
    let ip = bracketed(network.ip);
    let mask = match network.ip {
        IpAddr::V4(_) => netmask(network).to_string(),
        IpAddr::V6(_) => network.prefix.to_string(),
    };
    all.push(format!(
        "ip={ip}::{gateway}:{mask}:{}:{card}:none",
        node.name
    ));
    let servers = network.nameservers.iter();
    all.extend(servers.map(|ip| format!("nameserver={}", bracketed(*ip))));
    all
}

/// casper(7), and the kernel's Documentation/admin-guide/nfs/nfsroot.rst for `ip`.
fn autoinstall(node: &Node, install: &Install, own: &str) -> Vec<String> {
    let iso = install.iso.as_deref().unwrap_or_default();
    let network = install.network.as_ref().map_or("ip=dhcp".to_owned(), |n| {
        let text = |ip: Option<IpAddr>| ip.map(|ip| ip.to_string()).unwrap_or_default();
        let dns = n.nameservers.iter().take(2).map(ToString::to_string);
        let dns = dns.collect::<Vec<_>>().join(":");
        let (gateway, mask) = (text(n.gateway), netmask(n));
        let card = node.interface.as_deref().unwrap_or_default();
        format!(
            "ip={}::{gateway}:{mask}:{}:{card}:off:{dns}",
            n.ip, node.name
        )
    });
    vec![
        network,
        format!("url={iso}"),
        // cloud-init takes `url` for its own and would read the whole ISO
        "cloud-config-url=/dev/null".to_owned(),
        "autoinstall".to_owned(),
        format!("ds=nocloud-net;s={own}/"),
    ]
}

/// Of the network that an address is in.
pub(super) fn netmask(network: &StaticNetwork) -> IpAddr {
    let net = IpNet::new(network.ip, network.prefix);
    net.expect("prefixes are validated").netmask()
}
