//! `firstlight init`

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use clap::Args;
use ipnet::Ipv4Net;

use super::exit::Failure;
use super::printer::Printer;
use crate::artefact::Digest;
use crate::pack::atomic;

/// Write a commented cluster.yml
///
/// To standard output, or with `--out` to a file that does not exist yet. MAC addresses are made from
/// the names of cluster and node: give them to the machines, or write the machines' own.
#[derive(Debug, Clone, Args)]
pub struct Init {
    /// File to write; an existing one is left alone
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    answers: Answers,
}

/// What a description is made from.
#[derive(Debug, Clone, Args)]
pub struct Answers {
    /// Cluster name
    #[arg(long, default_value = "demo")]
    pub name: String,
    /// Network of the machines, which begin at its tenth address
    #[arg(long, value_name = "CIDR", default_value = "192.168.122.0/24")]
    pub subnet: Ipv4Net,
    /// Their default gateway [default: the first address of the subnet]
    #[arg(long, value_name = "ADDRESS")]
    pub gateway: Option<Ipv4Addr>,
    /// Their DNS resolver; may be given more than once [default: the gateway]
    #[arg(long, value_name = "ADDRESS")]
    pub nameserver: Vec<Ipv4Addr>,
    /// Number of masters, best odd: control plane and etcd
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub masters: u32,
    /// Number of workers; without any, a single master runs the workloads
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub workers: u32,
    /// Operating system: a name that `firstlight profiles` lists
    #[arg(long, default_value = "debian-12")]
    pub os: String,
    /// Processor architecture
    #[arg(long, default_value = "amd64", value_parser = ["amd64", "arm64"])]
    pub arch: String,
    /// Kubernetes release train: 1.20, 1.30, 1.34 or 1.36
    #[arg(long, value_name = "TRAIN", default_value = "1.34")]
    pub kubernetes: String,
    /// File with an OpenSSH public key, which may then log in as `ops`; may be given more than once
    #[arg(long, value_name = "FILE")]
    pub ssh_key: Vec<PathBuf>,
}

/// Runs it.
pub fn run(args: &Init, printer: &Printer) -> Result<(), Failure> {
    let text = describe(&args.answers)?;
    let Some(path) = &args.out else {
        printer.data(&text);
        return Ok(());
    };
    if path.exists() {
        return Err(Failure::message(path, "exists already and is left alone"));
    }
    atomic::write(path, 0o644, text.as_bytes())?;
    printer.note(&format!(
        "wrote {}; next: firstlight build -f {0}",
        path.display()
    ));
    Ok(())
}

/// A MAC that stays the same for a machine of a cluster: QEMU's and libvirt's prefix, then a digest.
pub fn stable_mac(cluster: &str, node: &str) -> String {
    let hex = Digest::sha256(format!("{cluster}/{node}").as_bytes()).hex();
    format!("52:54:00:{}:{}:{}", &hex[0..2], &hex[2..4], &hex[4..6])
}

/// The text of a `cluster.yml` for the answers.
pub fn describe(answers: &Answers) -> Result<String, Failure> {
    let host = |n: u32| Ipv4Addr::from(u32::from(answers.subnet.network()) + n);
    let room = (u32::from(answers.subnet.broadcast()) - u32::from(answers.subnet.network()))
        .saturating_sub(10);
    if answers.masters == 0 {
        return Err(Failure::Message(
            "a cluster needs a master: `--masters` is 0".to_owned(),
        ));
    }
    if answers.masters.saturating_add(answers.workers) > room {
        return Err(Failure::Message(format!(
            "{} masters and {} workers do not fit: from its tenth address on, `{}` has room for {room} machines",
            answers.masters, answers.workers, answers.subnet
        )));
    }
    let gateway = answers.gateway.unwrap_or_else(|| host(1));
    let nameservers: Vec<_> = answers.nameserver.iter().map(ToString::to_string).collect();
    let nameservers = if nameservers.is_empty() {
        gateway.to_string()
    } else {
        nameservers.join(", ")
    };
    let mut text = format!(
        "# A Kubernetes cluster that brings itself up on first boot. Every key: src/config/REFERENCE.md\n\
         name: {name}\n\
         kubernetes:\n  version: \"{train}\"   # release train\n\
         defaults:            # for every host that does not say otherwise\n\
         \x20 os: {os}\n  arch: {arch}\n  network:\n    gateway: {gateway}\n    nameservers: [{nameservers}]\n\
         hosts:\n",
        name = answers.name,
        train = answers.kubernetes,
        os = answers.os,
        arch = answers.arch,
    );
    let masters = (1..=answers.masters).map(|i| (format!("m{i}"), "master", 9 + i));
    let workers =
        (1..=answers.workers).map(|i| (format!("w{i}"), "worker", 9 + answers.masters + i));
    for (name, role, n) in masters.chain(workers) {
        write!(
            text,
            "  - name: {name}\n    role: {role}\n    address: {}/{}   # a prefix makes it static; without one it comes from DHCP\n    \
             mac: \"{}\"         # give the machine's interface this MAC, or write its own here\n",
            host(n), answers.subnet.prefix_len(), stable_mac(&answers.name, &name)
        )
        .expect("writing to a String");
    }
    if !answers.ssh_key.is_empty() {
        text.push_str("ssh:                 # for people; nothing of the cluster needs it\n  user: ops\n  authorized_keys:\n");
        for path in &answers.ssh_key {
            writeln!(text, "    - {}", fs_err::read_to_string(path)?.trim())
                .expect("writing to a String");
        }
    }
    text.push_str(
        "network:\n  provider: weave               # needs nothing of the network between machines; `bridge`: one layer-2 network, nothing encrypted\n  pod_network_cidr: 10.32.0.0/12\n  service_cidr: 10.96.0.0/12\n\
         # artefacts:\n#   mirror: http://mirror.example:8000   # a folder made by `firstlight overlay build`, on any web server\n#   upstream: false                      # never ask the internet\n",
    );
    Ok(text)
}
