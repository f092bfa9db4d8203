//! What makes a component an addon: settings, waves, which nodes run it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::setting::Setting;

/// `addon:` of a `component.yml`: the component is part of a cluster only where it is turned on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addon {
    /// One line.
    pub about: String,
    /// Whether it is on in a cluster whose description does not name it.
    #[serde(default)]
    pub enabled: bool,
    /// The key of the description that turns it on, in place of `addons.NAME.enabled`.
    #[serde(default)]
    pub switch: Option<String>,
    /// The addon without which it does nothing.
    #[serde(default)]
    pub part_of: Option<String>,
    /// Manifests by file name, with the wave in which they are applied, 30 to 89.
    pub waves: BTreeMap<String, u8>,
    /// Nodes that run it, as far as that can be told.
    #[serde(default)]
    pub runs_on: RunsOn,
    /// By name.
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
}

/// Which nodes may run an addon's pods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunsOn {
    /// The setting with the labels that a node must have.
    #[serde(default)]
    pub selector: Option<String>,
    /// Taints that its pods tolerate, besides those of `tolerations`.
    #[serde(default)]
    pub tolerates: Tolerates,
    /// The setting with further tolerations.
    #[serde(default)]
    pub tolerations: Option<String>,
}

/// Taints that pods tolerate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tolerates {
    /// None.
    #[default]
    Nothing,
    /// The control plane's.
    ControlPlane,
    /// All of them.
    Everything,
}
