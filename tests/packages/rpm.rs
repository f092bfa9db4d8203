//! What an RPM repository resolves to, and is refused for; made by rpmbuild, rpmsign and
//! `createrepo_c`.

use std::path::Path;

use firstlight::artefact::{Digest, PackageKind};

use crate::made::{Case, MIRROR, Mirror, Signer, run};

const REPOMD: &str = "http://mirror.test/repodata/repomd.xml";

/// A package of version 1.0 and release 1, or what the lines of its spec say.
pub fn build(mirror: &Mirror, name: &str, version: &str, lines: &str) {
    let top = tempfile::tempdir().unwrap();
    let (version, release) = version.split_once('-').unwrap_or((version, "1"));
    let spec = format!(
        "Name: {name}\nVersion: {version}\nRelease: {release}\nSummary: test\nLicense: GPLv2+\n{lines}\n%description\ntest\n%files\n"
    );
    let file = top.path().join("x.spec");
    fs_err::write(&file, spec).unwrap();
    let defines = [
        format!("_topdir {}", top.path().display()),
        format!("_rpmdir {}", mirror.root.path().display()),
        "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm".to_owned(),
    ];
    let mut arguments = vec!["-bb", "--quiet", "--target", "x86_64"];
    for define in &defines {
        arguments.extend(["--define", define]);
    }
    arguments.push(file.to_str().unwrap());
    run("rpmbuild", &arguments, top.path(), None);
}

/// Makes the metadata, dated 2026-02-01.
pub fn index(mirror: &Mirror) {
    let revision = "1769904000";
    let arguments = [
        "-q",
        "--revision",
        revision,
        "--set-timestamp-to-revision",
        ".",
    ];
    run("createrepo_c", &arguments, mirror.root.path(), None);
}

/// Signs the metadata.
pub fn sign(mirror: &Mirror, signer: &Signer) {
    signer.gpg(&["-ab", "repomd.xml"], &mirror.at("repodata"), None);
}

/// A repository with these packages and signed metadata.
fn repository(packages: &[(&str, &str, &str)]) -> (Mirror, Signer) {
    let (mirror, signer) = (Mirror::new(), Signer::good());
    for (name, version, lines) in packages {
        build(&mirror, name, version, lines);
    }
    index(&mirror);
    sign(&mirror, &signer);
    (mirror, signer)
}

/// A resolution from them.
pub fn case<'a>(mirror: &'a Mirror, signer: &Signer, what: &str) -> Case<'a> {
    let yaml = format!("rpm:\n  - {{ url: {MIRROR}, signed: {what} }}\n");
    Case::new(mirror, signer, &yaml)
}

#[test]
fn a_package_comes_with_what_the_image_lacks() {
    let (mirror, signer) = repository(&[
        (
            "tool",
            "1.0",
            "Epoch: 2\nRequires: libtool.so.1()(64bit), /usr/bin/helper, base >= 1.2, cap = 3, /bin/sh\nRecommends: weak\n",
        ),
        ("libtool", "1.0", "Provides: libtool.so.1()(64bit)\n"),
        ("helper", "1.0", "Provides: /usr/bin/helper\n"),
        ("base", "1.2-5", "Provides: /bin/sh\n"),
        ("caps", "9", "Provides: cap = 3\n"),
        ("weak", "1.0", ""),
    ]);
    let case = case(&mirror, &signer, "metadata").base(&["base 1.2-5", "caps"]);
    let resolved = case.resolve(&["tool"]).unwrap();
    let names: Vec<_> = resolved.packages.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["helper", "libtool", "tool"]);
    let tool = &resolved.packages[2];
    let bytes = fs_err::read(mirror.at("tool-1.0-1.x86_64.rpm")).unwrap();
    assert_eq!(tool.url, format!("{MIRROR}/tool-1.0-1.x86_64.rpm"));
    assert_eq!(
        (tool.digest, tool.size),
        (Digest::sha256(&bytes), bytes.len() as u64)
    );
    let shown = (
        tool.version.as_str(),
        tool.arch.as_str(),
        tool.licence.as_deref(),
    );
    assert_eq!(shown, ("2:1.0-1", "x86_64", Some("GPLv2+")));
    assert_eq!(tool.kind, PackageKind::Rpm);
    let release = &resolved.releases[0];
    assert_eq!(
        (release.url.as_str(), release.date.as_str()),
        (REPOMD, "2026-02-01T00:00:00Z")
    );
}

#[test]
fn conditions_hold_for_the_whole_choice() {
    let (mirror, signer) = repository(&[
        (
            "tool",
            "1.0",
            "Requires: (selinux-part if selinux), (a or b), (c >= 2 with c < 3)\n",
        ),
        ("selinux-part", "1.0", ""),
        ("b", "1.0", "Requires: selinux\n"),
        ("selinux", "1.0", ""),
        ("c", "1.0", ""),
        ("c", "2.5", ""),
        ("c", "3.0", ""),
    ]);
    let case = case(&mirror, &signer, "metadata");
    // nothing brings selinux when the condition is first looked at
    assert_eq!(
        case.chosen(&["tool"]),
        [
            "b 1.0-1",
            "c 2.5-1",
            "selinux 1.0-1",
            "selinux-part 1.0-1",
            "tool 1.0-1"
        ]
    );
}

