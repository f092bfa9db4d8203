//! The packages of a cluster, in its lock.

use firstlight::artefact::Digest;
use tempfile::TempDir;

use crate::made::{Mirror, Signer};
use crate::support::{self, Done, firstlight};

/// A cluster whose host wants `tool`, and a distribution that has it.
struct Place {
    dir: TempDir,
    mirror: Mirror,
    signer: Signer,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (mirror, signer) = (Mirror::new(), Signer::good());
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write(
            "cluster.yml",
            "name: demo\nnetwork: { provider: bridge }\nartefacts: { mirror: \"http://10.0.0.5\", upstream: false }\nhosts:\n  - { name: m1, role: master, address: 10.0.0.11/24, mac: \"52:54:00:00:00:11\", os: debian-12, packages: [tool] }\n",
        );
        write(
            "overlays/packages/debian-12.yml",
            "repositories:\n  apt:\n    - { url: \"http://mirror.test\", suites: [stable], components: [main] }\nkeys: [demo.asc]\nimage: { amd64: demo.txt, arm64: demo.txt }\n",
        );
        write("overlays/packages/keys/demo.asc", &signer.public());
        write("overlays/packages/images/demo.txt", "libc6 2.36\n");
        mirror.deb("tool", "1.0-1", "Depends: libtool1, libc6\n");
        mirror.deb("libtool1", "1.0-1", "");
        let place = Self {
            dir,
            mirror,
            signer,
        };
        place.publish();
        place
    }

    /// What the distribution has now, as a copy by host and path.
    fn publish(&self) {
        self.mirror.index("stable", &[]);
        self.mirror.sign("stable", &self.signer);
        let copy = self.dir.path().join("copy");
        fs_err::create_dir_all(&copy).unwrap();
        let copied = std::process::Command::new("cp")
            .args(["-rT", self.mirror.at("").to_str().unwrap()])
            .arg(copy.join("mirror.test"))
            .status();
        assert!(copied.unwrap().success());
    }

    fn run(&self, args: &[&str]) -> Done {
        let args = [args, &["--overlays", "overlays"]].concat();
        support::run(&mut firstlight(self.dir.path(), &args))
    }

    fn lock(&self, more: &[&str]) -> Done {
        self.run(
            &[
                &["overlay", "lock", "--mirror", "copy", "--store", "store"],
                more,
            ]
            .concat(),
        )
    }

    fn locked(&self) -> String {
        fs_err::read_to_string(self.dir.path().join("firstlight.lock")).unwrap()
    }
}

#[test]
fn packages_of_a_host_are_pinned_with_what_they_need() {
    let place = Place::new();
    let refused = place.run(&["check"]);
    assert_eq!(refused.code, Some(1));
    for part in [
        "error[artefacts/packages-without-digest]: `m1` must install packages that no digest is known of: tool",
        "pin them with `firstlight overlay lock`",
    ] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let refused = place.lock(&["--locked"]);
    assert_eq!(refused.code, Some(1));
    assert_eq!(
        refused.stderr,
        "error: firstlight.lock: does not pin what `--locked` asks for:\n  packages of debian-12 amd64: tool\nhint: run `firstlight overlay lock`, and commit the file\n"
    );
    let pinned = place.lock(&[]).ok();
    assert_eq!(
        pinned.stderr,
        "firstlight.lock: debian-12 amd64: libtool1 1.0-1, tool 1.0-1\n"
    );
    let deb = fs_err::read(place.mirror.at("pool/tool_1.0-1_amd64.deb")).unwrap();
    let lock = place.locked();
    assert!(lock.contains(&Digest::sha256(&deb).to_string()), "{lock}");
    let checked = place.run(&["check"]).ok();
    for package in ["tool_1.0-1_amd64.deb", "libtool1_1.0-1_amd64.deb"] {
        assert!(checked.stdout.contains(package), "{}", checked.stdout);
    }
    place.lock(&["--locked"]).ok();
    // it stays what it is, whatever the distribution has, until it is asked for anew
    place
        .mirror
        .deb("tool", "1.1-1", "Depends: libtool1, libc6\n");
    place.publish();
    assert_eq!(place.lock(&[]).ok().stderr, "");
    assert_eq!(place.locked(), lock);
    let renewed = place.lock(&["--update"]).ok();
    assert_eq!(
        renewed.stderr,
        "firstlight.lock: debian-12 amd64: libtool1 1.0-1, tool 1.1-1\n"
    );
    // what nobody asks for any more goes
    let cluster = place.dir.path().join("cluster.yml");
    let text = fs_err::read_to_string(&cluster).unwrap();
    fs_err::write(cluster, text.replace(", packages: [tool]", "")).unwrap();
    place.lock(&[]).ok();
    assert!(!place.locked().contains("tool"), "{}", place.locked());
}

#[test]
fn what_is_not_signed_is_refused_and_nothing_pinned() {
    let place = Place::new();
    let release = place
        .dir
        .path()
        .join("copy/mirror.test/dists/stable/InRelease");
    let text = fs_err::read_to_string(&release).unwrap();
    fs_err::write(&release, text.replace("Suite: stable", "Suite: stabel")).unwrap();
    let refused = place.lock(&[]);
    assert_eq!(refused.code, Some(1));
    let begin = "error: the packages of `debian-12` for amd64 cannot be resolved\n  Caused by: ";
    assert!(refused.stderr.starts_with(begin), "{}", refused.stderr);
    assert!(
        refused
            .stderr
            .contains("http://mirror.test/dists/stable/InRelease"),
        "{}",
        refused.stderr
    );
    assert!(!place.dir.path().join("firstlight.lock").exists());
}

#[test]
fn without_a_source_that_goes_by_url_nothing_is_resolved() {
    let place = Place::new();
    let refused = place.run(&["overlay", "lock", "--from", "copy", "--store", "store"]);
    assert_eq!(refused.code, Some(1));
    let why = "no source goes by URL: allow upstream, or name a `--mirror`";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
}

#[test]
fn where_nobody_knows_what_the_image_has_that_is_said() {
    let place = Place::new();
    let list = place.dir.path().join("overlays/packages/debian-12.yml");
    let text = fs_err::read_to_string(&list).unwrap();
    let (without, _) = text.split_once("image:").unwrap();
    fs_err::write(&list, without).unwrap();
    assert_eq!(
        place.lock(&[]).ok().stderr,
        "debian-12: what its image has is not known: tool come from its own repository\n"
    );
}
