//! What an apt repository is refused for, with the whole message.

use firstlight::artefact::Digest;
use firstlight::config::model::Arch;
use firstlight::packages::Release;

use crate::made::{Case, MIRROR, Mirror, Signer};

const INRELEASE: &str = "http://mirror.test/dists/stable/InRelease";
const PACKAGES: &str = "dists/stable/main/binary-amd64/Packages.xz";

/// One package, in a release file with these fields.
fn stable(fields: &[(&str, &str)]) -> (Mirror, Signer) {
    let (mirror, signer) = (Mirror::new(), Signer::good());
    mirror.deb("tool", "1", "");
    mirror.index("stable", fields);
    mirror.sign("stable", &signer);
    (mirror, signer)
}

fn refusal(mirror: &Mirror, signer: &Signer) -> String {
    Case::apt(mirror, signer, &["stable"]).refusal(&["tool"])
}

/// The id of a signer's key.
fn id(signer: &Signer) -> String {
    let list = signer.gpg(&["--with-colons", "--list-keys"], "/".as_ref(), None);
    let list = String::from_utf8(list).unwrap();
    let line = list.lines().find(|line| line.starts_with("pub:")).unwrap();
    line.split(':').nth(4).unwrap().to_owned()
}

#[test]
fn a_changed_release_file() {
    let (mirror, signer) = stable(&[]);
    let changed = mirror
        .read("dists/stable/InRelease")
        .replace("2026", "2027");
    mirror.write("dists/stable/InRelease", changed);
    let message = format!(
        "{INRELEASE} is refused: the signature of the key {} is wrong: somebody changed what it signs",
        id(&signer)
    );
    assert_eq!(refusal(&mirror, &signer), message);
}

#[test]
fn a_key_that_nobody_knows() {
    let (mirror, signer) = stable(&[]);
    let message = format!(
        "{INRELEASE} is refused: signed by the key {} that is not among its keys",
        id(&signer)
    );
    assert_eq!(refusal(&mirror, &Signer::good()), message);
}

#[test]
fn no_signature_at_all() {
    let (mirror, signer) = stable(&[]);
    mirror.write(
        "dists/stable/InRelease",
        mirror.read("dists/stable/Release"),
    );
    let message = format!("{INRELEASE} is refused: not signed");
    assert_eq!(refusal(&mirror, &signer), message);
}

#[test]
fn a_key_that_has_expired_unless_the_release_has_ended() {
    let (mirror, signer) = (
        Mirror::new(),
        Signer::new("ed25519", "20240110T000000", "1y"),
    );
    mirror.deb("tool", "1", "");
    let dates = [
        ("Date", "Wed, 10 Jan 2024 00:00:00 UTC"),
        ("Valid-Until", "Wed, 17 Jan 2024 00:00:00 UTC"),
    ];
    mirror.index("stable", &dates);
    mirror.sign("stable", &signer);
    let message = format!(
        "{INRELEASE} is refused: signed by the key {}, which expired on 2025-01-09",
        id(&signer)
    );
    assert_eq!(refusal(&mirror, &signer), message);
    let yaml = format!(
        "apt:\n  - {{ url: {MIRROR}, suites: [stable], components: [main], ended: true }}\n"
    );
    let ended = Case::new(&mirror, &signer, &yaml);
    assert_eq!(ended.chosen(&["tool"]), ["tool 1"]);
}

#[test]
fn metadata_that_have_outlived_themselves() {
    let (mirror, signer) = stable(&[("Valid-Until", "Sun, 08 Feb 2026 00:00:00 UTC")]);
    let message = format!("{INRELEASE} is refused: it was valid until 2026-02-08T00:00:00Z");
    assert_eq!(refusal(&mirror, &signer), message);
}

#[test]
fn metadata_from_the_future() {
    let (mirror, signer) = stable(&[("Date", "Wed, 01 Apr 2026 00:00:00 UTC")]);
    let message =
        format!("{INRELEASE} is refused: it is dated 2026-04-01T00:00:00Z, which is yet to come");
    assert_eq!(refusal(&mirror, &signer), message);
}

