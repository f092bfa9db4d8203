//! The plain files of `overlays/` that are put on nodes.

use include_dir::{Dir, include_dir};

static OVERLAYS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/overlays");

/// A file of `overlays/` by its path there.
///
/// # Panics
/// When there is none: paths are written in this program and tried by every test.
pub(super) fn file(path: &str) -> &'static str {
    OVERLAYS
        .get_file(path)
        .and_then(|f| f.contents_utf8())
        .unwrap_or_else(|| panic!("overlays/{path} is part of the program"))
}

/// Every file of a folder of `overlays/`: name and content, sorted by name.
pub(super) fn folder(path: &str) -> Vec<(&'static str, &'static str)> {
    let dir = OVERLAYS
        .get_dir(path)
        .unwrap_or_else(|| panic!("overlays/{path} is part of the program"));
    let mut files: Vec<_> = dir
        .files()
        .filter_map(|f| Some((f.path().file_name()?.to_str()?, f.contents_utf8()?)))
        .collect();
    files.sort_unstable();
    files
}
