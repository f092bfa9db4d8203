//! An RPM repository: `repomd.xml`, its signature, the primary metadata; and the signature of a
//! package itself.

mod capability;
mod package;
mod primary;
pub(super) mod version;
mod xml;

pub(super) use package::signed;

use time::OffsetDateTime;

use super::index::{self, Listed, SIGNED_LIMIT};
use super::openpgp::{self, Judged};
use super::pool::Candidate;
use super::{Release, ResolveError, RpmRepository, Signed, Source};
use crate::artefact::Digest;
use crate::config::model::Arch;

/// Everything that the repositories offer for the node's architecture.
pub(super) fn read(
    source: &Source<'_>,
    repositories: &[RpmRepository],
) -> Result<(Vec<Release>, Vec<Candidate>), ResolveError> {
    let mut releases = Vec::new();
    let mut candidates = Vec::new();
    let arch = arch_name(source.arch);
    for (number, repository) in repositories.iter().enumerate() {
        let root = repository.url.replace("{arch}", arch);
        let url = format!("{root}/repodata/repomd.xml");
        let bytes = index::get(source.fetch, &url, SIGNED_LIMIT)?;
        if repository.signed == Signed::Metadata {
            let signature = index::get(source.fetch, &format!("{url}.asc"), SIGNED_LIMIT)?;
            let judged = Judged::At(source.now.unix_timestamp());
            openpgp::detached(&bytes, &signature, source.keys, judged).map_err(|source| {
                ResolveError::Signature {
                    url: url.clone(),
                    source,
                }
            })?;
        }
        let malformed = |problem| index::malformed(&url, problem);
        let text = str::from_utf8(&bytes).map_err(|_| malformed("it is not UTF-8".to_owned()))?;
        let primary = Primary::read(text, &root).map_err(malformed)?;
        releases.push(source.dated(&url, primary.date, &bytes)?);
        let text = index::text(source.fetch, &primary.file)?;
        let read = primary::candidates(&text, &root, arch, number);
        candidates.extend(read.map_err(|bad| index::malformed(&primary.file.url, bad))?);
    }
    Ok((releases, candidates))
}

/// RPM's name of an architecture.
const fn arch_name(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "x86_64",
        Arch::Arm64 => "aarch64",
    }
}

/// What `repomd.xml` says of the primary metadata.
struct Primary {
    date: OffsetDateTime,
    file: Listed,
}

impl Primary {
    /// What is wrong with it otherwise.
    fn read(text: &str, root: &str) -> Result<Self, String> {
        let (mut path, mut digest, mut size, mut open_size, mut date) =
            (None, None, None, None, None);
        xml::walk(text, &mut |elements| {
            let [.., parent, element] = elements else {
                return Ok(());
            };
            if parent.name != "data" || parent.attribute("type") != Some("primary") {
                return Ok(());
            }
            let text = element.text.trim();
            match element.name.as_str() {
                "location" => path = element.attribute("href").map(str::to_owned),
                "checksum" => digest = Some(checksum(element.attribute("type"), text)?),
                "size" => size = text.parse().ok(),
                "open-size" => open_size = text.parse().ok(),
                // old writers add a fraction
                "timestamp" => date = text.split('.').next().and_then(|t| t.parse().ok()),
                _ => {}
            }
            Ok(())
        })?;
        let (Some(path), Some(digest), Some(date)) = (path, digest, date) else {
            return Err("it lists no primary metadata".to_owned());
        };
        let form = match path.rsplit('.').next() {
            Some("gz") => "gz",
            Some("xz") => "xz",
            Some("zst") => "zst",
            Some("xml") => "",
            _ => return Err(format!("`{path}` must end in: .xml, .gz, .xz, .zst")),
        };
        let file = Listed {
            url: format!("{root}/{}", inside(&path)?),
            other: None,
            form,
            digest,
            size,
            open_size,
        };
        let date = OffsetDateTime::from_unix_timestamp(date).ok();
        let date = date.filter(|date| (1970..=9999).contains(&date.year()));
        let date = date.ok_or("the time of the index is none")?;
        Ok(Self { date, file })
    }
}

/// A digest as RPM's metadata write it. SHA-1, the default of the oldest writers, proves nothing.
fn checksum(kind: Option<&str>, hex: &str) -> Result<Digest, String> {
    let kind = kind.unwrap_or_default();
    let digest = format!("{kind}:{hex}").parse();
    digest.map_err(|_| format!("`{kind}` must be one of: sha256, sha512"))
}

/// A path that stays below the repository.
fn inside(path: &str) -> Result<&str, String> {
    let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
    match leaves || path.is_empty() || path.contains("://") {
        true => Err(format!("`{path}` is not below the repository")),
        false => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repomd(path: &str, kind: &str) -> String {
        format!(
            "<repomd><revision>1</revision><data type='filelists'><location href='x.xml'/></data>\
             <data type='primary'><checksum type='{kind}'>{}</checksum><location href='{path}'/>\
             <timestamp>1700000000.5</timestamp><size>5</size><open-size>7</open-size></data></repomd>",
            "0".repeat(64)
        )
    }

    #[test]
    fn finds_the_primary_metadata() {
        let read = Primary::read(&repomd("repodata/p.xml.zst", "sha256"), "http://m").unwrap();
        assert_eq!(read.file.url, "http://m/repodata/p.xml.zst");
        let (form, size, open) = (read.file.form, read.file.size, read.file.open_size);
        assert_eq!((form, size, open), ("zst", Some(5), Some(7)));
        assert_eq!(index::shown(read.date), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn refuses_weak_digests_and_paths_that_leave() {
        for (path, kind, problem) in [
            ("p.xml.gz", "sha", "`sha` must be one of: sha256, sha512"),
            (
                "../p.xml.gz",
                "sha256",
                "`../p.xml.gz` is not below the repository",
            ),
            (
                "p.xml.bz2",
                "sha256",
                "`p.xml.bz2` must end in: .xml, .gz, .xz, .zst",
            ),
        ] {
            let error = Primary::read(&repomd(path, kind), "http://m").err();
            assert_eq!(error.as_deref(), Some(problem));
        }
        let none = Primary::read("<repomd/>", "http://m").err();
        assert_eq!(none.as_deref(), Some("it lists no primary metadata"));
    }
}
