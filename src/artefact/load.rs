//! Reads the catalogue's YAML: the copy inside the program, then a folder laid out alike.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};
use serde::de::DeserializeOwned;

use super::catalogue::{Catalogue, CatalogueError, Component};
use super::port::PortRow;

static OVERLAYS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/overlays");

/// What a path below the overlays folder holds.
enum Kind {
    Component(String),
    Train(String),
    Packages(String),
    Key(String),
    Image(String),
    Ports,
    Manifest(String),
    Gone,
    Schemas(String),
}

/// Everything else (units, scripts, documents) is not the catalogue's.
fn kind(path: &Path) -> Option<Kind> {
    let (folder, file) = (path.parent()?.to_str()?, path.file_name()?.to_str()?);
    match (folder, file.rsplit_once('.')) {
        ("packages/keys", Some((_, "asc"))) => return Some(Kind::Key(file.to_owned())),
        ("schemas", Some((train, "txt"))) => return Some(Kind::Schemas(train.to_owned())),
        ("packages/images", Some((_, "txt"))) => return Some(Kind::Image(file.to_owned())),
        ("", Some(("ports", "yml"))) => return Some(Kind::Ports),
        ("", Some(("gone", "yml"))) => return Some(Kind::Gone),
        (_, Some((_, "yaml"))) => {
            let component = folder.strip_suffix("/manifests")?;
            return Some(Kind::Manifest(format!("{component}/{file}")));
        }
        _ => {}
    }
    let stem = file.strip_suffix(".yml")?.to_owned();
    match folder {
        "trains" => Some(Kind::Train(stem)),
        "packages" => Some(Kind::Packages(stem)),
        _ if stem == "component" && !folder.is_empty() => Some(Kind::Component(folder.to_owned())),
        _ => None,
    }
}

/// Adds the embedded files.
pub(super) fn embedded(catalogue: &mut Catalogue) -> Result<(), CatalogueError> {
    let mut folders = vec![&OVERLAYS];
    while let Some(folder) = folders.pop() {
        for entry in folder.entries() {
            match entry {
                DirEntry::Dir(sub) => folders.push(sub),
                DirEntry::File(file) => {
                    let shown = Path::new("overlays").join(file.path());
                    add(catalogue, file.path(), &shown, file.contents())?;
                }
            }
        }
    }
    Ok(())
}

/// Adds the files below `dir`, replacing what is there under the same path.
pub(super) fn folder(catalogue: &mut Catalogue, dir: &Path) -> Result<(), CatalogueError> {
    for name in entries(dir)? {
        let sub = dir.join(&name);
        if !sub.is_dir() {
            if kind(&name).is_some() {
                let bytes = fs_err::read(&sub).map_err(CatalogueError::Read)?;
                add(catalogue, &name, &sub, &bytes)?;
            }
            continue;
        }
        let mut files: Vec<PathBuf> = entries(&sub)?.iter().map(|f| name.join(f)).collect();
        for inner in ["keys", "images", "manifests"].map(|inner| name.join(inner)) {
            if dir.join(&inner).is_dir() {
                files.extend(entries(&dir.join(&inner))?.iter().map(|f| inner.join(f)));
            }
        }
        for relative in files {
            let path = dir.join(&relative);
            if kind(&relative).is_some() {
                let bytes = fs_err::read(&path).map_err(CatalogueError::Read)?;
                add(catalogue, &relative, &path, &bytes)?;
            }
        }
    }
    Ok(())
}

/// File names in `dir`, sorted.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, CatalogueError> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(dir).map_err(CatalogueError::Read)? {
        names.push(PathBuf::from(
            entry.map_err(CatalogueError::Read)?.file_name(),
        ));
    }
    names.sort();
    Ok(names)
}

fn add(
    catalogue: &mut Catalogue,
    relative: &Path,
    shown: &Path,
    bytes: &[u8],
) -> Result<(), CatalogueError> {
    match kind(relative) {
        Some(Kind::Component(name)) => {
            let mut component: Component = parse(shown, bytes)?;
            component.ports = rows(shown, component.ports)?;
            catalogue.components.insert(name, component);
        }
        Some(Kind::Train(name)) => {
            catalogue.trains.insert(name, parse(shown, bytes)?);
        }
        Some(Kind::Packages(name)) => {
            catalogue.packages.insert(name, parse(shown, bytes)?);
        }
        Some(Kind::Key(name)) => {
            catalogue.keys.insert(name, text(shown, bytes)?.to_owned());
        }
        Some(Kind::Ports) => {
            catalogue.ports = rows(shown, parse(shown, bytes)?)?;
        }
        Some(Kind::Image(name)) => {
            catalogue.images.insert(name, image(text(shown, bytes)?));
        }
        Some(Kind::Manifest(path)) => {
            let text = text(shown, bytes)?.to_owned();
            catalogue.manifests.insert(path, text);
        }
        Some(Kind::Schemas(train)) => {
            let text = text(shown, bytes)?.to_owned();
            catalogue.schemas.insert(train, text);
        }
        Some(Kind::Gone) => catalogue.gone = parse(shown, bytes)?,
        None => {}
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(file: &Path, bytes: &[u8]) -> Result<T, CatalogueError> {
    serde_yaml::from_str(text(file, bytes)?).map_err(|error| {
        let (line, column) = error
            .location()
            .map_or((0, 0), |at| (at.line(), at.column()));
        fail(file, line, column, error.without_snippet().to_string())
    })
}

/// A row has ports exactly where its protocol has.
fn rows(file: &Path, rows: Vec<PortRow>) -> Result<Vec<PortRow>, CatalogueError> {
    let wrong = |row: &&PortRow| row.protocol.has_ports() != row.port.is_some();
    match rows.iter().find(wrong) {
        None => Ok(rows),
        Some(row) => {
            let (service, protocol) = (&row.service, row.protocol.as_str());
            let what = if row.port.is_some() {
                "has no"
            } else {
                "needs a"
            };
            let message = format!("ports: `{service}`: {protocol} {what} `port`");
            Err(fail(file, 0, 0, message))
        }
    }
}

fn text<'b>(file: &Path, bytes: &'b [u8]) -> Result<&'b str, CatalogueError> {
    str::from_utf8(bytes).map_err(|_| fail(file, 0, 0, "not UTF-8".to_owned()))
}

fn fail(file: &Path, line: u64, column: u64, message: String) -> CatalogueError {
    CatalogueError::Parse {
        file: file.to_owned(),
        line,
        column,
        message,
    }
}

/// Lines `name` or `name version`, as `dpkg-query -W` and `rpm -qa` can write them; `#` begins a
/// comment.
fn image(text: &str) -> BTreeMap<String, Option<String>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let package = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next().map(str::to_owned)))
    };
    lines.filter_map(package).collect()
}
