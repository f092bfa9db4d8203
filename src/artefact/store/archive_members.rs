//! What tar archives hold whose content nobody published a digest of: read as a stream, plain or
//! compressed, without unpacking anything.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use fs_err as fs;
use tar::EntryType;

use super::archive::stays_inside;
use super::docker_archive::DockerArchiveError;
use super::image::DOCUMENT_LIMIT;
use crate::artefact::digest::{Algorithm, Digest, Hasher};

const BLOCK: usize = 512;
/// Links to links; docker writes none.
const LINKS: usize = 8;

/// A file inside an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Of its content.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    archive: PathBuf,
    gzip: bool,
    /// In the archive, once that is decompressed.
    offset: u64,
    compression: Option<&'static str>,
}

impl Part {
    /// Its content. What lies in a compressed archive is read from the archive's beginning.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let mut file = fs::File::open(&self.archive)?;
        if !self.gzip {
            file.seek(SeekFrom::Start(self.offset))?;
            return Ok(Box::new(file.take(self.size)));
        }
        let mut stream = MultiGzDecoder::new(BufReader::new(file));
        io::copy(&mut (&mut stream).take(self.offset), &mut io::sink())?;
        Ok(Box::new(stream.take(self.size)))
    }

    /// What a layer's media type ends with; `None` where it is no tar.
    pub(super) const fn compression(&self) -> Option<&'static str> {
        self.compression
    }
}

fn compression(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x1f, 0x8b, ..] => Some("+gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("+zstd"),
        // a tar of nothing is nothing but zeros
        _ if head.get(257..262) == Some(b"ustar") || head.iter().all(|byte| *byte == 0) => Some(""),
        _ => None,
    }
}

/// The members of one archive.
#[derive(Debug, Default)]
pub(super) struct Members {
    parts: BTreeMap<String, Part>,
    /// Member to the member that it names.
    links: BTreeMap<String, String>,
    /// Content of what could be JSON.
    documents: BTreeMap<String, Vec<u8>>,
}

impl Members {
    pub(super) fn part(&self, name: &str) -> Option<Part> {
        self.parts.get(self.target(name)?).cloned()
    }

    pub(super) fn document(&self, name: &str) -> Option<&[u8]> {
        self.documents.get(self.target(name)?).map(Vec::as_slice)
    }

    fn target<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut name = plain(name);
        for _ in 0..LINKS {
            match self.links.get(name) {
                Some(next) => name = next,
                None => return Some(name),
            }
        }
        None
    }
}

/// A tar archive that is being read.
struct Stream<'a> {
    path: &'a Path,
    gzip: bool,
    /// Where it begins in the file, decompressed.
    begin: u64,
}

/// The docker archives in `path`: itself, or every `*.tar` in it that is one.
pub(super) fn docker_archives(path: &Path) -> Result<Vec<Members>, DockerArchiveError> {
    let outer = Stream {
        path,
        gzip: is_gzip(path)?,
        begin: 0,
    };
    let mut itself = false;
    let mut inner = false;
    outer.each(outer.open()?, |name, entry, _| {
        itself |= name == "manifest.json";
        inner |= is_tar(name, entry.header().entry_type());
        Ok(())
    })?;
    if itself {
        return Ok(vec![outer.members(outer.open()?)?]);
    }
    let mut archives = Vec::new();
    if inner {
        outer.each(outer.open()?, |name, entry, offset| {
            if is_tar(name, entry.header().entry_type()) {
                let (path, gzip, begin) = (outer.path, outer.gzip, offset);
                let stream = Stream { path, gzip, begin };
                let members = stream.members(entry)?;
                archives.extend(Some(members).filter(|m| m.document("manifest.json").is_some()));
            }
            Ok(())
        })?;
    }
    Ok(archives)
}

fn is_gzip(path: &Path) -> io::Result<bool> {
    let mut magic = Vec::new();
    fs::File::open(path)?.take(2).read_to_end(&mut magic)?;
    Ok(magic == [0x1f, 0x8b])
}

fn is_tar(name: &str, kind: EntryType) -> bool {
    kind.is_file()
        && Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "tar")
}

fn plain(name: &str) -> &str {
    name.strip_prefix("./").unwrap_or(name)
}

