//! What upstream may answer instead of what it should, and what is said about it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use firstlight::artefact::store::{Credentials, Request, Source, build};
use firstlight::artefact::{Algorithm, Artefact, Digest, Item};
use firstlight::config::model::Arch;
use tempfile::TempDir;

use crate::server::{Answer, serve};
use crate::support;
use crate::upstream::{artefact, image, run, set};

fn at(url: &str, content: &[u8]) -> Artefact {
    artefact(
        "demo",
        Item::File {
            digest: Digest::of(Algorithm::Sha256, content),
            url: url.to_owned(),
            dest: "/opt/firstlight/bin/demo".to_owned(),
            mode: 0o755,
        },
    )
}

/// What is said of an artefact that is answered so.
fn said(answer: Answer) -> (String, usize) {
    let server = serve(vec![("/demo".to_owned(), answer)]);
    let dir = tempfile::tempdir().unwrap();
    let url = format!("{}/demo", server.url);
    let error = run(&[at(&url, b"content")], &[Source::Upstream], dir.path()).unwrap_err();
    let asked = server.log.lock().unwrap().len();
    let text = error.to_string();
    let line = text
        .lines()
        .find(|line| line.contains(&format!("    {url}: ")));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    let (_, problem) = line.split_once("/demo: ").unwrap();
    (problem.to_owned(), asked)
}

#[test]
fn a_status_is_told_with_what_to_do() {
    let gone = "; it is not there any more, or the version or the URL is wrong";
    let denied = "; who asks may not have it: take it from a mirror or a folder";
    for (status, problem, asked) in [
        ("404 Not Found", format!("404 Not Found{gone}"), 1),
        ("410 Gone", format!("410 Gone{gone}"), 1),
        ("401 Unauthorized", format!("401 Unauthorized{denied}"), 1),
        ("403 Forbidden", format!("403 Forbidden{denied}"), 1),
        // these may pass
        (
            "500 Internal Server Error",
            "500 Internal Server Error".to_owned(),
            4,
        ),
        ("502 Bad Gateway", "502 Bad Gateway".to_owned(), 4),
    ] {
        assert_eq!(said(Answer::Status(status)), (problem, asked), "{status}");
    }
}

#[test]
fn a_server_that_does_not_know_ranges_begins_again() {
    // cut off the first time, and whole whatever range is asked for: 200 and not 206
    let content: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
    let server = serve(vec![(
        "/demo".to_owned(),
        Answer::CutThenWhole(content.clone(), 300_000),
    )]);
    let dir = tempfile::tempdir().unwrap();
    let wanted = at(&format!("{}/demo", server.url), &content);
    run(&[wanted], &[Source::Upstream], dir.path()).unwrap();
    assert_eq!(
        *server.log.lock().unwrap(),
        ["/demo None", "/demo Some(300000)"]
    );
}

#[test]
fn what_is_longer_than_it_may_be_is_not_read_to_its_end() {
    let parts = image(&[("amd64", "amd64")], "made up");
    let layer = parts.parts[3];
    let mut answers: Vec<(String, Answer)> = Vec::new();
    for (path, content) in parts.files {
        if let Some(hex) = path.strip_prefix("blobs/sha256/") {
            let answer = match Digest::sha256(&content) == layer {
                true => Answer::Endless,
                false => Answer::Whole(content),
            };
            for kind in ["manifests", "blobs"] {
                answers.push((format!("/v2/demo/{kind}/sha256:{hex}"), answer.clone()));
            }
        }
    }
    let server = serve(answers);
    let name = format!("{}/demo:v1", server.url.strip_prefix("http://").unwrap());
    let wanted = image(&[("amd64", "amd64")], &name).artefact;
    let dir = tempfile::tempdir().unwrap();
    let error = run(&[wanted], &[Source::Upstream], dir.path()).unwrap_err();
    let text = error.to_string();
    let line = format!(
        "{}/v2/demo/blobs/{layer}: more than the 15 bytes that it may have",
        server.url
    );
    assert!(text.contains(&line), "{text}");
    assert!(
        text.contains(&format!("layer {layer} is in no source")),
        "{text}"
    );
}

#[test]
fn nobody_there_is_told_with_the_proxy_that_may_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let url = "http://127.0.0.1:9/demo";
    let error = run(&[at(url, b"x")], &[Source::Upstream], dir.path()).unwrap_err();
    let text = error.to_string();
    for part in [
        "http://127.0.0.1:9/demo: error sending request",
        "; if this network has a proxy, set HTTPS_PROXY and HTTP_PROXY",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

/// A web server with a certificate that nobody signed, and ends with its owner.
struct Tls {
    child: Child,
    port: u16,
    dir: TempDir,
}

impl Tls {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(dir.path().join("demo"), b"content").unwrap();
        support::run(Command::new("openssl").current_dir(dir.path()).args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ]))
        .ok();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = Command::new("openssl")
            .current_dir(dir.path())
            .args([
                "s_server", "-HTTP", "-quiet", "-key", "key.pem", "-cert", "cert.pem",
            ])
            .args(["-accept", &format!("127.0.0.1:{port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { child, port, dir }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_authority_that_nobody_knows_is_told_with_the_flag_that_trusts_it() {
    let server = Tls::start();
    // HTTP/1.0 with a whole response in the file, as `s_server -HTTP` wants it
    let answer = b"HTTP/1.0 200 OK\r\ncontent-length: 7\r\n\r\ncontent";
    fs_err::write(server.dir.path().join("demo"), answer).unwrap();
    let wanted = at(
        &format!("https://127.0.0.1:{}/demo", server.port),
        b"content",
    );
    let dir = tempfile::tempdir().unwrap();
    let error = run(
        std::slice::from_ref(&wanted),
        &[Source::Upstream],
        dir.path(),
    )
    .unwrap_err();
    let text = error.to_string();
    let remedy = "; if a proxy or a mirror has an authority of its own, name it with `--ca-file`";
    assert!(text.contains(remedy), "{text}");
    let request = |ca_file: &str| {
        build(
            &Request {
                sets: &[set(Arch::Amd64, std::slice::from_ref(&wanted))],
                sources: &[Source::Upstream],
                store: &dir.path().join("store"),
                dest: &dir.path().join("out"),
                ca_file: Some(&server.dir.path().join(ca_file)),
                credentials: &Credentials::default(),
            },
            &mut |_| {},
        )
    };
    request("cert.pem").unwrap();
    let refused = request("key.pem").unwrap_err().to_string();
    let message = format!(
        "`{}`: there is no certificate in it\nhint: `--ca-file` names a file in PEM form, `-----BEGIN CERTIFICATE-----`",
        server.dir.path().join("key.pem").display()
    );
    assert_eq!(refused, message);
}

/// It would be told what only the registry may know.
#[test]
fn who_a_redirect_leads_to_is_not_told_who_asks() {
    let elsewhere = serve(vec![("/b".to_owned(), Answer::Guarded(b"b".to_vec()))]);
    let moved = Answer::Moved(format!("{}/b", elsewhere.url));
    let server = serve(vec![("/demo".to_owned(), moved)]);
    let dir = tempfile::tempdir().unwrap();
    let wanted = at(&format!("{}/demo", server.url), b"b");
    let error = run(&[wanted], &[Source::Upstream], dir.path()).unwrap_err();
    assert!(error.to_string().contains("401 Unauthorized"), "{error}");
    let asked = elsewhere.log.lock().unwrap();
    assert!(
        !asked.is_empty() && asked.iter().all(|a| !a.starts_with("/token")),
        "{asked:?}"
    );
}
