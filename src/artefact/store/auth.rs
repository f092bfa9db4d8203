//! Who asks a registry: logins as `docker login`, `podman login` and `skopeo login` keep them, and the
//! tokens that services give, to those who log in or to anybody.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fs_err as fs;
use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

use super::gather::held;
use super::http::{Failure, accepted, host, send};
use super::registry;

const TOKEN_LIMIT: u64 = 1 << 20;

/// Logins by registry, or by registry and the beginning of a repository's path.
#[derive(Clone, Default)]
pub struct Credentials {
    file: Option<PathBuf>,
    logins: BTreeMap<String, Login>,
}

#[derive(Clone)]
struct Login {
    user: Zeroizing<String>,
    password: Zeroizing<String>,
}

/// Why a file of logins is none.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// It is no JSON of that form.
    #[error("`{}` holds no logins to registries: {problem}", file.display())]
    Form {
        /// The file.
        file: PathBuf,
        /// What is wrong, without any of its content.
        problem: String,
    },
}

/// `config.json` of Docker, `auth.json` of containers-auth.json(5).
#[derive(Deserialize)]
struct AuthFile {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.logins.keys()).finish()
    }
}

impl Credentials {
    /// The logins that `file` holds in itself; those that it says a program keeps are not asked for.
    pub fn read(file: &Path) -> Result<Self, CredentialsError> {
        let text = Zeroizing::new(fs::read_to_string(file)?);
        let form = |problem| CredentialsError::Form {
            file: file.to_owned(),
            problem,
        };
        let parsed: AuthFile = serde_json::from_str(&text)
            // serde's own message could quote a password
            .map_err(|error| {
                form(format!(
                    "line {}: {:?} error",
                    error.line(),
                    error.classify()
                ))
            })?;
        let mut logins = BTreeMap::new();
        for (name, entry) in parsed.auths {
            let auth = entry.auth.map(Zeroizing::new);
            let Some(auth) = auth.filter(|auth| !auth.is_empty()) else {
                continue;
            };
            let login = login(&auth).ok_or_else(|| {
                form(format!(
                    "`auth` of `{name}` is no `user:password` in base64"
                ))
            })?;
            logins.insert(registry_name(&name), login);
        }
        Ok(Self {
            file: Some(file.to_owned()),
            logins,
        })
    }

    /// Of the most specific name that matches a URL of the distribution protocol.
    fn of(&self, url: &Url) -> Option<&Login> {
        let host = canonical(&host(url)?).to_owned();
        let path = url.path().trim_start_matches("/v2/");
        let ends = path.match_indices('/').map(|(at, _)| at).rev();
        let mut names = ends.map(|end| format!("{host}/{}", &path[..end]));
        let longest = names.find_map(|name| self.logins.get(&name));
        longest.or_else(|| self.logins.get(&host))
    }

    /// Why a registry answered 401.
    fn why(&self, url: &Url) -> String {
        let host = host(url).unwrap_or_default();
        match (&self.file, self.of(url)) {
            (Some(file), Some(_)) => format!("the login in `{}` is refused", file.display()),
            (Some(file), None) => format!("no login for `{host}` in `{}`", file.display()),
            (None, _) => format!("no login for `{host}`: `--registry-auth` names a file of them"),
        }
    }
}

fn login(auth: &str) -> Option<Login> {
    let decoded = Zeroizing::new(STANDARD.decode(auth.trim()).ok()?);
    let text = std::str::from_utf8(&decoded).ok()?;
    // old versions of docker pad it
    let (user, password) = text.trim_end_matches('\0').split_once(':')?;
    Some(Login {
        user: Zeroizing::new(user.to_owned()),
        password: Zeroizing::new(password.to_owned()),
    })
}

/// Docker writes some names as URLs: `https://index.docker.io/v1/`.
fn registry_name(name: &str) -> String {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    let name = name.trim_end_matches('/');
    let name = ["/v1", "/v2"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    match name.split_once('/') {
        Some((host, path)) => format!("{}/{path}", canonical(host)),
        None => canonical(name).to_owned(),
    }
}

/// Docker's hub has several names.
pub(super) fn canonical(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        _ => host,
    }
}

/// Logins, and what they were good for so far.
pub(super) struct Access {
    credentials: Credentials,
    /// By the URL of a repository.
    grants: Mutex<BTreeMap<String, Grant>>,
    /// Where tokens were asked for, by the URL of a repository.
    services: Mutex<BTreeMap<String, String>>,
}

