//! What a server says with an answer that is not the wanted one.

use std::io::Read as _;
use std::time::Duration;

use reqwest::blocking::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

const LIMIT: u64 = 8 << 10;

/// OCI distribution-spec, "Error Codes".
#[derive(Deserialize)]
struct Errors {
    errors: Vec<Said>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// `: message` of a registry's error, or nothing.
pub(super) fn said(response: Response) -> String {
    let mut body = Vec::new();
    if response.take(LIMIT).read_to_end(&mut body).is_err() {
        return String::new();
    }
    first_error(&body).map_or_else(String::new, |said| format!(": {said}"))
}

fn first_error(body: &[u8]) -> Option<String> {
    let errors: Errors = serde_json::from_slice(body).ok()?;
    let first = errors.errors.into_iter().next()?;
    let said = match first.message.as_str() {
        "" => first.code,
        _ => first.message,
    };
    let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
    (!said.is_empty()).then_some(said)
}

/// How long the server wants not to be asked (RFC 9110 §10.2.3): seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(
        (then - OffsetDateTime::now_utc())
            .try_into()
            .unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers)
    }

    #[test]
    fn reads_both_forms_of_retry_after() {
        assert_eq!(wait("120"), Some(Duration::from_mins(2)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let later = wait("Fri, 31 Dec 2999 23:59:59 GMT").unwrap();
        assert!(later > Duration::from_hours(24));
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn repeats_what_a_registry_says_and_nothing_else() {
        let of = |text: &str| first_error(text.as_bytes());
        let body = r#"{"errors":[{"code":"DENIED","message":"not\u001b[1m yours"},{"code":"X"}]}"#;
        assert_eq!(of(body).unwrap(), "not[1m yours");
        assert_eq!(
            of(r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#).unwrap(),
            "UNAUTHORIZED"
        );
        assert_eq!(of("<html>"), None);
        assert_eq!(of(r#"{"errors":[]}"#), None);
    }
}
