//! What an apt repository resolves to.

use firstlight::artefact::{Digest, PackageKind};

use crate::made::{Case, MIRROR, Mirror, Signer};

/// A repository with one suite, `stable`.
fn stable(packages: &[(&str, &str, &str)]) -> (Mirror, Signer) {
    let (mirror, signer) = (Mirror::new(), Signer::good());
    for (name, version, control) in packages {
        mirror.deb(name, version, control);
    }
    mirror.index("stable", &[]);
    mirror.sign("stable", &signer);
    (mirror, signer)
}

#[test]
fn a_package_comes_with_what_the_image_lacks() {
    let (mirror, signer) = stable(&[
        (
            "tool",
            "1.0-1",
            "Depends: libtool1 (>= 1.0), libc6 (>= 2.0), helper:any\nPre-Depends: init-system\n",
        ),
        ("libtool1", "1.0-1", "Depends: libc6\n"),
        ("helper", "3:2", ""),
        ("sysv", "1", "Provides: init-system\n"),
        ("libc6", "2.36", ""),
        ("unrelated", "1", ""),
    ]);
    let case = Case::apt(&mirror, &signer, &["stable"]).base(&["libc6 2.36", "sysv"]);
    let resolved = case.resolve(&["tool"]).unwrap();
    let names: Vec<_> = resolved.packages.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["helper", "libtool1", "tool"]);
    let tool = &resolved.packages[2];
    let bytes = fs_err::read(mirror.at("pool/tool_1.0-1_amd64.deb")).unwrap();
    assert_eq!(tool.url, format!("{MIRROR}/pool/tool_1.0-1_amd64.deb"));
    assert_eq!(
        (tool.digest, tool.size),
        (Digest::sha256(&bytes), bytes.len() as u64)
    );
    let kind = (tool.version.as_str(), tool.arch.as_str(), tool.kind);
    assert_eq!(kind, ("1.0-1", "amd64", PackageKind::Deb));
    let release = &resolved.releases[0];
    assert_eq!(release.url, format!("{MIRROR}/dists/stable/InRelease"));
    assert_eq!(release.date, "2026-02-01T00:00:00Z");
    let inrelease = mirror.read("dists/stable/InRelease");
    assert_eq!(release.digest, Digest::sha256(inrelease.as_bytes()));
}

#[test]
fn what_the_image_has_is_not_fetched_again() {
    let (mirror, signer) = stable(&[("tool", "2", "")]);
    let case = Case::apt(&mirror, &signer, &["stable"]).base(&["tool 1"]);
    assert!(case.chosen(&["tool"]).is_empty());
}

#[test]
fn the_first_alternative_that_can_be_had_is_taken() {
    let (mirror, signer) = stable(&[
        ("tool", "1", "Depends: gone | broken | mail-agent | good\n"),
        ("broken", "1", "Depends: gone\n"),
        ("zmail", "1", "Provides: mail-agent\n"),
        ("amail", "1", "Provides: mail-agent (= 2)\n"),
        ("good", "1", ""),
        ("picky", "1", "Depends: mail-agent (>= 2)\n"),
    ]);
    let case = || Case::apt(&mirror, &signer, &["stable"]);
    assert_eq!(case().chosen(&["tool"]), ["amail 1", "tool 1"]);
    assert_eq!(case().base(&["good 1"]).chosen(&["tool"]), ["tool 1"]);
    assert_eq!(case().base(&["zmail 1"]).chosen(&["tool"]), ["tool 1"]);
    // what is provided without a version meets no versioned need
    let versioned = case().base(&["zmail 1"]).chosen(&["picky"]);
    assert_eq!(versioned, ["amail 1", "picky 1"]);
}

#[test]
fn the_newest_of_all_suites_is_taken() {
    let (mirror, signer) = stable(&[("tool", "1.9", "")]);
    mirror.deb("tool", "1.10", "");
    mirror.index("stable-security", &[]);
    mirror.sign("stable-security", &signer);
    let both = Case::apt(&mirror, &signer, &["stable", "stable-security"]);
    assert_eq!(both.chosen(&["tool"]), ["tool 1.10"]);
    assert_eq!(both.resolve(&["tool"]).unwrap().releases.len(), 2);
    let old = Case::apt(&mirror, &signer, &["stable"]);
    assert_eq!(old.chosen(&["tool"]), ["tool 1.9"]);
}

