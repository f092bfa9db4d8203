//! `network:`

mod providers;

pub(super) use providers::providers;

use super::firewall::firewall;
use super::key::{Effect, key};
use super::kinds::{BOOL, CIDRS, COUNT, DOMAIN, MAPPING, PROVIDER};
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
            "pod network: `weave` needs nothing of the hosts' network, `bridge` one IPv4 layer-2 network",
        )
        .default("weave")
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
    let filter = key(
        "firewall",
        "a firewall on every node, from the port contract",
    );
    let firewall = reader.section(&filter, firewall);
    let network = Network {
        firewall,
        provider: provider.unwrap_or(Provider::Weave),
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
                .default("from the size of the cluster")
                .example("2"),
            &COUNT,
        ),
        node_local_dns_cache: reader.optional(
            &key(
                "node_local_dns_cache",
                "a DNS cache on every node, on 169.254.20.10",
            )
            .default("true, where the train has it")
            .example("false"),
            &BOOL,
        ),
    };
    reader.optional(
        &key("firewalld", "Pharos's name").effect(Effect::Renamed("network.firewall")),
        &MAPPING,
    );
    providers(reader);
    network
}
