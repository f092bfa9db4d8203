//! `hosts[]`

use std::net::IpAddr;

use super::key::{Effect, key};
use super::kinds::{
    ADDRESSES, ARCH, COUNT, DISK, DNS_LABEL, DOMAINS, ENVIRONMENT, INTERFACE, IP, IPS, LABEL_KEY,
    LABEL_VALUE, LABELS, MAC, MAPPING, MTU, OS, PORT, ROLE, SERIAL, SERVERS, TAINT_EFFECT, TEXT,
    UUID,
};
use super::model::{Address, Arch, Host, HostNetwork, Role, Taint};
use super::read::Reader;
use super::{installer, system};

/// Reads one host; `name`, `address` and `role` are empty or a worker's where they could not be.
pub(super) fn host(reader: &mut Reader<'_, '_>) -> Host {
    let (name, addresses, role) = planned(reader);
    let [private_interface, mac, interface] = interfaces(reader);
    let private_address = key(
        "private_address",
        "address other nodes use, where it differs",
    );
    let private_address = reader.optional(&private_address.example("10.10.1.3"), &IP);
    let os = key("os", "operating system, by the name of its profile").default("debian-12");
    let os = reader
        .optional(&os.example("debian-12"), &OS)
        .unwrap_or_else(|| "debian-12".into());
    let arch = key("arch", "processor architecture")
        .default("amd64")
        .example("arm64");
    let arch = reader.optional(&arch, &ARCH).unwrap_or(Arch::Amd64);
    let [uuid, serial] = machine(reader);
    let disk = key(
        "disk",
        "disk that an installer uses, by its path or by what is true of it alone; it touches no other",
    );
    let disk = reader.optional(&disk.example("/dev/vda"), &DISK);
    let install = key("installer", "how the machine is installed over the network");
    let installer = reader.section(&install, installer::installer);
    let memory_mib = key(
        "memory_mib",
        "planned memory in MiB, held against the minimum of 2048; the machine is asked again at its first boot",
    )
    .example("4096");
    let memory_mib = reader.optional(&memory_mib, &COUNT).map(u64::from);
    let disk_gib = key(
        "disk_gib",
        "planned disk size in GiB, held against the minimum of 40; the machine is asked again at its first boot",
    )
    .example("80");
    let disk_gib = reader.optional(&disk_gib, &COUNT).map(u64::from);
    let network = reader.section(&key("network", "the host's own network"), network);
    let labels = key("labels", "node labels")
        .default("{}")
        .example("{disk: ssd}");
    let labels = reader.optional(&labels, &LABELS).unwrap_or_default();
    let taints = key("taints", "node taints; `[]` means none").default("the role's");
    let taints = reader.sections(&taints, taint);
    let environment = key(
        "environment",
        "`/etc/environment`; proxy variables also reach containerd and what downloads",
    )
    .default("{}")
    .example("{http_proxy: \"http://10.0.0.5:3128\"}");
    let environment = reader
        .optional(&environment, &ENVIRONMENT)
        .unwrap_or_default();
    let interfaces = system::interfaces(reader);
    let system = system::system(reader);
    pharos(reader);
    Host {
        name,
        addresses,
        private_address,
        private_interface,
        mac,
        interface,
        role,
        os,
        arch,
        uuid,
        serial,
        disk,
        installer,
        memory_mib,
        disk_gib,
        network,
        labels,
        taints: taints.map(|taints| taints.into_iter().flatten().collect()),
        environment,
        interfaces,
        system,
    }
}

/// What makes a node of the cluster: its name, addresses and role.
fn planned(reader: &mut Reader<'_, '_>) -> (String, Vec<Address>, Role) {
    let name =
        key("name", "node name").default("`ip-` and the first address, such as `ip-10-0-0-11`");
    let name = reader.optional(&name.example("m1"), &DNS_LABEL);
    let address = key(
        "address",
        "one address per family; with a prefix it is static, without one the machine must get it from DHCP",
    );
    let addresses = reader
        .required(&address.example("10.0.0.11/24"), &ADDRESSES)
        .unwrap_or_default();
    let role = key("role", "control plane and etcd, or workloads only").example("worker");
    let role = reader.required(&role, &ROLE).unwrap_or(Role::Worker);
    let name = name
        .or_else(|| addresses.first().map(default_name))
        .unwrap_or_default();
    (name, addresses, role)
}

