//! The machine itself: values for the scripts, kernel modules and settings, environment.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use super::Generation;
use super::addons::{node_local_dns, upgrades};
use super::interfaces;
use super::kubelet;
use super::proxy;
use super::registries;
use super::tree::NodeTree;
use crate::identity::Identities;
use crate::plan::profile::TimeService;
use crate::plan::{Node, Plan};

pub(super) fn add(
    tree: &mut NodeTree,
    plan: &Plan,
    node: &Node,
    ids: &Identities,
    generation: Generation,
) {
    tree.public("/etc/firstlight/node.env", env(plan, node, ids, generation));
    tree.public("/etc/hostname", format!("{}\n", node.name));
    // overlay: containerd; br_netfilter: kube-proxy sees bridged traffic; nf_conntrack: its settings exist
    let modes = &plan.release.settings.kube_proxy.modes;
    let needs = modes.get(plan.kube_proxy.mode.as_str());
    let more = needs.iter().flat_map(|needs| &needs.modules);
    let modules = ["overlay", "br_netfilter", "nf_conntrack"].into_iter();
    let modules = modules.chain(plan.network.needs.modules.iter().map(String::as_str));
    let modules = modules.chain(more.map(String::as_str));
    tree.public(
        "/etc/modules-load.d/firstlight.conf",
        modules
            .map(|module| format!("{module}\n"))
            .collect::<String>(),
    );
    tree.public("/etc/sysctl.d/90-firstlight.conf", sysctls(node));
    tree.public("/etc/cloud/cloud.cfg.d/99-firstlight.cfg", CLOUD_INIT);
    interfaces::add(tree, plan, node);
    if !node.network.ntp.is_empty() {
        tree.public(&node.profile.time.file, time_servers(node));
    }
    environment(tree, plan, node);
}

/// `/etc/environment`, and the proxies among it for containerd and what downloads.
fn environment(tree: &mut NodeTree, plan: &Plan, node: &Node) {
    if node.environment.is_empty() {
        return;
    }
    let proxies = proxy::environment(plan, node);
    let all: BTreeMap<_, _> = node.environment.iter().chain(&proxies).collect();
    // pam_env takes what stands between the quotes as it is
    let verbatim = |(k, v): (&String, &String)| format!("{k}=\"{v}\"\n");
    tree.public(
        "/etc/environment",
        all.into_iter().map(verbatim).collect::<String>(),
    );
    // systemd's EnvironmentFile= unescapes it
    let line = |(k, v): (&String, &String)| {
        format!("{k}=\"{}\"\n", v.replace('\\', "\\\\").replace('"', "\\\""))
    };
    let secret = proxies.values().any(|value| value.contains('@'));
    let text: String = proxies.iter().map(line).collect();
    match secret {
        true => tree.private("/etc/firstlight/proxy.env", text),
        false => tree.public("/etc/firstlight/proxy.env", text),
    }
}

/// A detached medium must not make cloud-init look elsewhere. Where it finds no seed at all, because a
/// server is gone and its own cache was lost too, it takes the machine for a new one: the rest keeps
/// it from what a new machine gets.
const CLOUD_INIT: &str = "datasource_list: [NoCloud, None]\n\
    preserve_hostname: true\nmanage_etc_hosts: false\nssh_deletekeys: false\nusers: []\n";

/// What the first boot unpacks, and as much again to work with: programs 600 MB, images 800 MB and their
/// layers, etcd's log. Refused below, in MiB.
const SPACE_MIB: u64 = 3000;

/// What Kubernetes asks of a node, and what its system needs besides.
fn sysctls(node: &Node) -> String {
    let mut text = "# forwarding and bridged packets through the host's rules: what Kubernetes asks of a node\n\
         net.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 1\n\
         net.bridge.bridge-nf-call-iptables = 1\nnet.bridge.bridge-nf-call-ip6tables = 1\n\
         # the kubelet's own demands (protectKernelDefaults), so that they hold before it starts\n\
         vm.overcommit_memory = 1\nvm.panic_on_oom = 0\nkernel.panic = 10\nkernel.panic_on_oops = 1\n\
         kernel.keys.root_maxkeys = 1000000\nkernel.keys.root_maxbytes = 25000000\n\
         # kubelet, containerd and every pod that watches files count as one user; at the kernel's 128 they end or hang\n\
         fs.inotify.max_user_instances = 8192\n"
        .to_owned();
    if !node.profile.sysctls.is_empty() {
        text.push_str("# what this system needs besides\n");
    }
    for (key, value) in &node.profile.sysctls {
        writeln!(text, "{key} = {value}").expect("writing to a String");
    }
    text
}

