//! The folder that is served, mounted and packed: what one description needs, and nothing else.
//!
//! Contents are hard links to the store's where one file system holds both, and copies elsewhere.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use fs_err as fs;

use super::blobs::Blobs;
use super::error::StoreError;
use super::index::{self, Held};
use crate::artefact::digest::{Algorithm, Digest};

/// Makes `dest` hold what `sets` hold: what it lacks first, then the lists, then nothing that the lists
/// do not name, so that a reader at any moment finds what its list promised.
pub(super) fn fill(dest: &Path, store: &Blobs, sets: &[Vec<Held<'_>>]) -> Result<(), StoreError> {
    let failed = |source| StoreError::Write {
        store: dest.to_owned(),
        source,
    };
    let all = || sets.iter().flatten();
    let wanted: BTreeSet<&Digest> = index::blobs(all()).collect();
    for algorithm in Algorithm::ALL {
        if wanted.iter().any(|digest| digest.algorithm() == algorithm) {
            let folder = dest.join("blobs").join(algorithm.name());
            fs::create_dir_all(folder).map_err(failed)?;
        }
    }
    for digest in &wanted {
        place(&store.path(digest), &dest.join(digest.blob_path())).map_err(failed)?;
    }
    write(dest, "index.json", &index::json(all())).map_err(failed)?;
    write(dest, "index", &index::text(all())).map_err(failed)?;
    prune(dest, &wanted).map_err(failed)
}

/// The file `from` at `to`, unless it is there.
fn place(from: &Path, to: &Path) -> io::Result<()> {
    let (source, found) = (fs::metadata(from)?, fs::symlink_metadata(to));
    if found.is_ok_and(|found| (found.dev(), found.ino()) == (source.dev(), source.ino())) {
        return Ok(());
    }
    let folder = to.parent().expect("a blob lies in a folder");
    let new = tempfile::Builder::new()
        .prefix(".part-")
        .tempfile_in(folder)?;
    let path = new.into_temp_path();
    fs::remove_file(&path)?;
    if std::fs::hard_link(from, &path).is_err() {
        fs::copy(from, &path)?;
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
        fs::File::open(&path)?.sync_all()?;
    }
    path.persist(to).map_err(|error| error.error)
}

/// Writes a list, atomically, unless it is there already.
fn write(dest: &Path, name: &str, text: &str) -> io::Result<()> {
    let path = dest.join(name);
    if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let mut file = tempfile::Builder::new()
        .prefix(".part-")
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(dest)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// Removes every blob that is not `wanted`, and what interrupted builds left.
fn prune(dest: &Path, wanted: &BTreeSet<&Digest>) -> io::Result<()> {
    let wanted: BTreeSet<_> = wanted
        .iter()
        .map(|digest| dest.join(digest.blob_path()))
        .collect();
    for algorithm in Algorithm::ALL {
        let folder = dest.join("blobs").join(algorithm.name());
        if !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if !wanted.contains(&path) {
                fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}
