//! Where an image's parts are by the OCI distribution protocol.

use super::http::Fetch;
use crate::artefact::digest::Digest;

const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// An index or manifest of the image `name` (`registry/repository:tag`).
pub(super) fn manifest(name: &str, digest: &Digest) -> Option<Fetch> {
    let (base, repository) = split(name)?;
    Some(Fetch {
        url: format!("{base}/v2/{repository}/manifests/{digest}"),
        accept: Some(MANIFESTS),
    })
}

/// What the tag of the image `name` (`registry/repository:tag`) names.
pub(super) fn tag(name: &str) -> Option<Fetch> {
    let (base, repository) = split(name)?;
    let (_, tag) = name.rsplit_once(':')?;
    Some(Fetch {
        url: format!("{base}/v2/{repository}/manifests/{tag}"),
        accept: Some(MANIFESTS),
    })
}

/// A configuration or layer of the image `name`.
pub(super) fn blob(name: &str, digest: &Digest) -> Option<Fetch> {
    let (base, repository) = split(name)?;
    let url = format!("{base}/v2/{repository}/blobs/{digest}");
    Some(Fetch::file(&url))
}

/// URL of the registry, and the repository. Only a registry on this machine speaks plain HTTP.
fn split(name: &str) -> Option<(String, &str)> {
    let (registry, rest) = name.split_once('/')?;
    let repository = rest
        .rsplit_once(':')
        .map_or(rest, |(repository, _)| repository);
    let host = registry.split(':').next().unwrap_or(registry);
    let (scheme, registry) = match (host, registry) {
        ("localhost" | "127.0.0.1", _) => ("http", registry),
        (_, "docker.io") => ("https", "registry-1.docker.io"),
        _ => ("https", registry),
    };
    Some((format!("{scheme}://{registry}"), repository))
}

/// The token service that a `WWW-Authenticate: Bearer …` header names, as a URL to ask.
pub(super) fn token_url(challenge: &str) -> Option<String> {
    let (scheme, fields) = challenge.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let field = |name: &str| {
        let (_, rest) = fields.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    };
    let known = ["service", "scope"].iter();
    let query = known.filter_map(|name| field(name).map(|value| format!("{name}={value}")));
    let query: Vec<String> = query.collect();
    Some(format!("{}?{}", field("realm")?, query.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_registry_and_repository() {
        let digest = Digest::sha256(b"");
        let url = |name| manifest(name, &digest).unwrap().url;
        let path = format!("manifests/{digest}");
        assert_eq!(
            url("docker.io/library/haproxy:3.2-alpine"),
            format!("https://registry-1.docker.io/v2/library/haproxy/{path}")
        );
        assert_eq!(
            url("127.0.0.1:5000/a/b:c"),
            format!("http://127.0.0.1:5000/v2/a/b/{path}")
        );
    }

    #[test]
    fn reads_a_challenge() {
        let challenge = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/haproxy:pull""#;
        assert_eq!(
            token_url(challenge).unwrap(),
            "https://auth.docker.io/token?service=registry.docker.io&scope=repository:library/haproxy:pull"
        );
        assert_eq!(token_url("Basic realm=\"x\""), None);
    }
}
