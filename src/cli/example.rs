//! `firstlight build --example`: a cluster for a machine that has nothing yet, and what to do next.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ipnet::Ipv4Net;

use super::exit::Failure;
use super::init;
use crate::pack::atomic;
use crate::plan::{Node, Plan};

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
    /// Build an embedded one-node cluster in `example/` and say how to start it
    #[arg(long, value_name = "HYPERVISOR", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "libvirt", conflicts_with = "file")]
    example: Option<Hypervisor>,
    /// Network of the example's machine [default: 192.168.122.0/24, with QEMU 10.0.2.0/24]
    #[arg(long, value_name = "CIDR", requires = "example")]
    subnet: Option<Ipv4Net>,
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
}

/// Writes `example/cluster.yml`, or finds it there as it was.
pub(super) fn write(example: &Example) -> Result<PathBuf, Failure> {
    let answers = init::Answers {
        name: "example".to_owned(),
        subnet: example.subnet(),
        masters: 1,
        workers: 0,
        os: "debian-12".to_owned(),
        arch: "amd64".to_owned(),
        kubernetes: "1.34".to_owned(),
        ssh_key: Vec::new(),
    };
    let text = init::describe(&answers)?;
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

/// What to copy and run, from the image to the first light.
pub(super) fn next_steps(example: &Example, plan: &Plan, out: &Path) -> String {
    let node = &plan.nodes[0];
    let image = node
        .profile
        .image
        .get(&node.arch)
        .expect("the example's profile has an image");
    // the kernel of `genericcloud` has no drivers for VMware's devices; `generic` lies beside it
    let vmware = example.hypervisor() == Hypervisor::Vmware;
    let url = if vmware {
        image.url.replace("genericcloud", "generic")
    } else {
        image.url.clone()
    };
    let (base, file) = url.rsplit_once('/').expect("an URL");
    let (algorithm, hex) = image.digest.split_once(':').expect("a digest");
    let verify = match vmware {
        true => format!(
            "curl -L {base}/SHA512SUMS | grep ' {file}$' | sha512sum -c   # as published; firstlight pins no digest of this one"
        ),
        false => format!("echo '{hex}  {file}' | {algorithm}sum -c"),
    };
    let mut text = format!(
        "Next, on the machine that runs VMs ({} is {}, MAC {}):\n\n\
         # 1. the official image, once\ncurl -LO {url}\n{verify}\n\n",
        node.name,
        node.ip(),
        node.mac.as_deref().unwrap_or("any"),
    );
    let seed = out.join("nodes").join(&node.name).join("seed.iso");
    text.push_str(
        "# 2. a disk of 40 GB from it, a VM of 2 GB with this MAC, and the seed as a CD\n",
    );
    text.push_str(&commands(example.hypervisor(), node, file, &seed));
    write!(
        text,
        "\n# 3. the console says `firstlight: hand-over settled` when the seed may be detached, and\n\
         #    `firstlight: node ready` at first light; on the machine, `firstlight-status` says it again\n\n\
         # 4. from a machine that reaches {}\nkubectl --kubeconfig {} get nodes\n",
        node.ip(),
        out.join("kubeconfig").display()
    )
    .expect("writing to a String");
    text
}

fn commands(hypervisor: Hypervisor, node: &Node, image: &str, seed: &Path) -> String {
    let (name, seed) = (&node.name, seed.display());
    let mac = node.mac.as_deref().expect("the example plans a MAC");
    match hypervisor {
        Hypervisor::Libvirt => format!(
            "qemu-img create -f qcow2 -F qcow2 -b \"$PWD/{image}\" {name}.qcow2 40G\n\
             virt-install --name {name} --memory 2048 --vcpus 2 --import --os-variant debian12 \\\n  \
             --disk {name}.qcow2 --disk {seed},device=cdrom --network network=default,mac={mac} --graphics none\n"
        ),
        Hypervisor::Qemu => format!(
            "qemu-img create -f qcow2 -F qcow2 -b \"$PWD/{image}\" {name}.qcow2 40G\n\
             qemu-system-x86_64 -accel kvm -accel tcg -cpu max -smp 2 -m 2048 -nographic \\\n  \
             -drive file={name}.qcow2,if=virtio -drive file={seed},format=raw,if=virtio,readonly=on \\\n  \
             -netdev user,id=n0,net={net},dhcpstart={ip},hostfwd=tcp:127.0.0.1:6443-{ip}:6443 -device virtio-net-pci,netdev=n0,mac={mac}\n\
             # the API is forwarded: kubectl --server https://127.0.0.1:6443\n",
            ip = node.ip(),
            net = format_args!(
                "{}/{}",
                network(node),
                node.addresses[0].prefix.unwrap_or(24)
            ),
        ),
        Hypervisor::Proxmox => format!(
            "qm create 9001 --name {name} --memory 2048 --cores 2 --net0 virtio={mac},bridge=vmbr0 --serial0 socket --scsihw virtio-scsi-pci\n\
             qm set 9001 --scsi0 local-lvm:0,import-from=\"$PWD/{image}\" && qm resize 9001 scsi0 40G\n\
             cp {seed} /var/lib/vz/template/iso/{name}-seed.iso\n\
             qm set 9001 --ide2 local:iso/{name}-seed.iso,media=cdrom --boot order=scsi0 && qm start 9001 && qm terminal 9001\n"
        ),
        Hypervisor::Vmware => format!(
            "qemu-img convert -O vmdk -o subformat=streamOptimized {image} {name}.vmdk\n\
             # create a VM (Debian 12, 2 CPUs, 2 GB) with this disk grown to 40 GB, a CD drive with\n\
             # {seed}, and in its .vmx file, because the plan needs the MAC:\n\
             #   ethernet0.addressType = \"static\"\n#   ethernet0.address = \"{mac}\"\n#   ethernet0.checkMACAddress = \"FALSE\"\n"
        ),
        Hypervisor::Hyperv => format!(
            "qemu-img convert -O vhdx -o subformat=dynamic {image} {name}.vhdx\n\
             # in PowerShell, as administrator:\n\
             Resize-VHD {name}.vhdx -SizeBytes 40GB\n\
             New-VM -Name {name} -Generation 2 -MemoryStartupBytes 2GB -VHDPath {name}.vhdx -SwitchName \"Default Switch\"\n\
             Set-VMFirmware {name} -SecureBootTemplate MicrosoftUEFICertificateAuthority\n\
             Set-VMNetworkAdapter -VMName {name} -StaticMacAddress {hex}\n\
             Add-VMDvdDrive -VMName {name} -Path {seed}\nStart-VM {name}\n",
            hex = mac.replace(':', "")
        ),
    }
}

fn network(node: &Node) -> std::net::IpAddr {
    let prefix = node.addresses[0].prefix.unwrap_or(24);
    ipnet::IpNet::new(node.ip(), prefix).map_or(node.ip(), |n| n.network())
}
