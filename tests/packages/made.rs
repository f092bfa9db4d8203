//! Repositories made of real packages, a signer, and a mirror that serves a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use firstlight::artefact::Repositories;
use firstlight::config::model::Arch;
use firstlight::packages::{Release, ResolveError, Resolved, Wanted, resolve};
use fs_err as fs;
use tempfile::TempDir;
use time::OffsetDateTime;

/// What everything here is served from; nobody listens there.
pub const MIRROR: &str = "http://mirror.test";

/// 2026-03-01T00:00:00Z, the clock of these tests.
pub const NOW: i64 = 1_772_323_200;

/// Runs a program with these variables; the test fails where the program does, or is missing.
pub fn run(program: &str, arguments: &[&str], folder: &Path, input: Option<&Path>) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    if let Some(input) = input {
        command.stdin(Stdio::from(fs::File::open(input).unwrap().into_parts().0));
    }
    let output = command.output().unwrap_or_else(|error| {
        panic!("{program} does not run ({error}): `ci/tools` installs what tests need")
    });
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A signer with a key of its own.
pub struct Signer {
    home: TempDir,
    /// `YYYYMMDDTHHMMSS`, when it lives.
    clock: &'static str,
}

impl Signer {
    /// With a key of an algorithm (`ed25519`, `rsa2048`…) that lasts so long (`1y`, `never`).
    pub fn new(algorithm: &str, clock: &'static str, lasts: &str) -> Self {
        let home = tempfile::Builder::new()
            .prefix("k")
            .tempdir_in("/tmp")
            .unwrap();
        let signer = Self { home, clock };
        let name = ["signer@example.org", algorithm, "sign", lasts];
        let arguments = [&["--passphrase", "", "--quick-gen-key"][..], &name].concat();
        signer.gpg(&arguments, Path::new("/"), None);
        signer
    }

    /// One whose key is good.
    pub fn good() -> Self {
        Self::new("ed25519", "20260101T000000", "never")
    }

    pub fn gpg(&self, arguments: &[&str], folder: &Path, input: Option<&Path>) -> Vec<u8> {
        let home = self.home.path().to_str().unwrap();
        let clock = format!("{}!", self.clock);
        let fixed = [
            "--homedir",
            home,
            "--batch",
            "--yes",
            "--pinentry-mode",
            "loopback",
        ];
        let clock = ["--faked-system-time", &clock];
        run(
            "gpg",
            &[&fixed[..], &clock, arguments].concat(),
            folder,
            input,
        )
    }

    /// Where gpg keeps its keys.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Its public key, armoured.
    pub fn public(&self) -> String {
        let key = self.gpg(&["--armor", "--export"], Path::new("/"), None);
        String::from_utf8(key).unwrap()
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        let home = self.home.path().to_str().unwrap();
        // gpg leaves an agent behind, which would hold the folder
        let _ = Command::new("gpgconf")
            .args(["--homedir", home, "--kill", "all"])
            .status();
    }
}

/// A folder that is served as [`MIRROR`].
pub struct Mirror {
    pub root: TempDir,
}

