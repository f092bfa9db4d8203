//! The script that finds the disk, with made-up disks in the place of `/sys` and `/dev`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use firstlight::compose::installer::{self, Placed};

use super::support::{self, Done, run};
use super::{AUTHORITY, catalogue, cluster, installer_of};

/// A disk: name, GiB, udev's properties.
type Disk<'a> = (&'a str, u64, &'a str);

const DISKS: [Disk<'static>; 5] = [
    ("vda", 40, "ID_SERIAL=S1"),
    (
        "sda",
        447,
        "ID_SERIAL=ATA_X_S4EVNX0\nID_SERIAL_SHORT=S4EVNX0\nID_WWN=0x5002538e4038d3ce\nID_MODEL=Samsung_SSD_860",
    ),
    (
        "sdb",
        447,
        "ID_SERIAL=ATA_X_S4EVNX1\nID_SERIAL_SHORT=S4EVNX1\nID_WWN=0x5002538e4038d3cf\nID_MODEL=Samsung_SSD_860",
    ),
    ("sdc", 8, "ID_SERIAL=STICK"),
    ("loop0", 40, ""),
];

/// Runs `hook.sh VERB` of a host with `disk: RULE` on a machine with [`DISKS`]; `mounted` is what every file system of
/// it holds, `cmdline` what its kernel was told.
fn hook(rule: &str, mounted: &[(&str, &str)], cmdline: &str) -> Done {
    let machine = tempfile::tempdir().unwrap();
    let at = |path: &str| machine.path().join(path);
    let text = cluster("debian-12", "1.34", &installer_of("debian-12"));
    let text = text.replace("disk: /dev/vda", &format!("disk: {rule}"));
    let plan = support::plan_with(&text, &catalogue()).unwrap_or_else(|why| panic!("{why}"));
    let placed = Placed {
        sha256: "00",
        made: 0,
        authority: AUTHORITY,
    };
    let node = &plan.nodes[0];
    let script = installer::hook(node, node.install.as_ref().unwrap(), placed);
    for (name, gib, properties) in DISKS {
        let block = at(&format!("sys/block/{name}"));
        fs_err::create_dir_all(&block).unwrap();
        fs_err::create_dir_all(at("dev")).unwrap();
        fs_err::write(block.join("size"), format!("{}\n", gib * 2_097_152)).unwrap();
        fs_err::write(block.join("ro"), "0\n").unwrap();
        fs_err::write(
            block.join("removable"),
            if name == "sdc" { "1\n" } else { "0\n" },
        )
        .unwrap();
        let device = at(&format!("dev/{name}"));
        fs_err::write(&device, "").unwrap();
        fs_err::write(
            block.join("uevent"),
            format!("DEVNAME={}\n{properties}\n", device.display()),
        )
        .unwrap();
    }
    fs_err::create_dir(at("sys/block/vda/vda1")).unwrap();
    for (path, content) in mounted {
        let path = at("file-system").join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }
    fs_err::write(at("cmdline"), cmdline).unwrap();
    let mount = if mounted.is_empty() {
        "exit 32".to_owned()
    } else {
        let system = at("file-system");
        format!(
            "case $2 in *vda1) cp -r {}/. \"$3\" ;; *) exit 32 ;; esac",
            system.display()
        )
    };
    program(&at("bin/mount"), &mount);
    program(&at("bin/umount"), "rm -rf \"$1\"/*");
    program(&at("bin/modprobe"), "exit 0");
    program(
        &at("bin/udevadm"),
        "for last; do :; done; cat \"${last#--path=}/uevent\"",
    );
    let base = machine.path().display();
    let script = script
        .replace("/sys/block", &format!("{base}/sys/block"))
        .replace("/proc/cmdline", &format!("{base}/cmdline"))
        .replace("/tmp/firstlight-disk", &format!("{base}/mounted"))
        .replace("'/dev/", &format!("'{base}/dev/"))
        .replace("/dev/console", "/dev/null");
    fs_err::write(at("hook.sh"), script).unwrap();
    let path = format!("{}:{}", at("bin").display(), std::env::var("PATH").unwrap());
    let mut done = run(Command::new("dash")
        .arg(at("hook.sh"))
        .arg("disk")
        .env("PATH", path));
    for text in [&mut done.stdout, &mut done.stderr] {
        *text = text.replace(&machine.path().display().to_string(), "");
    }
    done
}