#[derive(Clone)]
enum Grant {
    Token(Zeroizing<String>),
    Login(Login),
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Access {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            grants: Mutex::default(),
            services: Mutex::default(),
        }
    }

    /// Says who asks, where that was asked before.
    pub(super) fn sign(&self, request: RequestBuilder, url: &str) -> RequestBuilder {
        let grant = held(&self.grants).get(&scope(url)).cloned();
        match grant {
            Some(Grant::Token(token)) => request.bearer_auth(&*token),
            Some(Grant::Login(login)) => request.basic_auth(&*login.user, Some(&*login.password)),
            None => request,
        }
    }

    /// The service that gave a token for `url`.
    pub(super) fn service(&self, url: &str) -> Option<Url> {
        Url::parse(held(&self.services).get(&scope(url))?).ok()
    }

    /// Gets what the registry asked for in answer to `url`: a token, from the service that it names, or
    /// the login itself. Whether there is something now to ask again with.
    pub(super) fn obtain(
        &self,
        url: &str,
        headers: &HeaderMap,
        client: &Client,
    ) -> Result<bool, Failure> {
        let challenges: Vec<&str> = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let login = Url::parse(url).ok();
        let login = login.and_then(|url| self.credentials.of(&url).cloned());
        let service = challenges.iter().find_map(|c| registry::token_url(c));
        let grant = match (service, login) {
            (Some(service), login) => {
                held(&self.services).insert(scope(url), service.clone());
                // what a registry is asked over TLS does not go to a service without
                let safe = !url.starts_with("https:") || service.starts_with("https:");
                Grant::Token(token(&service, login.filter(|_| safe), client)?)
            }
            (None, Some(login)) if challenges.iter().any(|c| is_basic(c)) => Grant::Login(login),
            _ => return Ok(false),
        };
        held(&self.grants).insert(scope(url), grant);
        Ok(true)
    }

    /// An answer 401 that there is nothing to be done about.
    pub(super) fn refused(&self, url: &str) -> Failure {
        let why = Url::parse(url).map(|url| self.credentials.why(&url));
        Failure::Final(format!("401 Unauthorized: {}", why.unwrap_or_default()))
    }
}

fn is_basic(challenge: &str) -> bool {
    let scheme = challenge.split(' ').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("basic")
}

fn token(
    service: &str,
    login: Option<Login>,
    client: &Client,
) -> Result<Zeroizing<String>, Failure> {
    let mut request = client.get(service);
    if let Some(login) = login {
        request = request.basic_auth(&*login.user, Some(&*login.password));
    }
    let failed = |problem: String| Failure::Final(format!("{service}: {problem}"));
    let answer = accepted(send(request)?).map_err(|failure| match failure {
        Failure::Final(problem) => failed(problem),
        other => other,
    })?;
    let token: Token = serde_json::from_reader(answer.take(TOKEN_LIMIT))
        .map_err(|error| failed(error.to_string()))?;
    let token = token.token.or(token.access_token);
    token
        .map(Zeroizing::new)
        .ok_or_else(|| failed("no token in the answer".to_owned()))
}

/// A token serves one repository: the URL up to `manifests/` or `blobs/`.
fn scope(url: &str) -> String {
    let end = ["/manifests/", "/blobs/"]
        .iter()
        .find_map(|part| url.find(part));
    url[..end.unwrap_or(url.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(auths: &str) -> Result<Credentials, CredentialsError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.json");
        fs::write(&file, format!(r#"{{"auths":{auths},"credsStore":"x"}}"#)).unwrap();
        Credentials::read(&file)
    }

    #[test]
    fn finds_the_most_specific_login() {
        let auth = |text: &str| STANDARD.encode(text);
        let found = credentials(&format!(
            r#"{{"https://index.docker.io/v1/":{{"auth":"{}"}},
                "example.org:5000":{{"auth":"{}"}}, "example.org:5000/team":{{"auth":"{}"}},
                "kept.elsewhere":{{}}, "example.org:5000/empty":{{"auth":""}}}}"#,
            auth("hub:a"),
            auth("all:b:c"),
            auth("team:d\0\0")
        ))
        .unwrap();
        let login = |url: &str| {
            let login = found.of(&Url::parse(url).unwrap())?;
            Some(format!("{} {}", *login.user, *login.password))
        };
        let at = |repository: &str| login(&format!("https://{repository}/manifests/sha256:0"));
        assert_eq!(at("registry-1.docker.io/v2/library/x").unwrap(), "hub a");
        assert_eq!(at("example.org:5000/v2/x").unwrap(), "all b:c");
        assert_eq!(at("example.org:5000/v2/team/x").unwrap(), "team d");
        assert_eq!(at("example.org:5000/v2/teams/x").unwrap(), "all b:c");
        assert_eq!(at("example.org/v2/team/x"), None);
        assert_eq!(at("kept.elsewhere/v2/x"), None);
        let shown = format!("{found:?}");
        assert!(
            shown.contains("docker.io") && !shown.contains("b:c"),
            "{shown}"
        );
    }

    #[test]
    fn a_file_that_is_something_else_is_told_without_what_is_in_it() {
        for auths in [r#"{"a.example":{"auth":"c2VjcmV0"}}"#, r#""c2VjcmV0""#, "{"] {
            let error = credentials(auths).unwrap_err().to_string();
            assert!(error.contains("holds no logins"), "{error}");
            assert!(
                !error.contains("c2VjcmV0") && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