impl Stream<'_> {
    fn open(&self) -> io::Result<Box<dyn Read>> {
        let file = BufReader::new(fs::File::open(self.path)?);
        Ok(match self.gzip {
            true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
            false => Box::new(file),
        })
    }

    fn broken(&self, problem: &dyn std::fmt::Display) -> DockerArchiveError {
        DockerArchiveError::Broken {
            archive: self.path.to_owned(),
            problem: problem.to_string(),
        }
    }

    fn unsafe_entry(&self, name: &str) -> DockerArchiveError {
        DockerArchiveError::UnsafeEntry {
            archive: self.path.to_owned(),
            entry: name.to_owned(),
        }
    }

    /// Gives every member to `take`, with its name and where it lies in the file, decompressed.
    fn each<R: Read>(
        &self,
        reader: R,
        mut take: impl FnMut(
            &str,
            &mut tar::Entry<'_, Counted<R>>,
            u64,
        ) -> Result<(), DockerArchiveError>,
    ) -> Result<(), DockerArchiveError> {
        let count = Rc::new(Cell::new(0));
        let inner = Counted {
            reader,
            count: count.clone(),
        };
        let mut archive = tar::Archive::new(inner);
        let mut end = 0;
        for entry in archive.entries().map_err(|error| self.broken(&error))? {
            let mut entry = entry.map_err(|error| self.broken(&error))?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let kind = entry.header().entry_type();
            // what `git archive` begins with: a comment on all that follows
            if kind.is_pax_global_extensions() {
                continue;
            }
            let known = kind.is_file() || kind.is_dir() || kind.is_symlink() || kind.is_hard_link();
            if !known || !stays_inside(plain(&name)) {
                return Err(self.unsafe_entry(&name));
            }
            let offset = entry.raw_file_position();
            end = offset + entry.size().next_multiple_of(BLOCK as u64);
            take(plain(&name), &mut entry, self.begin + offset)?;
        }
        // what compressed it has a sum at its end
        let mut rest = archive.into_inner();
        io::copy(&mut rest, &mut io::sink()).map_err(|error| self.broken(&error))?;
        // one that was cut off between two members has no mark after the last
        match count.get() < end + BLOCK as u64 {
            true => Err(self.broken(&"it ends early")),
            false => Ok(()),
        }
    }

    fn members(&self, reader: impl Read) -> Result<Members, DockerArchiveError> {
        let mut members = Members::default();
        self.each(reader, |name, entry, offset| {
            let kind = entry.header().entry_type();
            if kind.is_symlink() || kind.is_hard_link() {
                let target = entry.link_name_bytes().unwrap_or_default();
                let target = String::from_utf8_lossy(&target).into_owned();
                // a symbolic link begins in its folder, a hard link in the archive
                let folder = if kind.is_symlink() {
                    folder_of(name)
                } else {
                    ""
                };
                let target = joined(folder, &target).ok_or_else(|| self.unsafe_entry(name))?;
                members.links.insert(name.to_owned(), target);
            } else if kind.is_file() {
                let (part, document) = self.part(entry, offset)?;
                members.parts.insert(name.to_owned(), part);
                if let Some(document) = document {
                    members.documents.insert(name.to_owned(), document);
                }
            }
            Ok(())
        })?;
        Ok(members)
    }

    /// Hashes a member; its content too, where that could be JSON.
    fn part(
        &self,
        entry: &mut tar::Entry<'_, impl Read>,
        offset: u64,
    ) -> Result<(Part, Option<Vec<u8>>), DockerArchiveError> {
        let size = entry.size();
        let (mut hasher, mut read) = (Hasher::new(Algorithm::Sha256), 0);
        let (mut head, mut document) = (Vec::new(), None);
        let mut buffer = vec![0; 1 << 17];
        loop {
            let count = entry
                .read(&mut buffer)
                .map_err(|error| self.broken(&error))?;
            let bytes = &buffer[..count];
            if count == 0 {
                break;
            }
            if read == 0 && size <= DOCUMENT_LIMIT && [b'{', b'['].contains(&bytes[0]) {
                document = Some(Vec::new());
            }
            if let Some(document) = &mut document {
                document.extend_from_slice(bytes);
            }
            let missing = BLOCK.saturating_sub(head.len()).min(count);
            head.extend_from_slice(&bytes[..missing]);
            hasher.update(bytes);
            read += count as u64;
        }
        if read < size {
            return Err(self.broken(&"it ends early"));
        }
        let part = Part {
            digest: hasher.finish(),
            size,
            archive: self.path.to_owned(),
            gzip: self.gzip,
            offset,
            compression: compression(&head),
        };
        Ok((part, document))
    }
}

fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `target` as seen from `folder`, or `None` where that is outside of the archive.
fn joined(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for component in Path::new(target).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => drop(parts.pop()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

/// Counts what is read.
struct Counted<R> {
    reader: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.count.set(self.count.get() + count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_begin_where_they_are_and_stay_inside() {
        assert_eq!(joined("b", "../a/layer.tar").unwrap(), "a/layer.tar");
        assert_eq!(joined("", "./a/layer.tar").unwrap(), "a/layer.tar");
        assert_eq!(joined("b", "../../etc/passwd"), None);
        assert_eq!(joined("b", "/etc/passwd"), None);
    }

    #[test]
    fn links_in_a_circle_lead_nowhere() {
        let mut members = Members::default();
        members.links.insert("a".to_owned(), "b".to_owned());
        members.links.insert("b".to_owned(), "a".to_owned());
        assert_eq!(members.target("a"), None);
    }
}
