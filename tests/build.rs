//! `firstlight build` and its neighbours as a user meets them: the program itself, in a folder.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

#[path = "build/accidents.rs"]
mod accidents;
#[path = "build/commands.rs"]
mod commands;
#[path = "build/diff.rs"]
mod diff;
#[path = "build/masters.rs"]
mod masters;
#[path = "build/networks.rs"]
mod networks;
#[path = "build/profiles.rs"]
mod profiles;
#[path = "build/rebuild.rs"]
mod rebuild;
#[path = "build/renew.rs"]
mod renew;
#[path = "build/secrets.rs"]
mod secrets;
#[path = "build/users.rs"]
mod users;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Done, cluster, firstlight, run};
use tempfile::TempDir;

/// A folder with a `cluster.yml`.
struct Place(TempDir);

impl Place {
    fn empty() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    /// With a cluster of so many masters and workers.
    fn with(masters: u8, workers: u8) -> Place {
        let place = Self::empty();
        place.describe(masters, workers);
        place
    }

    fn describe(&self, masters: u8, workers: u8) {
        fs_err::write(self.path("cluster.yml"), cluster("1.34", masters, workers)).unwrap();
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    /// Every file that builds made.
    fn made(&self) -> [std::collections::BTreeMap<String, Vec<u8>>; 2] {
        ["out", "state"].map(|folder| support::files(&self.path(folder)))
    }

    /// A file of a node's seed, as cloud-init hands it over.
    fn seed_file(&self, node: &str, path: &str) -> String {
        self.seed_member(node, &format!("tree/{path}"))
    }

    /// What a node's seed says of each of its files.
    fn seed_index(&self, node: &str) -> String {
        self.seed_member(node, "index")
    }

    fn seed_member(&self, node: &str, member: &str) -> String {
        use base64::Engine as _;
        let user_data = self.path(&format!("out/nodes/{node}/cloud-init/user-data"));
        let text = fs_err::read_to_string(user_data).unwrap();
        let (_, rest) = text.split_once("<<'END OF SEED'\n").unwrap();
        let (lines, _) = rest.split_once("END OF SEED\n").unwrap();
        let packed = base64::engine::general_purpose::STANDARD
            .decode(lines.split_whitespace().collect::<String>())
            .unwrap();
        let archive = self.path("seed.tar.gz");
        fs_err::write(&archive, packed).unwrap();
        let done = run(Command::new("tar").arg("-xzOf").arg(&archive).arg(member)).ok();
        fs_err::remove_file(archive).unwrap();
        done.stdout
    }

    fn run(&self, args: &[&str]) -> Done {
        run(&mut firstlight(self.dir(), args))
    }

    /// Builds, successfully.
    fn build(&self) -> Done {
        self.run(&["build"]).ok()
    }

    /// Runs what must fail with 1; returns what it says with this folder's name taken out.
    fn refused(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!(done.code, Some(1), "{}\n{}", done.stdout, done.stderr);
        assert_eq!(done.stdout, "", "an error is no data");
        done.stderr.replace(self.dir().to_str().unwrap(), "DIR")
    }
}