#[test]
fn metadata_older_than_those_locked() {
    let (mirror, signer) = stable(&[]);
    let mut case = Case::apt(&mirror, &signer, &["stable"]);
    case.locked = case.resolve(&["tool"]).unwrap().releases;
    assert_eq!(case.chosen(&["tool"]), ["tool 1"]);
    case.locked = vec![Release {
        url: INRELEASE.to_owned(),
        date: "2026-02-02T00:00:00Z".to_owned(),
        digest: Digest::sha256(b""),
    }];
    let message = format!(
        "{INRELEASE} is refused: it is dated 2026-02-01T00:00:00Z, the one locked before 2026-02-02T00:00:00Z"
    );
    assert_eq!(case.refusal(&["tool"]), message);
    // nor by hiding the form that was locked
    let folder = mirror.at("dists/stable");
    signer.gpg(
        &["--detach-sign", "-o", "Release.gpg", "Release"],
        &folder,
        None,
    );
    fs_err::remove_file(folder.join("InRelease")).unwrap();
    let message = message.replace("InRelease", "Release");
    assert_eq!(case.refusal(&["tool"]), message);
}

/// A field that ends where it should not would be another field of what a node reads.
#[test]
fn a_path_with_a_blank() {
    let (mirror, signer) = stable(&[]);
    fs_err::rename(
        mirror.at("pool/tool_1_amd64.deb"),
        mirror.at("pool/tool_1 x.deb"),
    )
    .unwrap();
    mirror.index("stable", &[]);
    mirror.sign("stable", &signer);
    let message = format!(
        "{MIRROR}/pool/tool_1 x.deb: the package `tool` has a name, version or path that is none"
    );
    assert_eq!(refusal(&mirror, &signer), message);
}

#[test]
fn another_release_under_this_name() {
    let (mirror, signer) = stable(&[("Suite", "oldstable"), ("Codename", "stretch")]);
    let message =
        format!("{INRELEASE} is refused: it is that of `oldstable`, `stretch`, not of `stable`");
    assert_eq!(refusal(&mirror, &signer), message);
}

#[test]
fn an_index_that_was_changed() {
    let (mirror, signer) = stable(&[]);
    let right = fs_err::read(mirror.at(PACKAGES)).unwrap();
    let mut wrong = right.clone();
    wrong[40] ^= 1;
    mirror.write(PACKAGES, &wrong);
    let message = format!(
        "{MIRROR}/{PACKAGES} is refused: it should be {} and is {}",
        Digest::sha256(&right),
        Digest::sha256(&wrong)
    );
    assert_eq!(refusal(&mirror, &signer), message);
    wrong.push(0);
    mirror.write(PACKAGES, &wrong);
    let message = format!(
        "{MIRROR}/{PACKAGES} could not be fetched: it has more than {} bytes",
        right.len()
    );
    assert_eq!(refusal(&mirror, &signer), message);
}

#[test]
fn weak_digests_alone() {
    let (mirror, signer) = stable(&[]);
    let release = mirror
        .read("dists/stable/Release")
        .replace("SHA256:", "SHA255:");
    mirror.write("dists/stable/Release", release);
    mirror.sign("stable", &signer);
    let message = format!("{INRELEASE}: it lists no file with SHA-256");
    assert_eq!(refusal(&mirror, &signer), message);
}

#[test]
fn an_architecture_it_does_not_have() {
    let (mirror, signer) = stable(&[]);
    let mut case = Case::apt(&mirror, &signer, &["stable"]);
    case.arch = Arch::Arm64;
    let message = format!(
        "{INRELEASE}: it lists no `main/binary-arm64/Packages.xz` and no `main/binary-arm64/Packages.gz`"
    );
    assert_eq!(case.refusal(&["tool"]), message);
}

#[test]
fn a_mirror_without_the_suite() {
    let (mirror, signer) = stable(&[]);
    let case = Case::apt(&mirror, &signer, &["unstable"]);
    let message = "http://mirror.test/dists/unstable/InRelease could not be fetched: 404 Not Found";
    assert_eq!(case.refusal(&["tool"]), message);
}

#[test]
fn keys_that_are_none() {
    let (mirror, signer) = stable(&[]);
    let mut case = Case::apt(&mirror, &signer, &["stable"]);
    case.keys = vec!["no key".to_owned()];
    let message = "the keys of the repositories: the frame of an armoured block cannot be read";
    assert_eq!(case.refusal(&["tool"]), message);
    case.keys.clear();
    let message = "the repositories have no keys: their packages cannot be verified";
    assert_eq!(case.refusal(&["tool"]), message);
}

