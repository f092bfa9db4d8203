//! Where artefacts may come from.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use fs_err as fs;
use rayon::prelude::*;

use super::archive;
use super::error::StoreError;
use super::registry_mirror::RegistryMirror;
use super::upstream::Copy;
use crate::artefact::digest::{Algorithm, Digest, Hasher};

/// Where artefacts may come from; asked in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A folder, searched by content: names do not matter. OCI layouts in it count, packed
    /// (`*.tar`) or not.
    Folder(PathBuf),
    /// HTTP(S) root of a store.
    Mirror(String),
    /// A copy of upstream by host and path.
    Copy(Copy),
    /// A registry that has the images of another one.
    Registry(RegistryMirror),
    /// Each artefact's own URL, each image's own registry.
    Upstream,
}

/// Where some content lies.
#[derive(Debug, Clone)]
struct Place {
    file: PathBuf,
    offset: u64,
    size: u64,
}

/// What a folder holds, by content.
#[derive(Default)]
pub(super) struct Holdings {
    places: BTreeMap<Digest, Place>,
    /// File name to every file of that name, for messages about wrong content.
    names: BTreeMap<String, Vec<(PathBuf, u64)>>,
    /// Archives that could not be read to the end.
    pub(super) notes: Vec<String>,
}

impl Holdings {
    /// Hashes every file below `folder` once.
    pub(super) fn scan(
        folder: &Path,
        algorithms: &BTreeSet<Algorithm>,
    ) -> Result<Self, StoreError> {
        let mut files = Vec::new();
        walk(folder, &mut files).map_err(StoreError::Read)?;
        let mut holdings = Self::default();
        let hashed: Vec<io::Result<Vec<Digest>>> = files
            .par_iter()
            .map(|(file, _)| hash_all(file, algorithms))
            .collect();
        for ((file, size), digests) in files.into_iter().zip(hashed) {
            for digest in digests.map_err(StoreError::Read)? {
                let (file, offset) = (file.clone(), 0);
                holdings
                    .places
                    .entry(digest)
                    .or_insert(Place { file, offset, size });
            }
            if file.extension().is_some_and(|extension| extension == "tar") {
                holdings.add_archive(&file)?;
            }
            if let Some(name) = file.file_name() {
                let name = name.to_string_lossy().into_owned();
                holdings.names.entry(name).or_default().push((file, size));
            }
        }
        Ok(holdings)
    }

    fn add_archive(&mut self, file: &Path) -> Result<(), StoreError> {
        let contents = archive::contents(file)?;
        for member in contents.members {
            self.places.entry(member.digest).or_insert(Place {
                file: file.to_owned(),
                offset: member.offset,
                size: member.size,
            });
        }
        if let Some(error) = contents.broken {
            self.notes.push(format!(
                "`{}` is no whole tar archive: {error}",
                file.display()
            ));
        }
        Ok(())
    }

    /// A reader for some content, and where it comes from.
    pub(super) fn open(&self, digest: &Digest) -> io::Result<Option<(String, impl Read + use<>)>> {
        let Some(place) = self.places.get(digest) else {
            return Ok(None);
        };
        let mut file = fs::File::open(&place.file)?;
        file.seek(SeekFrom::Start(place.offset))?;
        Ok(Some((
            place.file.display().to_string(),
            file.take(place.size),
        )))
    }

    /// Files called `name`: with other content than asked for, as they were not found by it.
    pub(super) fn namesakes(&self, name: &str) -> &[(PathBuf, u64)] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Regular files below `folder`, sorted. Links to files count, links to folders do not: they
/// could lead in a circle.
pub(super) fn walk(folder: &Path, files: &mut Vec<(PathBuf, u64)>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            walk(&path, files)?;
            continue;
        }
        let metadata = fs::metadata(&path)?;
        if metadata.is_file() {
            files.push((path, metadata.len()));
        }
    }
    Ok(())
}

/// Digests of one file by several algorithms, in one pass.
fn hash_all(file: &Path, algorithms: &BTreeSet<Algorithm>) -> io::Result<Vec<Digest>> {
    let mut hashers: Vec<Hasher> = algorithms.iter().copied().map(Hasher::new).collect();
    let mut file = fs::File::open(file)?;
    let mut buffer = vec![0; 1 << 17];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(hashers.into_iter().map(Hasher::finish).collect());
        }
        for hasher in &mut hashers {
            hasher.update(&buffer[..count]);
        }
    }
}
