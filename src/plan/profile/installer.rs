//! How a system is installed on bare metal.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::model::Arch;

/// How a machine without an image is installed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installer {
    /// The form of its answers.
    pub answers: Answers,
    /// Memory that it needs, in MiB; more than the system itself where it loads itself into memory.
    pub memory_mib: u64,
    /// Packages that it installs beside a minimal system, so that this is as the image.
    pub packages: Vec<String>,
    /// Packages that go again, because the image has others in their place.
    #[serde(default)]
    pub remove: Vec<String>,
    /// Repositories beside the installation tree: name, and the part of the tree's URL that it replaces.
    #[serde(default)]
    pub repositories: BTreeMap<String, String>,
    /// Whether the official mirror has security and other updates.
    #[serde(default = "yes")]
    pub updates: bool,
    /// Which commands a kickstart may have.
    #[serde(default)]
    pub syntax: KickstartSyntax,
    /// Kernel and initial RAM disk by architecture; absent where the operator must bring them.
    #[serde(default)]
    pub netboot: BTreeMap<Arch, Netboot>,
}

/// The form of an installer's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answers {
    /// debian-installer's.
    Preseed,
    /// Anaconda's.
    Kickstart,
    /// Subiquity's.
    Autoinstall,
}

/// Which of pykickstart's versions reads a kickstart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KickstartSyntax {
    /// `RHEL7`
    Rhel7,
    /// `RHEL9`
    #[default]
    Rhel9,
}

const fn yes() -> bool {
    true
}

/// What a machine boots to be installed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Netboot {
    /// URL of the kernel.
    pub kernel: String,
    /// URL of the initial RAM disk.
    pub initrd: String,
}