/// Packages beside each other, and why `tool` cannot be had.
fn unsolvable(packages: &[(&str, &str, &str)], base: &[&str]) -> String {
    let (mirror, signer) = (Mirror::new(), Signer::good());
    for (name, version, control) in packages {
        mirror.deb(name, version, control);
    }
    mirror.index("stable", &[]);
    mirror.sign("stable", &signer);
    let case = Case::apt(&mirror, &signer, &["stable"]).base(base);
    case.refusal(&["tool"])
}

#[test]
fn a_package_that_is_not_there() {
    assert_eq!(
        unsolvable(&[("other", "1", "Provides: tool\n")], &[]),
        "no repository has a package `tool`; that name is provided by: other"
    );
    assert_eq!(
        unsolvable(&[("other", "1", "")], &[]),
        "no repository has a package `tool`"
    );
}

#[test]
fn a_dependency_that_nothing_meets() {
    assert_eq!(
        unsolvable(
            &[
                ("tool", "1", "Depends: middle\n"),
                ("middle", "2", "Depends: gone (>= 3) | lost\n")
            ],
            &[]
        ),
        "`middle 2` needs `gone (>= 3) | lost`, which no repository has (by way of tool 1 > middle 2)"
    );
    assert_eq!(
        unsolvable(
            &[("tool", "1", "Depends: lib (>= 3)\n"), ("lib", "2", "")],
            &[]
        ),
        "`tool 1` needs `lib (>= 3)`, the repositories have lib 2"
    );
    // nothing is ever downgraded
    assert_eq!(
        unsolvable(
            &[("tool", "1", "Depends: lib (= 2)\n"), ("lib", "2", "")],
            &["lib 3"]
        ),
        "`tool 1` needs `lib (= 2)`, the repositories have lib 2"
    );
}

#[test]
fn packages_that_mind_each_other() {
    assert_eq!(
        unsolvable(
            &[
                ("tool", "1", "Depends: a, b\n"),
                ("a", "1", ""),
                ("b", "1", "Conflicts: a (<< 2)\n")
            ],
            &[]
        ),
        "`b 1` cannot be installed beside `a 1`"
    );
    assert_eq!(
        unsolvable(&[("tool", "1", "Breaks: sys (<< 2)\n")], &["sys 1"]),
        "`tool 1` cannot be installed beside `sys`, which the image has"
    );
    assert_eq!(
        unsolvable(
            &[
                ("tool", "1", "Provides: daemon\n"),
                ("sys", "1", "Conflicts: daemon\n")
            ],
            &["sys 1"]
        ),
        "`tool 1` cannot be installed beside `sys`, which the image has"
    );
}

#[test]
fn a_package_that_leaves_the_pool() {
    let (mirror, signer) = stable(&[]);
    let folder = "dists/stable/main/binary-amd64";
    let index = mirror.read(&format!("{folder}/Packages"));
    fs_err::remove_dir_all(mirror.at("dists")).unwrap();
    mirror.write("pool/none", "");
    mirror.index("stable", &[]);
    // what a signer who is not careful would sign
    let index = index.replace("Filename: pool/", "Filename: ../");
    mirror.write(&format!("{folder}/Packages"), &index);
    for name in ["Packages.xz", "Packages.gz"] {
        fs_err::remove_file(mirror.at(&format!("{folder}/{name}"))).unwrap();
    }
    let path = mirror.at(&format!("{folder}/Packages"));
    crate::made::run(
        "gzip",
        &["-kn", path.to_str().unwrap()],
        mirror.root.path(),
        None,
    );
    let packed = fs_err::read(mirror.at(&format!("{folder}/Packages.gz"))).unwrap();
    let release = mirror.read("dists/stable/Release");
    let release = &release[..release.find("MD5Sum:").unwrap()];
    let line = format!(
        "SHA256:\n {} {} main/binary-amd64/Packages.gz\n",
        Digest::sha256(&packed).hex(),
        packed.len()
    );
    mirror.write("dists/stable/Release", release.to_owned() + &line);
    mirror.sign("stable", &signer);
    let message = format!(
        "{MIRROR}/{folder}/Packages.gz: the package `tool` has the file `../tool_1_amd64.deb`"
    );
    assert_eq!(refusal(&mirror, &signer), message);
}
