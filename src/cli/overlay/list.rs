//! `firstlight overlay list`

use std::path::PathBuf;

use clap::Args;

use super::super::Format;
use super::super::exit::Failure;
use super::super::printer::Printer;
use super::super::table::{row, table};
use super::opened::Opened;
use crate::artefact::store::Listed;

/// Show what an overlay holds: versions, sizes, licences, origins
#[derive(Debug, Clone, Args)]
pub struct List {
    /// The folder, a tar or an ISO that `overlay build` made
    #[arg(value_name = "OVERLAY", default_value = "out/overlays")]
    overlay: PathBuf,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs it.
pub(super) fn run(args: &List, printer: &Printer) -> Result<(), Failure> {
    let opened = Opened::open(&args.overlay)?;
    let listing = opened.listing()?;
    if args.format == Format::Json {
        printer.data(&listing.json());
        return Ok(());
    }
    let head = ["COMPONENT", "VERSION", "ARCH", "SIZE", "LICENCE", "ORIGIN"];
    let line = |listed: &Listed| {
        let contents = listed.contents().iter();
        let size = contents
            .map(|digest| opened.size(&digest.blob_path()))
            .sum();
        row([
            &listed.component,
            &listed.version,
            &listed.arch,
            &mebibytes(size),
            &listed.licence,
            &listed.origin,
        ])
    };
    let lines = listing.artefacts.iter().map(line);
    let rows: Vec<_> = std::iter::once(row(head)).chain(lines).collect();
    printer.data(&table(&rows));
    Ok(())
}

/// In MiB with one digit after the point, rounded up, so that nothing has none.
fn mebibytes(bytes: u64) -> String {
    let tenths = (bytes * 10).div_ceil(1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
