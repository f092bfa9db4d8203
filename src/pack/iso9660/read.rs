//! Where the files of an image are, by their Rock Ridge names: enough to read an image of ours again, or
//! one that xorriso or genisoimage has made of the same files.

use std::io::{self, Read, Seek, SeekFrom};

use super::SECTOR;

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Path from the root, with slashes.
    pub path: String,
    /// Where its content begins, in bytes.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

/// Folders deeper than this are none of an image that a person made (ECMA-119 §6.8.2.1 allows eight).
const DEPTH: usize = 32;
/// Larger folders are refused: a hundred thousand names.
const FOLDER_LIMIT: u32 = 64 << 20;

/// Every file of the image, in the order of its folders. `None`: it is no image.
pub fn extents(image: &mut (impl Read + Seek)) -> io::Result<Option<Vec<Extent>>> {
    let mut descriptor = [0; SECTOR];
    image.seek(SeekFrom::Start(16 * SECTOR as u64))?;
    match image.read_exact(&mut descriptor) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    // the primary volume descriptor comes first (ECMA-119 §8.4)
    if descriptor[..6] != *b"\x01CD001" {
        return Ok(None);
    }
    let root = Record::parse(&descriptor[156..190]).ok_or_else(damaged)?;
    let mut found = Vec::new();
    folder(image, &root, "", DEPTH, &mut found)?;
    Ok(Some(found))
}

fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a folder of the image is damaged",
    )
}

/// What a directory record says, ECMA-119 §9.1.
struct Record<'a> {
    sector: u32,
    size: u32,
    flags: u8,
    /// The identifier that everybody reads.
    plain: &'a [u8],
    system_use: &'a [u8],
}

impl<'a> Record<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let name = usize::from(*bytes.get(32)?);
        let plain = bytes.get(33..33 + name)?;
        Some(Self {
            sector: le32(bytes, 2)?,
            size: le32(bytes, 10)?,
            flags: *bytes.get(25)?,
            plain,
            // a byte of padding after an even name
            system_use: bytes.get(33 + name + (name + 1) % 2..).unwrap_or_default(),
        })
    }
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(four))
}

fn folder(
    image: &mut (impl Read + Seek),
    record: &Record<'_>,
    path: &str,
    depth: usize,
    found: &mut Vec<Extent>,
) -> io::Result<()> {
    if depth == 0 || record.size > FOLDER_LIMIT {
        return Err(damaged());
    }
    let bytes = read(image, record.sector, 0, record.size)?;
    for sector in bytes.chunks(SECTOR) {
        let mut rest = sector;
        // records do not cross sectors; a zero ends them early
        while let Some(length) = rest.first().copied().filter(|length| *length > 0) {
            let bytes = rest.get(..usize::from(length)).ok_or_else(damaged)?;
            rest = &rest[usize::from(length)..];
            let record = Record::parse(bytes).ok_or_else(damaged)?;
            // the folder itself and its parent
            if matches!(record.plain, [0 | 1]) {
                continue;
            }
            let name = name(image, &record)?;
            let path = format!("{path}{name}");
            if record.flags & 2 != 0 {
                folder(image, &record, &format!("{path}/"), depth - 1, found)?;
            } else {
                add(found, path, &record);
            }
        }
    }
    Ok(())
}

/// A file of 4 GiB and more has several extents, one after the other (ECMA-119 §6.5.1).
fn add(found: &mut Vec<Extent>, path: String, record: &Record<'_>) {
    match found.last_mut() {
        Some(last) if last.path == path => last.size += u64::from(record.size),
        _ => found.push(Extent {
            path,
            offset: u64::from(record.sector) * SECTOR as u64,
            size: u64::from(record.size),
        }),
    }
}

/// The name in `NM` entries (RRIP §4.1.4), which may go on elsewhere (`CE`, SUSP §5.1).
fn name(image: &mut (impl Read + Seek), record: &Record<'_>) -> io::Result<String> {
    let mut name = Vec::new();
    let mut area = record.system_use.to_vec();
    // no name of ours needs more than one continuation
    for _ in 0..4 {
        let mut next = None;
        let mut rest = area.as_slice();
        while let [first, second, length, _, ..] = *rest {
            let length = usize::from(length);
            let Some(entry) = rest.get(..length).filter(|_| length >= 4) else {
                break;
            };
            match &[first, second] {
                b"NM" => name.extend(entry.get(5..).ok_or_else(damaged)?),
                b"CE" => next = Some([4, 12, 20].map(|at| le32(entry, at).unwrap_or_default())),
                _ => {}
            }
            rest = &rest[length..];
        }
        let Some([sector, offset, size]) = next else {
            break;
        };
        if size > FOLDER_LIMIT {
            return Err(damaged());
        }
        area = read(image, sector, offset, size)?;
    }
    if name.is_empty() {
        let plain = record.plain.split(|byte| *byte == b';').next();
        name = plain.unwrap_or_default().to_ascii_lowercase();
    }
    String::from_utf8(name).map_err(|_| damaged())
}

fn read(
    image: &mut (impl Read + Seek),
    sector: u32,
    offset: u32,
    size: u32,
) -> io::Result<Vec<u8>> {
    let at = u64::from(sector) * SECTOR as u64 + u64::from(offset);
    image.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    image.take(u64::from(size)).read_to_end(&mut bytes)?;
    match bytes.len() == size as usize {
        true => Ok(bytes),
        false => Err(damaged()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::{File, IsoImage, write};
    use super::*;

    #[test]
    fn finds_every_file_of_an_image() {
        let mut image = IsoImage::new("FIRSTLIGHT");
        let long = format!("blobs/sha512/{}", "a".repeat(128));
        let longest = format!("deep/er/{}", "n".repeat(250));
        let files = [
            ("index", b"one".to_vec()),
            (&long, vec![7; 5000]),
            (&longest, b"three".to_vec()),
            ("empty", vec![]),
        ];
        for (path, content) in &files {
            image.add(path, File::new(content.clone())).unwrap();
        }
        let mut bytes = Vec::new();
        write(&image, &mut bytes).unwrap();
        let found = extents(&mut Cursor::new(&bytes)).unwrap().unwrap();
        assert_eq!(found.len(), files.len());
        for (path, content) in &files {
            let extent = found.iter().find(|extent| extent.path == *path).unwrap();
            let at = usize::try_from(extent.offset).unwrap();
            assert_eq!(&bytes[at..at + content.len()], content, "{path}");
            assert_eq!(extent.size, content.len() as u64);
        }
    }

    #[test]
    fn tells_an_image_from_other_files() {
        for other in [vec![], vec![0; 100_000], b"CD001".repeat(20_000)] {
            assert_eq!(extents(&mut Cursor::new(other)).unwrap(), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn survives_damage(at in 0usize..60_000, byte: u8) {
            let mut image = IsoImage::new("FIRSTLIGHT");
            image.add("a/b", File::new(b"x".to_vec())).unwrap();
            let mut bytes = Vec::new();
            write(&image, &mut bytes).unwrap();
            if let Some(damaged) = bytes.get_mut(at) {
                *damaged = byte;
            }
            let _ = extents(&mut Cursor::new(bytes));
        }
    }
}