#[test]
fn what_is_obsoleted_gives_way_and_what_is_too_old_is_upgraded() {
    let (mirror, signer) = repository(&[
        (
            "tool",
            "2.0",
            "Obsoletes: old-tool < 2\nRequires: base >= 2\nConflicts: rest < 2\n",
        ),
        ("base", "2.0", ""),
        ("rest", "2.0", ""),
        ("tool", "3.0-1.module_el9", ""),
    ]);
    let base = ["old-tool 1.0-1", "base 1.0-1", "rest 1.0-1"];
    let case = case(&mirror, &signer, "metadata").base(&base);
    assert_eq!(
        case.chosen(&["tool"]),
        ["base 2.0-1", "rest 2.0-1", "tool 2.0-1"]
    );
}

#[test]
fn metadata_packed_in_any_way_are_read() {
    let (mirror, signer) = repository(&[("tool", "1.0", "")]);
    let list = fs_err::read_dir(mirror.at("repodata")).unwrap();
    let names = list.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let old = names
        .into_iter()
        .find(|name| name.ends_with("-primary.xml.gz"))
        .unwrap();
    let packed = mirror.at(&format!("repodata/{old}"));
    let before = fs_err::read(&packed).unwrap();
    let plain = run(
        "gzip",
        &["-dc", packed.to_str().unwrap()],
        Path::new("/"),
        None,
    );
    mirror.write("repodata/primary.xml", &plain);
    let file = mirror.at("repodata/primary.xml");
    let repomd = mirror.read("repodata/repomd.xml");
    for (program, form) in [("xz", "xz"), ("zstd", "zst"), ("gzip", "gz")] {
        run(
            program,
            &["-qkf", file.to_str().unwrap()],
            Path::new("/"),
            None,
        );
        let after = fs_err::read(mirror.at(&format!("repodata/primary.xml.{form}"))).unwrap();
        let changed = repomd
            .replace(&old, &format!("primary.xml.{form}"))
            .replace(
                &Digest::sha256(&before).hex(),
                &Digest::sha256(&after).hex(),
            )
            .replace(
                &format!("<size>{}<", before.len()),
                &format!("<size>{}<", after.len()),
            );
        mirror.write("repodata/repomd.xml", changed);
        fs_err::remove_file(mirror.at("repodata/repomd.xml.asc")).unwrap();
        sign(&mirror, &signer);
        let case = case(&mirror, &signer, "metadata");
        assert_eq!(case.chosen(&["tool"]), ["tool 1.0-1"], "{form}");
    }
}

#[test]
fn metadata_that_are_not_rightly_signed_are_refused() {
    let (mirror, signer) = repository(&[("tool", "1.0", "")]);
    let repomd = mirror.read("repodata/repomd.xml");
    let case = case(&mirror, &signer, "metadata");
    mirror.write(
        "repodata/repomd.xml",
        repomd.replace("1769904000", "1769904001"),
    );
    let refusal = case.refusal(&["tool"]);
    let (start, end) = (
        format!("{REPOMD} is refused: the signature of the key "),
        " is wrong: somebody changed what it signs",
    );
    assert!(
        refusal.starts_with(&start) && refusal.ends_with(end),
        "{refusal}"
    );
    mirror.write("repodata/repomd.xml", repomd);
    fs_err::remove_file(mirror.at("repodata/repomd.xml.asc")).unwrap();
    assert_eq!(
        case.refusal(&["tool"]),
        format!("{REPOMD}.asc could not be fetched: 404 Not Found")
    );
}

#[test]
fn a_changed_index_is_refused() {
    let (mirror, signer) = repository(&[("tool", "1.0", "")]);
    let list = fs_err::read_dir(mirror.at("repodata")).unwrap();
    let mut names = list.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let name = names
        .find(|name| name.ends_with("-primary.xml.gz"))
        .unwrap();
    let right = fs_err::read(mirror.at(&format!("repodata/{name}"))).unwrap();
    let mut wrong = right.clone();
    wrong[20] ^= 1;
    mirror.write(&format!("repodata/{name}"), &wrong);
    let message = format!(
        "{MIRROR}/repodata/{name} is refused: it should be {} and is {}",
        Digest::sha256(&right),
        Digest::sha256(&wrong)
    );
    assert_eq!(
        case(&mirror, &signer, "metadata").refusal(&["tool"]),
        message
    );
}

#[test]
fn what_cannot_be_met_is_named() {
    let (mirror, signer) = repository(&[
        ("tool", "1.0", "Requires: lib >= 2\n"),
        ("lib", "1.0", ""),
        ("odd", "1.0", "Requires: (a without b)\n"),
    ]);
    let case = case(&mirror, &signer, "metadata");
    assert_eq!(
        case.refusal(&["tool"]),
        "`tool 1.0-1` needs `lib (>= 2)`, the repositories have lib 1.0-1"
    );
    assert_eq!(
        case.refusal(&["odd"]),
        "`odd 1.0-1` needs `(a without b)`, which no repository has"
    );
    assert_eq!(
        case.refusal(&["none"]),
        "no repository has a package `none`"
    );
}

