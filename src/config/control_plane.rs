//! `control_plane:`, and the sections that the API server reads besides.

use super::audit::audit;
use super::authentication::authentication;
use super::key::key;
use super::kinds::{ARGUMENTS, BOOL, CIPHER, FEATURE_GATES, FILE, POD_SECURITY, WORD};
use super::model::{
    AdmissionPlugin, Argument, Cipher, Cloud, ControlPlane, Encryption, PodSecurity,
};
use super::read::Reader;

/// Reads them all.
pub(super) fn control_plane(reader: &mut Reader<'_, '_>) -> ControlPlane {
    let own = key(
        "control_plane",
        "settings of the three components of masters",
    );
    let mut found = reader.section(&own, components);
    let people = key(
        "authentication",
        "how users prove who they are, besides by certificates",
    );
    found.authentication = reader.section(&people, authentication);
    let record = key("audit", "a record of what the API did, and for whom");
    found.audit = reader.section(&record, audit);
    let plugins = key(
        "admission_plugins",
        "admission plugins of the API server, besides its own defaults and ours",
    );
    let plugins = reader.sections(
        &plugins.default("NodeRestriction is on, and DenyServiceExternalIPs where there is one"),
        plugin,
    );
    found.admission_plugins = plugins.into_iter().flatten().flatten().collect();
    let rest = key(
        "encryption",
        "what is secret is encrypted in etcd; its keys lie in the state folder",
    );
    found.encryption = reader.section(&rest, encryption);
    let pods = key(
        "pod_security_policy",
        "what pods may ask for; Pharos's name",
    );
    found.pod_security = reader.section(&pods, pod_security);
    let cloud = key("cloud", "the cloud that the machines are in");
    found.cloud = reader.section(&cloud, cloud_provider);
    found
}

fn components(reader: &mut Reader<'_, '_>) -> ControlPlane {
    let proxy = key(
        "use_proxy",
        "its components and the kubelets use their hosts' proxy variables, which must not hold a password",
    );
    let use_proxy = reader.optional(&proxy.default("false").example("true"), &BOOL);
    let gates = key("feature_gates", "feature gates of the three components");
    let gates = gates.default("{}").example("{AllBeta: false}");
    let feature_gates = reader.optional(&gates, &FEATURE_GATES);
    let apiserver = key("apiserver", "settings of kube-apiserver");
    let manager = key("controller_manager", "settings of kube-controller-manager");
    let scheduler = key("scheduler", "settings of kube-scheduler");
    ControlPlane {
        use_proxy: use_proxy.unwrap_or(false),
        feature_gates: feature_gates.unwrap_or_default(),
        apiserver: reader.section(&apiserver, |r| {
            arguments(r, "[--max-requests-inflight=800]")
        }),
        controller_manager: reader
            .section(&manager, |r| arguments(r, "[--concurrent-gc-syncs=40]")),
        scheduler: reader.section(&scheduler, |r| arguments(r, "[--v=2]")),
        ..ControlPlane::default()
    }
}

fn arguments(reader: &mut Reader<'_, '_>, example: &'static str) -> Vec<Argument> {
    let extra = key(
        "extra_args",
        "further arguments; those that firstlight sets itself are refused",
    );
    let extra = reader.optional(&extra.default("[]").example(example), &ARGUMENTS);
    extra.unwrap_or_default()
}

fn plugin(reader: &mut Reader<'_, '_>) -> Option<AdmissionPlugin> {
    let name = key("name", "as the API server knows it").example("PodNodeSelector");
    let name = reader.required(&name, &WORD);
    let enabled = key("enabled", "whether it is on").default("true");
    let enabled = reader.optional(&enabled.example("false"), &BOOL);
    Some(AdmissionPlugin {
        name: name?,
        enabled: enabled.unwrap_or(true),
    })
}

fn encryption(reader: &mut Reader<'_, '_>) -> Encryption {
    let enabled = key(
        "enabled",
        "whether Secrets are; in a cluster that exists `build` turns it on and off in phases",
    );
    let enabled = reader.optional(&enabled.default("true").example("false"), &BOOL);
    let cipher = key("cipher", "by what; of keys that are made from now on").default("secretbox");
    let cipher = reader.optional(&cipher.example("aescbc"), &CIPHER);
    Encryption {
        enabled: enabled.unwrap_or(true),
        cipher: cipher.unwrap_or(Cipher::Secretbox),
    }
}

fn pod_security(reader: &mut Reader<'_, '_>) -> PodSecurity {
    let policy = key(
        "default_policy",
        "of namespaces that name none: a Pod Security Standard, or Pharos's `00-pharos-privileged` or \
         `99-pharos-restricted`; what violates `baseline` is warned of and recorded in any case from train 1.30",
    );
    let policy = reader.optional(
        &policy.default("privileged").example("baseline"),
        &POD_SECURITY,
    );
    policy.unwrap_or_default()
}

fn cloud_provider(reader: &mut Reader<'_, '_>) -> Option<Cloud> {
    let provider = key(
        "provider",
        "`external`, whose controller is among your `manifests`; train 1.20 also `aws`, `azure`, `gce`, `openstack`, `vsphere`",
    );
    let provider = reader.required(&provider.example("external"), &WORD);
    let config = key(
        "config",
        "path of the configuration of a provider that is part of Kubernetes",
    );
    let config = reader.optional(&config.example("cloud.conf"), &FILE);
    Some(Cloud {
        provider: provider?,
        config,
    })
}
