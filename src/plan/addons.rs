//! Which addons a cluster has, with which settings, and which nodes run them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::build::Problems;
use crate::artefact::addon::{RunsOn, Tolerates};
use crate::artefact::{Train, addon};
use crate::config::model::{Config, Host, Role, Taint};
use crate::config::setting::{Settings, near, settings};

/// One addon of the cluster.
#[derive(Debug, Clone)]
pub struct Addon {
    /// Its folder in `overlays/`.
    pub name: String,
    /// What it is, its settings and waves.
    pub about: addon::Addon,
    /// Values of its settings.
    pub settings: Settings,
    /// Its manifests: file name to objects, as they are in `overlays/`.
    pub manifests: BTreeMap<String, Vec<Value>>,
    /// Repository to `repository:tag@digest`.
    pub images: BTreeMap<String, String>,
}

impl Addon {
    /// A setting's value; null where it has none.
    pub fn setting(&self, name: &str) -> &Value {
        self.settings.get(name).unwrap_or(&Value::Null)
    }

    /// A setting that is text.
    pub fn text(&self, name: &str) -> &str {
        self.setting(name).as_str().unwrap_or_default()
    }

    /// A setting that is a switch.
    pub fn is_on(&self, name: &str) -> bool {
        self.setting(name).as_bool().unwrap_or_default()
    }

    /// A setting that is a list of single values.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let items = self.setting(name).as_array();
        items
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// A setting that is a mapping to single values.
    pub fn mapping(&self, name: &str) -> BTreeMap<&str, &str> {
        let entries = self.setting(name).as_object().into_iter().flatten();
        entries
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
            .collect()
    }
}

/// Whether an addon is wanted, and whether the description says so itself.
struct Wanted {
    on: bool,
    said: bool,
}

/// Names of the train's addons that the cluster has; what cannot be is left out, and told by `addons`.
pub fn names(config: &Config, train: &Train<'_>) -> BTreeSet<String> {
    let described = described(train);
    let on = described.iter().filter(|(name, about)| {
        train.version(name).is_some()
            && wanted(config, name, about).on
            && about.part_of.as_deref().is_none_or(|of| {
                let other = described.get(of);
                other.is_some_and(|about| wanted(config, of, about).on)
                    && train.version(of).is_some()
            })
    });
    on.map(|(name, _)| (*name).to_owned()).collect()
}

fn described<'c>(train: &Train<'c>) -> BTreeMap<&'c str, &'c addon::Addon> {
    let components = train.catalogue().components.iter();
    components
        .filter_map(|(name, component)| Some((name.as_str(), component.addon.as_ref()?)))
        .collect()
}

fn wanted(config: &Config, name: &str, about: &addon::Addon) -> Wanted {
    let said = match about.switch.as_deref() {
        Some("network.node_local_dns_cache") => config.network.node_local_dns_cache,
        _ => config.addons.get(name).and_then(|addon| addon.enabled),
    };
    let v4 = || {
        config
            .network
            .service_cidrs
            .iter()
            .any(|net| net.addr().is_ipv4())
    };
    let default = match name {
        // a number that is given is the operator's
        "dns-autoscaler" => about.enabled && config.network.dns_replicas.is_none(),
        // its address is one of IPv4
        "node-local-dns" => about.enabled && v4(),
        _ => about.enabled,
    };
    Wanted {
        on: said.unwrap_or(default),
        said: said.is_some(),
    }
}

/// The cluster's addons, by name; or why one cannot be.
pub(super) fn addons(
    config: &Config,
    train: &Train<'_>,
    problems: &mut Problems<'_>,
) -> Vec<Addon> {
    let described = described(train);
    for name in config.addons.keys() {
        if !described.contains_key(name.as_str()) {
            unknown(name, &described, train, problems);
        }
    }
    let on = names(config, train);
    let mut found = Vec::new();
    for (name, about) in &described {
        let (values, findings) = settings(problems.document(), name, &about.settings);
        let has = on.contains(*name);
        // what an addon needs is asked for when it is on; what is wrong is told anyway
        let findings = findings.into_iter();
        problems.extend(findings.filter(|f| has || f.code != "addons/missing-setting"));
        let wanted = wanted(config, name, about);
        if !has {
            if wanted.on {
                cannot(name, about, &wanted, train, problems);
            }
            continue;
        }
        contradictions(config, name, about, problems);
        found.extend(addon(name, about, values, train, problems));
    }
    found
}