#[test]
fn what_is_too_old_in_the_image_is_upgraded_with_its_siblings() {
    let (mirror, signer) = stable(&[
        ("tool", "1", "Depends: libsys0 (>= 2)\n"),
        ("libsys0", "2", ""),
        ("libsys0", "1", ""),
        ("sys", "1", "Depends: libsys0 (= 1)\n"),
        ("sys", "2", "Depends: libsys0 (= 2)\n"),
        ("breaker", "1", "Breaks: sys (<< 2)\n"),
    ]);
    let case = || Case::apt(&mirror, &signer, &["stable"]);
    let known = case().base(&["libsys0 1", "sys 1"]);
    assert_eq!(known.chosen(&["tool"]), ["libsys0 2", "sys 2", "tool 1"]);
    assert_eq!(
        known.chosen(&["breaker"]),
        ["breaker 1", "libsys0 2", "sys 2"]
    );
    // without a version, the image is taken for as old as the repository's oldest
    let unknown = case().base(&["libsys0", "sys"]);
    assert_eq!(unknown.chosen(&["tool"]), ["libsys0 2", "sys 2", "tool 1"]);
}

#[test]
fn dependencies_may_go_in_circles() {
    let (mirror, signer) = stable(&[("a", "1", "Depends: b\n"), ("b", "1", "Depends: a\n")]);
    let case = Case::apt(&mirror, &signer, &["stable"]);
    assert_eq!(case.chosen(&["a"]), ["a 1", "b 1"]);
}

#[test]
fn the_older_pair_of_files_will_do() {
    let (mirror, signer) = stable(&[("tool", "1", "")]);
    fs_err::remove_file(mirror.at("dists/stable/InRelease")).unwrap();
    for form in [&["-ab"][..], &["-b"]] {
        let arguments = [form, &["-o", "Release.gpg", "Release"]].concat();
        signer.gpg(&arguments, &mirror.at("dists/stable"), None);
        let case = Case::apt(&mirror, &signer, &["stable"]);
        assert_eq!(case.chosen(&["tool"]), ["tool 1"]);
    }
}

#[test]
fn an_index_is_fetched_by_its_digest_where_the_repository_has_it_so() {
    let (mirror, signer) = (Mirror::new(), Signer::good());
    mirror.deb("tool", "1", "");
    mirror.index("stable", &[("Acquire-By-Hash", "yes")]);
    mirror.sign("stable", &signer);
    let folder = "dists/stable/main/binary-amd64";
    let packed = fs_err::read(mirror.at(&format!("{folder}/Packages.xz"))).unwrap();
    let path = format!("{folder}/by-hash/SHA256/{}", Digest::sha256(&packed).hex());
    mirror.write(&path, packed);
    // the mirror is being updated
    for name in ["Packages.xz", "Packages.gz", "Packages"] {
        mirror.write(&format!("{folder}/{name}"), "newer");
    }
    let case = Case::apt(&mirror, &signer, &["stable"]);
    assert_eq!(case.chosen(&["tool"]), ["tool 1"]);
    // an archive that does not have what it promises
    let plain = fs_err::read(mirror.at(&path)).unwrap();
    mirror.write(&format!("{folder}/Packages.xz"), plain);
    fs_err::remove_dir_all(mirror.at(&format!("{folder}/by-hash"))).unwrap();
    assert_eq!(case.chosen(&["tool"]), ["tool 1"]);
}

/// The repository has the image's version no more: the newest record stands in for it, and what it needs of its
/// own source in its own version is not lost unseen.
#[test]
fn packages_of_one_source_are_upgraded_together() {
    let (mirror, signer) = stable(&[
        ("tool", "1", "Depends: init (= 2-2)\n"),
        ("init", "2-2", ""),
        ("init-login", "2-2", "Depends: init (= 2-2)\n"),
    ]);
    let case = Case::apt(&mirror, &signer, &["stable"]).base(&["init 2-1", "init-login 2-1"]);
    assert_eq!(
        case.chosen(&["tool"]),
        ["init 2-2", "init-login 2-2", "tool 1"]
    );
}
