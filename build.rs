//! The files that are part of the program: `include_dir!` does not tell Cargo about them. And a name for
//! everything that the program is made from, by which `build` knows what another program has made.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

const SOURCES: [&str; 4] = ["src", "overlays", "profiles", "Cargo.lock"];

#[expect(
    clippy::disallowed_methods,
    reason = "`fs_err` is no dependency of the build script"
)]
fn main() {
    let mut files = BTreeSet::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        collect(Path::new(source), &mut files);
    }
    let mut hasher = DefaultHasher::new();
    for file in files {
        let content = std::fs::read(&file).expect("a source file can be read");
        for part in [file.as_os_str().as_encoded_bytes(), &content] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
    }
    println!(
        "cargo::rustc-env=FIRSTLIGHT_SOURCES={:016x}",
        hasher.finish()
    );
}

fn collect(path: &Path, files: &mut BTreeSet<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a source folder can be read") {
            collect(&entry.expect("a source folder can be read").path(), files);
        }
    } else if path.exists() {
        files.insert(path.to_owned());
    }
}
