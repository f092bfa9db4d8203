//! The files that `manifests:` and the pod network `custom` name.

use std::path::{Path, PathBuf};

use super::exit::Failure;
use super::load::Read;
use crate::config::model::Provider;
use crate::config::pod_networks;
use crate::diagnostic::{Diagnostic, Source};
use crate::yaml;

/// Ends of names that are read from a folder.
const ENDS: [&str; 3] = ["yaml", "yml", "json"];

/// Manifests of the user's own, read.
pub(super) struct Files {
    /// Those of the pod network `custom`.
    pub(super) network: Vec<Source>,
    /// Those of `manifests:`.
    pub(super) own: Vec<Source>,
}

impl Files {
    /// Every file in its order: those of a folder by name. Paths are relative to the description, `file`.
    pub(super) fn read(file: &Path, read: &Read) -> Result<Self, Failure> {
        let custom = pod_networks(&read.document).custom.manifest_path;
        let custom = custom.filter(|_| read.config.network.provider == Provider::Custom);
        let own = read.config.manifests.iter().enumerate();
        let base = file.parent().unwrap_or(Path::new(""));
        let mut findings = Vec::new();
        let mut of = |key: String, given: &str| {
            let span = read.document.span(&key);
            named(base, given, &mut |message, help| {
                let finding = Diagnostic::error("manifests/bad-path", &key, span, message);
                findings.push(match help {
                    "" => finding,
                    help => finding.with_help(help),
                });
            })
        };
        let mut files = Self {
            network: Vec::new(),
            own: Vec::new(),
        };
        if let Some(path) = custom {
            files.network = of("network.custom.manifest_path".to_owned(), &path)?;
        }
        for (index, given) in own {
            files.own.extend(of(format!("manifests[{index}]"), given)?);
        }
        if findings.is_empty() {
            Ok(files)
        } else {
            Err(Failure::Findings(read.source.clone(), findings))
        }
    }
}

/// The file or folder `given`, or what is wrong with it, with help.
fn named(
    base: &Path,
    given: &str,
    fail: &mut dyn FnMut(String, &str),
) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    match files(&base.join(given)) {
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
    Ok(sources)
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
