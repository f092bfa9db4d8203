//! A registry: Debian's docker-registry, on a port of its own.

#![allow(dead_code, reason = "every test takes the part that it needs")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::images::RealImage;
use super::{run, tool};

/// A running registry; it ends with this.
pub struct Registry {
    process: Child,
    /// `127.0.0.1:PORT`
    pub host: String,
    /// What it said.
    log: Arc<Mutex<Vec<String>>>,
}

impl Registry {
    /// One that keeps its content below `root`, with more lines of `config.yml`.
    pub fn start(root: &Path, more: &str) -> Registry {
        fs_err::create_dir_all(root).unwrap();
        let root = root.display();
        let config = format!(
            "version: 0.1\nlog: {{ level: info }}\nstorage: {{ filesystem: {{ rootdirectory: {root} }} }}\n\
             http: {{ addr: \"127.0.0.1:0\", secret: test }}\n{more}"
        );
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, config.as_bytes()).unwrap();
        let mut process = Command::new(tool("docker-registry/usr/bin/docker-registry"))
            .arg("serve")
            .arg(file.path())
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, seen) = (process.stderr.take().unwrap(), log.clone());
        thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                seen.lock().unwrap().push(line);
            }
        });
        let mut registry = Registry {
            process,
            host: String::new(),
            log,
        };
        registry.host = registry.listens();
        registry
    }

    fn listens(&self) -> String {
        let begun = Instant::now();
        loop {
            let log = self.log.lock().unwrap();
            let host = log.iter().find_map(|line| {
                let (_, host) = line.split_once("listening on ")?;
                host.split(['"', ',', ' ']).next()
            });
            if let Some(host) = host {
                return host.to_owned();
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{log:#?}");
            drop(log);
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Pushes with skopeo, everything as it is.
    pub fn push(&self, image: &RealImage, name: &str) {
        let dir = tempfile::tempdir().unwrap();
        image.dir(dir.path());
        let policy = dir.path().join("policy");
        fs_err::write(
            &policy,
            r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
        )
        .unwrap();
        run(Command::new("skopeo")
            .arg("--policy")
            .arg(&policy)
            .args([
                "copy",
                "--quiet",
                "--all",
                "--preserve-digests",
                "--dest-tls-verify=false",
            ])
            .arg(format!("dir:{}", dir.path().display()))
            .arg(format!("docker://{}/{name}", self.host)))
        .ok();
    }

    /// How many requests were answered whose line holds all of `words`.
    pub fn answered(&self, words: &[&str]) -> usize {
        let log = self.log.lock().unwrap();
        let lines = log
            .iter()
            .filter(|line| line.contains("response completed"));
        lines
            .filter(|line| words.iter().all(|word| line.contains(word)))
            .count()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
