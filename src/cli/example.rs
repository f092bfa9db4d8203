//! `firstlight build --example`: a cluster for a machine that has nothing yet, and what to do next.

mod vm;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ipnet::Ipv4Net;

use super::exit::Failure;
use super::init;
use crate::pack::atomic;
use crate::plan::Plan;
use vm::Vm;

/// Folder of the example, with its `cluster.yml`, its state and its output.
const FOLDER: &str = "example";

/// Where the example's machine is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hypervisor {
    /// libvirt, with virt-install
    Libvirt,
    /// Plain QEMU
    Qemu,
    /// Proxmox VE
    Proxmox,
    /// VMware ESXi or Workstation
    Vmware,
    /// Microsoft Hyper-V
    Hyperv,
}

/// The flags of the example.
#[derive(Debug, Clone, Args)]
pub struct Example {
    /// Build a one-node cluster in the folder `example` and print the commands that start it
    ///
    /// Without a name the commands are those for libvirt.
    #[arg(long, value_name = "HYPERVISOR", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "libvirt", conflicts_with = "file")]
    #[expect(clippy::struct_field_names, reason = "the flag is --example")]
    example: Option<Hypervisor>,
    /// Network of the example's machine [default: 192.168.122.0/24, with QEMU 10.0.2.0/24]
    #[arg(long, value_name = "CIDR", requires = "example")]
    subnet: Option<Ipv4Net>,
    /// File with an OpenSSH public key, which may then log in to the example's machine as `ops`
    #[arg(long, value_name = "FILE", requires = "example")]
    ssh_key: Vec<PathBuf>,
}

impl Example {
    /// Whether it was asked for.
    pub fn wanted(&self) -> bool {
        self.example.is_some()
    }

    fn hypervisor(&self) -> Hypervisor {
        self.example.unwrap_or(Hypervisor::Libvirt)
    }

    /// libvirt's default network; QEMU's user network.
    fn subnet(&self) -> Ipv4Net {
        let default = if self.hypervisor() == Hypervisor::Qemu {
            "10.0.2.0/24"
        } else {
            "192.168.122.0/24"
        };
        self.subnet
            .unwrap_or_else(|| default.parse().expect("a network"))
    }

    /// The router and the resolver of that network. QEMU's user network has them at its second and
    /// third address, every other hypervisor's usual network at the first.
    fn router(&self) -> (Ipv4Addr, Ipv4Addr) {
        let host = |n: u32| Ipv4Addr::from(u32::from(self.subnet().network()).saturating_add(n));
        if self.hypervisor() == Hypervisor::Qemu {
            (host(2), host(3))
        } else {
            (host(1), host(1))
        }
    }
}

/// Writes `example/cluster.yml`, or finds it there as it was.
pub(super) fn write(example: &Example) -> Result<PathBuf, Failure> {
    let text = describe(example)?;
    let path = Path::new(FOLDER).join("cluster.yml");
    match fs_err::read_to_string(&path) {
        Ok(there) if there != text => {
            return Err(Failure::message(
                &path,
                "is there and differs\nhint: build it with `firstlight build -f example/cluster.yml`, or remove the folder `example`",
            ));
        }
        Ok(_) => {}
        Err(_) => {
            fs_err::create_dir_all(FOLDER)?;
            atomic::write(&path, 0o644, text.as_bytes())?;
        }
    }
    Ok(path)
}

fn describe(example: &Example) -> Result<String, Failure> {
    let (gateway, nameserver) = example.router();
    init::describe(&init::Answers {
        name: "example".to_owned(),
        subnet: example.subnet(),
        gateway: Some(gateway),
        nameserver: vec![nameserver],
        masters: 1,
        workers: 0,
        os: "debian-12".to_owned(),
        arch: "amd64".to_owned(),
        kubernetes: "1.34".to_owned(),
        ssh_key: example.ssh_key.clone(),
    })
}

fn machine<'a>(example: &Example, plan: &'a Plan, out: &Path) -> Vm<'a> {
    let node = &plan.nodes[0];
    // VMware's usual devices are not paravirtual
    let images = match example.hypervisor() {
        Hypervisor::Vmware => &node.profile.image_with_drivers,
        _ => &node.profile.image,
    };
    let seed = out.join("nodes").join(&node.name).join("seed.iso");
    Vm {
        node,
        image: images.get(&node.arch),
        seed: seed.display().to_string(),
        subnet: example.subnet(),
        gateway: example.router().0,
    }
}

