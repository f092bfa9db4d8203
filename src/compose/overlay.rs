//! The plain files of `overlays/` that are put on nodes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};

static OVERLAYS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/overlays");

/// Content of every file by path; `Dir` itself compares its way through all of them.
static FILES: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let mut files = BTreeMap::new();
    let mut folders = vec![&OVERLAYS];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        let text = folder
            .files()
            .filter_map(|f| Some((f.path().to_str()?, f.contents_utf8()?)));
        files.extend(text);
    }
    files
});

/// A file of `overlays/` by its path there.
///
/// # Panics
/// When there is none: paths are written in this program and tried by every test.
pub(super) fn file(path: &str) -> &'static str {
    FILES
        .get(path)
        .unwrap_or_else(|| panic!("overlays/{path} is part of the program"))
}

/// Every file of a folder of `overlays/`: name and content, sorted by name.
pub(super) fn folder(path: &str) -> Vec<(&'static str, &'static str)> {
    let start = format!("{path}/");
    let below = FILES
        .range::<str, _>((Bound::Included(start.as_str()), Bound::Unbounded))
        .map_while(|(at, content)| Some((at.strip_prefix(&start)?, *content)));
    let files: Vec<_> = below.filter(|(name, _)| !name.contains('/')).collect();
    assert!(!files.is_empty(), "overlays/{path} is part of the program");
    files
}
