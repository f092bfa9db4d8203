//! `firstlight overlay`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::exit::Failure;
use super::load::Input;
use super::printer::Printer;
use crate::artefact::Artefact;
use crate::artefact::store::{self, Event, Request, Source, StoreFile};
use crate::config::model::Arch;
use crate::pack::{atomic, iso9660, tar};
use crate::plan::Plan;

/// Gather the programs, packages and images that nodes need, for networks without internet
#[derive(Debug, Clone, Subcommand)]
pub enum Overlay {
    Build(Build),
}

/// Gather everything the cluster's nodes need, verified by digest
///
/// One set per operating system and architecture, as a folder, a tar and an ISO with the same files.
/// The folder, on any web server, is what `artefacts.mirror` points at; the ISO, labelled FIRSTLIGHT,
/// is attached to machines that reach no server. The same input gives the same bytes.
#[derive(Debug, Clone, Args)]
pub struct Build {
    #[command(flatten)]
    input: Input,
    /// Folder, searched by content whatever its files are called, or HTTP(S) root of another store;
    /// may be given more than once [default: upstream]
    #[arg(long, value_name = "DIR|URL")]
    from: Vec<String>,
    /// Ask upstream for what no `--from` has
    #[arg(long)]
    upstream: bool,
    /// Certificate authority to trust besides the public ones, as PEM, for mirrors and proxies
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Where to write it [default: `out/overlays` beside FILE]
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write only the folder
    #[arg(long)]
    folder_only: bool,
}

/// Runs it.
pub fn run(args: &Overlay, printer: &Printer) -> Result<(), Failure> {
    let Overlay::Build(args) = args;
    let plan = args.input.load(printer)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.input.file.with_file_name("out").join("overlays"));
    let mut sources: Vec<Source> = args.from.iter().map(|s| source(s)).collect();
    if args.upstream || sources.is_empty() {
        sources.push(Source::Upstream);
    }
    for (name, arch, artefacts) in sets(&plan) {
        let dest = out.join(&name);
        let bar = printer.bar("artefacts", artefacts.len());
        let report = store::build(
            &Request {
                artefacts: &artefacts,
                arch,
                sources: &sources,
                dest: &dest,
                ca_file: args.ca_file.as_deref(),
            },
            &mut |event| {
                if let Event::Artefact { number, name, .. } = event {
                    bar.set_position(number as u64);
                    bar.set_message(name.to_owned());
                }
            },
        )?;
        bar.finish_and_clear();
        printer.note(&format!(
            "{}: {} files, {} of them new",
            dest.display(),
            report.files.len(),
            report.added
        ));
        if !args.folder_only {
            pack(
                &report.files,
                &beside(&dest, ".tar"),
                &beside(&dest, ".iso"),
                printer,
            )?;
        }
    }
    Ok(())
}

fn source(text: &str) -> Source {
    if text.starts_with("http://") || text.starts_with("https://") {
        Source::Mirror(text.trim_end_matches('/').to_owned())
    } else {
        Source::Folder(PathBuf::from(text))
    }
}

/// One set per profile and architecture: what its masters and workers need together.
fn sets(plan: &Plan) -> Vec<(String, Arch, Vec<Artefact>)> {
    let mut sets: Vec<(String, Arch, Vec<Artefact>)> = Vec::new();
    for node in &plan.nodes {
        let name = format!(
            "{}-{}-{}",
            node.profile.name,
            node.arch.as_str(),
            plan.release.train
        );
        let at = sets
            .iter()
            .position(|(n, ..)| *n == name)
            .unwrap_or_else(|| {
                sets.push((name.clone(), node.arch, Vec::new()));
                sets.len() - 1
            });
        for artefact in &node.needs {
            if !sets[at].2.contains(artefact) {
                sets[at].2.push(artefact.clone());
            }
        }
    }
    sets
}

/// The same files as one tar, the index first, and as an ISO with the label that nodes look for.
fn pack(
    files: &[StoreFile],
    tar_path: &Path,
    iso_path: &Path,
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
        let content = || crate::pack::Source::File {
            path: f.file.clone(),
            len: f.size,
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
