//! Scripts use only what a stock system has, what the node fetched, and each other.

use std::collections::{BTreeMap, BTreeSet};

use super::scripts;
use crate::support::root;

/// Words of the shell itself.
const SHELL: [&str; 32] = [
    ":", ".", "[", "break", "case", "cd", "command", "continue", "echo", "esac", "eval", "exec",
    "exit", "export", "false", "fi", "for", "done", "printf", "read", "return", "set", "shift",
    "test", "trap", "true", "umask", "unset", "wait", "kill", "local", "type",
];
/// Packages that Debian marks essential or required, and apt.
const EVERYWHERE: [&str; 12] = [
    "apt",
    "coreutils",
    "diffutils",
    "dpkg",
    "findutils",
    "grep",
    "hostname",
    "mawk",
    "mount",
    "sed",
    "tar",
    "util-linux",
];

/// Packages of the group `core`, which every EL image has.
const EL_CORE: [&str; 18] = [
    "coreutils",
    "curl",
    "diffutils",
    "findutils",
    "gawk",
    "grep",
    "hostname",
    "iproute",
    "kmod",
    "openssl",
    "policycoreutils",
    "procps-ng",
    "rpm",
    "sed",
    "systemd",
    "tar",
    "util-linux",
    "xfsprogs",
];

/// Words after which a command follows.
const BEFORE: [&str; 8] = ["if", "then", "elif", "else", "while", "until", "do", "!"];

/// The script with its literal texts and comments taken out, and commands within them kept.
fn bare(text: &str) -> String {
    #[derive(PartialEq)]
    enum Within {
        Parenthesis,
        Substitution,
        Quotes,
    }
    let mut out = String::new();
    let mut within = Vec::new();
    let mut chars = text.chars().peekable();
    let mut last = '\n';
    while let Some(c) = chars.next() {
        let quoted = within.last() == Some(&Within::Quotes);
        match c {
            '\\' => {
                let escaped = chars.next();
                out.push_str(if escaped == Some('\n') || quoted {
                    ""
                } else {
                    "_"
                });
            }
            '\'' if !quoted => {
                for c in chars.by_ref() {
                    if c == '\'' {
                        break;
                    }
                }
                out.push('_');
            }
            '"' => {
                if quoted {
                    within.pop();
                } else {
                    out.push('_');
                    within.push(Within::Quotes);
                }
            }
            '#' if !quoted && last.is_whitespace() => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
            }
            '$' if chars.peek() == Some(&'(') => {
                chars.next();
                if chars.peek() == Some(&'(') {
                    // arithmetic, up to `))`
                    let mut open = 1;
                    while open > 0 {
                        match chars.next() {
                            Some('(') => open += 1,
                            Some(')') => open -= 1,
                            Some(_) => {}
                            None => break,
                        }
                    }
                    out.push('_');
                    continue;
                }
                within.push(Within::Substitution);
                out.push_str("_ $( ");
            }
            '$' if chars.peek() == Some(&'{') => {
                for c in chars.by_ref() {
                    if c == '}' {
                        break;
                    }
                }
                out.push('_');
            }
            '(' if !quoted => {
                within.push(Within::Parenthesis);
                out.push_str(" ( ");
            }
            // a pattern of `case` closes nothing
            ')' if !quoted => out.push_str(match within.pop() {
                Some(Within::Substitution) => " $) ",
                _ => " ) ",
            }),
            ';' | '|' | '&' | '\n' if !quoted => {
                out.push(' ');
                out.push(c);
                if c != '\n' && chars.peek() == Some(&c) {
                    out.push(c);
                    chars.next();
                }
                out.push(' ');
            }
            c if !quoted => out.push(c),
            _ => {}
        }
        last = c;
    }
    out.replace("> &", ">&").replace(">  & ", ">&")
}

/// Names in the place of a command.
fn commands(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut expected = true;
    // what was expected where each substitution began
    let mut outside = Vec::new();
    // `case` words: how many are open, whether one waits for its `in`, whether a pattern is read
    let (mut open, mut waiting, mut pattern) = (0_usize, false, false);
    let bare = bare(text);
    let mut words = bare.split([' ', '\t']).filter(|w| !w.is_empty()).peekable();
    while let Some(word) = words.next() {
        if pattern {
            match word {
                ")" => (pattern, expected) = (false, true),
                "esac" => (pattern, expected, open) = (false, false, open - 1),
                _ => {}
            }
            continue;
        }
        match word {
            "\n" | ";" | "&" | "&&" | "|" | "||" | "(" | "{" => expected = true,
            "$(" => {
                outside.push(expected);
                expected = true;
            }
            "$)" => expected = outside.pop().unwrap_or_default(),
            ")" | "}" => expected = false,
            ";;" => pattern = open > 0,
            "in" if waiting => (waiting, pattern) = (false, true),
            _ if !expected => {}
            word if BEFORE.contains(&word) => {}
            "case" => (open, waiting, expected) = (open + 1, true, false),
            ">" | ">>" | "<" | "2>" => {
                words.next();
            }
            word if word.starts_with(['>', '<']) || word.starts_with("2>") => {}
            word if word.split('=').next().is_some_and(|name| {
                word.contains('=')
                    && !name.is_empty()
                    && name.chars().all(|c| c.is_alphanumeric() || c == '_')
            }) =>
            {
                // an assignment; a command may follow it
            }
            word => {
                expected = false;
                if word == "esac" {
                    open = open.saturating_sub(1);
                }
                if !word.starts_with(['_', '$', '/', '<'])
                    && !word.contains('$')
                    && words.peek() != Some(&"(")
                {
                    found.insert(word.trim_end_matches('\n').to_owned());
                }
            }
        }
    }
    found
}

