//! `primary.xml`: every package with what it provides and requires.

use super::xml::{self, Element};
use super::{capability, checksum, inside};
use crate::artefact::Digest;
use crate::packages::pool::{Candidate, Need, Requirement};

/// What has been read of one package.
#[derive(Default)]
struct Draft {
    name: String,
    arch: String,
    version: String,
    release: String,
    digest: Option<Digest>,
    size: Option<u64>,
    path: Option<String>,
    licence: Option<String>,
    provides: Vec<(String, Option<String>)>,
    needs: Vec<Requirement>,
    clashes: Vec<Need>,
    replaces: Vec<Need>,
}

/// The packages for `arch`; what is wrong with the file otherwise. Modular builds (`.module` in
/// the release) are left out: which of them a machine may have depends on what it enabled.
pub(super) fn candidates(
    text: &str,
    root: &str,
    arch: &str,
    repository: usize,
) -> Result<Vec<Candidate>, String> {
    let mut found = Vec::new();
    let mut draft = Draft::default();
    xml::walk(text, &mut |elements| {
        let Some((element, around)) = elements.split_last() else {
            return Ok(());
        };
        if element.name == "package" {
            let draft = std::mem::take(&mut draft);
            let other = draft.arch != arch && draft.arch != "noarch";
            if !other && !draft.release.contains(".module") {
                found.push(draft.finish(root, repository)?);
            }
            return Ok(());
        }
        match around.last().map(|parent| parent.name.as_str()) {
            Some("package") => draft.general(element),
            Some("format") => {
                match element.name.as_str() {
                    "license" => draft.licence = Some(element.text.clone()),
                    "file" => draft.provides.push((element.text.clone(), None)),
                    _ => {}
                }
                Ok(())
            }
            Some(list) if element.name == "entry" => {
                draft.entry(list, element);
                Ok(())
            }
            _ => Ok(()),
        }
    })?;
    Ok(found)
}

impl Draft {
    fn general(&mut self, element: &Element) -> Result<(), String> {
        let text = element.text.trim();
        match element.name.as_str() {
            "name" => text.clone_into(&mut self.name),
            "arch" => text.clone_into(&mut self.arch),
            "version" => {
                self.version = capability::evr(element).unwrap_or_default();
                let release = element.attribute("rel").unwrap_or_default();
                release.clone_into(&mut self.release);
            }
            "checksum" => {
                let digest = checksum(element.attribute("type"), text);
                let name = &self.name;
                self.digest = Some(digest.map_err(|bad| format!("the package `{name}`: {bad}"))?);
            }
            "size" => self.size = element.attribute("package").and_then(|n| n.parse().ok()),
            "location" => self.path = element.attribute("href").map(str::to_owned),
            _ => {}
        }
        Ok(())
    }

    fn entry(&mut self, list: &str, entry: &Element) {
        match list {
            "provides" => {
                let name = entry.attribute("name").unwrap_or_default().to_owned();
                self.provides.push((name, capability::evr(entry)));
            }
            "requires" => {
                // features of the rpm program itself
                let name = entry.attribute("name").unwrap_or_default();
                if !name.starts_with("rpmlib(") {
                    self.needs.extend(capability::requirement(entry));
                }
            }
            "conflicts" => match entry.attribute("name") {
                // an expression is not judged here, so such a package is never chosen
                Some(name) if name.starts_with('(') => self.needs.push(Requirement::One(Need {
                    name: format!("no {name}"),
                    version: None,
                })),
                _ => self.clashes.extend(capability::need(entry)),
            },
            "obsoletes" => self.replaces.extend(capability::need(entry)),
            _ => {}
        }
    }

    fn finish(self, root: &str, repository: usize) -> Result<Candidate, String> {
        let name = self.name;
        let missing = |what| format!("the package `{name}` has no {what}");
        let path = self.path.ok_or_else(|| missing("location"))?;
        if self.version.is_empty() || name.is_empty() {
            return Err(missing("version"));
        }
        Ok(Candidate {
            version: self.version,
            arch: self.arch,
            provides: self.provides,
            needs: self.needs,
            clashes: self.clashes,
            replaces: self.replaces,
            url: format!("{root}/{}", inside(&path)?),
            digest: self.digest.ok_or_else(|| missing("checksum"))?,
            size: self.size.ok_or_else(|| missing("size"))?,
            licence: self.licence,
            repository,
            name,
        })
    }
}
