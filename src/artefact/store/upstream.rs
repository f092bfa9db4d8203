//! A copy of upstream, laid out by host and path: what a closed network serves, and what its people can
//! fill with any downloader from a list of URLs.
//!
//! `https://dl.k8s.io/v1.34.7/bin/linux/amd64/kubelet` is at `dl.k8s.io/v1.34.7/bin/linux/amd64/kubelet`;
//! what a registry serves is where the distribution protocol has it, `HOST/v2/REPOSITORY/blobs/DIGEST`.

use std::path::PathBuf;

use reqwest::Url;

use super::http::{Fetch, host};

/// A copy of upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copy {
    /// A folder.
    Folder(PathBuf),
    /// HTTP(S) root.
    Served(String),
}

/// Where some content of a [`Copy`] is.
pub(super) enum At {
    File(PathBuf),
    Url(Fetch),
}

impl Copy {
    /// Where it has what upstream has at `fetch`.
    pub(super) fn at(&self, fetch: &Fetch) -> Option<At> {
        match self {
            Self::Folder(root) => Some(At::File(root.join(path(&fetch.url)?))),
            Self::Served(root) => {
                let (_, rest) = fetch.url.split_once("://")?;
                let url = Url::parse(&format!("{}/{rest}", root.trim_end_matches('/'))).ok()?;
                let url = url.into();
                let accept = fetch.accept;
                Some(At::Url(Fetch { url, accept }))
            }
        }
    }
}

/// Path of `url` in a folder, as a web server would look for it: decoded. `None` where that is no path
/// inside of the folder, or where a query says more than a path can.
pub(super) fn path(url: &str) -> Option<PathBuf> {
    let url = Url::parse(url).ok()?;
    if url.query().is_some() {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str(url.path())
        .decode_utf8()
        .ok()?;
    let mut path = PathBuf::from(host(&url)?);
    for segment in decoded.split('/').filter(|segment| !segment.is_empty()) {
        if segment == "." || segment == ".." || segment.contains('\0') {
            return None;
        }
        path.push(segment);
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lays_out_by_host_and_path() {
        let at = |url| path(url).map(|path| path.display().to_string());
        assert_eq!(
            at("https://dl.k8s.io/v1/kubelet").unwrap(),
            "dl.k8s.io/v1/kubelet"
        );
        assert_eq!(
            at("http://127.0.0.1:5000/v2/a/b").unwrap(),
            "127.0.0.1:5000/v2/a/b"
        );
        assert_eq!(
            at("https://example.org/a%2Bb~c+d").unwrap(),
            "example.org/a+b~c+d"
        );
        assert_eq!(
            at("https://example.org/a/../../etc/passwd").unwrap(),
            "example.org/etc/passwd"
        );
    }

    #[test]
    fn never_leaves_its_folder() {
        assert_eq!(path("https://example.org/a/..%2f..%2fetc/passwd"), None);
        assert_eq!(path("https://example.org/get?file=x"), None);
        assert_eq!(path("file:///etc/passwd"), None);
        assert_eq!(path("no URL"), None);
    }

    #[test]
    fn is_served_below_any_root() {
        let copy = Copy::Served("http://10.0.0.5/upstream/".to_owned());
        let Some(At::Url(fetch)) = copy.at(&Fetch::file("https://dl.k8s.io/v1/a%2Bb")) else {
            panic!("a URL");
        };
        assert_eq!(fetch.url, "http://10.0.0.5/upstream/dl.k8s.io/v1/a%2Bb");
    }
}
