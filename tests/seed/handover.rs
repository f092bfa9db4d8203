//! The hand-over for real: bootcmd's script in a root of its own, then what it started.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use firstlight::artefact::Digest;
use firstlight::compose::NodeTree;
use firstlight::render::network::network_config;
use tempfile::TempDir;

use super::{described, pyyaml, write};
use crate::support::{Cluster, Done, archive, files, run};

/// A folder that becomes `/` of a script: this system's programs, everything else its own.
/// `systemctl` only writes down what it was asked.
pub(super) struct Root(TempDir);

const ENTER: &str = r#"set -eu
mount --make-rprivate /
for dir in usr proc sys; do mkdir -p "$1/$dir"; mount --rbind "/$dir" "$1/$dir"; done
# this machine's programs are not to be touched; what is placed in /usr/local is the root's own
mkdir -p "$1/local"; mount --bind "$1/local" "$1/usr/local"
mount -o remount,bind,ro "$1/usr"; mount -o remount,bind,ro "$1/sys"
for link in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$link" ]; then ln -sfn "$(readlink "/$link")" "$1/$link"; elif [ -d "/$link" ]; then mkdir -p "$1/$link"; mount --rbind "/$link" "$1/$link"; fi
done
# awk is a link to there
mkdir -p "$1/etc/alternatives"; mount --rbind /etc/alternatives "$1/etc/alternatives"
mkdir -p "$1/dev" "$1/run" "$1/tmp" "$1/var/lib" "$1/made-up" "$1/opt"
touch "$1/dev/console"; [ -e "$1/dev/null" ] || { touch "$1/dev/null"; }
mount --bind /dev/null "$1/dev/null"
printf '#!/bin/sh\necho "$*" >> /systemctl.log\n' > "$1/made-up/systemctl"; printf '#!/bin/sh\n' > "$1/made-up/hostname"; chmod 0755 "$1"/made-up/*
root=$1; shift
exec env -i PATH=/made-up:/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" "$@""#;

impl Root {
    pub(super) fn new() -> Root {
        Root(tempfile::tempdir().unwrap())
    }

    /// Where a path of the inside is; `/usr/local` is mounted from `/local`.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        let path = path
            .strip_prefix("/usr")
            .filter(|p| p.starts_with("/local/"))
            .unwrap_or(path);
        self.0.path().join(path.trim_start_matches('/'))
    }

    /// Runs a command inside; mounts go with its namespace.
    pub(super) fn run(&self, command: &[&str]) -> Done {
        let done = run(Command::new("unshare")
            .args([
                "--mount",
                "--map-root-user",
                "--propagation",
                "private",
                "sh",
                "-c",
                ENTER,
                "enter",
            ])
            .arg(self.0.path())
            .args(command));
        assert!(
            !done.stderr.contains("unshare: ") && !done.stderr.contains("mount: "),
            "this test needs root or user namespaces: {}",
            done.stderr
        );
        done
    }

    fn systemctl(&self) -> Vec<String> {
        let log = fs_err::read_to_string(self.path("systemctl.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// Puts the script of `bootcmd` inside, as `PyYAML` reads it.
    pub(super) fn bootcmd(&self, files: &std::collections::BTreeMap<&'static str, Vec<u8>>) {
        write(files, self.0.path());
        let data = pyyaml(&self.path("user-data"));
        fs_err::write(self.path("bootcmd"), data["bootcmd"][0].as_str().unwrap()).unwrap();
    }
}

fn seed(cluster: &Cluster, name: &str) -> (NodeTree, String) {
    let tree = cluster.tree(name);
    let bytes = archive(&tree, network_config(cluster.node(name)).as_deref());
    let digest = Digest::sha256(&bytes).hex();
    (tree, digest)
}

#[test]
fn the_script_is_posix_shell() {
    let cluster = described();
    for name in ["m1", "w1"] {
        let root = Root::new();
        root.bootcmd(&cluster.cloud_init(name));
        for shell in [
            &["dash", "-n"][..],
            &["bash", "--posix", "-n"],
            &["shellcheck", "-s", "sh", "-e", "SC2034"],
        ] {
            let done = run(Command::new(shell[0])
                .args(&shell[1..])
                .arg(root.path("bootcmd")))
            .ok();
            assert_eq!(
                (done.stdout.as_str(), done.stderr.as_str()),
                ("", ""),
                "{shell:?}"
            );
        }
    }
}

#[test]
fn the_archive_arrives_whole_and_starts_one_unit() {
    let cluster = described();
    let root = Root::new();
    let (tree, digest) = seed(&cluster, "m1");
    root.bootcmd(&cluster.cloud_init("m1"));
    let done = root.run(&["/bin/sh", "/bootcmd"]).ok();
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""));
    assert_eq!(
        root.systemctl(),
        ["daemon-reload", "--no-block start firstlight.service"]
    );
    let fl = root.path("/var/lib/firstlight");
    assert_eq!(
        fs_err::metadata(&fl).unwrap().permissions().mode() & 0o7777,
        0o700
    );
    assert!(fl.join("started").exists() && !fl.join("settled").exists());
    let staged = fl.join("incoming").join(format!("{digest}.tar.gz"));
    assert_eq!(
        Digest::sha256(&fs_err::read(&staged).unwrap()).hex(),
        digest
    );
    for (path, mode) in [
        ("/opt/firstlight/bin/firstlight-settle", 0o755),
        ("/etc/systemd/system/firstlight.service", 0o644),
    ] {
        assert_eq!(
            fs_err::read(root.path(path)).unwrap(),
            &*tree.files[path].content,
            "{path}"
        );
        assert_eq!(
            fs_err::metadata(root.path(path))
                .unwrap()
                .permissions()
                .mode()
                & 0o7777,
            mode,
            "{path}"
        );
    }
    assert_eq!(
        fs_err::read_link(
            root.path("/etc/systemd/system/multi-user.target.wants/firstlight.service")
        )
        .unwrap(),
        Path::new("../firstlight.service")
    );

    // twice is once
    let before = files(&fl);
    root.run(&["/bin/sh", "/bootcmd"]).ok();
    assert!(files(&fl) == before);

    unpacks_to_the_tree(&staged, &tree);
}

/// By GNU tar, and as the node's own program for placing files lays them out.
fn unpacks_to_the_tree(staged: &Path, tree: &NodeTree) {
    let folder = tempfile::tempdir().unwrap();
    run(Command::new("tar")
        .args(["-xpzf"])
        .arg(staged)
        .arg("-C")
        .arg(folder.path()))
    .ok();
    let found = files(&folder.path().join("tree"));
    let expected = tree
        .files
        .iter()
        .map(|(p, f)| (p.trim_start_matches('/').to_owned(), f.content.to_vec()))
        .collect();
    assert!(found == expected);
    for (path, file) in &tree.files {
        let meta = fs_err::metadata(folder.path().join("tree").join(&path[1..])).unwrap();
        assert_eq!(meta.permissions().mode() & 0o7777, file.mode, "{path}");
    }
}

#[test]
fn the_first_boot_puts_every_file_in_its_place_and_the_second_nothing() {
    let cluster = described();
    let root = Root::new();
    let (tree, digest) = seed(&cluster, "w1");
    root.bootcmd(&cluster.cloud_init("w1"));
    root.run(&["/bin/sh", "/bootcmd"]).ok();
    // the address of this machine is not the planned one; the check of the machine has its own tests
    let settle = |root: &Root| {
        root.run(&[
            "/bin/sh",
            "-c",
            "umask 022; /opt/firstlight/bin/firstlight-settle",
        ])
    };
    let done = settle(&root).ok();
    let settled = fs_err::read_to_string(root.path("/var/lib/firstlight/settled")).unwrap();
    assert_eq!(
        settled,
        format!("{digest}\n"),
        "{}{}",
        done.stdout,
        done.stderr
    );
    for (path, file) in &tree.files {
        assert_eq!(
            fs_err::read(root.path(path)).unwrap(),
            &*file.content,
            "{path}"
        );
        assert_eq!(
            fs_err::metadata(root.path(path))
                .unwrap()
                .permissions()
                .mode()
                & 0o7777,
            file.mode,
            "{path}"
        );
    }
    for (path, target) in &tree.links {
        assert_eq!(
            fs_err::read_link(root.path(path)).unwrap(),
            Path::new(target),
            "{path}"
        );
    }
    let before = files(&root.path("/etc"));
    root.run(&["/bin/sh", "/bootcmd"]).ok();
    settle(&root).ok();
    assert!(files(&root.path("/etc")) == before);

    // a power cut left 0 bytes: mended; an operator's change: kept and told
    let (lost, own) = (
        "/etc/systemd/system/kubelet.service",
        "/etc/sysctl.d/90-firstlight.conf",
    );
    fs_err::write(root.path(lost), "").unwrap();
    fs_err::write(root.path(own), "vm.swappiness = 1\n").unwrap();
    let key = "/var/lib/kubelet/pki/kubelet.key";
    fs_err::remove_file(root.path(key)).unwrap();
    settle(&root).ok();
    assert_eq!(
        fs_err::read(root.path(lost)).unwrap(),
        &*tree.files[lost].content
    );
    assert_eq!(
        fs_err::read(root.path(key)).unwrap(),
        &*tree.files[key].content
    );
    assert_eq!(
        fs_err::metadata(root.path(key))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777,
        0o600
    );
    assert_eq!(
        fs_err::read_to_string(root.path(own)).unwrap(),
        "vm.swappiness = 1\n"
    );
    assert_eq!(
        fs_err::read_to_string(root.path("/run/firstlight/drift")).unwrap(),
        format!("{own}\n")
    );
}

#[test]
fn a_damaged_archive_is_refused_and_nothing_starts() {
    let cluster = described();
    let given = cluster.cloud_init("m1");
    let text = String::from_utf8(given["user-data"].clone()).unwrap();
    let (at, _) = text.match_indices("END OF SEED").nth(1).unwrap();
    // a line less; one character other
    let line = text[..at - 200].rfind('\n').unwrap();
    let cut = format!(
        "{}{}",
        &text[..line],
        &text[text[..at].rfind('\n').unwrap()..]
    );
    let mut other = text.clone().into_bytes();
    other[line + 20] = if other[line + 20] == b'A' { b'B' } else { b'A' };
    for damaged in [cut.into_bytes(), other] {
        let mut files = given.clone();
        files.insert("user-data", damaged);
        let root = Root::new();
        root.bootcmd(&files);
        root.run(&["/bin/sh", "/bootcmd"]);
        assert_eq!(root.systemctl(), [""; 0]);
        assert!(!root.path("/opt/firstlight/bin/firstlight-settle").exists());
        let said = fs_err::read_to_string(root.path("/dev/console")).unwrap();
        assert!(
            said.starts_with("firstlight: hand-over failed (the seed in user-data is damaged"),
            "{said}"
        );
        assert!(
            root.path("/var/lib/firstlight/started").exists(),
            "a later boot knows that something began"
        );
    }
}
