//! What is secret stays with its owner and out of every word the program says.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Place;
use crate::support::{files, firstlight, paths, run};

/// What shows that a key is in a text: PEM, or base64 of it at each of the three alignments.
fn traces() -> Vec<String> {
    let marker = "PRIVATE KEY-----";
    let encoded = (0..3).map(|shift| {
        let text = STANDARD.encode(format!("{}{marker}", "-".repeat(shift)));
        // the ends depend on their neighbours
        text[4..text.len() - 4].to_owned()
    });
    std::iter::once("PRIVATE KEY".to_owned())
        .chain(encoded)
        .collect()
}

fn assert_clean(what: &str, text: &str) {
    for trace in traces() {
        assert!(!text.contains(&trace), "{what} holds a private key");
    }
}

#[test]
fn the_traces_find_a_key() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n";
    for shift in 0..3 {
        let text = STANDARD.encode(format!("{}{key}", "x".repeat(shift)));
        assert!(traces().iter().any(|t| text.contains(t)), "{shift}");
    }
}

#[test]
fn nothing_that_may_be_shown_holds_a_key() {
    let place = Place::with(1, 1);
    let first = place.run(&["-v", "build", "--format", "json"]).ok();
    let mut said = first.stdout + &first.stderr;
    let commands: [&[&str]; 6] = [
        &["-v", "build"],
        &["-v", "check"],
        &["check", "--format", "json"],
        &["certs", "list"],
        &["ports"],
        &["build", "--new-identities", "-v"],
    ];
    for args in commands {
        let done = place.run(args).ok();
        said += &done.stdout;
        said += &done.stderr;
    }
    assert_clean("what was said", &said);
    for file in [
        "out/manifest.json",
        "out/SHA256SUMS",
        "out/.firstlight",
        "firstlight.lock",
    ] {
        assert_clean(file, &fs_err::read_to_string(place.path(file)).unwrap());
    }
    // and the places where keys do belong are the only ones
    for (path, content) in files(place.dir()) {
        let text = String::from_utf8_lossy(&content);
        let private =
            path.starts_with("out/nodes/") || path.starts_with("state") || path == "out/kubeconfig";
        assert!(
            private || !traces().iter().any(|t| text.contains(t)),
            "{path}"
        );
    }
    // the administrator's own command prints it, because that is what it is for
    assert!(
        place
            .run(&["kubeconfig"])
            .ok()
            .stdout
            .contains("client-key-data")
    );
}

#[test]
fn an_error_about_a_key_does_not_show_it() {
    let place = Place::with(1, 0);
    place.build();
    let path = place.path("state/pki/ca.key");
    let key = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, &key[..key.len() - 40]).unwrap();
    let said = place.refused(&["-v", "build"]);
    assert_clean("the error", &said);
    let secret = key.lines().nth(1).unwrap();
    assert!(!said.contains(&secret[..20]), "{said}");
}

#[test]
fn only_the_owner_reads_whatever_the_umask() {
    for umask in ["000", "022", "077"] {
        let place = Place::with(1, 1);
        let build = firstlight(place.dir(), &["build"]);
        let mut shell = Command::new("sh");
        shell
            .args([
                "-c",
                &format!("umask {umask}; exec \"$0\" build"),
                build.get_program().to_str().unwrap(),
            ])
            .current_dir(place.dir());
        run(&mut shell).ok();
        let mode = |path: &str| {
            fs_err::metadata(place.path(path))
                .unwrap()
                .permissions()
                .mode()
                & 0o7777
        };
        for path in paths(place.dir()) {
            let (is_dir, mode) = (place.path(&path).is_dir(), mode(&path));
            if path.starts_with("out/nodes")
                || path.starts_with("state")
                || path == "out/kubeconfig"
            {
                assert_eq!(
                    mode,
                    if is_dir { 0o700 } else { 0o600 },
                    "{path} under umask {umask}"
                );
            } else {
                assert!(
                    path == "cluster.yml" || path == "out" && umask == "000" || mode & 0o022 == 0,
                    "{path} is {mode:o} under umask {umask}"
                );
            }
        }
    }
}
