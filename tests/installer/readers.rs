//! Answers and boot scripts, by those who read them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use firstlight::plan::profile::Answers;

use super::every_system;
use super::support::{root, run, tool};

/// What is recorded: one system of each form.
const RECORDED: [&str; 4] = [
    "debian-12-static",
    "rocky-9-static",
    "centos-7.5-dhcp",
    "ubuntu-24.04-static",
];

#[test]
fn trees_are_as_recorded() {
    let update = std::env::var_os("UPDATE_GOLDENS").is_some();
    for (name, _, tree) in every_system()
        .into_iter()
        .filter(|(name, ..)| RECORDED.contains(&name.as_str()))
    {
        let text: String = tree
            .iter()
            .map(|(path, content)| format!("=== {path}\n{content}"))
            .collect();
        let path = root().join(format!("tests/installer/{name}.golden"));
        if update {
            fs_err::write(&path, &text).unwrap();
        }
        let recorded = fs_err::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, recorded, "{}", path.display());
    }
}

fn written(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    fs_err::write(&path, text).unwrap();
    path
}

#[test]
fn debconf_reads_every_preseed() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for (name, answers, tree) in every_system() {
        if answers != Answers::Preseed {
            continue;
        }
        let path = written(folder.path(), "preseed.cfg", &tree["nodes/m1/preseed.cfg"]);
        let done = run(Command::new("debconf-set-selections").arg("-c").arg(&path)).ok();
        assert_eq!(done.stderr, "", "{name}");
        seen += 1;
    }
    assert_eq!(seen, 12);
    let bad = written(folder.path(), "preseed.cfg", "d-i partman-auto/method\n");
    assert_ne!(
        run(Command::new("debconf-set-selections").arg("-c").arg(&bad)).code,
        Some(0)
    );
}

#[test]
fn pykickstart_reads_every_kickstart() {
    let folder = tempfile::tempdir().unwrap();
    let ksvalidator = tool("kickstart/bin/ksvalidator");
    let mut seen = 0;
    for (name, answers, tree) in every_system() {
        if answers != Answers::Kickstart {
            continue;
        }
        let version = if name.contains("-7.") {
            "RHEL7"
        } else {
            "RHEL9"
        };
        let path = written(
            folder.path(),
            "kickstart.cfg",
            &tree["nodes/m1/kickstart.cfg"],
        );
        let done = run(Command::new(&ksvalidator)
            .args(["-e", "-v", version])
            .arg(&path));
        let said = done.stdout.trim();
        assert_eq!(
            (done.code, said.lines().count()),
            (Some(0), 1),
            "{name}: {said}"
        );
        // what %pre writes is read as well
        let include = "ignoredisk --only-use=vda\nclearpart --all --initlabel --drives=vda\nbootloader --boot-drive=vda --append=\"console=tty0\"\nreqpart --add-boot\npart / --fstype=xfs --size=8192 --grow --ondisk=vda\n";
        let whole =
            tree["nodes/m1/kickstart.cfg"].replace("%include /tmp/firstlight-disk.ks\n", include);
        let path = written(folder.path(), "kickstart.cfg", &whole);
        run(Command::new(&ksvalidator)
            .args(["-e", "-v", version])
            .arg(&path))
        .ok();
        seen += 1;
    }
    assert_eq!(seen, 16);
    let bad = written(folder.path(), "kickstart.cfg", "nosuchcommand --at=all\n");
    assert_ne!(
        run(Command::new(&ksvalidator)
            .args(["-e", "-v", "RHEL9"])
            .arg(&bad))
        .code,
        Some(0)
    );
}

