//! Reads the catalogue's YAML: the copy inside the program, then a folder laid out alike.

use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};
use serde::de::DeserializeOwned;

use super::catalogue::{Catalogue, CatalogueError};

static OVERLAYS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/overlays");

/// What a path below the overlays folder holds.
enum Kind {
    Component(String),
    Train(String),
    Packages(String),
}

/// Everything else (units, scripts, manifests, documents) is not the catalogue's.
fn kind(path: &Path) -> Option<Kind> {
    let (folder, file) = (path.parent()?.to_str()?, path.file_name()?.to_str()?);
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
            continue;
        }
        for file in entries(&sub)? {
            let relative = name.join(file);
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
            catalogue.components.insert(name, parse(shown, bytes)?);
        }
        Some(Kind::Train(name)) => {
            catalogue.trains.insert(name, parse(shown, bytes)?);
        }
        Some(Kind::Packages(name)) => {
            catalogue.packages.insert(name, parse(shown, bytes)?);
        }
        None => {}
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(file: &Path, bytes: &[u8]) -> Result<T, CatalogueError> {
    let fail = |line, column, message| CatalogueError::Parse {
        file: file.to_owned(),
        line,
        column,
        message,
    };
    let text = str::from_utf8(bytes).map_err(|_| fail(0, 0, "not UTF-8".to_owned()))?;
    serde_yaml::from_str(text).map_err(|error| {
        let (line, column) = error
            .location()
            .map_or((0, 0), |at| (at.line(), at.column()));
        fail(line, column, error.without_snippet().to_string())
    })
}
