//! `firstlight-rollcall` as one long-lived process that is asked again and again.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::support::root;

/// The script, and what it said to rolls before.
pub struct Script {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    known: HashMap<String, String>,
}

impl Script {
    /// The script of the overlay.
    pub fn start() -> Script {
        Self::changed(ToOwned::to_owned)
    }

    /// The script after a change, to see that the tests notice.
    pub fn changed(change: impl Fn(&str) -> String) -> Script {
        let text =
            fs_err::read_to_string(root().join("overlays/firstlight/bin/firstlight-rollcall"))
                .unwrap();
        let mut child = Command::new("dash")
            .args(["-c", &change(&text)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Script {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            known: HashMap::new(),
        }
    }

    /// Its verdict on a roll, which ends with an empty line.
    pub fn ask(&mut self, roll: &str) -> String {
        if let Some(said) = self.known.get(roll) {
            return said.clone();
        }
        self.input.write_all(roll.as_bytes()).unwrap();
        let mut said = String::new();
        self.output.read_line(&mut said).unwrap();
        said.truncate(said.trim_end().len());
        self.known.insert(roll.to_owned(), said.clone());
        said
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
