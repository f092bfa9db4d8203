//! What machines that boot from the network are served: one public tree for iPXE, GRUB and PXELINUX.
//!
//! A machine boots from its disk unless it is armed (`armed/NAME.*`, which `firstlight pxe arm` writes) or somebody
//! chooses otherwise at its menu: a tree that installed whoever asks would install for ever, where the network comes
//! first in the boot order.

use std::collections::BTreeMap;

use super::boot::{arguments, blob, folder};
use super::{autoinstall, kickstart, preseed};
use crate::plan::installer::Install;
use crate::plan::profile::Answers;
use crate::plan::{Node, Plan};

/// Files below the root of the tree, by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a machine was armed with: given to the installer, which leaves it on the disk.
#[derive(Debug, Clone, Copy)]
pub struct Armed<'a> {
    /// Of this time that it was armed, and no other.
    pub id: &'a str,
    /// Whether a node that lives on the disk is wiped.
    pub reinstall: bool,
}

/// What is the same for all machines; none where no machine is installed.
pub fn common(plan: &Plan) -> Files {
    let Some(install) = plan.nodes.iter().find_map(|node| node.install.as_ref()) else {
        return Files::new();
    };
    let mut files = Files::from(
        [
            ("boot.ipxe".to_owned(), boot_ipxe(plan, install)),
            ("grub/grub.cfg".to_owned(), GRUB.to_owned()),
            (
                "pxelinux.cfg/default".to_owned(),
                "DEFAULT local\nLABEL local\n  LOCALBOOT 0\n".to_owned(),
            ),
        ]
        .map(|(path, text)| (path, text.into_bytes())),
    );
    // where Debian's signed network image of GRUB looks
    for arch in ["amd64", "arm64"] {
        let path = format!("debian-installer/{arch}/grub/grub.cfg");
        files.insert(path, b"configfile /grub/grub.cfg\n".to_vec());
    }
    files
}

/// A machine's answers and scripts. `hook` is [`crate::compose::installer::hook`].
pub fn node(plan: &Plan, node: &Node, install: &Install, hook: &str) -> Files {
    let answers = match install.answers {
        Answers::Preseed => preseed::files(node, install, hook),
        Answers::Autoinstall => autoinstall::files(node, install, hook),
        Answers::Kickstart => BTreeMap::from([(
            "kickstart.cfg",
            kickstart::file(plan, node, install, hook).into_bytes(),
        )]),
    };
    let own = folder(node);
    let answers = answers
        .into_iter()
        .map(|(name, content)| (format!("{own}/{name}"), content));
    let mut files: Files = answers.collect();
    let mut text = |path: String, text: String| files.insert(path, text.into_bytes());
    text(format!("{own}/boot.ipxe"), ipxe(plan, node, install));
    let chain = format!(
        "#!ipxe\nchain --replace --autofree {}/{own}/boot.ipxe\n",
        install.url
    );
    let known = [
        ("uuid", node.uuid.clone()),
        ("mac", node.mac.as_ref().map(|mac| mac.replace(':', "-"))),
        ("serial", node.serial.clone()),
    ];
    for (by, value) in known {
        let Some(value) = value else { continue };
        text(format!("{by}/{value}.ipxe"), chain.clone());
        if by != "serial" {
            text(format!("{by}/{value}.cfg"), grub(node, install));
        }
        match by {
            // PXELINUX asks for its hardware type, and UUIDs as they are
            "mac" => text(format!("pxelinux.cfg/01-{value}"), pxelinux(node, install)),
            "uuid" => text(format!("pxelinux.cfg/{value}"), pxelinux(node, install)),
            _ => None,
        };
    }
    files
}

/// What arms a machine.
pub fn armed(name: &str, armed: Armed<'_>) -> Files {
    let (id, node) = (armed.id, if armed.reinstall { name } else { "" });
    let file = |end, text: String| (format!("armed/{name}.{end}"), text.into_bytes());
    Files::from([
        file(
            "ipxe",
            format!("#!ipxe\nset arm {id}\nset reinstall {node}\n"),
        ),
        file(
            "cfg",
            format!("set default=install\nset arm={id}\nset reinstall={node}\n"),
        ),
        // no variables there: the label is its own
        file("pxelinux", "DEFAULT install\n".to_owned()),
    ])
}

