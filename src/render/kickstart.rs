//! kickstart: answers of Anaconda, of EL7 and EL9.

use crate::plan::installer::{Install, StaticNetwork};
use crate::plan::profile::KickstartSyntax;
use crate::plan::{Node, Plan};

use super::boot::{installed, netmask, time_zone};

/// `kickstart.cfg`, with `hook` in it.
pub fn file(plan: &Plan, node: &Node, install: &Install, hook: &str) -> String {
    let syntax = node.profile.installer.syntax;
    let sections = [
        head(plan, node, syntax),
        source(node, install),
        network(node, install),
        // written by %pre, which knows the disk
        "zerombr\n%include /tmp/firstlight-disk.ks\nreboot\n\n".to_owned(),
        packages(node, syntax),
        pre(node, install, hook),
        post(hook),
    ];
    sections.concat()
}

/// Nobody can log in until the seed says who may.
fn head(plan: &Plan, node: &Node, syntax: KickstartSyntax) -> String {
    let zone = time_zone(node);
    let (mode, auth, utc) = match syntax {
        KickstartSyntax::Rhel7 => (
            "install\ncmdline\n",
            "auth --enableshadow --passalgo=sha512\n",
            "--isUtc",
        ),
        KickstartSyntax::Rhel9 => ("text\n", "", "--utc"),
    };
    format!(
        "# {name} of {cluster}, {title}: made by firstlight; it asks nothing and touches one disk\n\
         {mode}skipx\n\
         lang en_US.UTF-8\n\
         keyboard --vckeymap=us --xlayouts='us'\n\
         timezone {zone} {utc}\n\
         {auth}rootpw --lock\n\
         selinux --enforcing\n\
         firewall --enabled --ssh\n\
         firstboot --disabled\n\
         eula --agreed\n\
         services --enabled=sshd\n",
        name = node.name,
        cluster = plan.cluster,
        title = node.profile.title,
    )
}

fn source(node: &Node, install: &Install) -> String {
    let Some(mirror) = &install.mirror else {
        return String::new();
    };
    let proxy = install.proxy.iter().map(|url| format!(" --proxy={url}"));
    let proxy: String = proxy.collect();
    let tree = format!("{}/", mirror.url);
    let mut lines = format!("url --url={tree}{proxy}\n");
    for (name, beside) in &node.profile.installer.repositories {
        let url = tree.replacen(&format!("/{beside}/"), &format!("/{name}/"), 1);
        if url != tree {
            lines += &format!("repo --name={name} --baseurl={url}{proxy}\n");
        }
    }
    lines
}

/// Only while it installs: what the machine has is in its seed.
fn network(node: &Node, install: &Install) -> String {
    let card = node.mac.as_deref().or(node.interface.as_deref());
    let card = card.unwrap_or("link");
    let address = install
        .network
        .as_ref()
        .map_or("--bootproto=dhcp".to_owned(), fixed);
    format!(
        "network {address} --device={card} --activate --onboot=yes --hostname={}\n",
        node.name
    )
}

fn fixed(network: &StaticNetwork) -> String {
    let (ip, prefix) = (network.ip, network.prefix);
    let gateway = |flag: &str| {
        network
            .gateway
            .map(|ip| format!(" --{flag}={ip}"))
            .unwrap_or_default()
    };
    let servers: Vec<String> = network
        .nameservers
        .iter()
        .map(ToString::to_string)
        .collect();
    let servers = match servers.as_slice() {
        [] => " --nodns".to_owned(),
        all => format!(" --nameserver={}", all.join(",")),
    };
    if ip.is_ipv4() {
        let mask = netmask(network);
        format!(
            "--bootproto=static --ip={ip} --netmask={mask}{}{servers} --noipv6",
            gateway("gateway")
        )
    } else {
        format!(
            "--noipv4 --ipv6={ip}/{prefix}{}{servers}",
            gateway("ipv6gateway")
        )
    }
}

fn packages(node: &Node, syntax: KickstartSyntax) -> String {
    let lean = match syntax {
        KickstartSyntax::Rhel7 => "",
        KickstartSyntax::Rhel9 => " --exclude-weakdeps",
    };
    let installer = &node.profile.installer;
    let removed = installer.remove.iter().map(|name| format!("-{name}\n"));
    let names = installer.packages.join("\n");
    format!(
        "%packages --excludedocs{lean}\n@core\n{names}\n{}%end\n\n",
        removed.collect::<String>()
    )
}

/// Which disk, and what goes on it. `reqpart` makes what the platform boots from, of BIOS or UEFI.
fn pre(node: &Node, install: &Install, hook: &str) -> String {
    let append = installed(node, install).join(" ");
    format!(
        "%pre --interpreter=/bin/sh --erroronfail\n\
         cat > /tmp/hook.sh <<'END OF HOOK'\n{hook}END OF HOOK\n\
         disk=$(sh /tmp/hook.sh disk) || exit 1\n\
         name=${{disk#/dev/}}\n\
         cat > /tmp/firstlight-disk.ks <<END\n\
         ignoredisk --only-use=$name\n\
         clearpart --all --initlabel --drives=$name\n\
         bootloader --boot-drive=$name --append=\"{append}\"\n\
         reqpart --add-boot\n\
         part / --fstype=xfs --size=8192 --grow --ondisk=$name\n\
         END\n\
         %end\n\n"
    )
}

/// The seed: an installation without it must not end well.
fn post(hook: &str) -> String {
    format!(
        "%post --interpreter=/bin/sh --erroronfail\n\
         cat > /root/hook.sh <<'END OF HOOK'\n{hook}END OF HOOK\n\
         sh /root/hook.sh seed || exit 1\n\
         rm -f /root/hook.sh\n\
         %end\n"
    )
}