/// `private_interface`, `mac` and `interface`.
fn interfaces(reader: &mut Reader<'_, '_>) -> [Option<String>; 3] {
    let private = key(
        "private_interface",
        "interface whose address other nodes use",
    );
    let mac = key("mac", "MAC of the interface that carries `address`");
    let interface = key(
        "interface",
        "name of that interface; a static address needs it or `mac`",
    );
    [
        reader.optional(&private.example("eth1"), &INTERFACE),
        reader.optional(&mac.example("\"52:54:00:00:00:11\""), &MAC),
        reader.optional(&interface.example("ens3"), &INTERFACE),
    ]
}

/// `uuid` and `serial`: besides MACs, what a machine that boots from the network is known by.
fn machine(reader: &mut Reader<'_, '_>) -> [Option<String>; 2] {
    let uuid = key(
        "uuid",
        "UUID of the machine (SMBIOS), by which it is known when it boots from the network",
    );
    let serial = key("serial", "serial number of the machine (SMBIOS), likewise");
    [
        reader.optional(&uuid.example("4c4c4544-0042-3510-8052-b4c04f4e3332"), &UUID),
        reader.optional(&serial.example("CN7792194B0042"), &SERIAL),
    ]
}

/// `ip-10-0-0-11`; IPv6 in full, because a label neither ends with a hyphen nor holds a colon.
fn default_name(address: &Address) -> String {
    match address.ip {
        IpAddr::V4(ip) => format!("ip-{}", ip.to_string().replace('.', "-")),
        IpAddr::V6(ip) => format!(
            "ip-{}",
            ip.segments().map(|part| format!("{part:x}")).join("-")
        ),
    }
}

fn network(reader: &mut Reader<'_, '_>) -> HostNetwork {
    HostNetwork {
        gateways: reader
            .optional(
                &key("gateway", "default gateway, one per family").example("10.0.0.1"),
                &IPS,
            )
            .unwrap_or_default(),
        nameservers: reader
            .optional(
                &key("nameservers", "DNS resolvers")
                    .default("DHCP's")
                    .example("[10.0.0.1]"),
                &IPS,
            )
            .unwrap_or_default(),
        search: reader
            .optional(
                &key("search", "DNS search domains")
                    .default("[]")
                    .example("[example.com]"),
                &DOMAINS,
            )
            .unwrap_or_default(),
        ntp: reader
            .optional(
                &key("ntp", "time servers")
                    .default("the distribution's")
                    .example("[10.0.0.1]"),
                &SERVERS,
            )
            .unwrap_or_default(),
        mtu: reader.optional(
            &key("mtu", system::MTU_OF)
                .default("the driver's, or DHCP's")
                .example("9000"),
            &MTU,
        ),
    }
}

fn taint(reader: &mut Reader<'_, '_>) -> Option<Taint> {
    let taint_key = reader.required(&key("key", "label key").example("dedicated"), &LABEL_KEY);
    let value = reader.optional(
        &key("value", "label value").default("empty").example("gpu"),
        &LABEL_VALUE,
    );
    let effect = reader.required(
        &key("effect", "what it does to pods that do not tolerate it").example("NoSchedule"),
        &TAINT_EFFECT,
    );
    Some(Taint {
        key: taint_key?,
        value: value.unwrap_or_default(),
        effect: effect?.into(),
    })
}

/// What a Pharos host may say that means nothing here.
fn pharos(reader: &mut Reader<'_, '_>) {
    let ssh = Effect::SshOnly;
    reader.optional(&key("user", "Pharos: SSH login").effect(ssh), &TEXT);
    reader.optional(&key("ssh_key_path", "Pharos: SSH key").effect(ssh), &TEXT);
    reader.optional(&key("ssh_port", "Pharos: SSH port").effect(ssh), &PORT);
    reader.optional(
        &key("ssh_proxy_command", "Pharos: SSH proxy").effect(ssh),
        &TEXT,
    );
    reader.optional(
        &key("bastion", "Pharos: SSH jump host").effect(ssh),
        &MAPPING,
    );
    reader.optional(
        &key(
            "container_runtime",
            "Pharos: container runtime; here it is always containerd",
        )
        .effect(Effect::None),
        &TEXT,
    );
}
