//! What several commands begin with: the file, the profiles, the catalogue, the plan.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Failure;
use super::printer::Printer;
use crate::artefact::Catalogue;
use crate::config;
use crate::diagnostic::Source;
use crate::plan::profile::Profiles;
use crate::plan::{self, Plan};
use crate::yaml;

/// Where the cluster is described.
#[derive(Debug, Clone, Args)]
pub struct Input {
    /// Description of the cluster
    #[arg(
        short = 'f',
        long = "file",
        value_name = "FILE",
        default_value = "cluster.yml"
    )]
    pub file: PathBuf,
    /// Folder with the keys and certificates of the cluster, secret [default: `state` beside FILE]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Folder laid out like the sources' `overlays/`, whose components, trains and package lists
    /// replace those of the program or add to them
    #[arg(long, value_name = "DIR")]
    pub overlays: Option<PathBuf>,
    /// Folder of profiles (`*.yml`) that replace those of the program or add to them
    #[arg(long, value_name = "DIR")]
    pub profiles: Option<PathBuf>,
}

impl Input {
    /// Reads and plans; warnings are printed, errors returned all at once.
    pub fn load(&self, printer: &Printer) -> Result<Plan, Failure> {
        let bytes = fs_err::read(&self.file).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Failure::Message(format!(
                "there is no `{}`\nhint: `firstlight init` writes one, `firstlight build --example` needs none",
                self.file.display()
            )),
            _ => e.into(),
        })?;
        let name = self.file.display().to_string();
        let source = yaml::decode(&name, &bytes).map_err(|finding| {
            Failure::Findings(
                Source {
                    name,
                    text: String::new(),
                },
                vec![finding],
            )
        })?;
        let (config, document, warnings) = config::parse(&source)
            .map_err(|findings| Failure::Findings(source.clone(), findings))?;
        printer.findings(&source, &warnings);
        let catalogue = self.catalogue()?;
        plan::plan(&config, &document, &self.profiles()?, &catalogue)
            .map_err(|findings| Failure::Findings(source, findings))
    }

    /// The catalogue, with `--overlays`.
    pub fn catalogue(&self) -> Result<Catalogue, Failure> {
        Ok(match &self.overlays {
            Some(dir) => Catalogue::with_overrides(dir)?,
            None => Catalogue::embedded()?,
        })
    }

    /// The profiles, with `--profiles`.
    pub fn profiles(&self) -> Result<Profiles, Failure> {
        match &self.profiles {
            Some(dir) => Profiles::with_overrides(dir).map_err(Failure::Message),
            None => Ok(Profiles::embedded()),
        }
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.state
            .clone()
            .unwrap_or_else(|| self.beside().join("state"))
    }

    /// `firstlight.lock`
    pub fn lock(&self) -> PathBuf {
        self.beside().join("firstlight.lock")
    }

    fn beside(&self) -> &Path {
        match self.file.parent() {
            Some(p) if p != Path::new("") => p,
            _ => Path::new("."),
        }
    }
}
