//! `Packages`: one stanza per package (deb-control(5), Debian Policy §7).

use std::collections::BTreeMap;

use crate::artefact::Digest;
use crate::packages::pool::{Candidate, Need, Relation, Requirement};

/// The packages of an index for `arch`; what is wrong with it otherwise.
pub(super) fn candidates(
    text: &str,
    root: &str,
    arch: &str,
    repository: usize,
) -> Result<Vec<Candidate>, String> {
    let mut found = Vec::new();
    for stanza in text.split("\n\n").filter(|s| !s.trim().is_empty()) {
        let fields: BTreeMap<&str, &str> = stanza.lines().filter_map(field).collect();
        let name = fields.get("Package").copied().unwrap_or("unnamed");
        let problem = |what: &str| format!("the package `{name}` has {what}");
        let get = |key: &str| {
            let value = fields.get(key).copied();
            value.ok_or_else(|| problem(&format!("no `{key}`")))
        };
        let own = get("Architecture")?;
        if own != arch && own != "all" {
            continue;
        }
        let path = get("Filename")?;
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(problem(&format!("the file `{path}`")));
        }
        let digest: Digest = format!("sha256:{}", get("SHA256")?)
            .parse()
            .map_err(|_| problem("no right `SHA256`"))?;
        let size = get("Size")?.parse().map_err(|_| problem("no size"))?;
        let relations = |key: &str| -> Result<Vec<Vec<Relationship>>, String> {
            let value = fields.get(key).copied().unwrap_or_default();
            relationships(value).map_err(|bad| problem(&format!("`{bad}` in `{key}`")))
        };
        let mut needs = Vec::new();
        for key in ["Pre-Depends", "Depends"] {
            needs.extend(relations(key)?.into_iter().filter_map(|g| group(g, arch)));
        }
        let mut clashes = Vec::new();
        for key in ["Conflicts", "Breaks"] {
            let all = relations(key)?.into_iter().flatten();
            clashes.extend(all.filter(|r| r.concerns(arch)).map(|r| r.need));
        }
        let provides = relations("Provides")?.into_iter().flatten();
        let provides = provides.map(|r| (r.need.name, r.need.version.map(|(_, v)| v)));
        found.push(Candidate {
            name: get("Package")?.to_owned(),
            version: get("Version")?.to_owned(),
            arch: own.to_owned(),
            provides: provides.collect(),
            needs,
            clashes,
            // Debian's Replaces is of files, not of packages
            replaces: Vec::new(),
            url: format!("{root}/{path}"),
            digest,
            size,
            licence: None,
            repository,
        });
    }
    Ok(found)
}

/// `Name: value`; lines that continue one are of descriptions and lists that are not read.
fn field(line: &str) -> Option<(&str, &str)> {
    if line.starts_with([' ', '\t']) {
        return None;
    }
    let (name, value) = line.split_once(':')?;
    Some((name, value.trim()))
}

/// One alternative, with its architecture qualifier.
struct Relationship {
    need: Need,
    qualifier: Option<String>,
}

impl Relationship {
    /// `:any` is met by the node's own architecture; nodes have no other.
    fn concerns(&self, arch: &str) -> bool {
        let qualifier = self.qualifier.as_deref();
        qualifier.is_none_or(|q| q == "any" || q == "native" || q == arch)
    }
}

/// What one of some alternatives is for this architecture. Where none concerns it, as for a
/// library of another one, the need stays and nothing meets it.
fn group(alternatives: Vec<Relationship>, arch: &str) -> Option<Requirement> {
    let one = |r: Relationship| match r.concerns(arch) {
        true => Requirement::One(r.need),
        false => Requirement::One(Need {
            name: format!("{}:{}", r.need.name, r.qualifier.unwrap_or_default()),
            version: r.need.version,
        }),
    };
    let mut parts: Vec<Requirement> = alternatives.into_iter().map(one).collect();
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(Requirement::Any(parts)),
    }
}

/// `a (>= 1) | b:any, c`: groups of alternatives; what cannot be read otherwise.
fn relationships(value: &str) -> Result<Vec<Vec<Relationship>>, String> {
    let groups = value.split(',').map(str::trim).filter(|g| !g.is_empty());
    groups
        .map(|group| group.split('|').map(|a| relationship(a.trim())).collect())
        .collect()
}

fn relationship(text: &str) -> Result<Relationship, String> {
    let bad = || text.to_owned();
    let (name, rest) = text
        .split_once([' ', '('])
        .map_or((text, ""), |(name, _)| (name, &text[name.len()..]));
    let (name, qualifier) = match name.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier.to_owned())),
        None => (name, None),
    };
    let word = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    if name.is_empty() || !name.chars().all(word) {
        return Err(bad());
    }
    let rest = rest.trim();
    let version = match rest.strip_prefix('(').map(|r| r.strip_suffix(')')) {
        None if rest.is_empty() => None,
        Some(Some(inner)) => {
            let at = inner.find(|c| !"<>= ".contains(c)).ok_or_else(bad)?;
            let relation = match inner[..at].trim() {
                "<<" => Relation::Less,
                // an obsolete form of «or equal» (Policy §7.1)
                "<=" | "<" => Relation::AtMost,
                "=" => Relation::Equal,
                ">=" | ">" => Relation::AtLeast,
                ">>" => Relation::Greater,
                _ => return Err(bad()),
            };
            Some((relation, inner[at..].trim().to_owned()))
        }
        _ => return Err(bad()),
    };
    let name = name.to_owned();
    Ok(Relationship {
        need: Need { name, version },
        qualifier,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dependencies() {
        let read = relationships("libc6 (>= 2.36), a | b:any (<< 2~), c (=1)").unwrap();
        let shown: Vec<Vec<String>> = read
            .iter()
            .map(|g| g.iter().map(|r| r.need.to_string()).collect())
            .collect();
        assert_eq!(
            shown,
            [
                vec!["libc6 (>= 2.36)"],
                vec!["a", "b (< 2~)"],
                vec!["c (= 1)"]
            ]
        );
    }

    #[test]
    fn refuses_what_is_no_dependency() {
        for bad in ["a (", "a (~ 1)", "a b", "$x", "a (>=)"] {
            assert!(relationships(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn other_architectures_are_not_offered_and_meet_nothing() {
        let of = |arch: &str, depends: &str| {
            format!(
                "Package: a\nVersion: 1\nArchitecture: {arch}\nDepends: {depends}\nFilename: pool/a.deb\nSize: 1\nSHA256: {}\n",
                "0".repeat(64)
            )
        };
        let text = [of("all", "x:any, y:i386"), of("i386", "")].join("\n\n");
        let found = candidates(&text, "http://m", "amd64", 0).unwrap();
        assert_eq!(found.len(), 1);
        let needs: Vec<String> = found[0].needs.iter().map(ToString::to_string).collect();
        assert_eq!(needs, ["x", "y:i386"]);
        let outside = of("all", "").replace("pool/a", "../a");
        let problem = candidates(&outside, "http://m", "amd64", 0).unwrap_err();
        assert_eq!(problem, "the package `a` has the file `../a.deb`");
    }
}
