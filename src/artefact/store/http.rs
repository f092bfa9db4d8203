//! Downloads: retried with back-off, resumed where the server allows, hashed while written.

use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use backon::{BlockingRetryable, ExponentialBuilder};
use fs_err as fs;
use reqwest::StatusCode;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LOCATION, RANGE,
    WWW_AUTHENTICATE,
};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Url};

use super::answer;
use super::auth::{Access, Credentials};
use super::blobs::BlobWriter;
use super::build::Event;
use super::error::StoreError;

/// What to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fetch {
    pub(super) url: String,
    pub(super) accept: Option<&'static str>,
}

impl Fetch {
    /// Whatever is at `url`.
    pub(super) fn file(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            accept: None,
        }
    }
}

/// A download that is under way.
pub(super) struct Download<'d> {
    pub(super) writer: &'d mut BlobWriter,
    /// More bytes than this are refused.
    pub(super) limit: Option<u64>,
    /// Is told what happens.
    pub(super) tell: &'d dyn Fn(Event<'_>),
}

/// Why a download failed.
pub(super) enum Failure {
    /// The store cannot be written: no other source helps.
    Write(io::Error),
    /// Asking again would give the same.
    Final(String),
    /// Worth another try.
    Passing(String),
}

/// One client for all downloads; proxies come from the environment.
pub(super) struct Http {
    client: Client,
    /// One that follows no redirect.
    still: Client,
    access: Access,
}

const TRIES: usize = 4;
/// As many as reqwest follows.
const REDIRECTS: usize = 10;
/// Nobody watches a build for longer without knowing why.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
const STALL: Duration = Duration::from_mins(1);

impl Http {
    pub(super) fn new(
        ca_file: Option<&Path>,
        credentials: &Credentials,
    ) -> Result<Self, StoreError> {
        let mut roots = Vec::new();
        if let Some(file) = ca_file {
            let pem = fs::read(file).map_err(StoreError::Read)?;
            roots = Certificate::from_pem_bundle(&pem).map_err(StoreError::Client)?;
            if roots.is_empty() {
                return Err(StoreError::NoCertificate {
                    file: file.to_owned(),
                });
            }
        }
        let builder = || {
            Client::builder()
                .user_agent(concat!("firstlight/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(Duration::from_secs(15))
                .timeout(STALL)
                .tls_certs_merge(roots.clone())
        };
        let client = builder().build().map_err(StoreError::Client)?;
        let still = builder().redirect(Policy::none()).build();
        Ok(Self {
            client,
            still: still.map_err(StoreError::Client)?,
            access: Access::new(credentials.clone()),
        })
    }

    /// Downloads into `writer`, which then holds the whole content, verified by nobody yet.
    pub(super) fn fetch(&self, fetch: &Fetch, download: &mut Download<'_>) -> Result<(), Failure> {
        let mut announced = false;
        let once = || match download.writer.is_whole() {
            true => Ok(()),
            false => self.once(fetch, download, &mut announced),
        };
        retried(once)
    }

    /// Gives what is at `fetch` to `take`, again from the beginning when that is worth another try.
    pub(super) fn stream<R>(
        &self,
        fetch: &Fetch,
        mut take: impl FnMut(&mut Response) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        retried(|| {
            let mut request = self.client.get(&fetch.url);
            request = request.header(ACCEPT_ENCODING, "identity");
            if let Some(accept) = fetch.accept {
                request = request.header(ACCEPT, accept);
            }
            take(&mut accepted(self.authorised(request, &fetch.url)?)?)
        })
    }

    fn once(
        &self,
        fetch: &Fetch,
        download: &mut Download<'_>,
        announced: &mut bool,
    ) -> Result<(), Failure> {
        let writer = &mut *download.writer;
        let mut request = self
            .client
            .get(&fetch.url)
            .header(ACCEPT_ENCODING, "identity");
        if let Some(accept) = fetch.accept {
            request = request.header(ACCEPT, accept);
        }
        if let Some(tag) = writer.tag() {
            request = request
                .header(RANGE, format!("bytes={}-", writer.size()))
                .header(IF_RANGE, tag);
        }
        let response = self.authorised(request, &fetch.url)?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            writer.restart().map_err(Failure::Write)?;
            return Err(Failure::Passing(response.status().to_string()));
        }
        let response = accepted(response)?;
        if !continues(&response, writer.size()) {
            writer.restart().map_err(Failure::Write)?;
        }
        let tag = strong_etag(response.headers());
        writer.set_tag(tag.as_deref()).map_err(Failure::Write)?;
        if let (false, Some(length)) = (*announced, response.content_length()) {
            *announced = true;
            (download.tell)(Event::Expected(length));
        }
        download.drain(response)
    }

    /// The hosts that `fetch` leads to, and why there may be more.
    pub(super) fn redirects(&self, fetch: &Fetch) -> (Vec<String>, Option<String>) {
        let mut hosts = Vec::new();
        let mut url = fetch.url.clone();
        for _ in 0..REDIRECTS {
            let accept = fetch.accept.filter(|_| url == fetch.url);
            let response = match self.head(&url, accept) {
                Ok(response) => response,
                Err(Failure::Final(problem) | Failure::Passing(problem)) => {
                    return (hosts, Some(problem));
                }
                Err(Failure::Write(error)) => return (hosts, Some(error.to_string())),
            };
            let service = self.access.service(&url).as_ref().and_then(host);
            let own = host(response.url());
            hosts.extend(service.filter(|s| Some(s) != own.as_ref() && !hosts.contains(s)));
            let status = response.status();
            let location = response
                .headers()
                .get(LOCATION)
                .and_then(|l| l.to_str().ok());
            let next = location.and_then(|location| response.url().join(location).ok());
            let Some(next) = next.filter(|_| status.is_redirection()) else {
                // what a redirect leads to is often signed for GET alone
                let refused = hosts.is_empty() && !status.is_success();
                return (hosts, refused.then(|| status.to_string()));
            };
            if let Some(host) = host(&next)
                && Some(&host) != self::host(response.url()).as_ref()
                && !hosts.contains(&host)
            {
                hosts.push(host);
            }
            url = next.into();
        }
        (hosts, Some("too many redirects".to_owned()))
    }

    /// What `url` answers before its body; redirects are not followed.
    fn head(&self, url: &str, accept: Option<&str>) -> Result<Response, Failure> {
        let accept = accept.unwrap_or("*/*");
        let response = self.authorised(self.still.head(url).header(ACCEPT, accept), url)?;
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                self.authorised(self.still.get(url).header(RANGE, "bytes=0-0"), url)
            }
            _ => Ok(response),
        }
    }

    /// Sends; says who asks once a registry wants to know.
    fn authorised(&self, request: RequestBuilder, url: &str) -> Result<Response, Failure> {
        let again = request.try_clone().expect("a GET has no body");
        let mut response = send(self.access.sign(request, url))?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let headers = response.headers();
            // who a redirect leads to may not ask for what only the registry may know
            let asked = Url::parse(url).is_ok_and(|url| url.origin() == response.url().origin());
            if !headers.contains_key(WWW_AUTHENTICATE) || !asked {
                return Ok(response);
            }
            if !self.access.obtain(url, headers, &self.client)? {
                return Err(self.access.refused(url));
            }
            response = send(self.access.sign(again, url))?;
        }
        match response.status() {
            StatusCode::UNAUTHORIZED => Err(self.access.refused(url)),
            _ => Ok(response),
        }
    }
}