fn addon(
    name: &str,
    about: &addon::Addon,
    settings: Settings,
    train: &Train<'_>,
    problems: &mut Problems<'_>,
) -> Option<Addon> {
    let mut manifests = BTreeMap::new();
    for file in about.waves.keys() {
        let path = format!("{name}/{file}");
        let text = train.catalogue().manifests.get(&path);
        let read = text.map(|text| serde_yaml::from_multiple::<Value>(text));
        match read {
            Some(Ok(objects)) => {
                manifests.insert(file.clone(), objects);
            }
            other => {
                let why = match other {
                    Some(Err(error)) => error.without_snippet().to_string(),
                    _ => "there is no such file".to_owned(),
                };
                problems.add(
                    "addons/bad-manifest",
                    &format!("addons.{name}"),
                    format!("overlays/{name}/manifests/{file}: {why}"),
                    None,
                );
                return None;
            }
        }
    }
    let images = train.images_of(name);
    let lacking = train.unpinned_images(name);
    if !lacking.is_empty() {
        let path = format!("addons.{name}");
        let path = about.switch.clone().unwrap_or(path);
        problems.add(
            "addons/not-pinned",
            &path,
            format!(
                "nobody publishes a digest of {}, which `{name}` runs",
                quoted(&lacking.iter().map(String::as_str).collect::<Vec<_>>())
            ),
            "`firstlight overlay lock` finds the digests out and remembers them".to_owned(),
        );
        return None;
    }
    Some(Addon {
        name: name.to_owned(),
        about: about.clone(),
        settings,
        manifests,
        images,
    })
}

/// A name that is no addon: a slip, or one of Pharos's that is gone.
fn unknown(
    name: &str,
    described: &BTreeMap<&str, &addon::Addon>,
    train: &Train<'_>,
    problems: &mut Problems<'_>,
) {
    let path = format!("addons.{name}");
    let gone = &train.catalogue().gone;
    if let Some(became) = gone.get(name) {
        let message = format!("there is no addon `{name}` any more");
        problems.add("addons/gone", &path, message, became.clone());
        return;
    }
    let known: Vec<&str> = described.keys().copied().collect();
    let help = match near(name, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("must be one of: {}", quoted(&known)),
    };
    problems.add(
        "addons/unknown",
        &path,
        format!("no addon is named `{name}`"),
        help,
    );
}

fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Why an addon that is wanted cannot be. One that only goes along with another is left out in silence.
fn cannot(
    name: &str,
    about: &addon::Addon,
    wanted: &Wanted,
    train: &Train<'_>,
    problems: &mut Problems<'_>,
) {
    let own = format!("addons.{name}");
    let path = about.switch.as_deref().unwrap_or(&own);
    if train.version(name).is_none() {
        if !wanted.said && about.part_of.is_some() {
            return;
        }
        let trains = &train.catalogue().trains;
        let able: Vec<&str> = trains
            .iter()
            .filter(|(_, spec)| spec.components.contains_key(name))
            .map(|(train, _)| train.as_str())
            .collect();
        let help = match able.as_slice() {
            [] => format!("no train has it: name a version of `{name}` under `components` of one"),
            able => format!("trains that have it: {}", quoted(able)),
        };
        let message = format!("release train `{}` has no addon `{name}`", train.name());
        problems.add("addons/not-in-train", path, message, help);
    } else if let (true, Some(of)) = (wanted.said, &about.part_of) {
        let message = format!("`{name}` does nothing without `{of}`, which is off");
        problems.add(
            "addons/incomplete",
            path,
            message,
            format!("turn `{of}` on"),
        );
    }
}

