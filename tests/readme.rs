//! What the READMEs show is true: examples run as they stand, links lead somewhere, and the lines
//! that nodes are said to print are printed by a script.
//!
//! In `README.md`
//! - ` ```yaml ` whose first line is a comment with a file name is written to that file and must pass
//!   `firstlight check` without a warning;
//! - ` ```console ` is run, all blocks in one folder: a line `$ COMMAND`, then what it prints on both
//!   streams. `...` alone stands for any lines, within a line for any text;
//! - ` ```sh ` is for readers: its `firstlight` commands must be accepted by the command line, and
//!   its scripts exist.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_firstlight");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs_err::read_to_string(root().join("README.md")).unwrap()
}

/// Fenced blocks: language and content.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some((_, content)), _) => {
                content.push_str(line);
                content.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block that does not end");
    blocks
}

fn of(language: &str) -> Vec<String> {
    let found: Vec<String> = blocks(&readme())
        .into_iter()
        .filter(|(l, _)| l == language)
        .map(|(_, c)| c)
        .collect();
    assert!(
        !found.is_empty(),
        "README.md has no block marked {language}"
    );
    found
}

/// Runs a line in `dir` with the program under its own name; both streams as one, and success.
fn shell(dir: &Path, line: &str) -> (String, bool) {
    let script = format!("firstlight() {{ \"$FIRSTLIGHT\" \"$@\"; }}\nexec 2>&1\n{line}");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(dir)
        .env("FIRSTLIGHT", PROGRAM)
        .output()
        .unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.success(),
    )
}

/// Writes the YAML examples, each to the file that its first line names.
fn write_examples(dir: &Path) -> Vec<PathBuf> {
    let write = |text: String| {
        let name = text
            .lines()
            .next()
            .unwrap()
            .strip_prefix("# ")
            .expect("a YAML example begins with its file's name")
            .to_owned();
        fs_err::write(dir.join(&name), text).unwrap();
        dir.join(name)
    };
    of("yaml").into_iter().map(write).collect()
}

/// Whether `text` is `pattern`, in which `...` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once("...") {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            text.char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .any(|at| matches(rest, &text[at..]))
        }),
    }
}

/// As `overlay lock` does it, with files that stand for those of Debian.
fn pin_installers(file: &Path) {
    let folder = file.with_extension("netboot");
    fs_err::create_dir(&folder).unwrap();
    for name in ["linux", "initrd.gz"] {
        fs_err::write(folder.join(name), name).unwrap();
    }
    let mut lock = Command::new(PROGRAM);
    lock.args(["overlay", "lock", "--offline", "--store"]);
    lock.arg(folder.join("store")).arg("--from").arg(&folder);
    assert!(lock.arg("-f").arg(file).output().unwrap().status.success());
}

#[test]
fn clusters_are_accepted() {
    let dir = tempfile::tempdir().unwrap();
    for file in write_examples(dir.path()) {
        if fs_err::read_to_string(&file)
            .unwrap()
            .contains("installer:")
        {
            pin_installers(&file);
        }
        let output = Command::new(PROGRAM)
            .arg("check")
            .arg("-f")
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{}: {said}",
            file.display()
        );
    }
}

#[test]
fn consoles_show_what_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    write_examples(dir.path());
    for block in of("console") {
        for step in format!("\n{block}").split("\n$ ").skip(1) {
            let (command, expected) = step.split_once('\n').unwrap_or((step, ""));
            let (printed, good) = shell(dir.path(), command);
            assert!(good, "{command} failed:\n{printed}");
            let expected = expected.trim_end();
            assert!(
                matches(expected, printed.trim_end()),
                "{command} is said to print\n{expected}\n\nand prints\n{printed}"
            );
        }
    }
}

