//! The names of a file besides its Rock Ridge name.
//!
//! Both kinds are made from the given name, the same way every time, and are unique in their
//! folder. A name that is legal as it is keeps it; of the others, the first in byte order gets
//! the plain result and the next ones a number: `A_B`, `A_B_1`, `A_B_2`.

use std::collections::{HashMap, HashSet};

/// Joliet's limit in UCS-2 units.
const JOLIET_UNITS: usize = 64;
/// An extension that is longer is no extension, but part of the name.
const JOLIET_EXTENSION: usize = 16;
/// ECMA-119 §7.5.1 and §10.1, level 2: name and extension together; kept to by folders too, so
/// that eight levels stay below the 255 bytes of §6.8.2.1.
const INTERCHANGE_UNITS: usize = 30;
const INTERCHANGE_EXTENSION: usize = 8;

/// A name before it is made unique. All its characters are one unit long.
struct Wish {
    stem: String,
    extension: String,
    /// It is the given name: nothing was changed.
    exact: bool,
}

/// ISO 9660 names: upper-case letters, digits, `_`, at most one dot. Without the version.
pub(super) fn interchange<'a>(names: impl Iterator<Item = (&'a str, bool)>) -> Vec<String> {
    let wishes = names.map(|(name, is_folder)| interchange_wish(name, is_folder));
    assign(&wishes.collect::<Vec<_>>(), INTERCHANGE_UNITS, '_')
}

/// Joliet names: 64 units of UCS-2, none of the characters the specification forbids. Without
/// the version.
pub(super) fn joliet<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    assign(
        &names.map(joliet_wish).collect::<Vec<_>>(),
        JOLIET_UNITS,
        '~',
    )
}

/// ECMA-119 §7.4.1, d-characters.
fn d_characters(text: &str) -> String {
    let d = |c: char| match c.to_ascii_uppercase() {
        c @ ('A'..='Z' | '0'..='9') => c,
        _ => '_',
    };
    text.chars().map(d).collect()
}

fn interchange_wish(name: &str, is_folder: bool) -> Wish {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !is_folder && !stem.is_empty() => (stem, extension),
        _ => (name, ""),
    };
    let mut extension = d_characters(extension);
    extension.truncate(INTERCHANGE_EXTENSION);
    let mut stem = d_characters(stem);
    stem.truncate(INTERCHANGE_UNITS - extension.len());
    let mut wish = Wish {
        stem,
        extension,
        exact: false,
    };
    wish.exact = wish.text() == name;
    wish
}

/// Joliet Specification, "Allowed Character Set"; characters beyond UCS-2 do not exist there.
fn joliet_character(c: char) -> char {
    match c {
        '\0'..='\x1f' | '*' | '/' | ':' | ';' | '?' | '\\' | '\u{10000}'.. => '_',
        c => c,
    }
}

fn joliet_wish(name: &str) -> Wish {
    let mut text: Vec<char> = name.chars().map(joliet_character).collect();
    // Readers (Linux' too) cut trailing dots off, Windows also spaces.
    for c in text.iter_mut().rev() {
        match c {
            '.' | ' ' => *c = '_',
            _ => break,
        }
    }
    let dot = text.iter().rposition(|&c| c == '.');
    let dot = dot.filter(|&at| at > 0 && text.len() - at - 1 <= JOLIET_EXTENSION);
    let (stem, extension) = match dot {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (&text[..], &[][..]),
    };
    let room = JOLIET_UNITS - dot.map_or(0, |_| extension.len() + 1);
    let mut wish = Wish {
        stem: stem.iter().take(room).collect(),
        extension: extension.iter().collect(),
        exact: false,
    };
    wish.exact = wish.text() == name;
    wish
}

impl Wish {
    fn text(&self) -> String {
        self.numbered("", usize::MAX)
    }

    /// The stem shortened as far as `suffix` needs it.
    fn numbered(&self, suffix: &str, limit: usize) -> String {
        let dot = usize::from(!self.extension.is_empty());
        let rest = suffix.len() + dot + self.extension.chars().count();
        let stem = self.stem.chars().take(limit - rest);
        let mut text: String = stem.chain(suffix.chars()).collect();
        if dot == 1 {
            text.push('.');
            text.push_str(&self.extension);
        }
        text
    }
}

fn assign(wishes: &[Wish], limit: usize, separator: char) -> Vec<String> {
    let exact = wishes.iter().filter(|wish| wish.exact);
    let mut used: HashSet<String> = exact.map(Wish::text).collect();
    // Where to go on counting, or a folder of thousands of like names would be quadratic.
    let mut next: HashMap<String, u32> = HashMap::new();
    let mut unique = |wish: &Wish| {
        let plain = wish.text();
        if wish.exact || used.insert(plain.clone()) {
            return plain;
        }
        let number = next.entry(plain).or_insert(1);
        loop {
            let text = wish.numbered(&format!("{separator}{number}"), limit);
            *number += 1;
            if used.insert(text.clone()) {
                return text;
            }
        }
    };
    wishes.iter().map(&mut unique).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(names: &[&str]) -> Vec<String> {
        interchange(names.iter().map(|&name| (name, false)))
    }

    #[test]
    fn interchange_names() {
        let long = "a".repeat(40);
        assert_eq!(
            iso(&["user-data", "Grüße.tar.gz", ".profile", &long, "x."]),
            [
                "USER_DATA",
                "GR__E_TAR.GZ",
                "_PROFILE",
                &"A".repeat(30),
                "X"
            ]
        );
        let folders = [("conf.d", true), ("conf_d", true)];
        assert_eq!(interchange(folders.into_iter()), ["CONF_D", "CONF_D_1"]);
    }

    #[test]
    fn a_legal_name_is_kept_whatever_comes_before_it() {
        assert_eq!(iso(&["A-B", "A:B", "A_B"]), ["A_B_1", "A_B_2", "A_B"]);
        assert_eq!(
            joliet(["a*b", "a:b", "a_b"].into_iter()),
            ["a_b~1", "a_b~2", "a_b"]
        );
    }

    #[test]
    fn joliet_names() {
        let long = format!("{}.conf", "ü".repeat(100));
        let other = format!("{}.conf", "ü".repeat(101));
        let names = ["user-data", "a. .", "\u{1f600}", &long, &other, ".x"];
        assert_eq!(
            joliet(names.into_iter()),
            [
                "user-data",
                "a___",
                "_",
                &format!("{}.conf", "ü".repeat(59)),
                &format!("{}~1.conf", "ü".repeat(57)),
                ".x"
            ]
        );
    }

    #[test]
    fn thousands_of_like_names_are_unique_and_short() {
        let names: Vec<_> = (0..5000)
            .map(|n| format!("{}{n}", "n".repeat(80)))
            .collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        for (assigned, limit) in [(iso(&names), 30), (joliet(names.iter().copied()), 64)] {
            assert!(assigned.iter().all(|name| name.len() <= limit));
            assert_eq!(assigned.iter().collect::<HashSet<_>>().len(), 5000);
        }
    }
}
