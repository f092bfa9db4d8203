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

/// How a file begins that is not whole yet.
const PART: &str = ".part-";

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
        let to = dest.join(digest.blob_path());
        place(digest, &store.path(digest), &to).map_err(failed)?;
    }
    let listing = index::listing(all());
    write(dest, "index.json", &listing.json()).map_err(failed)?;
    write(dest, "index", &listing.text()).map_err(failed)?;
    prune(dest, &wanted).map_err(failed)
}

/// The content `digest`, which is at `from`, at `to`, unless it is there; whether it was not.
pub(super) fn place(digest: &Digest, from: &Path, to: &Path) -> io::Result<bool> {
    let (source, found) = (fs::metadata(from)?, fs::symlink_metadata(to).ok());
    let same =
        |found: &std::fs::Metadata| (found.dev(), found.ino()) == (source.dev(), source.ino());
    if found.as_ref().is_some_and(same) {
        return Ok(false);
    }
    let folder = to.parent().expect("a blob lies in a folder");
    let new = tempfile::Builder::new()
        .prefix(PART)
        .tempfile_in(folder)?
        .into_temp_path();
    fs::remove_file(&new)?;
    if std::fs::hard_link(from, &new).is_err() {
        // another file system, or a store of somebody else's
        if found.is_some_and(|found| found.is_file() && found.len() == source.len())
            && Digest::of_reader(digest.algorithm(), fs::File::open(to)?)?.0 == *digest
        {
            return Ok(false);
        }
        fs::copy(from, &new)?;
        fs::set_permissions(&new, std::fs::Permissions::from_mode(0o644))?;
        fs::File::open(&new)?.sync_all()?;
    }
    new.persist(to).map_err(|error| error.error)?;
    Ok(true)
}

/// Writes a list, atomically, unless it is there already.
fn write(dest: &Path, name: &str, text: &str) -> io::Result<()> {
    let path = dest.join(name);
    if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let mut file = tempfile::Builder::new()
        .prefix(PART)
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(dest)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// Removes every blob that is not `wanted`, and what interrupted builds left.
fn prune(dest: &Path, wanted: &BTreeSet<&Digest>) -> io::Result<()> {
    for algorithm in Algorithm::ALL {
        let folder = dest.join("blobs").join(algorithm.name());
        if !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let digest = format!("{}:{name}", algorithm.name()).parse::<Digest>();
            if name.starts_with(PART) || digest.is_ok_and(|digest| !wanted.contains(&digest)) {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}
