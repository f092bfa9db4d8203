//! Registries that have another one's images: a pull-through cache, or a copy of what a cluster needs.

use std::str::FromStr;

use reqwest::Url;
use thiserror::Error;

use super::auth::canonical;
use super::http::{Fetch, host};

/// A registry that is asked instead of another one. What it gives is judged by digest, as everything is,
/// and nodes know the image by the name that it has upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryMirror {
    /// Whose images it has: `registry.k8s.io`, `docker.io`.
    of: String,
    /// `https://harbor.example.org/v2/k8s/`, which repositories follow.
    base: String,
}

/// Why a text names no [`RegistryMirror`].
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RegistryMirrorError {
    /// No `=`, or nothing before it that is a registry.
    #[error("not of the form `HOST=URL`, such as `registry.k8s.io=https://harbor.example.org/k8s`")]
    Form,
    /// After it is no URL of a registry.
    #[error("`{0}` must be an http or https URL without user, query and fragment")]
    Url(String),
}

impl FromStr for RegistryMirror {
    type Err = RegistryMirrorError;

    /// `HOST=URL`; a path in the URL goes before the names of repositories.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (of, url) = text.split_once('=').ok_or(RegistryMirrorError::Form)?;
        if of.is_empty() || of.contains('/') {
            return Err(RegistryMirrorError::Form);
        }
        let wrong = || RegistryMirrorError::Url(url.to_owned());
        let parsed = Url::parse(url).map_err(|_| wrong())?;
        let plain = parsed.query().is_none()
            && parsed.fragment().is_none()
            && parsed.username().is_empty()
            && parsed.password().is_none();
        if !plain || !["http", "https"].contains(&parsed.scheme()) {
            return Err(wrong());
        }
        let host = host(&parsed).ok_or_else(wrong)?;
        let path = parsed.path().trim_matches('/');
        // containerd's hosts.toml has it in the URL
        let path = path.strip_prefix("v2").map_or(path, |rest| match rest {
            "" => "",
            rest => rest.strip_prefix('/').unwrap_or(path),
        });
        let path = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        Ok(Self {
            of: canonical(of).to_owned(),
            base: format!("{}://{host}/v2/{path}", parsed.scheme()),
        })
    }
}

impl RegistryMirror {
    /// Where it may have what upstream's registry has at `fetch`: under the whole name of the repository,
    /// or, as kubeadm's `imageRepository` has it, under its last part.
    pub(super) fn at(&self, fetch: &Fetch) -> Vec<Fetch> {
        let Some((repository, rest)) = self.split(&fetch.url) else {
            return Vec::new();
        };
        let last = repository.rsplit_once('/').map(|(_, last)| last);
        let repositories = [Some(repository.as_str()), last].into_iter().flatten();
        let fetches = repositories.map(|repository| Fetch {
            // containerd says so too: a cache of several registries has to know
            url: format!("{}{repository}{rest}?ns={}", self.base, self.of),
            accept: fetch.accept,
        });
        fetches.collect()
    }

    /// Repository, and `/manifests/…` or `/blobs/…`, of what is of the registry that this one mirrors.
    fn split(&self, url: &str) -> Option<(String, String)> {
        let url = Url::parse(url).ok()?;
        if canonical(&host(&url)?) != self.of {
            return None;
        }
        let path = url.path().strip_prefix("/v2/")?;
        let at = ["/manifests/", "/blobs/"]
            .iter()
            .find_map(|part| path.rfind(part))?;
        Some((path[..at].to_owned(), path[at..].to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(mirror: &str, url: &str) -> Vec<String> {
        let mirror: RegistryMirror = mirror.parse().unwrap();
        let fetches = mirror.at(&Fetch::file(url));
        fetches.into_iter().map(|fetch| fetch.url).collect()
    }

    #[test]
    fn puts_its_path_before_the_repository() {
        let upstream = "https://registry.k8s.io/v2/coredns/coredns/manifests/sha256:0";
        for url in [
            "https://harbor.example.org/k8s",
            "https://harbor.example.org/v2/k8s/",
        ] {
            assert_eq!(
                urls(&format!("registry.k8s.io={url}"), upstream),
                [
                    "https://harbor.example.org/v2/k8s/coredns/coredns/manifests/sha256:0?ns=registry.k8s.io",
                    "https://harbor.example.org/v2/k8s/coredns/manifests/sha256:0?ns=registry.k8s.io",
                ]
            );
        }
        assert_eq!(
            urls(
                "registry.k8s.io=http://10.0.0.5:5000",
                "https://registry.k8s.io/v2/pause/blobs/sha256:0"
            ),
            ["http://10.0.0.5:5000/v2/pause/blobs/sha256:0?ns=registry.k8s.io"]
        );
    }

    #[test]
    fn has_nothing_of_other_registries_and_no_files() {
        let mirror = "docker.io=https://hub.example.org";
        let of = |url| urls(mirror, url).len();
        assert_eq!(
            of("https://registry-1.docker.io/v2/library/haproxy/blobs/sha256:0"),
            2
        );
        assert_eq!(of("https://registry.k8s.io/v2/pause/blobs/sha256:0"), 0);
        assert_eq!(of("https://docker.io/v2/file"), 0);
        assert_eq!(of("https://docker.io/file/blobs/x"), 0);
    }

    #[test]
    fn other_texts_are_refused() {
        let parse = |text: &str| text.parse::<RegistryMirror>().unwrap_err();
        for text in ["registry.k8s.io", "=https://a", "https://a/=https://b"] {
            assert_eq!(parse(text), RegistryMirrorError::Form, "{text}");
        }
        for url in [
            "harbor.example.org",
            "ftp://a",
            "https://u:p@a",
            "https://a?b",
            "https://",
        ] {
            let expected = RegistryMirrorError::Url(url.to_owned());
            assert_eq!(parse(&format!("a={url}")), expected);
        }
    }
}