impl Mirror {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self { root }
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    /// A Debian package with these lines of control beside the usual ones.
    pub fn deb(&self, name: &str, version: &str, control: &str) {
        let build = tempfile::tempdir().unwrap();
        let text = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: nobody <n@example.org>\nDescription: test\n{control}"
        );
        fs::create_dir(build.path().join("DEBIAN")).unwrap();
        fs::write(build.path().join("DEBIAN/control"), text).unwrap();
        fs::create_dir_all(self.at("pool")).unwrap();
        let file = self.at(&format!(
            "pool/{name}_{}_amd64.deb",
            version.replace(':', "%3a")
        ));
        let folder = build.path().to_str().unwrap();
        run(
            "dpkg-deb",
            &[
                "--root-owner-group",
                "-Znone",
                "-b",
                folder,
                file.to_str().unwrap(),
            ],
            Path::new("/"),
            None,
        );
    }

    /// The index of `pool` and a release file with these fields; signed by nobody yet.
    pub fn index(&self, suite: &str, fields: &[(&str, &str)]) {
        let folder = format!("dists/{suite}/main/binary-amd64");
        let index = run(
            "apt-ftparchive",
            &["packages", "pool"],
            self.root.path(),
            None,
        );
        self.write(&format!("{folder}/Packages"), index);
        let file = self.at(&format!("{folder}/Packages"));
        run(
            "gzip",
            &["-kfn", file.to_str().unwrap()],
            self.root.path(),
            None,
        );
        run(
            "xz",
            &["-kf", file.to_str().unwrap()],
            self.root.path(),
            None,
        );
        let mut all = BTreeMap::from([
            ("Suite", suite),
            ("Codename", suite),
            ("Architectures", "amd64"),
            ("Components", "main"),
            ("Date", "Sun, 01 Feb 2026 00:00:00 UTC"),
        ]);
        all.extend(fields.iter().copied());
        let mut text: String = all.iter().map(|(k, v)| format!("{k}: {v}\n")).collect();
        let folder = format!("dists/{suite}");
        let made = run(
            "apt-ftparchive",
            &["release", &folder],
            self.root.path(),
            None,
        );
        let made = String::from_utf8(made).unwrap();
        text.push_str(&made[made.find("MD5Sum:").unwrap()..]);
        self.write(&format!("dists/{suite}/Release"), text);
    }

    /// `InRelease`, signed.
    pub fn sign(&self, suite: &str, signer: &Signer) {
        let folder = self.at(&format!("dists/{suite}"));
        let arguments = ["--clearsign", "-o", "InRelease", "Release"];
        signer.gpg(&arguments, &folder, None);
    }

    /// What the mirror answers, and to which requests.
    pub fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        let path = url.strip_prefix(MIRROR).ok_or("no such host")?;
        fs::read(self.at(path.trim_start_matches('/'))).map_err(|_| "404 Not Found".to_owned())
    }
}

/// One resolution; what is not said is as in most tests.
pub struct Case<'a> {
    pub mirror: &'a Mirror,
    pub repositories: Repositories,
    pub keys: Vec<String>,
    pub base: BTreeMap<String, Option<String>>,
    pub locked: Vec<Release>,
    pub arch: Arch,
}

impl<'a> Case<'a> {
    /// The suites of an apt repository.
    pub fn apt(mirror: &'a Mirror, signer: &Signer, suites: &[&str]) -> Self {
        let yaml = format!(
            "apt:\n  - {{ url: {MIRROR}, suites: [{}], components: [main] }}\n",
            suites.join(", ")
        );
        Self::new(mirror, signer, &yaml)
    }

    pub fn new(mirror: &'a Mirror, signer: &Signer, yaml: &str) -> Self {
        Self {
            mirror,
            repositories: serde_yaml::from_str(yaml).unwrap(),
            keys: vec![signer.public()],
            base: BTreeMap::new(),
            locked: Vec::new(),
            arch: Arch::Amd64,
        }
    }

    /// With these packages in the image: `name` or `name version`.
    pub fn base(mut self, packages: &[&str]) -> Self {
        let package = |line: &&str| match line.split_once(' ') {
            Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
            None => ((*line).to_owned(), None),
        };
        self.base = packages.iter().map(package).collect();
        self
    }

    pub fn resolve(&self, names: &[&str]) -> Result<Resolved, ResolveError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        let wanted = Wanted {
            repositories: &self.repositories,
            keys: &keys,
            arch: self.arch,
            base: &self.base,
            names: &names,
            locked: &self.locked,
        };
        let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
        resolve(&wanted, &|url, _| self.mirror.fetch(url), now)
    }

    /// `name version` of everything that must be installed.
    pub fn chosen(&self, names: &[&str]) -> Vec<String> {
        let resolved = self.resolve(names).unwrap();
        let packages = resolved.packages.iter();
        packages
            .map(|p| format!("{} {}", p.name, p.version))
            .collect()
    }

    /// Why nothing is resolved, with the reasons behind it.
    pub fn refusal(&self, names: &[&str]) -> String {
        let error = self.resolve(names).unwrap_err();
        error.to_string()
    }
}