#[test]
fn commands_for_readers_are_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        "README.md",
        "src/README.md",
        "profiles/README.md",
        "tests/README.md",
        "ci/README.md",
        "ci/lab/README.md",
    ];
    let texts = files
        .iter()
        .flat_map(|file| blocks(&fs_err::read_to_string(root().join(file)).unwrap()));
    for (_, text) in texts.filter(|(language, _)| language == "sh") {
        for line in text
            .lines()
            .map(|line| line.split(" #").next().unwrap().trim())
        {
            let line = line.replace("cargo run --release --", "firstlight");
            if line.starts_with("firstlight ") {
                let (printed, good) = shell(dir.path(), &format!("{line} --help"));
                assert!(good, "{line}: {printed}");
            }
            if let Some(script) = line
                .split_whitespace()
                .next()
                .filter(|word| word.starts_with("ci/"))
            {
                assert!(
                    root().join(script).is_file(),
                    "{line}: there is no {script}"
                );
            }
        }
    }
}

/// Every Markdown file of the checkout.
fn markdown(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir()
            && !name.starts_with('.')
            && !["target", "out", "state", "example"].contains(&name.as_str())
        {
            markdown(&path, found);
        } else if path.extension().is_some_and(|e| e == "md") {
            found.push(path);
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let mut files = Vec::new();
    markdown(root(), &mut files);
    for file in &files {
        let text = fs_err::read_to_string(file).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            if target.starts_with("http") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let to = if path.is_empty() {
                file.clone()
            } else {
                file.parent().unwrap().join(path)
            };
            assert!(to.exists(), "{}: {target} leads nowhere", file.display());
            if !anchor.is_empty() {
                let there = fs_err::read_to_string(&to).unwrap();
                let slug = |line: &str| {
                    line.trim_start_matches('#')
                        .trim()
                        .to_lowercase()
                        .replace(' ', "-")
                };
                assert!(
                    there
                        .lines()
                        .any(|line| line.starts_with('#') && slug(line) == anchor),
                    "{}: no heading {anchor}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn every_folder_has_a_readme() {
    for folder in [
        "",
        "src",
        "profiles",
        "overlays",
        "overlays/firstlight",
        "tests",
        "ci",
        "ci/lab",
        "ci/bench",
    ] {
        assert!(
            root().join(folder).join("README.md").is_file(),
            "{folder} has no README.md"
        );
    }
}

/// `firstlight: STEP STATE` of the README against `firstlight-say STEP STATE` of scripts and units.
#[test]
fn lines_of_a_first_boot_are_said_by_a_script() {
    let folder = root().join("overlays/firstlight");
    let mut sources = vec![fs_err::read_to_string(folder.join("foothold.sh")).unwrap()];
    for sub in ["bin", "units"] {
        sources.extend(
            fs_err::read_dir(folder.join(sub))
                .unwrap()
                .map(|entry| fs_err::read_to_string(entry.unwrap().path()).unwrap()),
        );
    }
    let any = |words: &str| sources.iter().any(|text| text.contains(words));
    let said = |step: &str, state: &str| {
        any(&format!("say {step} {state}"))
            || any(&format!("firstlight: {step} {state}"))
            // a program that says several lines of one step gives the step once
            || (any(&format!("firstlight-say {step} \"$@\"")) && any(&format!("say {state}")))
    };
    let readme = readme();
    let lines: Vec<&str> = readme
        .split("`firstlight: ")
        .skip(1)
        .map(|rest| rest.split('`').next().unwrap())
        .collect();
    assert!(lines.len() > 20, "the README shows {} lines", lines.len());
    for line in lines {
        let mut words = line.split_whitespace();
        let (step, state) = (words.next().unwrap(), words.next().unwrap());
        assert!(
            said(step, state),
            "nothing says `firstlight: {step} {state}`"
        );
    }
}

#[test]
fn every_script_of_the_nodes_is_described() {
    let folder = root().join("overlays/firstlight");
    let readme = fs_err::read_to_string(folder.join("README.md")).unwrap();
    for entry in fs_err::read_dir(folder.join("bin")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            readme.contains(&format!("`{name}`")),
            "overlays/firstlight/README.md does not name {name}"
        );
    }
}

#[test]
fn patterns_match_as_they_say() {
    assert!(
        matches("a...d", "a b c d") && matches("...", "") && matches("x\n...\ny", "x\n1\n2\ny")
    );
    assert!(!matches("a...d", "a b c") && !matches("a", "ab"));
}
