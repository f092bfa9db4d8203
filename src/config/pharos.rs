//! Pharos's settings whose feature does not exist yet: read, checked for slips, without effect.

use super::key::{Effect, Key, key};
use super::kinds::{BOOL, COUNT, LIST, MAPPING, TEXT};
use super::read::Reader;

const fn pending(name: &'static str, doc: &'static str) -> Key {
    key(name, doc).effect(Effect::None)
}

/// The top level's.
pub(super) fn accept(reader: &mut Reader<'_, '_>) {
    authentication(reader);
    audit(reader);
    reader.section(&pending("cloud", "a cloud provider"), |reader| {
        reader.optional(&key("provider", "its name"), &TEXT);
        reader.optional(&key("config", "path of its configuration"), &TEXT);
    });
    reader.section(
        &pending("control_plane", "settings of the control plane"),
        |reader| {
            reader.optional(
                &key("use_proxy", "let it use the hosts' proxy variables"),
                &BOOL,
            );
            reader.optional(&key("feature_gates", "its feature gates"), &MAPPING);
        },
    );
    reader.optional(
        &pending("admission_plugins", "admission plugins: `name`, `enabled`"),
        &LIST,
    );
    reader.section(
        &pending("container_runtime", "settings of containerd"),
        |reader| {
            reader.optional(&key("insecure_registries", "registries without TLS"), &LIST);
        },
    );
    reader.section(&pending("pod_security_policy", "pod security"), |reader| {
        reader.optional(
            &key("default_policy", "policy of namespaces that name none"),
            &TEXT,
        );
    });
    reader.section(&pending("telemetry", "Pharos: telemetry"), |reader| {
        reader.optional(&key("enabled", "whether it is sent"), &BOOL);
    });
    reader.optional(
        &pending("image_repository", "registry of the cluster's own images"),
        &TEXT,
    );
    reader.optional(&pending("addon_paths", "folders of further addons"), &LIST);
}

/// `kubelet:`'s.
pub(super) fn kubelet(reader: &mut Reader<'_, '_>) {
    reader.optional(&pending("read_only_port", "open port 10255"), &BOOL);
    reader.optional(&pending("extra_args", "further arguments"), &LIST);
    reader.optional(&pending("cpu_cfs_quota", "enforce CPU limits"), &BOOL);
    reader.optional(
        &pending("cpu_cfs_quota_period", "period of CPU limits"),
        &TEXT,
    );
}

fn authentication(reader: &mut Reader<'_, '_>) {
    reader.section(
        &key("authentication", "how users prove who they are"),
        |reader| {
            reader.section(
                &pending("token_webhook", "a service that reviews tokens"),
                |reader| {
                    reader.section(&key("config", "how to reach it"), |reader| {
                        reader.section(&key("cluster", "the service"), |reader| {
                            reader.optional(&key("name", "a name for it"), &TEXT);
                            reader.optional(&key("server", "its URL"), &TEXT);
                            reader.optional(
                                &key(
                                    "certificate_authority",
                                    "path of its authority's certificate",
                                ),
                                &TEXT,
                            );
                        });
                        reader.section(&key("user", "who asks"), |reader| {
                            reader.optional(&key("name", "a name for it"), &TEXT);
                            reader.optional(
                                &key("client_certificate", "path of the client certificate"),
                                &TEXT,
                            );
                            reader.optional(&key("client_key", "path of the client key"), &TEXT);
                        });
                    });
                    reader.optional(&key("cache_ttl", "how long an answer holds"), &TEXT);
                },
            );
            reader.section(&pending("oidc", "OpenID Connect"), |reader| {
                reader.optional(&key("issuer_url", "URL of the issuer"), &TEXT);
                reader.optional(&key("client_id", "client that tokens are for"), &TEXT);
                reader.optional(&key("username_claim", "claim with the user's name"), &TEXT);
                reader.optional(&key("username_prefix", "what to put before it"), &TEXT);
                reader.optional(&key("groups_claim", "claim with the groups"), &TEXT);
                reader.optional(&key("groups_prefix", "what to put before them"), &TEXT);
                reader.optional(&key("ca_file", "path of the issuer's authority"), &TEXT);
            });
        },
    );
}

fn audit(reader: &mut Reader<'_, '_>) {
    reader.section(&key("audit", "a record of what the API did"), |reader| {
        reader.section(&pending("webhook", "a service that takes it"), |reader| {
            reader.optional(&key("server", "its URL"), &TEXT);
        });
        reader.section(&pending("file", "a file on every master"), |reader| {
            reader.optional(&key("path", "its path"), &TEXT);
            reader.optional(&key("max_age", "days to keep"), &COUNT);
            reader.optional(&key("max_size", "MiB before it is rotated"), &COUNT);
            reader.optional(&key("max_backups", "rotated files to keep"), &COUNT);
        });
        reader.optional(
            &key("server", "Pharos's early name").effect(Effect::Renamed("audit.webhook.server")),
            &TEXT,
        );
    });
}
