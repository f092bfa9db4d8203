//! `firstlight overlay build`

use std::path::{Path, PathBuf};

use clap::Args;
use fs_err::File;

use super::super::build::{MARKER, make_ours};
use super::super::exit::Failure;
use super::super::load::Input;
use super::super::printer::Printer;
use crate::artefact::store::{self, Content, Event, Request, Set, Source, StoreFile};
use crate::pack::{atomic, iso9660, tar};
use crate::plan::Plan;

/// Gather everything the cluster's nodes need, verified by digest
///
/// Makes a folder with what all nodes need together, to be put on any web server: its URL is
/// `artefacts.mirror`. Beside it, for each operating system and architecture, a tar, an ISO and a bill of
/// materials (CycloneDX); the ISO, labelled FIRSTLIGHT, is attached to machines that reach no server. The
/// same input gives the same bytes.
///
/// What was had once is kept in a store that all builds share, also when this build is interrupted: the
/// next one goes on where it ended.
#[derive(Debug, Clone, Args)]
pub struct Build {
    #[command(flatten)]
    input: Input,
    /// Folder, searched by content whatever its files are called, or HTTP(S) root of another overlay
    /// folder; may be given more than once [default: upstream]
    #[arg(long, value_name = "DIR|URL")]
    from: Vec<String>,
    /// Ask upstream for what no `--from` has
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
    /// Where to write it: a folder that is new, empty, or of an earlier build, from which goes what this
    /// cluster does not need [default: `out/overlays` beside FILE]
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write only the folder
    #[arg(long)]
    folder_only: bool,
}

/// Runs it.
pub(super) fn run(args: &Build, printer: &Printer) -> Result<(), Failure> {
    let sources = sources(args)?;
    let plan = args.input.load(printer)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.input.file.with_file_name("out").join("overlays"));
    let sets = sets(&plan);
    let store = args.store.clone().map_or_else(shared_store, Ok)?;
    fs_err::create_dir_all(&store)?;
    if fs_err::canonicalize(&store).ok() == fs_err::canonicalize(&out).ok() {
        return Err(Failure::message(
            &out,
            "this is the store that all builds share\nhint: choose another folder with `--out`",
        ));
    }
    let _held = hold(&out, printer)?;
    let request = Request {
        sets: &sets,
        sources: &sources,
        store: &store,
        dest: &out,
        ca_file: args.ca_file.as_deref(),
    };
    let bar = printer.bar(
        "artefacts",
        sets.iter().map(|set| set.artefacts.len()).sum(),
    );
    let report = store::build(&request, &mut |event| match event {
        Event::Artefact(name) => bar.set_message(name.to_owned()),
        Event::Done => bar.inc(1),
        Event::Scanning(folder) => bar.set_message(format!("searching {}", folder.display())),
        Event::Bytes(_) => {}
    })?;
    bar.finish_and_clear();
    printer.note(&format!(
        "{}: {} files, {} of them new in {}",
        out.display(),
        report.kept + report.added,
        report.added,
        store.display()
    ));
    if !args.folder_only {
        for (set, laid) in sets.iter().zip(&report.sets) {
            let beside = |extension| beside(&out.join(&set.name), extension);
            pack(&laid.files, &[".tar", ".iso"].map(beside), printer)?;
            let sbom = store::sbom(&set.name, &laid.listing);
            atomic::write_if_changed(&beside(".cdx.json"), 0o644, sbom.as_bytes())?;
            printer.note(&format!("{}", beside(".cdx.json").display()));
        }
    }
    Ok(())
}

/// Makes the output folder ours, and ours alone until what is returned is dropped: another build would
/// remove what this one is about to write. What an interrupted one left goes.
fn hold(out: &Path, printer: &Printer) -> Result<File, Failure> {
    make_ours(out)?;
    let marker = File::open(out.join(MARKER))?;
    if marker.file().try_lock().is_err() {
        printer.note(&format!("{}: another build is at work", out.display()));
        marker.file().lock()?;
    }
    for entry in fs_err::read_dir(out)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if [atomic::TEMPORARY_PREFIX, ".part-"]
            .iter()
            .any(|p| name.starts_with(p))
        {
            fs_err::remove_file(entry.path())?;
        }
    }
    Ok(marker)
}

/// Where to look, in this order.
fn sources(args: &Build) -> Result<Vec<Source>, Failure> {
    let mut sources: Vec<Source> = args.from.iter().map(|s| source(s)).collect();
    if let (true, Some(Source::Mirror(url))) = (
        args.offline,
        sources.iter().find(|s| matches!(s, Source::Mirror(_))),
    ) {
        return Err(Failure::Message(format!(
            "`--offline` asks no network, but `--from {url}` is on it\nhint: leave one of them out"
        )));
    }
    if args.upstream || (sources.is_empty() && !args.offline) {
        sources.push(Source::Upstream);
    }
    Ok(sources)
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

fn source(text: &str) -> Source {
    if text.starts_with("http://") || text.starts_with("https://") {
        Source::Mirror(text.trim_end_matches('/').to_owned())
    } else {
        Source::Folder(PathBuf::from(text))
    }
}

/// One set per profile and architecture: what its masters and workers need together.
fn sets(plan: &Plan) -> Vec<Set> {
    let mut sets: Vec<Set> = Vec::new();
    for node in &plan.nodes {
        let name = format!(
            "{}-{}-{}",
            node.profile.name,
            node.arch.as_str(),
            plan.release.train
        );
        let at = sets
            .iter()
            .position(|set| set.name == name)
            .unwrap_or_else(|| {
                sets.push(Set {
                    name,
                    arch: node.arch,
                    artefacts: Vec::new(),
                });
                sets.len() - 1
            });
        for artefact in &node.needs {
            if !sets[at].artefacts.contains(artefact) {
                sets[at].artefacts.push(artefact.clone());
            }
        }
    }
    sets
}

/// The same files as one tar, the index first, and as an ISO with the label that nodes look for.
fn pack(
    files: &[StoreFile],
    [tar_path, iso_path]: &[PathBuf; 2],
    printer: &Printer,
) -> Result<(), Failure> {
    let mut archive = tar::Archive::new();
    let mut iso = iso9660::IsoImage::new("FIRSTLIGHT");
    let text = |e: &dyn std::error::Error| {
        Failure::Message(format!(
            "{e}{}",
            e.source().map(|s| format!(": {s}")).unwrap_or_default()
        ))
    };
    for f in files {
        let content = || match &f.content {
            Content::Text(text) => crate::pack::Source::Bytes(text.clone().into_bytes()),
            Content::Blob { file, size } => crate::pack::Source::File {
                path: file.clone(),
                len: *size,
            },
        };
        archive
            .add(
                &f.path,
                tar::Entry::File {
                    content: content(),
                    mode: 0o644,
                },
            )
            .map_err(|e| text(&e))?;
        iso.add(&f.path, iso9660::File::new(content()))?;
    }
    atomic::write_with(tar_path, 0o644, |out| archive.write(&mut &mut *out))
        .map_err(|e| text(&e))?;
    printer.note(&format!("{}", tar_path.display()));
    atomic::write_with(iso_path, 0o644, |out| iso9660::write(&iso, &mut &mut *out))
        .map_err(|e| text(&e))?;
    printer.note(&format!("{}", iso_path.display()));
    Ok(())
}

/// `debian-12-amd64-1.34` has a dot: `with_extension` would cut the train's minor.
fn beside(folder: &Path, extension: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(extension);
    PathBuf::from(name)
}