/// Scripts that come back have failed or had nothing to do: the next one is asked.
fn boot_ipxe(plan: &Plan, install: &Install) -> String {
    let url = &install.url;
    format!(
        "#!ipxe\n\
         # {}: a machine's own script, by its UUID, its MAC or its serial number; others boot from their disks\n\
         chain --autofree {url}/uuid/${{uuid}}.ipxe ||\n\
         chain --autofree {url}/mac/${{netX/mac:hexhyp}}.ipxe ||\n\
         isset ${{serial}} && chain --autofree {url}/serial/${{serial:uristring}}.ipxe ||\n\
         echo firstlight: ${{uuid}} ${{netX/mac}} is no machine of {}\n\
         {LOCAL}",
        plan.cluster, plan.cluster,
    )
}

/// UEFI goes on with its next entry; a BIOS that is left by `exit` may stop.
const LOCAL: &str = "\
:local
iseq ${platform} efi && exit ||
sanboot --no-describe --drive 0x80 ||
exit
";

fn ipxe(plan: &Plan, node: &Node, install: &Install) -> String {
    let (name, url) = (&node.name, &install.url);
    let (kernel, initrd) = (blob(&install.kernel), blob(&install.initrd));
    format!(
        "#!ipxe\n\
         # {name} ({title}): boots from its disk, unless it is armed or somebody chooses\n\
         clear arm ||\n\
         clear reinstall ||\n\
         chain --autofree {url}/armed/{name}.ipxe && goto install ||\n\
         menu {name} of {cluster}\n\
         item local boot from disk\n\
         item install install {title}\n\
         choose --default local --timeout 5000 target && goto ${{target}} || goto local\n\
         :install\n\
         echo firstlight: {name} installs {title}\n\
         kernel --name linux {url}/{kernel} initrd=initrd firstlight.arm=${{arm}} firstlight.reinstall=${{reinstall}} {arguments} || goto failed\n\
         initrd --name initrd {url}/{initrd} || goto failed\n\
         boot || goto failed\n\
         :failed\n\
         echo firstlight: {name} cannot be installed: ${{errno}}; are the kernel and its initial RAM disk below {url}/blobs?\n\
         prompt --timeout 30000 Press a key to boot from disk ||\n\
         {LOCAL}",
        title = node.profile.title,
        cluster = plan.cluster,
        arguments = arguments(node, install).join(" "),
    )
}

/// Nothing is loaded that a signed GRUB may lack: what fails is left out.
const GRUB: &str = "\
# a machine's own menu, by its MAC or its UUID; others boot from their disks
set arm=
set reinstall=
regexp --set=1:a --set=2:b --set=3:c --set=4:d --set=5:e --set=6:f '^(..):(..):(..):(..):(..):(..)$' \"$net_default_mac\"
if [ -f \"/mac/$a-$b-$c-$d-$e-$f.cfg\" ]; then
  configfile \"/mac/$a-$b-$c-$d-$e-$f.cfg\"
fi
if smbios --type 1 --get-uuid 8 --set uuid; then
  if [ -f \"/uuid/$uuid.cfg\" ]; then
    configfile \"/uuid/$uuid.cfg\"
  fi
fi
echo \"firstlight: $net_default_mac is no machine of this cluster\"
exit
";

fn grub(node: &Node, install: &Install) -> String {
    let name = &node.name;
    let quoted: Vec<String> = arguments(node, install)
        .iter()
        .map(|argument| format!("'{argument}'"))
        .collect();
    format!(
        "# {name} ({title}): boots from its disk, unless it is armed or somebody chooses\n\
         set default=local\n\
         set timeout=5\n\
         set arm=\n\
         set reinstall=\n\
         if [ -f \"/armed/{name}.cfg\" ]; then\n  source \"/armed/{name}.cfg\"\nfi\n\
         menuentry '{name}: boot from disk' --id local {{\n  exit\n}}\n\
         menuentry '{name}: install {title}' --id install {{\n  \
         linux /{} \"firstlight.arm=$arm\" \"firstlight.reinstall=$reinstall\" {}\n  initrd /{}\n}}\n",
        blob(&install.kernel),
        quoted.join(" "),
        blob(&install.initrd),
        title = node.profile.title,
    )
}

fn pxelinux(node: &Node, install: &Install) -> String {
    let name = &node.name;
    format!(
        "# {name} ({title}): boots from its disk, unless it is armed or somebody types `install`\n\
         SAY {name}: Enter boots from disk, `install` installs {title}\n\
         DEFAULT local\n\
         INCLUDE armed/{name}.pxelinux\n\
         PROMPT 1\n\
         TIMEOUT 50\n\
         LABEL local\n  LOCALBOOT 0\n\
         LABEL install\n  KERNEL {}\n  INITRD {}\n  APPEND {}\n",
        blob(&install.kernel),
        blob(&install.initrd),
        arguments(node, install).join(" "),
        title = node.profile.title,
    )
}