fn retried<R>(once: impl FnMut() -> Result<R, Failure>) -> Result<R, Failure> {
    let backoff = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_times(TRIES - 1);
    once.retry(backoff)
        .when(|failure| matches!(failure, Failure::Passing(_)))
        .call()
}

/// Host of a URL, with its port where that is not the scheme's.
pub(super) fn host(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

pub(super) fn send(request: RequestBuilder) -> Result<Response, Failure> {
    request.send().map_err(|error| {
        let problem = format!("{}{}", chain(&error), remedy_of(&error));
        if error.is_builder() || error.is_redirect() {
            Failure::Final(problem)
        } else {
            Failure::Passing(problem)
        }
    })
}

/// An answer that is one; whoever is asked to come back later has waited then.
pub(super) fn accepted(response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let wait = answer::retry_after(response.headers()).unwrap_or_default();
    let mut problem = format!("{status}{}", answer::said(response));
    let passing = status.is_server_error()
        || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
    if passing && wait > LONGEST_WAIT {
        problem += &format!(" (to be asked again after {} s)", wait.as_secs());
    }
    problem += remedy(status);
    if !passing || wait > LONGEST_WAIT {
        return Err(Failure::Final(problem));
    }
    std::thread::sleep(wait);
    Err(Failure::Passing(problem))
}

/// What to do about an answer.
fn remedy(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            "; it is not there any more, or the version or the URL is wrong"
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "; who asks may not have it: take it from a mirror or a folder"
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            "; put the proxy's user and password into HTTPS_PROXY and HTTP_PROXY"
        }
        StatusCode::TOO_MANY_REQUESTS => "; wait, or take it from a mirror",
        _ => "",
    }
}

/// What to do where there was no answer.
fn remedy_of(error: &reqwest::Error) -> &'static str {
    let text = chain(error);
    if text.contains("certificate") {
        "; if a proxy or a mirror has an authority of its own, name it with `--ca-file`"
    } else if error.is_timeout() || error.is_connect() {
        "; if this network has a proxy, set HTTPS_PROXY and HTTP_PROXY"
    } else {
        ""
    }
}

/// The answer goes on where the file ends (RFC 9110 §15.3.7).
fn continues(response: &Response, size: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE);
    response.status() == StatusCode::PARTIAL_CONTENT
        && range
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with(&format!("bytes {size}-")))
}

/// Only a strong tag promises the same bytes (RFC 9110 §13.1.5).
fn strong_etag(headers: &HeaderMap) -> Option<String> {
    let tag = headers.get(ETAG)?.to_str().ok()?;
    tag.starts_with('"').then(|| tag.to_owned())
}

impl Download<'_> {
    fn drain(&mut self, mut response: Response) -> Result<(), Failure> {
        let mut buffer = vec![0; 1 << 17];
        loop {
            let count = match response.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) => {
                    let size = self.writer.size();
                    let problem = format!("ended after {size} bytes: {}", chain(&error));
                    return Err(Failure::Passing(problem));
                }
            };
            self.writer
                .write_all(&buffer[..count])
                .map_err(Failure::Write)?;
            (self.tell)(Event::Bytes(count as u64));
            if let Some(limit) = self.limit.filter(|limit| self.writer.size() > *limit) {
                self.writer.restart().map_err(Failure::Write)?;
                return Err(Failure::Final(format!(
                    "more than the {limit} bytes that it may have"
                )));
            }
        }
    }
}

/// An error and its causes, which reqwest keeps apart.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let causes = causes.map(|cause| format!(": {cause}"));
    error.to_string() + &causes.collect::<String>()
}

/// The URL below the root of a store, or `None` if `root` is no URL.
pub(super) fn below(root: &str, path: &str) -> Option<Fetch> {
    let url = Url::parse(&format!("{}/{path}", root.trim_end_matches('/'))).ok()?;
    Some(Fetch::file(url.as_str()))
}