fn contradictions(config: &Config, name: &str, about: &addon::Addon, problems: &mut Problems<'_>) {
    let said = config.addons.get(name).and_then(|addon| addon.enabled);
    if let (Some(switch), Some(_)) = (&about.switch, said) {
        problems.add(
            "addons/other-switch",
            &format!("addons.{name}.enabled"),
            format!("`{name}` is turned on and off by `{switch}`"),
            format!("write `{switch}` in place of `addons.{name}.enabled`"),
        );
    }
    if name == "dns-autoscaler" && config.network.dns_replicas.is_some() {
        problems.add(
            "addons/contradiction",
            "network.dns_replicas",
            "`dns_replicas` is the number that `dns-autoscaler` decides".to_owned(),
            "give the one or turn on the other".to_owned(),
        );
    }
    let v4 = config
        .network
        .service_cidrs
        .iter()
        .any(|net| net.addr().is_ipv4());
    if name == "node-local-dns" && !v4 {
        problems.add(
            "addons/contradiction",
            "network.node_local_dns_cache",
            "the cache on every node has an IPv4 address, and this cluster has no IPv4 services"
                .to_owned(),
            "leave it out".to_owned(),
        );
    }
}

/// Whether a node may run pods of an addon: its labels, its taints.
pub(super) fn runs_on(
    addon: &Addon,
    labels: &BTreeMap<String, String>,
    taints: &[Taint],
    own: &str,
) -> bool {
    let RunsOn {
        selector,
        tolerates,
        tolerations,
    } = &addon.about.runs_on;
    let wanted = selector.as_deref().map(|name| addon.mapping(name));
    let selected = wanted
        .unwrap_or_default()
        .iter()
        .all(|(key, value)| labels.get(*key).is_some_and(|found| found == value));
    let given = tolerations.as_deref().map(|name| addon.setting(name));
    let given: Vec<&Value> = given
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect();
    let tolerated = |taint: &Taint| {
        taint.effect == "PreferNoSchedule"
            || *tolerates == Tolerates::Everything
            || (*tolerates == Tolerates::ControlPlane && taint.key == own)
            || given.iter().any(|toleration| matches(toleration, taint))
    };
    selected && taints.iter().all(tolerated)
}

/// `v1.Toleration` against a taint, as `k8s.io/component-helpers` decides it.
pub(super) fn matches(toleration: &Value, taint: &Taint) -> bool {
    let text = |key: &str| toleration[key].as_str().unwrap_or_default();
    (text("effect").is_empty() || text("effect") == taint.effect)
        && (text("key").is_empty() || text("key") == taint.key)
        && (text("operator") == "Exists" || text("value") == taint.value)
}

/// Every label that a host's Node will have, as far as selectors may ask for it.
pub(super) fn labels(host: &Host, train: &Train<'_>) -> BTreeMap<String, String> {
    let mut labels = host.labels.clone();
    let own = [
        ("kubernetes.io/hostname", host.name.as_str()),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", host.arch.as_str()),
    ];
    labels.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
    if host.role == Role::Master {
        let roles = train.settings().control_plane.labels.iter();
        labels.extend(roles.map(|role| (role.key().to_owned(), String::new())));
    }
    labels
}

/// An addon with a selector that no host meets would run nowhere.
pub(super) fn selectors(addons: &[Addon], nodes: &[super::Node], problems: &mut Problems<'_>) {
    for addon in addons {
        let Some(selector) = &addon.about.runs_on.selector else {
            continue;
        };
        let runs = nodes.iter().any(|node| node.addons.contains(&addon.name));
        if !runs && !addon.mapping(selector).is_empty() {
            problems.add(
                "addons/selects-no-host",
                &format!("addons.{}.{selector}", addon.name),
                format!(
                    "no host has these labels and takes pods of `{}`",
                    addon.name
                ),
                "give a host the labels (`labels:`), or the addon `tolerations` for its taints"
                    .to_owned(),
            );
        }
    }
}
