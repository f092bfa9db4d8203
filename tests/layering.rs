//! Folders are stages: each imports only stages to its left, and the pure ones touch no clock,
//! environment, file, network or terminal.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Stage and what of this crate it may name; `module::Item` allows that item alone.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("diagnostic", &[]),
    ("yaml", &["diagnostic"]),
    ("pack", &[]),
    ("xml", &[]),
    ("lock", &[]),
    (
        "artefact",
        &["yaml", "config::model::Arch", "config::setting"],
    ),
    ("packages", &["artefact", "config::model::Arch"]),
    ("config", &["diagnostic", "yaml"]),
    ("plan", &["config", "artefact", "diagnostic", "yaml"]),
    (
        "identity",
        &[
            "config",
            "plan",
            "artefact::Digest",
            "diagnostic",
            "yaml",
            "lock",
        ],
    ),
    (
        "compose",
        &[
            "plan",
            "identity",
            "config::model",
            "artefact",
            "yaml",
            "xml",
        ],
    ),
    ("render", &["compose", "plan", "artefact", "yaml"]),
];

/// Stages that are functions from values to values.
const PURE: [&str; 5] = ["config", "packages", "plan", "compose", "render"];

/// What a pure stage never names.
const IMPURE: [&str; 19] = [
    "std::fs",
    "fs_err",
    "std::env",
    "std::process",
    "std::thread",
    "std::net::Tcp",
    "std::net::Udp",
    "std::net::ToSocketAddrs",
    "SystemTime",
    "Instant::now",
    "OffsetDateTime::now",
    "println!",
    "print!",
    "dbg!",
    "std::io::std",
    "indicatif",
    "reqwest",
    "tempfile",
    "rand::",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(path: &Path, out: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs_err::read_dir(path).unwrap() {
            rust_files(&entry.unwrap().path(), out);
        }
    } else if path.extension().is_some_and(|e| e == "rs")
        && path.file_name().is_some_and(|n| n != "tests.rs")
    {
        out.push(path.to_owned());
    }
}

/// Files of a stage (`src/stage/**`, `src/stage.rs`), by path below `src`, as code.
fn stage(name: &str) -> BTreeMap<String, String> {
    let mut files = Vec::new();
    for path in [source().join(name), source().join(format!("{name}.rs"))] {
        if path.exists() {
            rust_files(&path, &mut files);
        }
    }
    assert!(!files.is_empty(), "there is no stage {name}");
    let shown = |path: &PathBuf| path.strip_prefix(source()).unwrap().display().to_string();
    files
        .iter()
        .map(|path| (shown(path), code(&fs_err::read_to_string(path).unwrap())))
        .collect()
}

/// The text up to its tests, without comments. The house puts `#[cfg(test)]` modules last.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every path of this crate that the code names, as `a::b::C`; groups are spread.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            spread("", &code[at + "crate::".len()..], &mut found);
        }
    }
    found
}

/// Reads one path or group at the beginning of `text`; returns what follows it.
fn spread<'a>(prefix: &str, text: &'a str, found: &mut Vec<String>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = spread(prefix, rest, found).trim_start();
            match rest.strip_prefix(',') {
                Some(after) if !after.trim_start().starts_with('}') => rest = after,
                Some(after) => rest = after.trim_start(),
                None => {}
            }
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            assert!(!rest.is_empty(), "a group that does not end");
        }
    }
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let path = if prefix.is_empty() {
        word.to_owned()
    } else {
        format!("{prefix}::{word}")
    };
    match rest.strip_prefix("::") {
        Some(rest) if !rest.starts_with('<') => spread(&path, rest, found),
        _ => {
            let rest = rest.trim_start();
            found.push(path);
            // `as Name` inside a group
            match rest.strip_prefix("as ") {
                Some(alias) => &alias[alias.find([',', '}', ';']).unwrap_or(alias.len())..],
                None => rest,
            }
        }
    }
}

fn within(path: &str, allowed: &str) -> bool {
    path == allowed
        || path
            .strip_prefix(allowed)
            .is_some_and(|rest| rest.starts_with("::"))
}

#[test]
fn a_stage_imports_only_stages_to_its_left() {
    let mut wrong = Vec::new();
    for (name, allowed) in ALLOWED {
        for (file, code) in stage(name) {
            for path in paths(&code) {
                if !within(&path, name) && !allowed.iter().any(|a| within(&path, a)) {
                    wrong.push(format!(
                        "src/{file} names crate::{path}; {name} may name: {}",
                        allowed.join(", ")
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn nobody_leaves_a_stage_by_the_back_door() {
    // `super::super::` out of a stage, and the crate by its own name, would hide from the test above
    for (name, _) in ALLOWED {
        for (file, code) in stage(name) {
            let depth = file.matches('/').count();
            assert!(
                !code.contains(&"super::".repeat(depth + 1)),
                "src/{file} reaches above its stage"
            );
            assert!(
                !code.contains("firstlight::"),
                "src/{file} names the crate from outside"
            );
        }
    }
}

#[test]
fn pure_stages_touch_nothing_outside() {
    let mut wrong = Vec::new();
    for name in PURE {
        for (file, code) in stage(name) {
            wrong.extend(
                IMPURE
                    .iter()
                    .filter(|word| code.contains(**word))
                    .map(|word| format!("src/{file} uses {word}")),
            );
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_is_a_stage_or_the_command_line() {
    for entry in fs_err::read_dir(source()).unwrap() {
        let name = entry
            .unwrap()
            .path()
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let known = ["README", "lib", "main", "cli", "serve"].contains(&name.as_str())
            || ALLOWED.iter().any(|(stage, _)| *stage == name);
        assert!(known, "src/{name} is in no rule of this test");
    }
}

#[test]
fn the_reader_of_paths_sees_what_it_must() {
    let code = code(
        "use crate::{a::{B, c::D as E}, f};\nfn g() { crate::h::i(1); } // crate::no\n#[cfg(test)] mod t { use crate::no; }",
    );
    assert_eq!(paths(&code), ["a::B", "a::c::D", "f", "h::i"]);
    assert!(within("config::model::Arch", "config::model") && !within("configure", "config"));
}
