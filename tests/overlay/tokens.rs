//! A token service (distribution's "Token Authentication Specification"): tokens are signed, and name what
//! they are good for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use time::OffsetDateTime;

/// A running service.
pub struct Tokens {
    url: String,
    roots: PathBuf,
}

impl Tokens {
    /// Of the user `reader`, who may read what is below `team/`; anybody may read the rest.
    pub const PASSWORD: &str = "secret:s";

    pub fn start(dir: &Path) -> Tokens {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.not_before = OffsetDateTime::now_utc() - time::Duration::days(1);
        params.not_after = OffsetDateTime::now_utc() + time::Duration::days(1);
        let certificate = params.self_signed(&key).unwrap();
        let roots = dir.join("roots.pem");
        fs_err::write(&roots, certificate.pem()).unwrap();
        let chain = STANDARD.encode(certificate.der());
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der());
        let pair = pair.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &chain, &pair);
            }
        });
        Tokens { url, roots }
    }

    /// What the registry has to know.
    pub fn config(&self) -> String {
        format!(
            "auth: {{ token: {{ realm: \"{}\", service: demo, issuer: tests, rootcertbundle: {} }} }}\n",
            self.url,
            self.roots.display()
        )
    }
}

fn answer(mut stream: TcpStream, chain: &str, key: &EcdsaKeyPair) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else {
        return;
    };
    let headers = lines.map_while(Result::ok).take_while(|l| !l.is_empty());
    let headers: Vec<String> = headers.collect();
    let login = headers
        .iter()
        .find_map(|l| l.split_once(": ")?.1.strip_prefix("Basic "));
    let good = format!("reader:{}", Tokens::PASSWORD);
    let known = login.map(|login| STANDARD.decode(login).unwrap() == good.as_bytes());
    let scope = first.split("scope=repository:").nth(1).unwrap();
    let repository = scope.split(':').next().unwrap();
    let (status, body) = match known {
        Some(false) => ("403 Forbidden", String::new()),
        known => {
            let allowed = known.is_some() || !repository.starts_with("team/");
            let token = token(repository, allowed, chain, key);
            ("200 OK", json!({ "token": token }).to_string())
        }
    };
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).unwrap();
}

fn token(repository: &str, allowed: bool, chain: &str, key: &EcdsaKeyPair) -> String {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let actions: &[&str] = if allowed { &["pull"] } else { &[] };
    let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [chain] });
    let claims = json!({
        "iss": "tests", "sub": "reader", "aud": "demo", "jti": "1",
        "iat": now - 10, "nbf": now - 10, "exp": now + 300,
        "access": [{ "type": "repository", "name": repository, "actions": actions }],
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}
