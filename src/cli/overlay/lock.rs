//! `firstlight overlay lock`

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::Args;

use super::super::exit::Failure;
use super::super::load::{self, Input, Read};
use super::super::printer::Printer;
use super::progress::Progress;
use super::sources::Sources;
use crate::artefact::store::{self, Learn};
use crate::artefact::{CatalogueError, Digest, Origin, Pins, Unpinned, pins};
use crate::config::model::{Arch, Config};
use crate::lock;
use crate::plan::{addons, installer};

/// Pin what nobody published a digest of, in `firstlight.lock`
///
/// Components of one's own (`--overlays`) whose digests are `null`: what the first source has that has
/// something is pinned, and nothing else is used from then on. A folder has files by their name, and images
/// by theirs, in OCI layouts, in what `docker save` wrote, and in release tarballs. `overlay build` and
/// `overlay pull` do it by themselves, unless `--locked`.
///
/// Distribution packages that hosts have besides (`packages`), with all that they need beyond the image, as
/// the distribution's signed repositories have them now; with `--update` those of the catalogue too, which
/// repositories drop when they are superseded.
///
/// `build` takes the digests from the lock: commit it.
#[derive(Debug, Clone, Args)]
pub struct Lock {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    sources: Sources,
    /// Pin everything anew: also for machines of another architecture that came later
    #[arg(long)]
    update: bool,
    /// Write nothing: fail where the lock is not complete
    #[arg(long, conflicts_with = "update")]
    locked: bool,
}

/// Runs it.
pub(super) fn run(args: &Lock, printer: &Printer) -> Result<(), Failure> {
    let mut locking = Locking::new(&args.input, &args.sources, args.locked);
    locking.anew = args.update;
    locking.whole = true;
    locking.complete(printer)
}

/// How a lock is completed.
pub(super) struct Locking<'a> {
    pub(super) input: &'a Input,
    pub(super) sources: &'a Sources,
    /// It must be complete already.
    pub(super) locked: bool,
    /// What it says is not believed.
    pub(super) anew: bool,
    /// Distribution packages too; and what nobody asks for any more goes.
    whole: bool,
}

impl<'a> Locking<'a> {
    pub(super) fn new(input: &'a Input, sources: &'a Sources, locked: bool) -> Self {
        Self {
            input,
            sources,
            locked,
            anew: false,
            whole: false,
        }
    }

    /// Has the lock pin all that nobody published. What it pins besides stays, unless this is what was asked
    /// for: a forgotten `--overlays` must not lose it.
    pub(super) fn complete(&self, printer: &Printer) -> Result<(), Failure> {
        let read = self.input.read(&printer.quietly())?;
        let config = &read.config;
        let unpublished = self.unpublished(&read)?;
        let known = self.input.pins()?;
        let keys: BTreeSet<&str> = unpublished.iter().map(|u| u.origin.key()).collect();
        let mut upstream = known.upstream.clone();
        upstream.retain(|key, _| !self.whole || (keys.contains(key.as_str()) && !self.anew));
        let lacking: Vec<Unpinned> = unpublished
            .iter()
            .filter(|unpinned| !upstream.contains_key(unpinned.origin.key()))
            .cloned()
            .collect();
        let path = self.input.lock();
        if self.locked {
            complete_already(&path, &lacking)?;
        }
        // an image that came out of an archive is in no registry: it is looked for there again
        let images: BTreeMap<String, Digest> = unpublished
            .iter()
            .filter_map(|unpinned| match &unpinned.origin {
                Origin::Image(name) => Some((name.clone(), *upstream.get(name)?)),
                Origin::File(_) => None,
            })
            .collect();
        if !lacking.is_empty() || !images.is_empty() {
            upstream.extend(self.learn(config, &lacking, &images, printer)?);
        }
        let packages = match self.whole {
            true => self.resolve(config, &known, printer)?,
            false => known.packages.clone(),
        };
        if self.locked {
            return Ok(());
        }
        let pins = Pins { upstream, packages };
        if pins != known {
            lock::Lock::read(&path)?.update(pins::SECTION, &pins)?;
        }
        self.tell(&known, &pins, printer);
        Ok(())
    }