/// Functions that a script defines.
fn functions(text: &str) -> BTreeSet<&str> {
    let name = |line: &'_ str| {
        line.trim_start()
            .split_once("()")
            .map(|(name, _)| name.len())
    };
    text.lines()
        .filter_map(|l| name(l).map(|n| &l.trim_start()[..n]))
        .filter(|n| n.chars().all(|c| c.is_alphanumeric() || c == '_'))
        .collect()
}

/// Whether a script reads another one with `.`, by way of others too.
fn sources(text: &str, name: &str, all: &[(String, String)]) -> bool {
    text.lines()
        .filter(|l| l.starts_with(". /"))
        .filter_map(|l| l.rsplit('/').next())
        .any(|read| {
            let further = all.iter().find(|(other, _)| other == read);
            read == name || further.is_some_and(|(_, its)| sources(its, name, all))
        })
}

#[test]
fn scripts_use_only_what_a_stock_system_has() {
    let table = fs_err::read_to_string(root().join("tests/data/node-commands.txt")).unwrap();
    let rows: BTreeMap<&str, &str> = table
        .lines()
        .filter(|l| !l.starts_with('#'))
        .map(|l| l.split_once(' ').unwrap())
        .collect();
    let image = fs_err::read_to_string(root().join("ci/lab/images/debian-12.packages")).unwrap();
    let packages: BTreeSet<&str> = image
        .lines()
        .filter_map(|l| l.split([' ', '\t', '=']).next())
        .collect();
    let texts: Vec<(String, String)> = scripts()
        .iter()
        .map(|p| {
            let name = p.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs_err::read_to_string(p).unwrap())
        })
        .collect();
    let mut unknown = Vec::new();
    let mut used = BTreeSet::new();
    for script in scripts() {
        let text = fs_err::read_to_string(&script).unwrap();
        if text.starts_with("#!/usr/bin/env python3\n") {
            used.insert("python3".to_owned());
            continue;
        }
        let text = text.replace("@SEED@\nEND OF SEED\n", "");
        let name = script.file_name().unwrap().to_str().unwrap();
        // with what it reads by `.`, and of a part the whole program
        let mut own = BTreeSet::new();
        for (other, its) in &texts {
            if other == name || sources(&text, other, &texts) || sources(its, name, &texts) {
                own.extend(functions(its));
            }
        }
        for command in commands(&text) {
            if SHELL.contains(&command.as_str())
                || own.contains(command.as_str())
                || command.starts_with("firstlight-")
            {
                continue;
            }
            if !rows.contains_key(command.as_str()) {
                unknown.push(format!("{}: {command}", script.display()));
            }
            used.insert(command);
        }
    }
    assert!(
        unknown.is_empty(),
        "not in tests/data/node-commands.txt:\n{}",
        unknown.join("\n")
    );
    let unused: Vec<_> = rows.keys().filter(|c| !used.contains(**c)).collect();
    assert!(unused.is_empty(), "no script uses {unused:?} any more");
    for (command, row) in rows {
        let (debian, el) = row.split_once(" ; ").unwrap();
        assert!(
            EL_CORE.contains(&el) || ["iptables", "optional", "family"].contains(&el),
            "{command} comes from {el}, which EL's images lack"
        );
        let package = debian.rsplit(' ').next().unwrap();
        let there = EVERYWHERE.contains(&package)
            || packages.contains(package)
            || ["fetched", "optional", "family"].contains(&package);
        assert!(
            there,
            "{command} comes from {package}, which the official image lacks"
        );
    }
}

#[test]
fn the_reader_of_scripts_sees_commands() {
    let text = "set -eu # rm\nx=1 y=$(date +%s | cut -c1) ls \"$(cat \"$a\")\" 'rm -rf' > /dev/null 2>&1 || { sync; }\n\
                case $x in a | b) mv a b ;; *) cp \"c; touch d\" ;; esac\nif ! grep -q x; then (chmod 1 a); fi\nfor f in a b; do head $f; done\n";
    let found: Vec<_> = commands(text).into_iter().collect();
    assert_eq!(
        found,
        [
            "cat", "chmod", "cp", "cut", "date", "done", "fi", "for", "grep", "head", "ls", "mv",
            "set", "sync"
        ]
    );
}