/// Signs a package itself.
fn sign_package(mirror: &Mirror, signer: &Signer, file: &str) {
    let path = format!("_gpg_path {}", signer.home().display());
    let arguments = [
        "--define",
        &path,
        "--define",
        "_gpg_name signer@example.org",
        "--define",
        "__gpg /usr/bin/gpg",
    ];
    run(
        "rpmsign",
        &[&arguments[..], &["--addsign", file]].concat(),
        mirror.root.path(),
        None,
    );
}

#[test]
fn where_packages_are_signed_each_is_verified() {
    let signer = Signer::new("rsa2048", "20260101T000000", "never");
    let mirror = Mirror::new();
    build(&mirror, "tool", "1.0", "Requires: lib\n");
    build(&mirror, "lib", "1.0", "");
    sign_package(&mirror, &signer, "tool-1.0-1.x86_64.rpm");
    index(&mirror);
    let lib = format!("{MIRROR}/lib-1.0-1.x86_64.rpm");
    let case = || case(&mirror, &signer, "packages");
    assert_eq!(case().base(&["lib"]).chosen(&["tool"]), ["tool 1.0-1"]);
    assert_eq!(
        case().refusal(&["tool"]),
        format!("{lib} is refused: not signed")
    );
    sign_package(&mirror, &signer, "lib-1.0-1.x86_64.rpm");
    index(&mirror);
    assert_eq!(case().chosen(&["tool"]), ["lib 1.0-1", "tool 1.0-1"]);
    // by another one
    let other = Signer::new("rsa2048", "20260101T000000", "never");
    sign_package(&mirror, &other, "lib-1.0-1.x86_64.rpm");
    index(&mirror);
    let refusal = case().refusal(&["tool"]);
    let start = format!("{lib} is refused: signed by the key ");
    assert!(refusal.starts_with(&start), "{refusal}");
    // whoever changes the index cannot pass an old package off as a new one
    sign_package(&mirror, &signer, "lib-1.0-1.x86_64.rpm");
    fs_err::copy(mirror.at("tool-1.0-1.x86_64.rpm"), mirror.at("x")).unwrap();
    index(&mirror);
    swap_index(&mirror);
    assert_eq!(
        case().refusal(&["tool"]),
        format!("{lib}: it is `lib-1.0-1.x86_64`, and listed as `lib-9.0-1.x86_64`")
    );
}

/// Says in the unsigned index that `lib` is of version 9.0.
fn swap_index(mirror: &Mirror) {
    let list = fs_err::read_dir(mirror.at("repodata")).unwrap();
    let mut names = list.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let name = names
        .find(|name| name.ends_with("-primary.xml.gz"))
        .unwrap();
    let packed = mirror.at(&format!("repodata/{name}"));
    let before = fs_err::read(&packed).unwrap();
    let plain = run(
        "gzip",
        &["-dc", packed.to_str().unwrap()],
        Path::new("/"),
        None,
    );
    let plain = String::from_utf8(plain).unwrap();
    let (head, tail) = plain.split_at(plain.find("<name>lib<").unwrap());
    let changed = tail.replacen("ver=\"1.0\"", "ver=\"9.0\"", 1);
    mirror.write("plain", head.to_owned() + &changed);
    let after = run(
        "gzip",
        &["-nc"],
        mirror.root.path(),
        Some(&mirror.at("plain")),
    );
    fs_err::write(&packed, &after).unwrap();
    let repomd = mirror
        .read("repodata/repomd.xml")
        .replace(
            &Digest::sha256(&before).hex(),
            &Digest::sha256(&after).hex(),
        )
        .replace(
            &format!("<size>{}<", before.len()),
            &format!("<size>{}<", after.len()),
        );
    // the file is named after its digest
    let renamed = name.replace(
        &Digest::sha256(&before).hex(),
        &Digest::sha256(&after).hex(),
    );
    fs_err::rename(&packed, mirror.at(&format!("repodata/{renamed}"))).unwrap();
    mirror.write("repodata/repomd.xml", repomd);
}

#[test]
fn a_package_whose_payload_was_changed_is_refused() {
    let signer = Signer::new("rsa2048", "20260101T000000", "never");
    let mirror = Mirror::new();
    build(&mirror, "tool", "1.0", "");
    sign_package(&mirror, &signer, "tool-1.0-1.x86_64.rpm");
    let mut bytes = fs_err::read(mirror.at("tool-1.0-1.x86_64.rpm")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    mirror.write("tool-1.0-1.x86_64.rpm", bytes);
    index(&mirror);
    let url = format!("{MIRROR}/tool-1.0-1.x86_64.rpm");
    let refusal = case(&mirror, &signer, "packages").refusal(&["tool"]);
    assert!(
        refusal.starts_with(&format!("{url} is refused: ")),
        "{refusal}"
    );
}
