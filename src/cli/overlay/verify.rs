//! `firstlight overlay verify`

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use rayon::prelude::*;

use super::super::exit::Failure;
use super::super::printer::Printer;
use super::opened::Opened;
use crate::artefact::Digest;

/// Compute the digest of everything in an overlay again
///
/// Nodes do the same before they use anything; this says it before anybody drives to the machines.
#[derive(Debug, Clone, Args)]
pub struct Verify {
    /// The folder, a tar or an ISO that `overlay build` made
    #[arg(value_name = "OVERLAY", default_value = "out/overlays")]
    overlay: PathBuf,
}

/// Runs it.
pub(super) fn run(args: &Verify, printer: &Printer) -> Result<(), Failure> {
    let opened = Opened::open(&args.overlay)?;
    let listing = opened.listing()?;
    // content by the artefacts that need it, so that a message can name them
    let mut contents: BTreeMap<&Digest, Vec<&str>> = BTreeMap::new();
    for listed in &listing.artefacts {
        for digest in listed.contents() {
            contents.entry(digest).or_default().push(&listed.name);
        }
    }
    let mut index = String::new();
    if let Some(mut reader) = opened.read("index")? {
        reader.read_to_string(&mut index)?;
    }
    // what nodes read, and nobody else
    let lists = (index != listing.text()).then(|| "  index: not what `index.json` says".to_owned());
    let mut problems: Vec<String> = contents
        .par_iter()
        .filter_map(|(digest, names)| {
            let problem = problem(&opened, digest)?;
            Some(format!(
                "  {} ({}): {problem}",
                digest.blob_path(),
                names.join(", ")
            ))
        })
        .collect();
    problems.extend(lists);
    if !problems.is_empty() {
        return Err(Failure::message(
            &args.overlay,
            &format!(
                "{} of {} files are not what they must be:\n{}\nhint: `firstlight overlay build` makes it whole again",
                problems.len(),
                contents.len() + 2,
                problems.join("\n")
            ),
        ));
    }
    printer.note(&format!(
        "{}: {} artefacts, {} contents, every digest right",
        args.overlay.display(),
        listing.artefacts.len(),
        contents.len()
    ));
    Ok(())
}

/// What is wrong with a content.
fn problem(opened: &Opened, digest: &Digest) -> Option<String> {
    let reader = match opened.read(&digest.blob_path()) {
        Ok(Some(reader)) => reader,
        Ok(None) => return Some("missing".to_owned()),
        Err(error) => return Some(error.to_string()),
    };
    match Digest::of_reader(digest.algorithm(), reader) {
        Ok((got, _)) if got == *digest => None,
        Ok((got, size)) => Some(format!("got {got} ({size} bytes)")),
        Err(error) => Some(error.to_string()),
    }
}
