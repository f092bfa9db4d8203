//! `InRelease`, or `Release` with `Release.gpg` (Debian's wiki, `RepositoryFormat`).

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::artefact::Digest;
use crate::packages::index::{self, Listed, SIGNED_LIMIT};
use crate::packages::openpgp::{self, Judged};
use crate::packages::{AptRepository, Release, ResolveError, Source};

/// A release file whose signature and dates are right.
pub(super) struct SignedRelease {
    pub(super) release: Release,
    /// `<url>/dists/<suite>`
    root: String,
    by_hash: bool,
    /// Path below `root` to SHA-256 and size.
    files: BTreeMap<String, (Digest, u64)>,
}

impl SignedRelease {
    /// Fetches and verifies it.
    pub(super) fn read(
        source: &Source<'_>,
        repository: &AptRepository,
        suite: &str,
    ) -> Result<Self, ResolveError> {
        let root = format!("{}/dists/{suite}", repository.url);
        let judged = match repository.ended {
            true => Judged::WhenMade,
            false => Judged::At(source.now.unix_timestamp()),
        };
        let (url, bytes, text) = verified(source, &root, judged)?;
        let malformed = |problem: String| index::malformed(&url, problem);
        let fields = Fields::of(&text);
        let date = fields.date("Date").map_err(malformed)?;
        let date = date.ok_or_else(|| malformed("it has no `Date`".to_owned()))?;
        let until = fields.date("Valid-Until").map_err(malformed)?;
        let release = source.dated(&url, date, &bytes)?;
        if let Some(until) = until.filter(|until| *until < source.now && !repository.ended) {
            let until = index::shown(until);
            return Err(ResolveError::Outdated { url, until });
        }
        fields.must_be(&url, suite)?;
        let files = fields.files().map_err(malformed)?;
        Ok(Self {
            release,
            root,
            by_hash: fields.get("Acquire-By-Hash") == Some("yes"),
            files,
        })
    }

    /// The index in a folder, as small as it is offered.
    pub(super) fn index(&self, folder: &str) -> Result<Listed, ResolveError> {
        let plain = format!("{folder}/Packages");
        let open_size = self.files.get(&plain).map(|(_, size)| *size);
        for form in ["xz", "gz"] {
            let path = format!("{plain}.{form}");
            let Some((digest, size)) = self.files.get(&path) else {
                continue;
            };
            // by its digest, it is the right one even while the mirror is being updated; archives
            // of old releases promise that and do not all keep it
            let plain = format!("{}/{path}", self.root);
            let by_hash = format!("{}/{folder}/by-hash/SHA256/{}", self.root, digest.hex());
            let (url, other) = match self.by_hash {
                true => (by_hash, Some(plain)),
                false => (plain, None),
            };
            return Ok(Listed {
                url,
                other,
                form,
                digest: *digest,
                size: Some(*size),
                open_size,
            });
        }
        let problem = format!("it lists no `{plain}.xz` and no `{plain}.gz`");
        Err(index::malformed(&self.release.url, problem))
    }
}

/// URL, bytes and verified text. A server without `InRelease` has the older pair of files.
fn verified(
    source: &Source<'_>,
    root: &str,
    judged: Judged,
) -> Result<(String, Vec<u8>, String), ResolveError> {
    let refused = |url: &str| {
        let url = url.to_owned();
        |source| ResolveError::Signature { url, source }
    };
    let url = format!("{root}/InRelease");
    let first = match index::get(source.fetch, &url, SIGNED_LIMIT) {
        Ok(bytes) => {
            let text = utf8(&url, &bytes)?;
            if !openpgp::is_cleartext(text) {
                return Err(refused(&url)(openpgp::PgpError::Unsigned));
            }
            let text = openpgp::cleartext(text, source.keys, judged).map_err(refused(&url))?;
            return Ok((url, bytes, text));
        }
        Err(error) => error,
    };
    let url = format!("{root}/Release");
    // what is told is why the newer form could not be had
    let Ok(bytes) = index::get(source.fetch, &url, SIGNED_LIMIT) else {
        return Err(first);
    };
    let signature = index::get(source.fetch, &format!("{url}.gpg"), SIGNED_LIMIT)?;
    openpgp::detached(&bytes, &signature, source.keys, judged).map_err(refused(&url))?;
    let text = utf8(&url, &bytes)?.to_owned();
    Ok((url, bytes, text))
}

