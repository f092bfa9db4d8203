//! A made-up machine: a folder that is its disk, and ways to boot it and to cut its power.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, Once, PoisonError};

use fs_err as fs;
use tempfile::TempDir;

use crate::seeds::Seed;
use crate::support::{Done, root, run};

/// What the kernel and systemd would do between bootcmd and the end of `firstlight.service`.
const BOOT: &str = "sh /test/bootcmd; ! grep -q 'start firstlight.service' /test/systemctl || /opt/firstlight/bin/firstlight-settle";

/// `O_NONBLOCK` of Linux.
const NONBLOCK: i32 = 0o4000;

/// Names of disks: `PREFIX PID - …`.
const PREFIX: &str = "firstlight-machine-";

/// Disk and hardware of one machine.
pub struct Machine {
    disk: TempDir,
}

impl Machine {
    /// A machine with an empty Debian on it.
    pub fn new() -> Machine {
        assert!(
            fs::metadata("/proc/self").unwrap().uid() == 0,
            "the node's scripts run as root, in a namespace of their own: run this test with `sudo -E cargo test --test node`"
        );
        let disk = disk();
        let machine = Machine { disk };
        for dir in [
            "dev/pts",
            "etc/alternatives",
            "etc/ssl",
            "etc/systemd/system",
            "opt",
            "proc",
            "run",
            "sys/class/dmi/id",
            "sys/class/net/eth0/device",
            "sys/class/tty/console",
            "test/local/sbin",
            "test/local/bin",
            "tmp",
            "usr",
            "var/lib/cloud",
        ] {
            fs::create_dir_all(machine.at(dir)).unwrap();
        }
        for link in ["bin", "sbin", "lib", "lib64"] {
            symlink(format!("usr/{link}"), machine.at(link)).unwrap();
        }
        symlink("pts/ptmx", machine.at("dev/ptmx")).unwrap();
        symlink("/usr/local", machine.at("test/usr-local")).unwrap();
        for file in [
            "dev/null",
            "dev/zero",
            "dev/urandom",
            "test/machine",
            "test/systemctl",
        ] {
            machine.write(file, "");
        }
        // as much as a pipe holds is kept until it is read, and nobody truncates it by opening it
        assert!(
            Command::new("mkfifo")
                .arg(machine.at("dev/console"))
                .status()
                .unwrap()
                .success()
        );
        machine.write("etc/passwd", "root:x:0:0::/:/bin/sh\n");
        machine.write("etc/group", "root:x:0:\n");
        machine.write("sys/class/dmi/id/product_uuid", "4c4c4544-0001\n");
        machine.write("sys/class/net/eth0/address", "52:54:00:79:00:11\n");
        machine.write(
            "test/path",
            "/test/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        );
        machine.copy("tests/node/bin", "test/bin");
        machine
    }

    /// One whose scripts are there already, for those that need no seed.
    pub fn with_scripts() -> Machine {
        let machine = Machine::new();
        machine.copy("overlays/firstlight/bin", "opt/firstlight/bin");
        machine
    }

    /// One that `seed` made a node of: booted once, copied for every test that begins with it.
    pub fn settled(seed: &Seed) -> Machine {
        static SETTLED: Mutex<BTreeMap<String, Machine>> = Mutex::new(BTreeMap::new());
        let mut settled = SETTLED.lock().unwrap_or_else(PoisonError::into_inner);
        let first = settled.entry(seed.digest.clone()).or_insert_with(|| {
            let machine = Machine::new();
            machine.attach(seed);
            machine.boot().ok("settled");
            machine
        });
        let disk = disk();
        let copied = Command::new("cp")
            .arg("-a")
            .arg(first.disk.path().join("."))
            .arg(disk.path())
            .status();
        assert!(copied.unwrap().success());
        Machine { disk }
    }

    /// The files of a folder of the repository.
    pub fn copy(&self, from: &str, to: &str) {
        fs::create_dir_all(self.at(to)).unwrap();
        for entry in fs::read_dir(root().join(from)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                continue;
            }
            fs::copy(entry.path(), self.at(to).join(entry.file_name())).unwrap();
        }
    }

    /// A path of the machine, on the host.
    pub fn at(&self, path: &str) -> PathBuf {
        let path = path.trim_start_matches('/');
        // the machine's own part of /usr
        match path.strip_prefix("usr/local/") {
            Some(rest) => self.disk.path().join("test/local").join(rest),
            None => self.disk.path().join(path),
        }
    }

