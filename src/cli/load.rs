//! What several commands begin with: the file, the profiles, the catalogue, the plan.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Failure;
use super::manifests::Files;
use super::printer::Printer;
use crate::artefact::{Catalogue, Pins, pins};
use crate::config::model::Config;
use crate::config::{self, Document};
use crate::diagnostic::{Diagnostic, Source};
use crate::identity::{Given, Secret};
use crate::lock::Lock;
use crate::plan::profile::Profiles;
use crate::plan::{self, Plan};
use crate::yaml;

/// A description that was read.
pub(super) struct Read {
    /// Its text, for messages.
    pub(super) source: Source,
    /// What it says.
    pub(super) config: Config,
    /// Where it says it.
    pub(super) document: Document,
}

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
        self.plan(&self.read(printer)?, printer)
    }

    /// The same, with the files that the description names.
    pub(super) fn load_with_files(&self, printer: &Printer) -> Result<(Plan, Given), Failure> {
        let read = self.read(printer)?;
        let given = self.given(&read);
        let plan = self.plan(&read, printer);
        match (plan, given) {
            (Ok(plan), Ok(given)) => Ok((plan, given)),
            (Err(Failure::Findings(source, mut findings)), Err(more)) => {
                findings.extend(more);
                findings.sort_by_key(|finding| finding.span);
                Err(Failure::Findings(source, findings))
            }
            (Err(failure), _) => Err(failure),
            (Ok(_), Err(findings)) => Err(Failure::Findings(read.source, findings)),
        }
    }

    /// Every file that the description names, or what is wrong with each, at the key that names it.
    fn given(&self, read: &Read) -> Result<Given, Vec<Diagnostic>> {
        let base = self.file.parent().unwrap_or(Path::new(""));
        let (mut given, mut findings) = (Given::default(), Vec::new());
        for file in config::named_files(&read.config) {
            let path = base.join(&file.path);
            let taken = match fs_err::read_to_string(&path) {
                Ok(text) => given.take(&file, Secret::new(text)),
                Err(error) => Err(match error.kind() {
                    ErrorKind::NotFound => "there is no such file".to_owned(),
                    ErrorKind::InvalidData => "it is no text".to_owned(),
                    _ => format!("it cannot be read: {}", error.kind()),
                }),
            };
            if let Err(why) = taken {
                let message = format!("`{}` cannot be used: {why}", file.path);
                let span = read.document.span(&file.key);
                findings.push(
                    Diagnostic::error("files/cannot-be-used", file.key, span, message)
                        .with_help("paths are relative to the file that names them"),
                );
            }
        }
        if findings.is_empty() {
            Ok(given)
        } else {
            Err(findings)
        }
    }

    fn plan(&self, read: &Read, printer: &Printer) -> Result<Plan, Failure> {
        let mut catalogue = self.catalogue()?;
        catalogue.pins = self.pins()?;
        let files = Files::read(&self.file, read)?;
        let mut plan = plan::plan(
            &read.config,
            &read.document,
            &profiles(self.profiles.as_deref())?,
            &catalogue,
        )
        .map_err(|findings| Failure::Findings(read.source.clone(), findings))?;
        if let Err(mut wrong) =
            plan::manifests::add(&mut plan, files.network, files.own, &catalogue)
        {
            let last = wrong.pop().unwrap_or_default();
            for (source, findings) in &wrong {
                printer.findings(source, findings);
            }
            return Err(Failure::Findings(last.0, last.1));
        }
        Ok(plan)
    }

    /// Reads; warnings are printed, errors returned all at once.
    pub(super) fn read(&self, printer: &Printer) -> Result<Read, Failure> {
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
        Ok(Read {
            source,
            config,
            document,
        })
    }

    /// What the lock says of artefacts.
    pub(super) fn pins(&self) -> Result<Pins, Failure> {
        let lock = Lock::read(&self.lock())?;
        Ok(lock.section(pins::SECTION)?.unwrap_or_default())
    }

    /// The catalogue, with `--overlays`.
    pub fn catalogue(&self) -> Result<Catalogue, Failure> {
        Ok(match &self.overlays {
            Some(dir) => Catalogue::with_overrides(dir)?,
            None => Catalogue::embedded()?,
        })
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.state
            .clone()
            .unwrap_or_else(|| self.file.with_file_name("state"))
    }

    /// `firstlight.lock`
    pub fn lock(&self) -> PathBuf {
        self.file.with_file_name("firstlight.lock")
    }
}

/// The profiles, with those of a folder replacing or adding to them.
pub(super) fn profiles(folder: Option<&Path>) -> Result<Profiles, Failure> {
    match folder {
        Some(dir) => Profiles::with_overrides(profile_files(dir)?)
            .map_err(|wrong| Failure::Findings(wrong.0, vec![wrong.1])),
        None => Ok(Profiles::embedded()),
    }
}

/// The `.yml` files of a folder, sorted.
fn profile_files(dir: &Path) -> Result<Vec<Source>, Failure> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "yml") {
            let text = fs_err::read_to_string(&path)?;
            files.push(Source {
                name: path.display().to_string(),
                text,
            });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}
