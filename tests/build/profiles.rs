//! Profiles: what they refuse, and how one is tried without touching the program.

use crate::support::{firstlight, run};

/// Runs `firstlight` with a file of that text, and another one beside it.
fn with(
    folder: &tempfile::TempDir,
    args: &[&str],
    files: &[(&str, &str)],
) -> (Option<i32>, String) {
    for (path, text) in files {
        let path = folder.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    let done = run(&mut firstlight(folder.path(), args));
    (done.code, done.stderr + &done.stdout)
}

fn refused(cluster: &str, words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = with(&folder, &["check"], &[("cluster.yml", cluster)]);
    assert_eq!(code, Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "{word}:\n{said}");
    }
    assert!(
        !folder.path().join("state").exists(),
        "nothing half-written"
    );
}

fn cluster(train: &str, rest: &str, host: &str) -> String {
    format!(
        "kubernetes: {{ version: \"{train}\" }}\nnetwork: {{ provider: bridge }}\n{rest}hosts:\n  \
         - {{ name: m1, address: 10.0.0.11, role: master, {host} }}\n"
    )
}

#[test]
fn a_train_that_the_system_cannot_run() {
    refused(
        &cluster(
            "1.34",
            "artefacts: { mirror: \"http://10.0.0.5\" }\n",
            "os: centos-7.4",
        ),
        &[
            "error[kubernetes/train-does-not-run]: `centos-7.4` cannot run train 1.34: its kernel is 3.10, the train needs 4.19",
            "cluster.yml:5:",
            "trains that it can run: `1.20`, `1.30`",
        ],
    );
}

#[test]
fn a_pair_that_no_profile_supports() {
    refused(
        &cluster("1.20", "", "os: rhel-7.6, arch: arm64"),
        &[
            "`rhel-7.6` has no profile for `arm64`",
            "supported are: alma-9 (amd64, arm64), centos-7.4 (amd64), ",
        ],
    );
    refused(
        &cluster("1.20", "", "os: debian-8"),
        &["no profile is named `debian-8`", "must be one of: alma-9"],
    );
}

#[test]
fn a_system_that_cannot_fetch_what_it_needs() {
    refused(
        &cluster("1.20", "", "os: centos-7.5"),
        &[
            "error[artefacts/old-downloader]: what `centos-7.5` downloads with does not reach today's hosts",
            "set `artefacts.mirror`, or `artefacts.upstream: false`",
        ],
    );
    refused(
        &cluster(
            "1.34",
            "artefacts: { upstream: false }\n",
            "os: rocky-9, packages: [htop]",
        ),
        &[
            "error[artefacts/packages-without-digest]: `m1` must install packages that no digest is known of: iptables-nft, htop",
        ],
    );
}

#[test]
fn a_file_that_is_no_profile() {
    let good =
        fs_err::read_to_string(crate::support::root().join("profiles/debian-12.yml")).unwrap();
    for (text, words) in [
        (
            good.replace("cgroup: 2", "cgroups: 2"),
            ["unknown field `cgroups`", "cgroups: 2"],
        ),
        (
            good.replace("systemd: 252", "systemd: new"),
            ["invalid u32", "systemd: new"],
        ),
        (
            good.replace("resolv_conf:", "# resolv_conf:"),
            ["missing field `resolv_conf`", "mine/own.yml:"],
        ),
        (
            good.replace("manager: apt", "manager: zypper"),
            ["zypper", "manager: zypper"],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (code, said) = with(
            &folder,
            &["profiles", "--profiles", "mine"],
            &[("mine/own.yml", &text)],
        );
        assert_eq!(code, Some(1), "{said}");
        for word in words
            .iter()
            .chain(&["error[profiles/unusable]", "profiles/README.md"])
        {
            assert!(said.contains(word), "{word}:\n{said}");
        }
    }
}

#[test]
fn one_of_ones_own_is_tried_without_touching_the_program() {
    let good =
        fs_err::read_to_string(crate::support::root().join("profiles/debian-12.yml")).unwrap();
    let own = good.replace("name: debian-12", "name: lindows-1");
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = with(
        &folder,
        &["check", "--profiles", "mine"],
        &[
            ("mine/lindows-1.yml", &own),
            ("cluster.yml", &cluster("1.34", "", "os: lindows-1")),
        ],
    );
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("lindows-1"), "{said}");
    let (_, said) = with(
        &folder,
        &["profiles", "show", "lindows-1", "--profiles", "mine"],
        &[],
    );
    assert_eq!(said, own);
    let (code, said) = with(
        &folder,
        &["profiles", "show", "debian-13", "--format", "json"],
        &[],
    );
    assert_eq!(code, Some(0));
    let value: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(value["systemd"], 257);
    let (code, said) = with(&folder, &["profiles", "show", "lindows-2"], &[]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("no profile is named `lindows-2`, must be one of: alma-9"),
        "{said}"
    );
}
