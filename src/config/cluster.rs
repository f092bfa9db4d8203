//! The top level of `cluster.yml`.

use super::key::key;
use super::kinds::{
    BOOL, DAYS, DNS_LABEL, ENDPOINT, LIFETIME, MAPPING, PATHS, PROXY_MODE, SSH_KEYS, TEXT_MAP,
    TRAIN, URL, USER,
};
use super::model::{
    Addon, Api, Artefacts, Certificates, Config, KubeProxy, Kubernetes, Progress, ProxyMode, Ssh,
};
use super::read::{Context, Reader};
use super::{control_plane, etcd, hosts, network, pharos, runtime};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

/// Reads the merged document; what could not be read is a placeholder and a finding.
pub(super) fn read(root: &Node) -> (Config, Vec<Diagnostic>) {
    let mut context = Context::default();
    let mut reader = Reader::root(root, &mut context);
    let config = config(&mut reader);
    reader.finish();
    (config, context.into_findings())
}

/// Every key of the file, in the order of the reference.
pub(super) fn config(reader: &mut Reader<'_, '_>) -> Config {
    let name = key(
        "name",
        "name of the cluster, in kubeconfig contexts and certificates",
    )
    .default("firstlight")
    .example("demo");
    let name = reader
        .optional(&name, &DNS_LABEL)
        .unwrap_or_else(|| "firstlight".into());
    let kubernetes = reader.section(&key("kubernetes", "what runs"), kubernetes);
    // Read where it was merged: in the hosts.
    reader.optional(
        &key(
            "defaults",
            "settings for every host that does not say otherwise: any key of a host but `name`, `address`, \
             `private_address`, `mac`, `uuid` and `serial`; mappings merge deeply, lists replace",
        ),
        &MAPPING,
    );
    let hosts = reader
        .sections(&key("hosts", "every machine"), hosts::host)
        .unwrap_or_default();
    let people = key(
        "ssh",
        "an account for people; nothing of the cluster needs it",
    );
    let ssh = reader.section(&people, ssh);
    let network = reader.section(
        &key("network", "pod and service networks"),
        network::network,
    );
    let api = reader.section(&key("api", "how clients reach the API"), api);
    let progress = reader.section(&key("progress", "who hears of first boots"), progress);
    let artefacts = reader.section(&key("artefacts", "where artefacts come from"), artefacts);
    let kubelet = reader.section(
        &key("kubelet", "settings of every kubelet"),
        runtime::kubelet,
    );
    let kube_proxy = reader.section(&key("kube_proxy", "settings of kube-proxy"), kube_proxy);
    let extras = key(
        "addons",
        "addons by name, each with settings of its own (below)",
    );
    let addons = reader.named(&extras, addon);
    let manifests = key(
        "manifests",
        "files and folders of Kubernetes objects, relative to this file, applied last and in this order",
    );
    let manifests = manifests.default("[]").example("[./extra/]");
    let manifests = reader.optional(&manifests, &PATHS).unwrap_or_default();
    let etcd = reader.section(&key("etcd", "the cluster's memory"), etcd::etcd);
    let certificates = reader.section(&key("certificates", "lifetimes"), certificates);
    let control_plane = control_plane::control_plane(reader);
    let containers = key("container_runtime", "settings of containerd");
    let container_runtime = reader.section(&containers, runtime::container_runtime);
    let image_repository = runtime::image_repository(reader);
    pharos::accept(reader);
    Config {
        name,
        kubernetes,
        hosts,
        ssh,
        network,
        api,
        artefacts,
        progress,
        kubelet,
        control_plane,
        container_runtime,
        image_repository,
        kube_proxy,
        addons,
        manifests,
        etcd,
        certificates,
    }
}

fn kubernetes(reader: &mut Reader<'_, '_>) -> Kubernetes {
    let version = reader.optional(
        &key("version", "release train of the catalogue")
            .default("1.34")
            .example("\"1.34\""),
        &TRAIN,
    );
    Kubernetes {
        version: version.unwrap_or_else(|| "1.34".into()),
    }
}

fn api(reader: &mut Reader<'_, '_>) -> Api {
    let endpoint = key(
        "endpoint",
        "host name or address of a balancer before the masters; the port is always 6443",
    );
    Api {
        endpoint: reader.optional(&endpoint.example("api.example.com"), &ENDPOINT),
    }
}

fn addon(reader: &mut Reader<'_, '_>) -> Addon {
    reader.allow_other_keys();
    let enabled = key("enabled", "whether it is part of the cluster")
        .default("each has its own")
        .example("true");
    Addon {
        enabled: reader.optional(&enabled, &BOOL),
    }
}

fn ssh(reader: &mut Reader<'_, '_>) -> Ssh {
    Ssh {
        user: reader.optional(&key("user", "account name, made on every machine").example("ops"), &USER),
        authorized_keys: reader
            .optional(
                &key("authorized_keys", "OpenSSH public keys that may log in as that user")
                    .default("[]")
                    .example("[\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops\"]"),
                &SSH_KEYS,
            )
            .unwrap_or_default(),
    }
}

fn progress(reader: &mut Reader<'_, '_>) -> Progress {
    Progress {
        beacon: reader.optional(
            &key(
                "beacon",
                "URL to which every node posts each of its progress lines",
            )
            .example("\"http://10.0.0.5:8080/progress\""),
            &URL,
        ),
    }
}

fn artefacts(reader: &mut Reader<'_, '_>) -> Artefacts {
    Artefacts {
        mirror: reader.optional(
            &key(
                "mirror",
                "root of a store made by `firstlight overlay build`",
            )
            .example("\"http://10.0.0.5/firstlight\""),
            &URL,
        ),
        upstream: reader
            .optional(
                &key(
                    "upstream",
                    "whether machines may ask upstream; false for closed networks",
                )
                .default("true")
                .example("false"),
                &BOOL,
            )
            .unwrap_or(true),
    }
}

fn kube_proxy(reader: &mut Reader<'_, '_>) -> KubeProxy {
    KubeProxy {
        mode: reader
            .optional(
                &key("mode", "how services are balanced")
                    .default("iptables")
                    .example("ipvs"),
                &PROXY_MODE,
            )
            .unwrap_or(ProxyMode::Iptables),
        conntrack: reader
            .optional(
                &key(
                    "conntrack",
                    "`conntrack` of KubeProxyConfiguration, verbatim",
                )
                .default("{}")
                .example("{maxPerCore: 65536}"),
                &TEXT_MAP,
            )
            .unwrap_or_default(),
    }
}

fn certificates(reader: &mut Reader<'_, '_>) -> Certificates {
    let ca_days = reader
        .optional(
            &key("ca_days", "lifetime of the certificate authorities")
                .default("3650")
                .example("7300"),
            &DAYS,
        )
        .unwrap_or(3650);
    let leaf_days = reader.optional(
        &key(
            "leaf_days",
            "lifetime of the certificates in seeds; never past the authority's",
        )
        .default("as `ca_days`")
        .example("365"),
        &DAYS,
    );
    let rotated = reader.optional(
        &key(
            "rotated",
            "lifetime of the certificates that running nodes renew by themselves",
        )
        .default("365d")
        .example("90d"),
        &LIFETIME,
    );
    let minutes = rotated.unwrap_or(time::Duration::days(365)).whole_minutes();
    Certificates {
        ca_days,
        leaf_days: leaf_days.unwrap_or(ca_days),
        rotated_minutes: u32::try_from(minutes).expect("at most a century"),
    }
}
