//! `src/cli/REFERENCE.md` is what `--help` prints, command by command.
//!
//! `UPDATE_GOLDENS=1` rewrites it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// What a command prints as its long help, at a width of 100 columns.
fn help(path: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_firstlight"))
        .args(path)
        .arg("--help")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    assert!(output.status.success(), "{path:?} --help: {output:?}");
    assert!(output.stderr.is_empty(), "{path:?} --help: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    // clap leaves blanks on the empty lines between an option's texts
    text.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// The names below `Commands:`, but `help`.
fn commands(help: &str) -> Vec<String> {
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// The help of a command, then of those below it.
fn describe(path: &[String], out: &mut String) {
    let help = help(path);
    let name: Vec<&str> = std::iter::once("firstlight")
        .chain(path.iter().map(String::as_str))
        .collect();
    let mark = if path.is_empty() { "#" } else { "##" };
    write!(
        out,
        "{mark} `{}`\n\n```text\n{}```\n\n",
        name.join(" "),
        help.trim_start()
    )
    .unwrap();
    for command in commands(&help) {
        describe(&[path, &[command]].concat(), out);
    }
}

#[test]
fn the_reference_is_what_help_prints() {
    let mut now = "<!-- Generated from `--help` by tests/cli_reference.rs -->\n\n".to_owned();
    describe(&[], &mut now);
    now.pop();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/REFERENCE.md");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs_err::write(&path, &now).unwrap();
    }
    let there = fs_err::read_to_string(&path).unwrap_or_default();
    assert!(
        there == now,
        "{} is not what --help prints: run UPDATE_GOLDENS=1 cargo test --test cli_reference",
        path.display()
    );
}

#[test]
fn every_command_and_flag_says_what_it_is() {
    let mut texts = vec![(Vec::new(), help(&[]))];
    while let Some((path, text)) = texts.pop() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines
            .iter()
            .enumerate()
            .filter(|(_, l)| l.trim_start().starts_with("--") || l.starts_with("  -"))
        {
            let own = line.split("  ").filter(|part| !part.is_empty()).count() > 1;
            assert!(
                own || !lines.get(at + 1).is_none_or(|next| next.trim().is_empty()),
                "firstlight {path:?}: {line} has no text"
            );
        }
        for command in commands(&text) {
            let path = [path.clone(), vec![command]].concat();
            let text = help(&path);
            texts.push((path, text));
        }
    }
}
