//! Which registries are asked for images, and as whom: flags of every command that gathers them.

use std::path::PathBuf;

use clap::Args;

use super::super::exit::Failure;
use crate::artefact::store::{Credentials, RegistryMirror, Source};

/// Registries and logins.
#[derive(Debug, Clone, Args)]
pub(super) struct Registries {
    /// Registry that has the images of another one, such as `registry.k8s.io=https://harbor.example.org/k8s`:
    /// a pull-through cache, or a copy of what is needed; may be given more than once. Asked after every
    /// `--from` and before upstream. Nodes know the images by their own names all the same
    #[arg(long, value_name = "HOST=URL", conflicts_with = "offline")]
    registry_mirror: Vec<RegistryMirror>,
    /// Logins to registries, as `docker login`, `podman login` and `skopeo login` write them [default: the
    /// file that these write]
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE")]
    registry_auth: Option<PathBuf>,
}

impl Registries {
    /// In the order in which they are asked.
    pub(super) fn list(&self) -> impl Iterator<Item = Source> {
        self.registry_mirror.iter().cloned().map(Source::Registry)
    }

    /// The logins; none where nobody logged in. A file that nobody named and that is something else is
    /// no reason not to build: most registries need none.
    pub(super) fn credentials(&self) -> Result<Credentials, Failure> {
        let Some(file) = &self.registry_auth else {
            let file = usual_files().into_iter().find(|file| file.is_file());
            let read = file.map(|file| Credentials::read(&file));
            return Ok(read.and_then(Result::ok).unwrap_or_default());
        };
        Credentials::read(file).map_err(|error| Failure::Message(error.to_string()))
    }
}

/// Where logins are kept: containers-auth.json(5), then Docker's folder.
fn usual_files() -> Vec<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = set("HOME");
    let below = |path: &str| home.as_ref().map(|home| home.join(path));
    let files = [
        set("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json")),
        set("XDG_CONFIG_HOME")
            .or_else(|| below(".config"))
            .map(|dir| dir.join("containers/auth.json")),
        set("DOCKER_CONFIG")
            .or_else(|| below(".docker"))
            .map(|dir| dir.join("config.json")),
    ];
    files.into_iter().flatten().collect()
}
