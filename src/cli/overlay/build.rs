//! `firstlight overlay build`

use std::path::{Path, PathBuf};

use clap::Args;
use fs_err::File;

use super::super::exit::Failure;
use super::super::load::Input;
use super::super::output_folder;
use super::super::printer::Printer;
use super::lock::Locking;
use super::progress::Progress;
use super::sets::sets;
use super::sources::Sources;
use crate::artefact::store::{self, Content, Request, StoreFile};
use crate::pack::{atomic, iso9660, tar};

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
    #[command(flatten)]
    sources: Sources,
    /// Where to write it: a folder that is new, empty, or of an earlier build, from which goes what this
    /// cluster does not need [default: `out/overlays` beside FILE]
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    out: Option<PathBuf>,
    /// Fail where `firstlight.lock` does not pin something, rather than pin what is found
    #[arg(long)]
    locked: bool,
    /// Write only the folder
    #[arg(long)]
    folder_only: bool,
    /// Make tar and ISO for masters and for workers apart, which are smaller
    #[arg(long, conflicts_with = "folder_only")]
    by_role: bool,
}

/// Runs it.
pub(super) fn run(args: &Build, printer: &Printer) -> Result<(), Failure> {
    let sources = args.sources.list()?;
    Locking::new(&args.input, &args.sources, args.locked).complete(printer)?;
    let plan = args.input.load(printer)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.input.file.with_file_name("out").join("overlays"));
    let sets = sets(&plan, args.by_role);
    let store = args.sources.store("--out", &out)?;
    let _held = hold(&out, printer)?;
    let request = Request {
        sets: &sets,
        sources: &sources,
        store: &store,
        dest: &out,
        ca_file: args.sources.ca_file(),
        credentials: &args.sources.credentials()?,
    };
    let artefacts = sets.iter().map(|set| set.artefacts.len()).sum();
    let mut progress = Progress::new(printer, artefacts);
    let report = store::build(&request, &mut |event| progress.tell(event));
    progress.end();
    let report = report?;
    printer.note(&format!(
        "{}: {} files, {} of them new in {}",
        out.display(),
        report.kept + report.added,
        report.added,
        store.display()
    ));
    if !args.folder_only {
        let packed = || {
            sets.iter()
                .zip(&report.sets)
                .filter(|(set, _)| set.attached)
        };
        for (set, laid) in packed() {
            fits_an_iso(&set.name, &laid.files)?;
        }
        for (set, laid) in packed() {
            let beside = |extension| beside(&out.join(&set.name), extension);
            pack(&laid.files, &[".tar", ".iso"].map(beside), printer)?;
            let sbom = store::sbom(&set.name, &laid.listing);
            atomic::write_if_changed(&beside(".cdx.json"), 0o644, sbom.as_bytes())?;
            printer.note(&format!("{}", beside(".cdx.json").display()));
        }
    }
    Ok(())
}

/// Takes the output folder, and removes what an interrupted build left.
fn hold(out: &Path, printer: &Printer) -> Result<File, Failure> {
    let held = output_folder::hold(out, printer)?;
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
    Ok(held)
}

/// An ISO's files are shorter than 4 GiB (ECMA-119 §9.1.4 has 32 bits for their length).
fn fits_an_iso(set: &str, files: &[StoreFile]) -> Result<(), Failure> {
    let limit = u64::from(u32::MAX);
    let too_large = files.iter().find_map(|file| match file.content {
        Content::Blob { size, .. } if size > limit => Some((&file.path, size)),
        _ => None,
    });
    match too_large {
        None => Ok(()),
        Some((path, size)) => Err(Failure::Message(format!(
            "`{set}.iso` cannot be made: `{path}` has {size} bytes, and a file in an ISO at most {limit}\nhint: \
             `--folder-only` makes what a web server serves, without such a limit"
        ))),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_an_iso_is_told_before_anything_is_packed() {
        let file = |size| StoreFile {
            path: "blobs/sha256/00".to_owned(),
            content: Content::Blob {
                file: "absent".into(),
                size,
            },
        };
        assert!(fits_an_iso("debian-12-amd64-1.34", &[file(u64::from(u32::MAX))]).is_ok());
        let refused = fits_an_iso("debian-12-amd64-1.34", &[file(1), file(1 << 32)]);
        insta::assert_snapshot!(refused.unwrap_err().to_string(), @r"
        `debian-12-amd64-1.34.iso` cannot be made: `blobs/sha256/00` has 4294967296 bytes, and a file in an ISO at most 4294967295
        hint: `--folder-only` makes what a web server serves, without such a limit
        ");
    }
}
