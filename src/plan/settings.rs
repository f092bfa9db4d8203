//! What components are told, against what the train's Kubernetes knows.

use super::build::Problems;
use crate::artefact::train::{PodSecurityBy, Settings};
use crate::artefact::{Artefact, Item, Train};
use crate::config::model::Config;

/// Clouds whose controllers Pharos deployed, and nobody looks after any more or which are programs of
/// their own now.
const PHAROS_CLOUDS: [&str; 3] = ["hcloud", "packet", "pharos"];

/// Refuses what the release does not know.
pub(super) fn check(config: &Config, train: &Train<'_>, problems: &mut Problems<'_>) {
    let settings = train.settings();
    admission_plugins(config, train.name(), settings, problems);
    cloud(config, train.name(), settings, problems);
}

fn admission_plugins(
    config: &Config,
    train: &str,
    settings: &Settings,
    problems: &mut Problems<'_>,
) {
    let known = &settings.apiserver.admission_plugins;
    for (index, plugin) in config.control_plane.admission_plugins.iter().enumerate() {
        let path = format!("admission_plugins[{index}].name");
        let name = &plugin.name;
        if !known.contains(name) {
            let gone = match name.as_str() {
                "PodSecurityPolicy" => Some(
                    "it is gone since 1.25: set `pod_security_policy.default_policy`, which Pod Security admission enforces"
                        .to_owned(),
                ),
                _ => Some(format!("known are: {}", known.join(", "))),
            };
            let message = format!("train {train} has no admission plugin `{name}`");
            problems.add("admission/unknown-plugin", &path, message, gone);
        } else if name == "PodSecurityPolicy"
            && settings.apiserver.pod_security == PodSecurityBy::Policies
        {
            problems.add(
                "admission/by-policy",
                &path,
                "`PodSecurityPolicy` is turned on by `pod_security_policy.default_policy`, which brings the policies too"
                    .to_owned(),
                "remove it here, and set `default_policy: baseline` or `restricted` for it".to_owned(),
            );
        }
    }
}

fn cloud(config: &Config, train: &str, settings: &Settings, problems: &mut Problems<'_>) {
    let Some(cloud) = &config.control_plane.cloud else {
        return;
    };
    let known = &settings.cloud_providers;
    if known.contains(&cloud.provider) {
        return;
    }
    let help = if PHAROS_CLOUDS.contains(&cloud.provider.as_str()) {
        "Pharos brought its controller: set `provider: external`, and put the controller among `manifests`"
            .to_owned()
    } else {
        let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        format!("must be one of: {}", names.join(", "))
    };
    problems.add(
        "cloud/unknown-provider",
        "cloud.provider",
        format!("train {train} has no cloud provider `{}`", cloud.provider),
        help,
    );
}

/// The same image, by the same digest, in the repository of `image_repository` under its last name.
pub(super) fn relocate(repository: Option<&str>, mut artefact: Artefact) -> Artefact {
    if let Item::Image { name, .. } = &mut artefact.item {
        *name = relocated(repository, name);
    }
    artefact
}

/// The name of an image in the repository of `image_repository`: what its own ends with.
pub(super) fn relocated(repository: Option<&str>, name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    repository.map_or_else(
        || name.to_owned(),
        |repository| format!("{repository}/{last}"),
    )
}
