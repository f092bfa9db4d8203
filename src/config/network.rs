//! `network:`

use super::key::{Effect, key};
use super::kinds::{BOOL, LIST};
use super::kinds::{CIDRS, COUNT, DOMAIN, MAPPING, PROVIDER, TEXT};
use super::model::{Network, Provider};
use super::read::Reader;

/// What holds when the file names no pod network: Pharos's and Weave's.
const POD_CIDR: &str = "10.32.0.0/12";
/// What holds when the file names no service network: kubeadm's.
const SERVICE_CIDR: &str = "10.96.0.0/12";

/// Reads the cluster's networks; a CIDR that could not be read is left out.
pub(super) fn network(reader: &mut Reader<'_, '_>) -> Network {
    let default = |cidr: &str| vec![cidr.parse().expect("the default is a network")];
    let provider = reader.optional(
        &key(
            "provider",
            "pod network; `bridge` (flat IPv4 networks) is the default of this version",
        )
        .default("bridge")
        .example("bridge"),
        &PROVIDER,
    );
    let pod_key = key("pod_network_cidr", "pod networks, one per family")
        .default(POD_CIDR)
        .example("10.32.0.0/12");
    let pod_cidrs = reader.value_or(&pod_key, &CIDRS, default(POD_CIDR));
    let service_key = key("service_cidr", "service networks, one per family")
        .default(SERVICE_CIDR)
        .example("10.96.0.0/12");
    let service_cidrs = reader.value_or(&service_key, &CIDRS, default(SERVICE_CIDR));
    let network = Network {
        provider: provider.unwrap_or(Provider::Bridge),
        pod_cidrs,
        service_cidrs,
        domain: reader
            .optional(
                &key("domain", "DNS domain of the cluster")
                    .default("cluster.local")
                    .example("cluster.local"),
                &DOMAIN,
            )
            .unwrap_or_else(|| "cluster.local".into()),
        dns_replicas: reader.optional(
            &key("dns_replicas", "CoreDNS replicas")
                .default("from the number of hosts")
                .example("2"),
            &COUNT,
        ),
    };
    firewall(reader);
    providers(reader);
    network
}

/// What every node will have, whatever its provider.
fn firewall(reader: &mut Reader<'_, '_>) {
    reader.optional(
        &key("node_local_dns_cache", "a DNS cache on every node").effect(Effect::None),
        &BOOL,
    );
    reader.section(
        &key("firewall", "a firewall on every node").effect(Effect::None),
        |reader| {
            reader.optional(&key("enabled", "whether there is one"), &BOOL);
            reader.optional(
                &key("open_ports", "ports to open: `port`, `protocol`, `roles`"),
                &LIST,
            );
            reader.optional(
                &key("trusted_subnets", "networks that may reach everything"),
                &LIST,
            );
        },
    );
    reader.optional(
        &key("firewalld", "Pharos's name").effect(Effect::Renamed("network.firewall")),
        &MAPPING,
    );
}

/// Settings of one provider each.
fn providers(reader: &mut Reader<'_, '_>) {
    reader.section(
        &key("weave", "settings of Weave Net").effect(Effect::None),
        |reader| {
            reader.optional(
                &key("trusted_subnets", "networks where nothing is encrypted"),
                &LIST,
            );
            reader.optional(&key("known_peers", "addresses to connect to"), &LIST);
            reader.optional(&key("password", "path of a file with the password"), &TEXT);
            reader.optional(
                &key(
                    "ipalloc_default_subnet",
                    "network that addresses are given from",
                ),
                &TEXT,
            );
            reader.optional(
                &key("no_masq_local", "keep client addresses for local endpoints"),
                &BOOL,
            );
        },
    );
    reader.optional(
        &key("trusted_subnets", "Pharos's name")
            .effect(Effect::Renamed("network.weave.trusted_subnets")),
        &LIST,
    );
    reader.section(
        &key("calico", "settings of Calico").effect(Effect::None),
        |reader| {
            reader.optional(
                &key("ipip_mode", "`Always`, `CrossSubnet` or `Never`"),
                &TEXT,
            );
            reader.optional(
                &key("nat_outgoing", "masquerade what leaves the pod network"),
                &BOOL,
            );
            reader.optional(&key("environment", "environment of calico-node"), &MAPPING);
            reader.optional(&key("mtu", "MTU of pod interfaces"), &COUNT);
        },
    );
    reader.section(
        &key("custom", "a pod network of one's own").effect(Effect::None),
        |reader| {
            reader.optional(&key("manifest_path", "folder of its manifests"), &TEXT);
            reader.optional(&key("options", "values for them"), &MAPPING);
        },
    );
}
