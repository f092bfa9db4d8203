//! `firstlight verify` before servers that answer as a node does, and as one must not.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Done, cluster, firstlight, root, run};

/// A folder with a cluster that was built.
fn built() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs_err::write(place.path().join("cluster.yml"), cluster("1.34", 1, 1)).unwrap();
    run(&mut firstlight(place.path(), &["build"])).ok();
    place
}

/// Verifies `node` where a machine with the keys of `state` answers at m1's address.
fn verify(place: &Path, state: &Path, faults: &[&str], args: &[&str]) -> Done {
    let mut command = Command::new("unshare");
    command
        .args(["--net", "python3"])
        .arg(root().join("tests/ports/node.py"));
    command.arg("10.0.0.11").arg(state).arg("m1").args(faults);
    command
        .arg("--")
        .arg(env!("CARGO_BIN_EXE_firstlight"))
        .arg("verify");
    run(command.args(args).current_dir(place))
}

fn line<'t>(text: &'t str, start: &str) -> &'t str {
    let found = text.lines().find(|line| line.starts_with(start));
    found.unwrap_or_else(|| panic!("no line `{start}` in\n{text}"))
}

#[test]
fn a_node_as_it_must_be_is_found_so_in_time() {
    let place = built();
    let state = place.path().join("state");
    let begun = Instant::now();
    let done = verify(place.path(), &state, &[], &["--node", "m1"]);
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
    for (port, found) in [
        (
            "2379/tcp",
            "without a certificate refused, of another authority refused",
        ),
        ("6443/tcp", "without a certificate 403"),
        ("10250/tcp", "without a certificate 401"),
        ("10255/tcp", "no connection"),
        ("10259/tcp", "no connection"),
    ] {
        let line = line(&done.stdout, port);
        assert!(line.contains(" ok ") && line.contains(found), "{line}");
    }
    assert!(line(&done.stdout, "53/udp").contains("not judged"));
    let json = verify(
        place.path(),
        &state,
        &[],
        &["--node", "10.0.0.11", "--format", "json"],
    );
    assert_eq!(json.json()["schema_version"], 1);
    assert_eq!(json.json()["seen_as"], "masters, nodes");
    let junit = verify(
        place.path(),
        &state,
        &[],
        &["--node", "m1", "--format", "junit"],
    )
    .ok();
    assert!(junit.stdout.contains("failures=\"0\"") && junit.stdout.contains("<skipped "));
}

#[test]
fn what_differs_is_named_and_ends_with_3() {
    let place = built();
    let state = place.path().join("state");
    for (fault, port, found) in [
        (
            "anonymous-kubelet",
            "10250/tcp",
            "answers 200 to a client without a certificate",
        ),
        (
            "etcd-without-certificates",
            "2379/tcp",
            "answers 200 to a client without a certificate",
        ),
        (
            "plain-etcd",
            "2379/tcp",
            "answers 200 to a client without TLS",
        ),
        ("open-scheduler", "10259/tcp", "10259 answers"),
        ("read-only", "10255/tcp", "10255 answers"),
    ] {
        let done = verify(place.path(), &state, &[fault], &["--node", "m1"]);
        assert_eq!(
            done.code,
            Some(3),
            "{fault}\n{}\n{}",
            done.stdout,
            done.stderr
        );
        let line = line(&done.stdout, port);
        assert!(
            line.contains("DIFFERS") && line.contains(found),
            "{fault}: {line}"
        );
        assert_eq!(
            done.stdout.matches("DIFFERS").count(),
            1,
            "{fault}\n{}",
            done.stdout
        );
    }
    let junit = verify(
        place.path(),
        &state,
        &["read-only"],
        &["--node", "m1", "--format", "junit"],
    );
    assert_eq!(junit.code, Some(3));
    assert!(
        junit
            .stdout
            .contains("<failure message=\"10255 answers\"/>"),
        "{}",
        junit.stdout
    );
}

#[test]
fn no_node_another_cluster_and_nobody_are_three_messages() {
    let (place, other) = (built(), built());
    let state = place.path().join("state");
    let said = |state: &Path, faults: &[&str], node: &str| {
        let done = verify(place.path(), state, faults, &["--node", node]);
        assert_eq!(done.code, Some(1), "{}\n{}", done.stdout, done.stderr);
        assert_eq!(done.stdout, "");
        done.stderr
    };
    let foreign = said(&other.path().join("state"), &[], "m1");
    assert!(
        foreign.contains("`10.0.0.11` is a node of another cluster"),
        "{foreign}"
    );
    let none = said(&state, &["nothing"], "m1");
    assert!(none.contains("`10.0.0.11` is no node"), "{none}");
    let gone = said(&state, &[], "w1");
    assert!(gone.contains("`10.0.0.21` is unreachable"), "{gone}");
    let unknown = said(&state, &[], "10.0.0.99");
    assert!(
        unknown.contains("no host of the description has the name or address"),
        "{unknown}"
    );
}
