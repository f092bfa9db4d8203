//! `network.weave`, `network.calico`, `network.custom`: settings of one provider each.

use super::super::key::{Effect, Key, Kind, key};
use super::super::kinds::{
    BOOL, CIDRS, ENVIRONMENT, IPIP_MODE, IPS, LIST, MAPPING, MTU, NETWORK, TEXT,
};
use super::super::pod_network::{Calico, Custom, IpipMode, PodNetworks, Weave};
use super::super::read::Reader;

/// What holds when the file names no MTU: Ethernet's.
const ETHERNET: u32 = 1500;

impl Default for Calico {
    fn default() -> Self {
        Self {
            ipip_mode: IpipMode::Always,
            nat_outgoing: true,
            mtu: ETHERNET,
            environment: std::collections::BTreeMap::new(),
        }
    }
}

/// Reads the settings of all providers.
pub(in super::super) fn providers(reader: &mut Reader<'_, '_>) -> PodNetworks {
    let weave = reader.section(&key("weave", "settings of Weave Net"), weave);
    reader.optional(
        &key("trusted_subnets", "Pharos's name")
            .effect(Effect::Renamed("network.weave.trusted_subnets")),
        &LIST,
    );
    let calico = reader.section(&key("calico", "settings of Calico"), calico);
    let custom = reader.section(&key("custom", "a pod network of one's own"), custom);
    PodNetworks {
        weave,
        calico,
        custom,
    }
}

fn weave(reader: &mut Reader<'_, '_>) -> Weave {
    let trusted = key(
        "trusted_subnets",
        "networks of hosts between which pod traffic is not encrypted",
    );
    let peers = key(
        "known_peers",
        "addresses to connect to besides the cluster's nodes, which find each other",
    );
    let password = key(
        "password",
        "path of a file with the password that peers show and traffic is encrypted by, for its owner alone",
    );
    let subnet = key(
        "ipalloc_default_subnet",
        "part of the pod network that addresses are given from",
    );
    let masquerade = key(
        "no_masq_local",
        "pods see the addresses of clients that reach them through their own node",
    );
    let mtu = key("mtu", "MTU of pod interfaces");
    Weave {
        trusted_subnets: list(reader, &trusted.example("[10.0.0.0/24]"), &CIDRS),
        known_peers: list(reader, &peers.example("[192.0.2.7]"), &IPS),
        password: reader.optional(
            &password
                .default("made once, kept in the state folder")
                .example("weave.password"),
            &TEXT,
        ),
        ipalloc_default_subnet: reader.optional(
            &subnet
                .default("the whole pod network")
                .example("10.32.0.0/16"),
            &NETWORK,
        ),
        no_masq_local: reader
            .optional(&masquerade.default("false").example("true"), &BOOL)
            .unwrap_or(false),
        mtu: reader.optional(
            &mtu.default("1376, or 1410 where packets are not encrypted by the kernel")
                .example("8916"),
            &MTU,
        ),
    }
}

/// An empty list is nobody's wish; what could not be read was said.
fn list<T>(reader: &mut Reader<'_, '_>, key: &Key, kind: &Kind<Vec<T>>) -> Vec<T> {
    reader
        .optional(&key.default("[]"), kind)
        .unwrap_or_default()
}

fn calico(reader: &mut Reader<'_, '_>) -> Calico {
    let mode = key(
        "ipip_mode",
        "between which nodes packets are put into IP-in-IP",
    );
    let nat = key(
        "nat_outgoing",
        "what leaves the pod network gets the address of its node",
    );
    let environment = key("environment", "environment of calico-node");
    let mtu = key(
        "mtu",
        "MTU of the hosts' network; pods get what IP-in-IP leaves of it",
    );
    Calico {
        ipip_mode: reader
            .optional(&mode.default("Always").example("CrossSubnet"), &IPIP_MODE)
            .unwrap_or(IpipMode::Always),
        nat_outgoing: reader
            .optional(&nat.default("true").example("false"), &BOOL)
            .unwrap_or(true),
        environment: reader
            .optional(
                &environment
                    .default("{}")
                    .example("{ FELIX_LOGSEVERITYSCREEN: Warning }"),
                &ENVIRONMENT,
            )
            .unwrap_or_default(),
        mtu: reader
            .optional(&mtu.default("1500").example("9000"), &MTU)
            .unwrap_or(ETHERNET),
    }
}

fn custom(reader: &mut Reader<'_, '_>) -> Custom {
    let path = key(
        "manifest_path",
        "file or folder of its manifests, read and pinned as those of `manifests`",
    )
    .example("calico/");
    let manifest_path = reader.optional(&path, &TEXT);
    let options = key(
        "options",
        "Pharos's values for templates: refused, write them into the manifests",
    );
    reader.optional(&options, &MAPPING);
    Custom { manifest_path }
}
