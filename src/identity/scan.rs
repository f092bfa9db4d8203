//! Private keys in any file: what the secret inventory is checked with.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use rcgen::PublicKeyData as _;
use zeroize::Zeroizing;

use super::Fingerprint;

/// `-----BEGIN ` in base64, as every key starts that a kubeconfig embeds.
const BASE64_OF_BEGIN: &str = "LS0tLS1CRUdJTi";
/// Shorter base64 holds no key: the smallest, Ed25519 in PKCS #8, is 64 digits before its PEM frame.
const SHORTEST: usize = 64;
/// How many times base64 may be wrapped in base64: a kubeconfig inside user-data is two.
const DEPTH: usize = 3;
/// Base64 without its padding, forgiving the bits that a cut-off last digit leaves over.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));

/// The fingerprints of all private keys in `content`: PEM blocks, indented, JSON-escaped or embedded
/// as base64.
///
/// A block that says it is a private key and cannot be read as one is counted too, by the digest of
/// its text: nobody owns such a key, so a check that asks for its owner refuses it.
pub fn private_keys(content: &[u8]) -> Vec<Fingerprint> {
    let mut found = Vec::new();
    let text = Zeroizing::new(String::from_utf8_lossy(content).into_owned());
    scan(&text, DEPTH, &mut found);
    found
}

fn scan(text: &str, depth: usize, found: &mut Vec<Fingerprint>) {
    pem_blocks(text, found);
    if depth == 0 {
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.find(BASE64_OF_BEGIN) {
        let run = wrapped_run(&rest[at..]);
        scan(&decode(run), depth - 1, found);
        rest = &rest[at + run.len()..];
    }
    for run in text.split(|c| !is_digit(c)) {
        if run.len() >= SHORTEST && !run.starts_with(BASE64_OF_BEGIN) {
            scan(&decode(run), depth - 1, found);
        }
    }
}

/// Every PEM block whose label ends in `PRIVATE KEY` (RFC 7468 §10, RFC 5915 §4, RFC 8017).
fn pem_blocks(text: &str, found: &mut Vec<Fingerprint>) {
    let mut rest = text;
    while let Some(at) = rest.find("-----BEGIN ") {
        rest = &rest[at + "-----BEGIN ".len()..];
        let Some((label, body)) = rest.split_once("-----") else {
            return;
        };
        if !label.ends_with("PRIVATE KEY") || label.contains('\n') {
            continue;
        }
        let end = body.find("-----END ").unwrap_or(body.len());
        found.push(fingerprint(label, &body[..end]));
        rest = &body[end..];
    }
}

fn fingerprint(label: &str, body: &str) -> Fingerprint {
    let plain = Zeroizing::new(body.replace("\\n", ""));
    let digits = Zeroizing::new(plain.split_whitespace().collect::<String>());
    let begin = format!("-----BEGIN {label}-----");
    let pem = Zeroizing::new(format!("{begin}\n{}\n-----END {label}-----\n", *digits));
    rcgen::KeyPair::from_pem(&pem).map_or_else(
        |_| Fingerprint::of_public_key(digits.as_bytes()),
        |key| Fingerprint::of_public_key(&key.subject_public_key_info()),
    )
}

fn is_digit(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/')
}

/// The base64 that `text` starts with, across line breaks.
///
/// Without padding, words on the next line are taken for more of it; they decode to bytes after the
/// end of the PEM block, where nobody looks.
fn wrapped_run(text: &str) -> &str {
    let end = text.find(|c| !is_digit(c) && !c.is_ascii_whitespace());
    &text[..end.unwrap_or(text.len())]
}

fn decode(run: &str) -> Zeroizing<String> {
    let mut digits = Zeroizing::new(run.split_ascii_whitespace().collect::<String>());
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    let bytes = Zeroizing::new(BASE64.decode(digits.as_bytes()).unwrap_or_default());
    Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD as PADDED;

    use super::*;

    fn key() -> (String, Fingerprint) {
        let key = rcgen::KeyPair::generate().unwrap();
        let fingerprint = Fingerprint::of_public_key(&key.subject_public_key_info());
        (key.serialize_pem(), fingerprint)
    }

    #[test]
    fn finds_keys_however_they_are_wrapped() {
        let (pem, print) = key();
        let embedded = PADDED.encode(&pem);
        let kubeconfig = format!("users:\n- user:\n    client-key-data: {embedded}\n    x: y\n");
        let wrapped: Vec<_> = embedded.as_bytes().chunks(76).collect();
        let indented = pem.replace('\n', "\n    ");
        for (what, text) in [
            ("plain", pem.clone()),
            (
                "after a certificate",
                format!("-----BEGIN CERTIFICATE-----\nAA==\n{pem}"),
            ),
            ("indented", format!("content: |\n    {indented}")),
            ("escaped", format!("{{\"key\": {pem:?}}}")),
            ("kubeconfig", kubeconfig.clone()),
            (
                "wrapped base64",
                String::from_utf8(wrapped.join(&b"\n  "[..])).unwrap(),
            ),
            (
                "kubeconfig in user-data",
                format!("content: {}", PADDED.encode(kubeconfig)),
            ),
        ] {
            assert_eq!(private_keys(text.as_bytes()), [print], "{what}");
        }
    }

    #[test]
    fn counts_keys_it_cannot_read() {
        let text = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END";
        assert_eq!(private_keys(text.as_bytes()).len(), 1);
        let cut = &key().0[..120];
        assert_eq!(private_keys(cut.as_bytes()).len(), 1);
    }

    #[test]
    fn finds_none_where_there_is_none() {
        for text in [
            "",
            "-----BEGIN ",
            "-----BEGIN CERTIFICATE-----\nAA==\n",
            "LS0tLS1CRUdJTi",
        ] {
            assert_eq!(private_keys(text.as_bytes()), [], "{text}");
        }
        assert_eq!(private_keys(&[0xff; 300]), []);
    }

    proptest::proptest! {
        #[test]
        fn takes_any_bytes(bytes: Vec<u8>) {
            let _ = private_keys(&bytes);
        }
    }
}