    /// Writes a file, with its folders.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), content).unwrap();
    }

    /// A text file, or nothing where there is none.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_default()
    }

    /// Puts a seed into the drive.
    pub fn attach(&self, seed: &Seed) {
        self.write("var/lib/cloud/instance/user-data.txt", &seed.user_data);
        self.write("test/bootcmd", &seed.bootcmd);
    }

    /// Runs a command line as root of the machine.
    pub fn run(&self, line: &str) -> Done {
        let here = fs::read_link("/proc/self/ns/mnt").unwrap();
        let mut console = std::fs::OpenOptions::new();
        let mut console = console
            .read(true)
            .write(true)
            .custom_flags(NONBLOCK)
            .open(self.at("dev/console"))
            .unwrap();
        let done = run(Command::new("unshare")
            .args([
                "--mount",
                "--uts",
                "--pid",
                "--fork",
                "--kill-child",
                "--propagation",
                "private",
            ])
            .arg(root().join("tests/node/enter.sh"))
            .args([self.disk.path(), &here])
            .args(["sh", "-c", line]));
        let mut shown = self.read("test/console").into_bytes();
        // ends with `would block`: all that was written is here
        console.read_to_end(&mut shown).unwrap_err();
        self.write("test/console", shown);
        done
    }

    /// Boots; what the console shows, and how `firstlight.service` ended.
    pub fn boot(&self) -> Boot {
        fs::remove_dir_all(self.at("run")).unwrap();
        fs::create_dir(self.at("run")).unwrap();
        // what systemd says of a machine that is a container
        if self.at("test/container").exists() {
            self.write("run/systemd/container", self.read("test/container"));
        }
        fs::remove_file(self.at("test/now")).ok();
        for file in ["test/console", "test/systemctl"] {
            self.write(file, "");
        }
        let done = self.run(BOOT);
        Boot {
            console: self.read("test/console"),
            started: self
                .read("test/systemctl")
                .contains("start firstlight.target"),
            done,
        }
    }

    /// Boots, and cuts the power before the `stop`th command that changes the disk. What was not
    /// synced is empty afterwards. How many such commands there were.
    pub fn cut(&self, stop: usize) -> usize {
        self.copy("tests/node/cut", "test/cut");
        for name in [
            "base64", "chmod", "cp", "install", "ln", "mkdir", "mv", "rm", "sync", "tar",
        ] {
            symlink("step", self.at("test/cut").join(name)).ok();
        }
        // what is here before was written long ago
        self.run("sync").ok();
        let path = self.read("test/path");
        self.write("test/path", format!("/test/cut:{path}"));
        self.write("test/count", "0\n");
        self.write("test/stop", format!("{stop}\n"));
        self.boot();
        self.write("test/path", path);
        self.lose_unsynced();
        self.read("test/count").trim().parse().unwrap()
    }

    fn lose_unsynced(&self) {
        let synced = self.read("test/synced");
        let synced: BTreeSet<&str> = synced.lines().collect();
        for file in self.files() {
            let about = fs::metadata(&file).unwrap();
            let line = format!(
                "{} {}.{:09}0 {}",
                about.ino(),
                about.mtime(),
                about.mtime_nsec(),
                about.len()
            );
            if !synced.contains(line.as_str()) {
                fs::write(&file, "").unwrap();
            }
        }
    }

    /// What a power cut may hit: every file but those that are not on the disk, or came with it.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders: Vec<PathBuf> = ["etc", "opt", "var"].iter().map(|d| self.at(d)).collect();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if entry.file_type().unwrap().is_file()
                    && !of_the_base(&entry.path(), self.disk.path())
                {
                    files.push(entry.path());
                }
            }
        }
        files
    }

    /// Permission bits.
    pub fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.at(path)).unwrap().permissions().mode() & 0o7777
    }

    /// Asserts that the disk holds exactly what `seed` composed.
    pub fn holds(&self, seed: &Seed) {
        for (path, file) in &seed.files {
            let found = fs::read(self.at(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert!(
                found == file.content,
                "{path} has {} bytes, not the seed's {}",
                found.len(),
                file.content.len()
            );
            assert_eq!(self.mode(path), file.mode, "mode of {path}");
        }
        for (path, target) in &seed.links {
            assert_eq!(
                fs::read_link(self.at(path)).unwrap(),
                Path::new(target),
                "{path}"
            );
        }
        assert_eq!(self.read("var/lib/firstlight/settled").trim(), seed.digest);
    }
}

/// A disk in memory. Those that are copied from live as long as the test program, which no destructor
/// sees the end of: the next one removes what dead ones left.
fn disk() -> TempDir {
    static SWEEP: Once = Once::new();
    SWEEP.call_once(|| {
        for entry in fs::read_dir("/dev/shm").unwrap().map_while(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let owner = name.strip_prefix(PREFIX).and_then(|n| n.split('-').next());
            if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                fs::remove_dir_all(entry.path()).ok();
            }
        }
    });
    TempDir::with_prefix_in(format!("{PREFIX}{}-", std::process::id()), "/dev/shm").unwrap()
}

fn of_the_base(path: &Path, disk: &Path) -> bool {
    let path = path.strip_prefix(disk).unwrap();
    [
        "etc/passwd",
        "etc/group",
        "var/lib/cloud/instance/user-data.txt",
    ]
    .iter()
    .any(|p| path == Path::new(p))
}

/// One boot.
pub struct Boot {
    pub console: String,
    /// `firstlight.target` was started.
    pub started: bool,
    pub done: Done,
}

impl Boot {
    /// Asserts that the node runs, and that the console says so in `words`.
    pub fn ok(self, words: &str) -> Boot {
        let Done {
            code,
            stdout,
            stderr,
        } = &self.done;
        assert_eq!(
            *code,
            Some(0),
            "console:\n{}\nstdout:\n{stdout}\nstderr:\n{stderr}",
            self.console
        );
        assert!(
            self.started && self.console.contains(words),
            "no `{words}`:\n{}\n{stderr}",
            self.console
        );
        self
    }

    /// Asserts that nothing was started, and that the console says why in `words`.
    pub fn refused(self, words: &str) -> Boot {
        assert!(!self.started, "started:\n{}", self.console);
        assert!(
            self.console.contains(words),
            "no `{words}`:\n{}\n{}",
            self.console,
            self.done.stderr
        );
        self
    }
}
