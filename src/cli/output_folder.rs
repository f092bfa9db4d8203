//! A folder that a command fills: ours or nobody's, and one command's at a time.

use std::path::Path;

use fs_err::File;

use super::exit::Failure;
use super::printer::Printer;
use crate::pack::atomic;

/// Marks a folder as ours from the first moment, so that an interrupted build can be repaired. Whoever has it locked
/// is the one that writes there.
const MARKER: &str = ".firstlight";
/// What `overlay build` makes, often within the folder that `build` makes.
const OVERLAYS: &str = "overlays";

/// Makes the folder ours, and ours alone until what is returned is dropped: another build would remove what this one
/// is about to write. One that somebody else filled is refused; another build's is waited for.
pub(super) fn hold(root: &Path, printer: &Printer) -> Result<File, Failure> {
    // in this order: whoever made what is found had made the marker before
    if is_filled(root)? && !root.join(MARKER).exists() {
        return Err(Failure::ForeignOutput(root.to_owned()));
    }
    make(root, 0o755)?;
    let text = b"made by firstlight; everything here can be made again\n";
    atomic::write_if_changed(&root.join(MARKER), 0o644, text)?;
    let marker = File::open(root.join(MARKER))?;
    if marker.file().try_lock().is_err() {
        printer.note(&format!("{}: another build is at work", root.display()));
        marker.file().lock()?;
    }
    Ok(marker)
}

/// Makes a folder and those above it. One that may hold secrets is the user's alone from the first moment.
pub(super) fn make(path: &Path, mode: u32) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    if path.is_dir() {
        return Ok(());
    }
    let created = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path);
    created.map_err(|e| Failure::message(path, &format!("cannot make this folder: {e}")))
}

/// Whether a folder holds anything but overlays and what marks it, which another build may be writing just now.
fn is_filled(root: &Path) -> Result<bool, Failure> {
    if !root.exists() {
        return Ok(false);
    }
    for entry in fs_err::read_dir(root)? {
        let name = entry?.file_name();
        if name != OVERLAYS && !name.to_string_lossy().starts_with(MARKER) {
            return Ok(true);
        }
    }
    Ok(false)
}