fn program(path: &Path, body: &str) {
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn every_rule_finds_its_disk() {
    for (rule, device) in [
        ("/dev/vda", "/dev/vda"),
        // named by its path, a stick is meant
        ("/dev/sdc", "/dev/sdc"),
        ("{serial: S4EVNX1}", "/dev/sdb"),
        ("{serial: ATA_X_S4EVNX0}", "/dev/sda"),
        ("{wwn: \"0x5002538E4038D3CE\"}", "/dev/sda"),
        ("{model: Samsung SSD 860, serial: S4EVNX0}", "/dev/sda"),
        ("{max_gib: 100}", "/dev/vda"),
        ("{min_gib: 40, max_gib: 40}", "/dev/vda"),
    ] {
        let done = hook(rule, &[], "quiet");
        assert_eq!(
            done.stdout,
            format!("{device}\n"),
            "{rule}: {}",
            done.stderr
        );
        assert_eq!(done.code, Some(0));
        assert_eq!(
            done.stderr,
            format!("firstlight: m1 is installed on {device}\n")
        );
    }
}

#[test]
fn no_disk_and_two_disks_are_never_guessed() {
    let none = hook("{serial: S9}", &[], "");
    assert_eq!((none.code, none.stdout.as_str()), (Some(1), ""));
    insta::assert_snapshot!(none.stderr, @"firstlight: no disk is what cluster.yml says of m1 (serial S9); these are there: loop0 sda sdb sdc vda");
    let two = hook("{model: Samsung_SSD_860, min_gib: 400}", &[], "");
    assert_eq!((two.code, two.stdout.as_str()), (Some(1), ""));
    insta::assert_snapshot!(two.stderr, @"firstlight: cluster.yml means one disk of m1, and these are it: /dev/sda /dev/sdb; nothing was touched");
}

#[test]
fn a_node_that_lives_there_is_left_alone_unless_it_was_asked_for() {
    let lives = [("var/lib/firstlight/settled", "5e\n")];
    let refused = hook(
        "/dev/vda",
        &lives,
        "quiet firstlight.arm=0123 firstlight.reinstall=",
    );
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    insta::assert_snapshot!(refused.stderr, @"firstlight: a node lives on /dev/vda; `firstlight pxe arm --reinstall m1` would wipe it");
    let other = hook(
        "/dev/vda",
        &lives,
        "firstlight.arm=0123 firstlight.reinstall=m2",
    );
    assert_eq!(other.code, Some(1));
    let asked = hook(
        "/dev/vda",
        &lives,
        "firstlight.arm=0123 firstlight.reinstall=m1 quiet",
    );
    assert_eq!((asked.code, asked.stdout.as_str()), (Some(0), "/dev/vda\n"));
}

#[test]
fn a_machine_that_was_armed_once_is_installed_once() {
    let installed = [("var/lib/firstlight/armed", "0123\n")];
    let again = hook(
        "/dev/vda",
        &installed,
        "firstlight.arm=0123 firstlight.reinstall=",
    );
    assert_eq!(again.code, Some(1));
    insta::assert_snapshot!(again.stderr, @"firstlight: /dev/vda was installed as it was asked for; boot from it (`firstlight pxe disarm m1`)");
    // armed another time, or chosen at the menu, before it was a node
    for cmdline in [
        "firstlight.arm=4567",
        "firstlight.arm= firstlight.reinstall=",
    ] {
        assert_eq!(
            hook("/dev/vda", &installed, cmdline).code,
            Some(0),
            "{cmdline}"
        );
    }
    // a reinstallation is as little repeated
    let both = [
        ("var/lib/firstlight/armed", "0123\n"),
        ("var/lib/firstlight/settled", "5e\n"),
    ];
    assert_eq!(
        hook(
            "/dev/vda",
            &both,
            "firstlight.arm=0123 firstlight.reinstall=m1"
        )
        .code,
        Some(1)
    );
}