    /// Says what changed.
    fn tell(&self, before: &Pins, now: &Pins, printer: &Printer) {
        let path = self.input.lock();
        let say = |what: String| printer.note(&format!("{}: {what}", path.display()));
        for (key, digest) in &now.upstream {
            if before.upstream.get(key) != Some(digest) {
                say(format!("{key} is {digest}"));
            }
        }
        for key in before.upstream.keys() {
            if !now.upstream.contains_key(key) {
                say(format!("{key} is not asked for any more"));
            }
        }
        for pins in &now.packages {
            if !before.packages.contains(pins) {
                let shown = pins.packages.iter();
                let shown: Vec<_> = shown.map(|p| format!("{} {}", p.name, p.version)).collect();
                let (list, arch) = (&pins.list, pins.arch.as_str());
                say(format!("{list} {arch}: {}", shown.join(", ")));
            }
        }
    }

    /// What the cluster needs that the catalogue has no digest of.
    fn unpublished(&self, read: &Read) -> Result<Vec<Unpinned>, Failure> {
        let config = &read.config;
        let catalogue = self.input.catalogue()?;
        let train = match catalogue.train(&config.kubernetes.version) {
            Ok(train) => train,
            Err(error) if self.whole => return Err(error.into()),
            // planning says it, with its line
            Err(_) => return Ok(Vec::new()),
        };
        let addons = addons::names(config, &train);
        let mut unpublished = BTreeMap::new();
        for host in &config.hosts {
            match train.artefacts(None, host.arch, &addons) {
                Err(CatalogueError::Unpinned { missing, .. }) => {
                    unpublished.extend(missing.into_iter().map(|u| (u.origin.clone(), u)));
                }
                Err(other) => return Err(other.into()),
                Ok(_) => {}
            }
        }
        let profiles = load::profiles(self.input.profiles.as_deref())?;
        for host in config
            .hosts
            .iter()
            .filter(|host| installer::is_installed(host))
        {
            let profile = profiles.get(&host.os);
            for url in profile
                .and_then(|p| installer::boot_files(host, p))
                .into_iter()
                .flatten()
            {
                let unpinned = Unpinned {
                    shown: format!("installer of {} ({})", host.os, host.arch.as_str()),
                    origin: Origin::File(url),
                };
                unpublished.insert(unpinned.origin.clone(), unpinned);
            }
        }
        let files = super::super::manifests::Files::read(&self.input.file, read)?;
        for image in crate::plan::manifests::by_tag(files.network.iter().chain(&files.own)) {
            let unpinned = Unpinned {
                shown: format!("image of manifests {image}"),
                origin: Origin::Image(image),
            };
            unpublished.insert(unpinned.origin.clone(), unpinned);
        }
        Ok(unpublished.into_values().collect())
    }

    fn learn(
        &self,
        config: &Config,
        unpinned: &[Unpinned],
        pinned: &BTreeMap<String, Digest>,
        printer: &Printer,
    ) -> Result<BTreeMap<String, Digest>, Failure> {
        let sources = self.sources.list()?;
        let hosts = config.hosts.iter();
        let architectures: BTreeSet<Arch> = hosts.map(|host| host.arch).collect();
        let architectures: Vec<Arch> = architectures.into_iter().collect();
        let request = Learn {
            unpinned,
            pinned,
            architectures: &architectures,
            sources: &sources,
            store: &self.sources.store("--store", &self.input.lock())?,
            ca_file: self.sources.ca_file(),
            credentials: &self.sources.credentials()?,
        };
        let mut progress = Progress::new(printer, unpinned.len());
        let learned = store::learn(&request, &mut |event| progress.tell(event));
        progress.end();
        Ok(learned?)
    }
}

fn complete_already(lock: &Path, lacking: &[Unpinned]) -> Result<(), Failure> {
    if lacking.is_empty() {
        return Ok(());
    }
    let lines = lacking
        .iter()
        .map(|unpinned| format!("\n  {unpinned}: {}", unpinned.origin.key()));
    let lines: String = lines.collect();
    Err(Failure::message(
        lock,
        &format!(
            "does not pin what `--locked` asks for:{lines}\nhint: run `firstlight overlay lock`, and commit the file"
        ),
    ))
}
