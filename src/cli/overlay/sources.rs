//! Where artefacts come from: the flags of every command that gathers them.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::exit::Failure;
use super::registries::Registries;
use crate::artefact::store::{Copy, Credentials, Source};

/// Where to look, and where to keep what was found.
#[derive(Debug, Clone, Args)]
pub(super) struct Sources {
    /// Folder, searched by content whatever its files are called, or HTTP(S) root of another overlay
    /// folder; may be given more than once [default: upstream]
    #[arg(long, value_name = "DIR|URL")]
    from: Vec<String>,
    /// Folder or HTTP(S) root that has what upstream has by host and path, as `overlay pull` lays it out;
    /// asked after every `--from`
    #[arg(long, value_name = "DIR|URL")]
    mirror: Option<String>,
    #[command(flatten)]
    registries: Registries,
    /// Ask upstream for what none of them has
    #[arg(long)]
    upstream: bool,
    /// Ask no network: only folders and what the store has
    #[arg(long, conflicts_with = "upstream")]
    offline: bool,
    /// Certificate authority to trust besides the public ones, as PEM, for mirrors and proxies
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Folder that keeps every download [default: `firstlight/store` in the user's cache folder]
    #[arg(long, value_name = "DIR", env = "FIRSTLIGHT_STORE")]
    store: Option<PathBuf>,
}

impl Sources {
    /// In the order in which they are asked.
    pub(super) fn list(&self) -> Result<Vec<Source>, Failure> {
        let given = self.from.iter().map(|text| match is_url(text) {
            true => Source::Mirror(text.trim_end_matches('/').to_owned()),
            false => Source::Folder(PathBuf::from(text)),
        });
        let copy = self.mirror.iter().map(|text| match is_url(text) {
            true => Source::Copy(Copy::Served(text.clone())),
            false => Source::Copy(Copy::Folder(PathBuf::from(text))),
        });
        let mut sources: Vec<Source> = given.chain(copy).collect();
        self.check_offline()?;
        self.check_mirror()?;
        let nothing_given = sources.is_empty() && !self.offline;
        sources.extend(self.registries.list());
        if self.upstream || nothing_given {
            sources.push(Source::Upstream);
        }
        Ok(sources)
    }

    fn check_offline(&self) -> Result<(), Failure> {
        let from = self.from.iter().map(|text| ("--from", text));
        let mirror = self.mirror.iter().map(|text| ("--mirror", text));
        match from.chain(mirror).find(|(_, text)| is_url(text)) {
            Some((flag, url)) if self.offline => Err(Failure::Message(format!(
                "`--offline` asks no network, but `{flag} {url}` is on it\nhint: leave one of them out"
            ))),
            _ => Ok(()),
        }
    }

    /// A missing folder would look like one that lacks everything.
    fn check_mirror(&self) -> Result<(), Failure> {
        match self.mirror.as_deref().filter(|text| !is_url(text)) {
            Some(folder) if !Path::new(folder).is_dir() => Err(Failure::message(
                Path::new(folder),
                "there is no such folder\nhint: `--mirror` names what `firstlight overlay pull --to` filled",
            )),
            _ => Ok(()),
        }
    }

    /// Logins to registries.
    pub(super) fn credentials(&self) -> Result<Credentials, Failure> {
        self.registries.credentials()
    }

    /// More trusted roots.
    pub(super) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The store, made if needed; never `out`, which `flag` names and which only holds what one cluster needs.
    pub(super) fn store(&self, flag: &str, out: &Path) -> Result<PathBuf, Failure> {
        let store = self.store.clone().map_or_else(shared_store, Ok)?;
        fs_err::create_dir_all(&store)?;
        if fs_err::canonicalize(&store).ok() == fs_err::canonicalize(out).ok() {
            return Err(Failure::message(
                out,
                &format!(
                    "this is the store that all builds share\nhint: choose another folder with `{flag}`"
                ),
            ));
        }
        Ok(store)
    }
}

fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// `$XDG_CACHE_HOME/firstlight/store`, by the XDG Base Directory Specification.
fn shared_store() -> Result<PathBuf, Failure> {
    let set = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let cache = cache.ok_or_else(|| {
        Failure::Message(
            "no place for downloads: neither XDG_CACHE_HOME nor HOME is set\nhint: name one with `--store`".to_owned(),
        )
    })?;
    Ok(cache.join("firstlight/store"))
}
