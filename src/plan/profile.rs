//! What firstlight must know of an operating system, read from `profiles/*.yml`.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::config::model::Arch;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/profiles");

/// One operating system: facts, no behaviour.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Name used in `cluster.yml`, equal to the file's stem.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// Architectures it exists for.
    pub architectures: Vec<Arch>,
    /// cloud-init's version in the official image.
    pub cloud_init: String,
    /// systemd's version.
    pub systemd: u32,
    /// Kernel series of the official image.
    pub kernel: String,
    /// Control group hierarchy mounted by default, 1 or 2.
    pub cgroup: u8,
    /// File in `overlays/packages/` that lists what the official image lacks.
    pub packages: String,
    /// Who owns the host's interfaces.
    pub network: NetworkOwner,
    /// What keeps the clock.
    pub time: TimeService,
    /// The resolver file that pods inherit; never systemd-resolved's stub.
    pub resolv_conf: String,
    /// Official cloud image by architecture, for hypervisors with paravirtual devices.
    #[serde(default)]
    pub image: BTreeMap<Arch, Image>,
    /// The same system with the drivers of real devices, where it is another image.
    #[serde(default)]
    pub image_with_drivers: BTreeMap<Arch, Image>,
}

/// The program that configures network interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkOwner {
    /// systemd-networkd, usually behind netplan.
    Networkd,
    /// Debian's ifupdown.
    Ifupdown,
}

/// The program that keeps the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeService {
    /// systemd-timesyncd
    Timesyncd,
}

/// An official cloud image.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Where it is published.
    pub url: String,
    /// `sha256:<hex>` or `sha512:<hex>` as published.
    pub digest: String,
}

/// Every profile by name.
#[derive(Debug, Clone)]
pub struct Profiles(BTreeMap<String, Profile>);

impl Profiles {
    /// The profiles built into the program.
    ///
    /// # Panics
    /// Never in a released program: a test reads them all.
    pub fn embedded() -> Profiles {
        let files = EMBEDDED
            .files()
            .filter(|f| f.path().extension().is_some_and(|e| e == "yml"));
        Profiles(
            files
                .map(|f| {
                    let text = f.contents_utf8().expect("profiles are UTF-8");
                    let p: Profile =
                        crate::yaml::from_str(text).expect("embedded profiles are tested");
                    (p.name.clone(), p)
                })
                .collect(),
        )
    }

    /// The built-in profiles, with those of `files` (name for messages, text) replacing or adding to them.
    ///
    /// # Errors
    /// A file that is no profile, with its line.
    pub fn with_overrides(files: &[(String, String)]) -> Result<Profiles, String> {
        let mut all = Self::embedded();
        for (name, text) in files {
            let profile: Profile =
                crate::yaml::from_str(text).map_err(|e| format!("{name}: {e}"))?;
            all.0.insert(profile.name.clone(), profile);
        }
        Ok(all)
    }

    /// The profile of that name.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.0.values()
    }

    /// `debian-12 (amd64, arm64), …`: every supported pair, for messages.
    pub fn describe(&self) -> String {
        let one = |p: &Profile| {
            let arches: Vec<_> = p.architectures.iter().map(|a| a.as_str()).collect();
            format!("{} ({})", p.name, arches.join(", "))
        };
        self.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}
