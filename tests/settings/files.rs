//! Files that `cluster.yml` names, and the keys of Secrets, as a user meets them.

use std::path::Path;

use crate::support::{Done, cluster, firstlight, run};

fn at(folder: &Path, text: &str, args: &[&str]) -> Done {
    fs_err::write(folder.join("cluster.yml"), text).unwrap();
    run(&mut firstlight(folder, args))
}

#[test]
fn a_file_that_is_not_there_is_named_at_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("ca.crt"), "no certificate").unwrap();
    let text = cluster("1.34", 1, 0)
        + "authentication:\n  token_webhook:\n    config:\n      cluster: { server: \"https://tokens.example.com\", certificate_authority: tokens.crt }\n  \
           oidc: { issuer_url: \"https://id.example.com\", client_id: a, ca_file: ca.crt }\n";
    for command in ["check", "build"] {
        let done = at(folder.path(), &text, &[command]);
        assert_eq!(done.code, Some(1));
        for words in [
            "error[files/cannot-be-used]: `tokens.crt` cannot be used: there is no such file",
            "cluster.yml:10:",
            "`ca.crt` cannot be used: it holds no certificate in PEM form",
            "paths are relative to the file that names them",
        ] {
            assert!(done.stderr.contains(words), "{words}:\n{}", done.stderr);
        }
    }
    assert!(
        !folder.path().join("state").exists(),
        "nothing half-written"
    );
}

#[test]
fn a_rotation_of_keys_is_told_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let text = cluster("1.34", 3, 1);
    let build = |args: &[&str]| at(folder.path(), &text, &[&["build"], args].concat());
    let order = || {
        let seed = fs_err::read_to_string(folder.path().join("state/encryption.json")).unwrap();
        let record: serde_json::Value = serde_json::from_str(&seed).unwrap();
        (
            record["writer"].as_str().unwrap().to_owned(),
            record["keys"].as_array().unwrap().len(),
        )
    };
    let first = build(&[]).ok();
    assert!(!first.stderr.contains("encryption"), "{}", first.stderr);
    let early = build(&["--encryption", "write"]);
    assert_eq!(early.code, Some(1));
    assert!(
        early
            .stderr
            .contains("`--encryption write` is not the next step"),
        "{}",
        early.stderr
    );
    let rotate = build(&["--encryption", "rotate"]).ok();
    assert!(
        rotate
            .stderr
            .contains("every master must be able to read `key2` before one writes with it"),
        "{}",
        rotate.stderr
    );
    assert!(
        !rotate.stderr.contains("w1"),
        "a worker's seed stays: {}",
        rotate.stderr
    );
    assert_eq!(order(), ("key1".to_owned(), 2));
    // a build that is only repeated moves nothing, and says again what is to be done
    let again = build(&[]).ok();
    assert!(
        again
            .stderr
            .contains("`firstlight build --encryption write`"),
        "{}",
        again.stderr
    );
    assert_eq!(order(), ("key1".to_owned(), 2));
    build(&["--encryption", "write"]).ok();
    assert_eq!(order(), ("key2".to_owned(), 2));
    build(&["--encryption", "forget"]).ok();
    assert_eq!(order(), ("key2".to_owned(), 1));
}
