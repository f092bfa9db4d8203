//! An overlay, read back: the folder, its tar or its ISO.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use fs_err::File;

use super::super::exit::Failure;
use crate::artefact::Algorithm;
use crate::artefact::store::Listing;
use crate::pack::iso9660;

/// Where each of its files lies, by path.
pub(super) struct Opened {
    path: PathBuf,
    members: BTreeMap<String, Member>,
}

/// A part of a file on disk.
struct Member {
    file: PathBuf,
    offset: u64,
    size: u64,
}

/// Lists are read whole; one of a thousand artefacts has a megabyte.
const LISTING_LIMIT: u64 = 256 << 20;

impl Opened {
    /// Whatever of the three it is.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let mut members = BTreeMap::new();
        if path.is_dir() {
            folder(path, &mut members)?;
        } else {
            let mut file = File::open(path)?;
            let mut add = |name: String, offset, size| {
                let file = path.to_owned();
                members.insert(name, Member { file, offset, size });
            };
            match iso9660::extents(&mut file).map_err(|error| damaged(path, &error))? {
                Some(extents) => extents
                    .into_iter()
                    .for_each(|extent| add(extent.path, extent.offset, extent.size)),
                None => tar_members(file, &mut add).map_err(|error| damaged(path, &error))?,
            }
        }
        let opened = Self {
            path: path.to_owned(),
            members,
        };
        if opened.members.contains_key("index.json") {
            return Ok(opened);
        }
        Err(Failure::message(
            path,
            "this is no overlay: there is no `index.json` in it\nhint: name what `firstlight overlay build` made, the folder, a tar or an ISO",
        ))
    }

    /// What it says it holds.
    pub(super) fn listing(&self) -> Result<Listing, Failure> {
        let mut bytes = Vec::new();
        let reader = self.read("index.json")?.expect("looked for when opened");
        reader.take(LISTING_LIMIT).read_to_end(&mut bytes)?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::message(&self.path, &format!("`index.json` is damaged: {error}"))
        })
    }

    /// A reader of one of its files.
    pub(super) fn read(&self, name: &str) -> io::Result<Option<impl Read + use<>>> {
        let Some(member) = self.members.get(name) else {
            return Ok(None);
        };
        let mut file = File::open(&member.file)?;
        file.seek(SeekFrom::Start(member.offset))?;
        Ok(Some(file.take(member.size)))
    }

    /// Length in bytes of one of its files.
    pub(super) fn size(&self, name: &str) -> u64 {
        self.members.get(name).map_or(0, |member| member.size)
    }
}

fn damaged(path: &Path, error: &io::Error) -> Failure {
    Failure::message(path, &format!("this is no whole overlay: {error}"))
}

/// What belongs to an overlay, whatever else is in the folder.
fn folder(root: &Path, members: &mut BTreeMap<String, Member>) -> io::Result<()> {
    let mut names = vec!["index".to_owned(), "index.json".to_owned()];
    for algorithm in Algorithm::ALL {
        let below = format!("blobs/{}", algorithm.name());
        let folder = root.join(&below);
        if folder.is_dir() {
            for entry in fs_err::read_dir(folder)? {
                names.push(format!("{below}/{}", entry?.file_name().to_string_lossy()));
            }
        }
    }
    for name in names {
        let file = root.join(&name);
        if let Ok(about) = fs_err::metadata(&file) {
            let (offset, size) = (0, about.len());
            members.insert(name, Member { file, offset, size });
        }
    }
    Ok(())
}

/// The files of a tar, none of which is unpacked. One that ends early is an error.
fn tar_members(mut file: File, add: &mut dyn FnMut(String, u64, u64)) -> io::Result<()> {
    file.rewind()?;
    let length = file.metadata()?.len();
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let (offset, size) = (entry.raw_file_position(), entry.size());
        if offset + size > length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if entry.header().entry_type().is_file() {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            add(name, offset, size);
        }
    }
    Ok(())
}
