//! From a description to an armed machine, as a user does it.

use std::path::Path;

use super::support::{files, firstlight, run};
use super::{cluster, installer_of};

/// A folder with a description, and files that stand for kernel and initial RAM disk.
fn described() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs_err::write(
        at("cluster.yml"),
        cluster("debian-12", "1.34", &installer_of("debian-12")),
    )
    .unwrap();
    fs_err::create_dir(at("netboot")).unwrap();
    fs_err::write(at("netboot/linux"), "a kernel").unwrap();
    fs_err::write(at("netboot/initrd.gz"), "an initial RAM disk").unwrap();
    folder
}

fn lock(folder: &Path) {
    run(&mut firstlight(
        folder,
        &[
            "overlay",
            "lock",
            "--offline",
            "--from",
            "netboot",
            "--store",
            "store",
        ],
    ))
    .ok();
}

#[test]
fn a_machine_is_armed_and_disarmed() {
    let folder = described();
    let unpinned = run(&mut firstlight(folder.path(), &["build"]));
    assert_eq!(unpinned.code, Some(1));
    assert!(
        unpinned.stderr.contains("installer/not-pinned"),
        "{}",
        unpinned.stderr
    );
    assert!(!folder.path().join("out").exists());

    lock(folder.path());
    run(&mut firstlight(folder.path(), &["build"])).ok();
    let out = folder.path().join("out");
    let first = files(&out.join("pxe"));
    let digest = firstlight::artefact::Digest::sha256(b"a kernel");
    let script = String::from_utf8(first["nodes/m1/boot.ipxe"].clone()).unwrap();
    assert!(
        script.contains(&format!(
            "kernel --name linux http://10.0.0.5:8080/{}",
            digest.blob_path()
        )),
        "{script}"
    );
    let hook = String::from_utf8(first["nodes/m1/hook.sh"].clone()).unwrap();
    let seed = fs_err::read(out.join("nodes/m1/seed.tar")).unwrap();
    let sum = firstlight::artefact::Digest::sha256(&seed).hex();
    assert!(hook.contains(&format!("FL_SEED_SHA256='{sum}'")), "{hook}");

    let again = run(&mut firstlight(folder.path(), &["build"])).ok();
    assert!(again.stderr.contains("nothing changed"), "{}", again.stderr);

    let listed = run(&mut firstlight(folder.path(), &["pxe"])).ok();
    insta::assert_snapshot!(listed.stdout, @r"
    NODE  NEXT BOOT
    m1    boots from its disk
    ");
    let armed = run(&mut firstlight(folder.path(), &["pxe", "arm", "m1"])).ok();
    insta::assert_snapshot!(armed.stderr, @"m1 installs itself when it next boots from the network");
    let listed = run(&mut firstlight(
        folder.path(),
        &["pxe", "list", "--format", "json"],
    ))
    .ok();
    assert_eq!(
        listed.json()["nodes"][0],
        serde_json::json!({ "name": "m1", "armed": true })
    );
    let script = fs_err::read_to_string(out.join("pxe/armed/m1.ipxe")).unwrap();
    assert!(
        script.starts_with("#!ipxe\nset arm ") && script.ends_with("set reinstall \n"),
        "{script}"
    );
    run(&mut firstlight(
        folder.path(),
        &["pxe", "arm", "--reinstall", "m1"],
    ))
    .ok();
    let second = fs_err::read_to_string(out.join("pxe/armed/m1.ipxe")).unwrap();
    assert!(
        second.ends_with("set reinstall m1\n") && second != script,
        "{second}"
    );

    // a build leaves it armed
    run(&mut firstlight(folder.path(), &["build"])).ok();
    assert!(out.join("pxe/armed/m1.ipxe").exists());
    run(&mut firstlight(folder.path(), &["pxe", "disarm", "m1"])).ok();
    assert_eq!(files(&out.join("pxe")), first);

    // a folder that is named before the verb is not passed over
    let before = run(&mut firstlight(
        folder.path(),
        &["pxe", "-o", "elsewhere", "arm", "m1"],
    ));
    assert_eq!(before.code, Some(2), "{}", before.stderr);

    let unknown = run(&mut firstlight(folder.path(), &["pxe", "arm", "w7"]));
    assert_eq!(unknown.code, Some(1));
    insta::assert_snapshot!(unknown.stderr, @"error: `w7` is not installed over the network; in `out/pxe` are: m1");
}

/// Nothing else is at hand, so the build fails: what it lacks tells what it looks for.
#[test]
fn an_overlay_holds_what_machines_boot() {
    let folder = described();
    lock(folder.path());
    let lacks = || {
        let build = [
            "overlay",
            "build",
            "--offline",
            "--from",
            "netboot",
            "--store",
            "store",
        ];
        let done = run(&mut firstlight(folder.path(), &build));
        assert_eq!(done.code, Some(1));
        done.stderr.contains("debian-installer/amd64/initrd.gz")
    };
    assert!(!lacks());
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    fs_err::remove_file(folder.path().join("netboot/initrd.gz")).unwrap();
    assert!(lacks());
}

#[test]
fn without_machines_to_install_there_is_no_tree() {
    let folder = tempfile::tempdir().unwrap();
    let text = cluster("debian-12", "1.34", "");
    fs_err::write(folder.path().join("cluster.yml"), text).unwrap();
    run(&mut firstlight(folder.path(), &["build"])).ok();
    assert!(!folder.path().join("out/pxe").exists());
    let done = run(&mut firstlight(folder.path(), &["pxe", "arm", "m1"]));
    assert_eq!(done.code, Some(1));
    insta::assert_snapshot!(done.stderr, @r"
    error: there is no `out/pxe/nodes`
    hint: `firstlight build` writes it for hosts with `installer.url` and `disk`
    ");
}
