//! `container_runtime:`, `kubelet:` and `image_repository`

use std::collections::BTreeMap;

use super::key::key;
use super::kinds::{
    ARGUMENTS, BOOL, COUNT, DURATION, EVICTION, FEATURE_GATES, FILE, IMAGE_REPOSITORY, QUANTITIES,
    REGISTRIES, REGISTRY, URLS, WORD,
};
use super::model::{ContainerRuntime, Kubelet, Registry};
use super::read::Reader;

/// Most processes of a pod, where the file says nothing: a fork bomb must not take the node with it.
const POD_PIDS: u32 = 4096;

pub(super) fn container_runtime(reader: &mut Reader<'_, '_>) -> ContainerRuntime {
    let insecure = key(
        "insecure_registries",
        "registries without TLS, or with a certificate that nobody vouches for",
    );
    let insecure = reader.optional(
        &insecure.default("[]").example("[\"10.0.0.5:5000\"]"),
        &REGISTRIES,
    );
    let registries = key(
        "registries",
        "registries with mirrors, an authority or a login of their own",
    );
    let registries = reader.sections(&registries.default("[]"), registry);
    ContainerRuntime {
        insecure_registries: insecure.unwrap_or_default(),
        registries: registries.into_iter().flatten().flatten().collect(),
    }
}

fn registry(reader: &mut Reader<'_, '_>) -> Option<Registry> {
    let name = key("name", "host and port, as images name it").example("docker.io");
    let name = reader.required(&name, &REGISTRY);
    let mirrors = key("mirrors", "URLs that are asked before it, in this order");
    let mirrors = reader.optional(
        &mirrors
            .default("[]")
            .example("[\"https://mirror.example.com\"]"),
        &URLS,
    );
    let authority = key("certificate_authority", "path of its authority in PEM");
    let authority = authority.default("the system's").example("registry/ca.crt");
    let certificate_authority = reader.optional(&authority, &FILE);
    let username = reader.optional(&key("username", "who logs in").example("puller"), &WORD);
    let password = key("password_file", "path of a file with the password");
    let password_file = reader.optional(&password.example("registry/password.txt"), &FILE);
    if username.is_some() != password_file.is_some() {
        reader.wrong(
            "images/half-a-login",
            "a login needs both `username` and `password_file`",
            "give both, or neither",
        );
    }
    Some(Registry {
        name: name?,
        mirrors: mirrors.unwrap_or_default(),
        certificate_authority,
        username,
        password_file,
    })
}

pub(super) fn image_repository(reader: &mut Reader<'_, '_>) -> Option<String> {
    let repository = key(
        "image_repository",
        "registry, and a path there, that holds all of the cluster's own images under their last names, in place of their own registries; their digests stay",
    );
    reader.optional(
        &repository.example("registry.example.com/kubernetes"),
        &IMAGE_REPOSITORY,
    )
}

pub(super) fn kubelet(reader: &mut Reader<'_, '_>) -> Kubelet {
    let reserved = |reader: &mut Reader<'_, '_>, key, defaults: [(&str, &str); 2]| {
        let mut all: BTreeMap<String, String> = defaults
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        all.extend(reader.optional(&key, &QUANTITIES).unwrap_or_default());
        all
    };
    let system = key(
        "system_reserved",
        "what the system keeps for itself; a key given leaves the others' defaults",
    )
    .default("{cpu: 50m, memory: 50Mi}")
    .example("{memory: 200Mi}");
    let kube = key(
        "kube_reserved",
        "what Kubernetes' own programs keep; a key given leaves the others' defaults",
    )
    .default("{cpu: 100m, memory: 200Mi}")
    .example("{memory: 300Mi}");
    let system_reserved = reserved(reader, system, [("cpu", "50m"), ("memory", "50Mi")]);
    let kube_reserved = reserved(reader, kube, [("cpu", "100m"), ("memory", "200Mi")]);
    let gates = key("feature_gates", "feature gates of the kubelet").default("{}");
    let feature_gates = reader.optional(
        &gates.example("{GracefulNodeShutdown: true}"),
        &FEATURE_GATES,
    );
    let port = key(
        "read_only_port",
        "open port 10255 to everybody, without authentication",
    );
    let read_only_port = reader.optional(&port.default("false").example("true"), &BOOL);
    let extra = key(
        "extra_args",
        "further arguments; those that firstlight sets itself are refused",
    );
    let extra_args = reader.optional(&extra.default("[]").example("[--v=2]"), &ARGUMENTS);
    let quota = key("cpu_cfs_quota", "whether CPU limits are enforced").default("true");
    let quota = reader.optional(&quota.example("false"), &BOOL);
    let period = key("cpu_cfs_quota_period", "their period; from 1ms to 1s");
    let period = reader.optional(&period.default("100ms").example("10ms"), &DURATION);
    let pods = key("max_pods", "most pods of a node").default("110");
    let max_pods = reader.optional(&pods.example("60"), &COUNT);
    let processes = key("pod_pids_limit", "most processes of a pod").default("4096");
    let processes = reader.optional(&processes.example("1024"), &COUNT);
    let eviction = key(
        "eviction_hard",
        "signals and thresholds at which pods are evicted at once; a key given leaves the others' defaults",
    );
    let eviction = eviction
        .default("the kubelet's")
        .example("{memory.available: 200Mi}");
    let eviction = reader.optional(&eviction, &EVICTION);
    Kubelet {
        system_reserved,
        kube_reserved,
        feature_gates: feature_gates.unwrap_or_default(),
        read_only_port: read_only_port.unwrap_or(false),
        extra_args: extra_args.unwrap_or_default(),
        cpu_cfs_quota: quota.unwrap_or(true),
        cpu_cfs_quota_period: period,
        max_pods,
        pod_pids_limit: processes.unwrap_or(POD_PIDS),
        eviction_hard: eviction.unwrap_or_default(),
    }
}