#[test]
fn the_live_system_reads_every_autoinstall() {
    let script = "import sys, yaml, json\nprint(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for (name, answers, tree) in every_system() {
        if answers != Answers::Autoinstall {
            continue;
        }
        let text = &tree["nodes/m1/user-data"];
        assert!(
            text.starts_with("#cloud-config\n") && text.is_ascii(),
            "{name}"
        );
        let path = written(folder.path(), "user-data", text);
        let read = run(Command::new("/usr/bin/python3")
            .args(["-c", script])
            .arg(&path))
        .ok()
        .json();
        let own = &read["autoinstall"];
        assert_eq!(own["version"], 1, "{name}");
        assert_eq!(
            own["storage"]["layout"]["match"]["path"],
            "/dev/firstlight-disk"
        );
        assert_eq!(own.get("network").is_some(), name.ends_with("static"));
        // shells read the commands
        for command in ["early-commands", "late-commands"] {
            for line in own[command].as_array().unwrap() {
                let shell =
                    run(Command::new("dash").args(["-n", "-c", line.as_str().unwrap()])).ok();
                assert_eq!(shell.stderr, "", "{name}");
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn grub_reads_every_menu() {
    let folder = tempfile::tempdir().unwrap();
    for (name, _, tree) in every_system() {
        for (path, text) in tree.iter().filter(|(path, _)| {
            Path::new(path).extension() == Some("cfg".as_ref()) && !path.starts_with("nodes/")
        }) {
            let file = written(folder.path(), "grub.cfg", text);
            let done = run(Command::new("grub-script-check").arg(&file));
            assert_eq!(done.code, Some(0), "{name}: {path}: {}{text}", done.stderr);
        }
    }
}

#[test]
fn shells_read_every_hook() {
    let folder = tempfile::tempdir().unwrap();
    for (name, _, tree) in every_system() {
        let Some(hook) = tree.get("nodes/m1/hook.sh") else {
            continue;
        };
        let path = written(folder.path(), "hook.sh", hook);
        let done = run(Command::new("shellcheck").args(["-s", "sh"]).arg(&path));
        assert_eq!(done.stdout, "", "{name}");
        run(Command::new("dash").arg("-n").arg(&path)).ok();
    }
}

/// The kernel's `COMMAND_LINE_SIZE` is 2048 on x86-64 and arm64; PXELINUX takes 2047.
#[test]
fn command_lines_fit_and_name_what_is_there() {
    let kernel = |tree: &BTreeMap<String, String>| {
        let ipxe = &tree["nodes/m1/boot.ipxe"];
        let line = ipxe
            .lines()
            .find(|line| line.starts_with("kernel "))
            .unwrap();
        line.to_owned()
    };
    for (name, answers, tree) in every_system() {
        let line = kernel(&tree);
        assert!(line.len() < 1024, "{name}: {line}");
        let file = match answers {
            Answers::Preseed => "preseed.cfg",
            Answers::Kickstart => "kickstart.cfg",
            Answers::Autoinstall => "user-data",
        };
        assert!(tree.contains_key(&format!("nodes/m1/{file}")), "{name}");
        assert!(
            line.contains("http://10.0.0.5:8080/nodes/m1/"),
            "{name}: {line}"
        );
        assert!(
            line.contains("firstlight.arm=${arm} firstlight.reinstall=${reinstall} "),
            "{name}"
        );
        assert_eq!(
            line.contains("10.0.0.11"),
            name.ends_with("static"),
            "{name}: {line}"
        );
        assert_eq!(
            line.contains("console=ttyS1"),
            name.ends_with("dhcp"),
            "{name}"
        );
        // nothing secret is public
        for (path, text) in &tree {
            assert!(
                !text.contains("PRIVATE KEY") && !text.contains("END OF SEED"),
                "{name}: {path}"
            );
        }
    }
}

/// No file has a name that NTFS, or a server that folds case, cannot hold; old installers read ASCII.
#[test]
fn names_are_plain() {
    for (name, _, tree) in every_system() {
        for (path, text) in &tree {
            assert!(text.is_ascii(), "{name}: {path}");
            let plain = |c: char| c.is_ascii_alphanumeric() || "/.-_".contains(c);
            assert!(path.chars().all(plain), "{name}: {path}");
        }
    }
}
