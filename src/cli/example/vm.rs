//! The commands that make the example's machine, for each hypervisor.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::plan::Node;
use crate::plan::profile::Image;

/// What the commands need to know.
pub(super) struct Vm<'a> {
    pub(super) node: &'a Node,
    /// Its cloud image, where the profile names one.
    pub(super) image: Option<&'a Image>,
    /// Path of its seed.
    pub(super) seed: String,
    pub(super) subnet: Ipv4Net,
    pub(super) gateway: Ipv4Addr,
}

impl Vm<'_> {
    pub(super) fn mac(&self) -> &str {
        self.node.mac.as_deref().expect("the example plans a MAC")
    }

    /// The image's file name.
    fn file(&self) -> &str {
        self.image
            .and_then(|i| i.url.rsplit('/').next())
            .unwrap_or("IMAGE")
    }

    pub(super) fn fetch(&self) -> String {
        let Some(image) = self.image else {
            return format!(
                "# 1. IMAGE, a cloud image: the profile `{}` names none\n",
                self.node.profile.name
            );
        };
        let digest = image.digest.as_deref().and_then(|d| d.split_once(':'));
        let check = match (digest, &image.sums) {
            (Some((algorithm, hex)), _) => {
                format!("echo '{hex}  {}' | {algorithm}sum -c\n", self.file())
            }
            (None, Some(sums)) => format!("# compare its digest with what is published: {sums}\n"),
            (None, None) => String::new(),
        };
        format!(
            "# 1. the official image, once\ncurl -LO {}\n{check}",
            image.url
        )
    }

    /// Where the VM's network is the operator's own.
    fn network(&self) -> String {
        format!(
            "# The VM's network must be {}, with a router at {} that answers DNS too. For another, remove the\n\
             # folder `example` and build again with --subnet, or begin with `firstlight init`.\n",
            self.subnet, self.gateway
        )
    }

    /// The seed as a disk, because the kernel of Debian's cloud images has no driver for the SATA
    /// drive that a CD would be in; in libvirt's own folder, because its QEMU may not enter `out/nodes`.
    /// debian11 and not 12, which the osinfo-db of Debian 12 itself does not know; the devices are the same.
    pub(super) fn libvirt(&self) -> String {
        let (name, image, seed, mac) = (&self.node.name, self.file(), &self.seed, self.mac());
        format!(
            "pool=/var/lib/libvirt/images\n\
             sudo qemu-img convert -O qcow2 {image} $pool/{name}.qcow2 && sudo qemu-img resize $pool/{name}.qcow2 40G\n\
             sudo install -m 0600 {seed} $pool/{name}-seed.iso\n\
             sudo virt-install --connect qemu:///system --name {name} --memory 2048 --vcpus 2 --import --os-variant debian11 \\\n  \
             --disk $pool/{name}.qcow2,bus=virtio --disk $pool/{name}-seed.iso,bus=virtio,format=raw,readonly=on \\\n  \
             --network network=default,model=virtio,mac={mac} --graphics none\n"
        )
    }

    pub(super) fn qemu(&self) -> String {
        let (name, image, seed, mac) = (&self.node.name, self.file(), &self.seed, self.mac());
        let (net, ip) = (self.subnet, self.node.ip());
        format!(
            "qemu-img create -f qcow2 -F qcow2 -b \"$PWD/{image}\" {name}.qcow2 40G\n\
             qemu-system-x86_64 -accel kvm -accel tcg -cpu max -smp 2 -m 2048 -nographic \\\n  \
             -drive file={name}.qcow2,if=virtio -drive file={seed},format=raw,if=virtio,readonly=on \\\n  \
             -netdev user,id=n0,net={net},hostfwd=tcp:127.0.0.1:6443-{ip}:6443,hostfwd=tcp:127.0.0.1:2222-{ip}:22 \\\n  \
             -device virtio-net-pci,netdev=n0,mac={mac}     # Ctrl-A X ends it\n"
        )
    }

    /// SCSI for the seed too: IDE would not do on a q35 machine.
    pub(super) fn proxmox(&self) -> String {
        let (name, image, seed, mac) = (&self.node.name, self.file(), &self.seed, self.mac());
        format!(
            "{}# On the Proxmox host, with the image and {seed} there:\n\
             qm create 9001 --name {name} --ostype l26 --memory 2048 --cores 2 --cpu host --serial0 socket \\\n  \
             --net0 virtio={mac},bridge=vmbr0 --scsihw virtio-scsi-pci --scsi0 local-lvm:0,import-from=\"$PWD/{image}\"\n\
             qm resize 9001 scsi0 40G\n\
             install -m 0600 {seed} /var/lib/vz/template/iso/{name}-seed.iso\n\
             qm set 9001 --scsi1 local:iso/{name}-seed.iso,media=cdrom --boot order=scsi0\n\
             qm start 9001 && qm terminal 9001     # Ctrl-O leaves the console\n",
            self.network()
        )
    }

    pub(super) fn vmware(&self) -> String {
        let (name, image, seed, mac) = (&self.node.name, self.file(), &self.seed, self.mac());
        format!(
            "{}qemu-img create -f qcow2 -F qcow2 -b \"$PWD/{image}\" {name}.qcow2 40G\n\
             qemu-img convert -O vmdk -o adapter_type=lsilogic {name}.qcow2 {name}.vmdk\n\
             # ESXi wants its own form: vmkfstools -i {name}.vmdk -d thin {name}-disk.vmdk\n\
             # Create a VM (Debian 12, 2 CPUs, 2 GB) with this disk and a CD drive with {seed},\n\
             # connected at power on. Before the first start, give it the planned MAC in its .vmx file:\n\
             #   ethernet0.addressType = \"static\"\n#   ethernet0.address = \"{mac}\"\n#   ethernet0.checkMACAddress = \"FALSE\"\n",
            self.network()
        )
    }

    /// Not the `Default Switch`: its network is another after every start of the host.
    pub(super) fn hyperv(&self) -> String {
        let (name, image, seed) = (&self.node.name, self.file(), &self.seed);
        format!(
            "{}qemu-img create -f qcow2 -F qcow2 -b \"$PWD/{image}\" {name}.qcow2 40G\n\
             qemu-img convert -O vhdx -o subformat=dynamic {name}.qcow2 {name}.vhdx\n\
             # Copy {name}.vhdx and {seed} (as {name}-seed.iso) to the Hyper-V host. There, in PowerShell as\n\
             # administrator, with LAN an external switch (the \"Default Switch\" changes its network):\n\
             New-VM -Name {name} -Generation 2 -MemoryStartupBytes 2GB -VHDPath \"$PWD\\{name}.vhdx\" -SwitchName LAN\n\
             Set-VMProcessor -VMName {name} -Count 2\n\
             Set-VMFirmware -VMName {name} -SecureBootTemplate MicrosoftUEFICertificateAuthority\n\
             Set-VMNetworkAdapter -VMName {name} -StaticMacAddress {hex}\n\
             Add-VMDvdDrive -VMName {name} -Path \"$PWD\\{name}-seed.iso\"\n\
             Start-VM -Name {name}\nvmconnect localhost {name}\n",
            self.network(),
            hex = self.mac().replace(':', "").to_uppercase()
        )
    }
}