fn utf8<'b>(url: &str, bytes: &'b [u8]) -> Result<&'b str, ResolveError> {
    str::from_utf8(bytes).map_err(|_| index::malformed(url, "it is not UTF-8"))
}

/// The one stanza of a release file: name to value, with the lines that continue it.
struct Fields<'a>(BTreeMap<&'a str, Vec<&'a str>>);

impl<'a> Fields<'a> {
    fn of(text: &'a str) -> Self {
        let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut name = "";
        for line in text.lines() {
            if line.starts_with([' ', '\t']) {
                fields.entry(name).or_default().push(line.trim());
            } else if let Some((key, value)) = line.split_once(':') {
                name = key;
                fields.insert(key, vec![value.trim()]);
            }
        }
        Self(fields)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.first().copied()
    }

    /// `Sat, 06 Sep 2025 09:58:12 UTC`
    fn date(&self, name: &str) -> Result<Option<OffsetDateTime>, String> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let numeric = text.replace("UTC", "+0000").replace("GMT", "+0000");
        // the day of the month may have one digit, which RFC 2822 allows
        match OffsetDateTime::parse(&numeric, &Rfc2822) {
            Ok(date) => Ok(Some(date)),
            Err(_) => Err(format!("`{name}: {text}` is no date")),
        }
    }

    /// Somebody who serves another release's files, rightly signed, is found out here. The
    /// security suites of Debian 10 and older say `stretch` for `stretch/updates`.
    fn must_be(&self, url: &str, suite: &str) -> Result<(), ResolveError> {
        let names = [self.get("Suite"), self.get("Codename")];
        let wanted = suite.strip_suffix("/updates").unwrap_or(suite);
        if names.contains(&Some(suite)) || names.contains(&Some(wanted)) {
            return Ok(());
        }
        let names = names.into_iter().flatten();
        let found: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        Err(ResolveError::OtherSuite {
            url: url.to_owned(),
            found: match found.is_empty() {
                true => "no suite".to_owned(),
                false => found.join(", "),
            },
            wanted: suite.to_owned(),
        })
    }

    /// Digest, size and path of each file. Older hash functions prove nothing and are not read.
    fn files(&self) -> Result<BTreeMap<String, (Digest, u64)>, String> {
        let Some(lines) = self.0.get("SHA256") else {
            return Err("it lists no file with SHA-256".to_owned());
        };
        let read = |line: &&str| {
            let mut words = line.split_whitespace();
            let digest = format!("sha256:{}", words.next()?).parse().ok()?;
            let size = words.next()?.parse().ok()?;
            Some((words.next()?.to_owned(), (digest, size)))
        };
        let mut files = BTreeMap::new();
        for line in lines.iter().filter(|line| !line.is_empty()) {
            let (path, file) = read(line).ok_or_else(|| format!("`{line}` lists no file"))?;
            files.insert(path, file);
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASE: &str = "Origin: Debian\nSuite: stable\nCodename: trixie\nDate: Sat, 06 Sep 2025 09:58:12 UTC\nMD5Sum:\n 00 1 a\nSHA256:\n ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3 main/x\n";

    #[test]
    fn reads_dates_names_and_files() {
        let fields = Fields::of(RELEASE);
        let date = fields.date("Date").unwrap().unwrap();
        assert_eq!(index::shown(date), "2025-09-06T09:58:12Z");
        assert_eq!(fields.date("Valid-Until"), Ok(None));
        let files = fields.files().unwrap();
        assert_eq!(files["main/x"].1, 3);
        assert!(fields.must_be("u", "trixie").is_ok());
        assert!(fields.must_be("u", "stable").is_ok());
        let other = fields.must_be("u", "bookworm").unwrap_err();
        let message = "u is refused: it is that of `stable`, `trixie`, not of `bookworm`";
        assert_eq!(other.to_string(), message);
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        let date = RELEASE.replace("Sat, 06 Sep", "Someday");
        let problem = Fields::of(&date).date("Date").unwrap_err();
        assert_eq!(problem, "`Date: Someday 2025 09:58:12 UTC` is no date");
        let weak = RELEASE.replace("SHA256", "SHA1");
        let problem = Fields::of(&weak).files().unwrap_err();
        assert_eq!(problem, "it lists no file with SHA-256");
        let short = RELEASE.replace("ba7816", "");
        assert!(Fields::of(&short).files().is_err());
    }
}