/// What to copy and run, from the image to the first light.
pub(super) fn next_steps(example: &Example, plan: &Plan, out: &Path) -> String {
    let vm = machine(example, plan, out);
    let (create, forwarded) = match example.hypervisor() {
        Hypervisor::Libvirt => (vm.libvirt(), false),
        Hypervisor::Qemu => (vm.qemu(), true),
        Hypervisor::Proxmox => (vm.proxmox(), false),
        Hypervisor::Vmware => (vm.vmware(), false),
        Hypervisor::Hyperv => (vm.hyperv(), false),
    };
    let ip = vm.node.ip();
    let login = match (plan.ssh.authorized_keys.is_empty(), forwarded) {
        (true, _) => "#    nobody can log in to this machine: build with --ssh-key FILE for an account `ops`\n".to_owned(),
        (false, true) => "#    to look inside: ssh -p 2222 ops@127.0.0.1, then sudo firstlight-status\n".to_owned(),
        (false, false) => format!("#    to look inside: ssh ops@{ip}, then sudo firstlight-status\n"),
    };
    let (from, server) = if forwarded {
        (
            "on this machine, to which the API is forwarded".to_owned(),
            " --server https://127.0.0.1:6443",
        )
    } else {
        (format!("from a machine that reaches {ip}"), "")
    };
    let kubectl = format!(
        "# 4. {from}\nkubectl --kubeconfig {}{server} get nodes\n",
        out.join("kubeconfig").display()
    );
    format!(
        "Next, on the machine that runs VMs ({} is {ip}, MAC {}):\n\n{}\n\
         # 2. a disk of 40 GB from it, a VM of 2 GB with this MAC, and the seed\n{create}\n\
         # 3. its console shows `firstlight: hand-over settled` when the seed may be detached, and\n\
         #    `firstlight: node ready` at first light; README.md has what to do when it stops before that\n{login}\n{kubectl}",
        vm.node.name,
        vm.mac(),
        vm.fetch(),
    )
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::artefact::Catalogue;
    use crate::config;
    use crate::diagnostic::Source;
    use crate::plan::profile::Profiles;

    fn example(hypervisor: Hypervisor, subnet: Option<&str>) -> Example {
        Example {
            example: Some(hypervisor),
            subnet: subnet.map(|s| s.parse().unwrap()),
            ssh_key: Vec::new(),
        }
    }

    fn planned(example: &Example) -> Plan {
        let source = Source {
            name: "cluster.yml".to_owned(),
            text: describe(example).unwrap(),
        };
        let (config, document, warnings) = config::parse(&source).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        crate::plan::plan(
            &config,
            &document,
            &Profiles::embedded(),
            &Catalogue::embedded().unwrap(),
        )
        .unwrap()
    }

    fn steps(example: &Example) -> String {
        next_steps(example, &planned(example), Path::new("example/out"))
    }

    /// What each must say: the image, its digest, the VM's MAC, the seed's path.
    fn complete(hypervisor: Hypervisor, with_drivers: bool) -> String {
        let example = example(hypervisor, None);
        let plan = planned(&example);
        let node = &plan.nodes[0];
        let images = if with_drivers {
            &node.profile.image_with_drivers
        } else {
            &node.profile.image
        };
        let image = &images[&node.arch];
        let text = steps(&example);
        for part in [
            &image.url,
            image.digest.as_deref().unwrap().split(':').nth(1).unwrap(),
            node.mac.as_ref().unwrap(),
            "example/out/nodes/m1/seed.iso",
            "example/out/kubeconfig",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        text
    }

    #[test]
    fn libvirt_gets_the_seed_on_a_bus_that_the_image_can_read() {
        let text = complete(Hypervisor::Libvirt, false);
        assert!(
            text.contains("m1-seed.iso,bus=virtio,format=raw,readonly=on")
                && text.contains("mac=52:54:00:"),
            "{text}"
        );
    }

    #[test]
    fn the_routers_of_the_user_network_are_qemus() {
        let text = complete(Hypervisor::Qemu, false);
        assert!(
            text.contains("net=10.0.2.0/24,hostfwd=tcp:127.0.0.1:6443-10.0.2.10:6443")
                && text.contains("--server https://127.0.0.1:6443"),
            "{text}"
        );
        let node = &planned(&example(Hypervisor::Qemu, None)).nodes[0];
        assert_eq!(
            node.network.gateways,
            ["10.0.2.2".parse::<IpAddr>().unwrap()]
        );
        assert_eq!(
            node.network.nameservers,
            ["10.0.2.3".parse::<IpAddr>().unwrap()]
        );
        let node = &planned(&example(Hypervisor::Qemu, Some("10.9.0.0/24"))).nodes[0];
        assert_eq!(
            node.network.gateways,
            ["10.9.0.2".parse::<IpAddr>().unwrap()]
        );
    }

    #[test]
    fn proxmox_imports_the_image_and_reads_the_seed_by_scsi() {
        let text = complete(Hypervisor::Proxmox, false);
        assert!(
            text.contains("--scsi0 local-lvm:0,import-from=")
                && text.contains("--scsi1 local:iso/m1-seed.iso,media=cdrom"),
            "{text}"
        );
    }

    #[test]
    fn vmware_gets_the_image_with_drivers_and_a_static_mac() {
        let text = complete(Hypervisor::Vmware, true);
        assert!(
            text.contains("debian-12-generic-amd64")
                && text.contains("ethernet0.addressType = \"static\""),
            "{text}"
        );
    }

    #[test]
    fn hyperv_gets_generation_2_and_a_mac_without_colons() {
        let text = complete(Hypervisor::Hyperv, false);
        assert!(
            text.contains("-Generation 2") && text.contains("-StaticMacAddress 525400"),
            "{text}"
        );
    }

    #[test]
    fn a_network_of_ones_own_is_named() {
        let text = steps(&example(Hypervisor::Proxmox, Some("10.1.2.0/24")));
        assert!(
            text.contains("must be 10.1.2.0/24, with a router at 10.1.2.1"),
            "{text}"
        );
    }
}
