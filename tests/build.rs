//! `firstlight build` and its neighbours as a user meets them: the program itself, in a folder.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

#[path = "build/accidents.rs"]
mod accidents;
#[path = "build/commands.rs"]
mod commands;
#[path = "build/rebuild.rs"]
mod rebuild;
#[path = "build/secrets.rs"]
mod secrets;

use std::path::{Path, PathBuf};

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
