//! The files that `manifests:` names.

use std::path::{Path, PathBuf};

use super::exit::Failure;
use super::load::Read;
use crate::diagnostic::{Diagnostic, Source};
use crate::yaml;

/// Ends of names that are read from a folder.
const ENDS: [&str; 3] = ["yaml", "yml", "json"];

/// Every file in its order: those of a folder by name. Paths are relative to the description, `file`.
pub(super) fn read(file: &Path, read: &Read) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    let mut findings = Vec::new();
    for (index, given) in read.config.manifests.iter().enumerate() {
        let mut fail = |message: String, help: &str| {
            let path = format!("manifests[{index}]");
            let span = read.document.span(&path);
            let finding = Diagnostic::error("manifests/bad-path", path, span, message);
            findings.push(match help {
                "" => finding,
                help => finding.with_help(help),
            });
        };
        let path = file.parent().unwrap_or(Path::new("")).join(given);
        match files(&path) {
            Err(error) => fail(format!("`{given}` cannot be read: {error}"), ""),
            Ok(found) if found.is_empty() => fail(
                format!("the folder `{given}` has no `.yaml`, `.yml` or `.json`"),
                "its folders are not looked into",
            ),
            Ok(found) => {
                for path in found {
                    if path.extension().is_some_and(|end| end == "erb") {
                        let help = "Pharos evaluated it; write the objects that come out of it";
                        fail(format!("`{}` is a template", path.display()), help);
                        continue;
                    }
                    match source(&path)? {
                        Ok(source) => sources.push(source),
                        Err(finding) => fail(finding.message, ""),
                    }
                }
            }
        }
    }
    if findings.is_empty() {
        Ok(sources)
    } else {
        Err(Failure::Findings(read.source.clone(), findings))
    }
}

fn source(path: &Path) -> Result<Result<Source, Diagnostic>, Failure> {
    let bytes = fs_err::read(path)?;
    Ok(yaml::decode(&path.display().to_string(), &bytes))
}

/// The file itself, or what the folder has.
fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return fs_err::metadata(path).map(|_| vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs_err::read_dir(path)? {
        let path = entry?.path();
        let end = path
            .extension()
            .and_then(|end| end.to_str())
            .unwrap_or_default();
        if path.is_file() && (ENDS.contains(&end) || end == "erb") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