/// The file that names the planned time servers, as its service reads it.
fn time_servers(node: &Node) -> String {
    let servers = &node.network.ntp;
    match node.profile.time.service {
        TimeService::Timesyncd => format!("[Time]\nNTP={}\n", servers.join(" ")),
        // it reads no other file, so this one says what distributions' own say, with other servers
        TimeService::Chrony => {
            let line = |server: &String| format!("server {server} iburst\n");
            let servers: String = servers.iter().map(line).collect();
            format!(
                "{servers}driftfile /var/lib/chrony/drift\nmakestep 1.0 3\nrtcsync\nlogdir /var/log/chrony\n"
            )
        }
    }
}

/// Values for units (`EnvironmentFile=`) and scripts (`.`): one form that both read alike, and no
/// value that could end its quotes (names, addresses and URLs are validated).
fn env(plan: &Plan, node: &Node, ids: &Identities, generation: Generation) -> String {
    let mut text = String::new();
    let mut set = |key: &str, value: &str| {
        debug_assert!(!value.contains(['\'', '\n']), "{key} would end its quotes");
        writeln!(text, "FL_{key}='{value}'").expect("writing to a String");
    };
    set("CLUSTER", &plan.cluster);
    set("CLUSTER_ID", &ids.cluster_id);
    set("NODE", &node.name);
    set("ARCH", node.arch.as_str());
    set("ROLE", if node.is_master() { "master" } else { "worker" });
    set("IP", &node.ip().to_string());
    set("POD_CIDR", &plan.pod_cidrs[0].to_string());
    set("SERVICE_CIDR", &plan.service_cidrs[0].to_string());
    set(
        "STAMP",
        &ids.nodes[&node.name].stamp.unix_timestamp().to_string(),
    );
    set(
        "MIRROR",
        plan.artefacts
            .mirror
            .as_deref()
            .unwrap_or_default()
            .trim_end_matches('/'),
    );
    set(
        "UPSTREAM",
        if plan.artefacts.upstream {
            "true"
        } else {
            "false"
        },
    );
    let logins = registries::has_logins(plan);
    set("LOGINS", if logins { "true" } else { "" });
    set("PACKAGES", node.profile.packages.manager.as_str());
    set("PACKAGE_UNITS", &node.profile.packages.units.join(" "));
    let (_, trust) = node.profile.packages.manager.trust();
    let given = !node.system.ca_certificates.is_empty();
    set("TRUST", if given { trust } else { "" });
    set("SPACE_MIB", &SPACE_MIB.to_string());
    let cache = plan
        .addon("node-local-dns")
        .map(|_| node_local_dns::ADDRESS);
    set("DNS_CACHE", cache.unwrap_or_default());
    for (key, value) in upgrades::values(plan) {
        set(key, &value);
    }
    set("TIME_SERVICE", &node.profile.time.unit);
    set("BEACON", plan.beacon.as_deref().unwrap_or_default());
    set("KUBELET_FLAGS", &kubelet::flags(plan, node));
    set(
        "MANIFESTS_FIRST",
        if node.is_master() {
            "kube-apiserver.yaml"
        } else {
            "haproxy.yaml"
        },
    );
    if node.is_master() {
        set("GENERATION", &generation.0.to_string());
        set("HOST", &bracketed(node.ip()));
        let member = |m: &Node| format!("{}={}", m.name, bracketed(m.ip()));
        set(
            "MASTERS",
            &plan.masters().map(member).collect::<Vec<_>>().join(" "),
        );
        set(
            "CLUSTER_EXISTS",
            if plan.cluster_exists { "true" } else { "" },
        );
        let record = plan.control_plane.audit.file.as_ref();
        set("AUDIT_LOG", record.map_or("", |file| file.path.as_str()));
        let minutes = plan.certificates.rotated_minutes;
        set("ROTATED_MINUTES", &minutes.to_string());
        set("SNAPSHOTS", &plan.etcd.snapshots.keep.to_string());
        set("ETCD_REMOVE", &plan.etcd.remove.join(" "));
        let own = plan.release.settings.control_plane.labels.iter();
        let own = own.map(|label| format!("{}=", label.key()));
        let more = node.restricted_labels.iter();
        let labels = own.chain(more.map(|(key, value)| format!("{key}={value}")));
        set("MASTER_LABELS", &labels.collect::<Vec<_>>().join(" "));
    }
    text
}

/// An address as URLs want it.
pub fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}
