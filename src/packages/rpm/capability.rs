//! Dependencies as RPM writes them, with the boolean ones (rpm-dependency(7), «rich»).

use super::xml::Element;
use crate::packages::pool::{Need, Relation, Requirement};

/// An `rpm:entry`: a capability with flags, or a boolean expression as its name.
pub(super) fn requirement(entry: &Element) -> Option<Requirement> {
    let name = entry.attribute("name")?;
    if !name.starts_with('(') {
        return need(entry).map(Requirement::One);
    }
    // what is not understood stays as a need that nothing meets, and is told if it matters
    Some(rich(name).unwrap_or_else(|| {
        Requirement::One(Need {
            name: name.to_owned(),
            version: None,
        })
    }))
}

/// A capability with its version.
pub(super) fn need(entry: &Element) -> Option<Need> {
    let name = entry.attribute("name")?.to_owned();
    let version = match entry.attribute("flags") {
        None => None,
        Some(flags) => Some((relation(flags)?, evr(entry)?)),
    };
    Some(Need { name, version })
}

/// `epoch:version-release`, without an epoch of 0 and without a release that is not there.
pub(super) fn evr(entry: &Element) -> Option<String> {
    let mut text = entry.attribute("ver")?.to_owned();
    if let Some(release) = entry.attribute("rel") {
        text = format!("{text}-{release}");
    }
    Some(match entry.attribute("epoch") {
        None | Some("0") => text,
        Some(epoch) => format!("{epoch}:{text}"),
    })
}

fn relation(flags: &str) -> Option<Relation> {
    Some(match flags {
        "LT" | "<" => Relation::Less,
        "LE" | "<=" => Relation::AtMost,
        "EQ" | "=" => Relation::Equal,
        "GE" | ">=" => Relation::AtLeast,
        "GT" | ">" => Relation::Greater,
        _ => return None,
    })
}

/// `(a or b)`, `(a >= 1 with a < 2)`, `(a if (b or c) else d)`; `unless` and `without` are not
/// understood.
fn rich(text: &str) -> Option<Requirement> {
    let mut rest = text;
    let read = group(&mut rest, 0)?;
    rest.is_empty().then_some(read)
}

/// From `(` to its `)`.
fn group(rest: &mut &str, depth: usize) -> Option<Requirement> {
    if depth > 8 {
        return None;
    }
    *rest = rest.strip_prefix('(')?;
    let mut parts = vec![operand(rest, depth)?];
    let mut operator = "";
    loop {
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(')') {
            *rest = after;
            break;
        }
        let next = word(rest)?;
        match (operator, next) {
            ("", _) | ("if", "else") => {}
            (before, next) if before == next && next != "if" => {}
            _ => return None,
        }
        operator = next;
        parts.push(operand(rest, depth)?);
    }
    let mut each = parts.into_iter();
    Some(match operator {
        "" => each.next()?,
        "and" => Requirement::All(each.collect()),
        "or" => Requirement::Any(each.collect()),
        "with" => Requirement::With(
            each.map(|part| match part {
                Requirement::One(need) => Some(need),
                _ => None,
            })
            .collect::<Option<_>>()?,
        ),
        "if" | "else" => Requirement::If {
            then: Box::new(each.next()?),
            condition: Box::new(each.next()?),
            otherwise: each.next().map(Box::new),
        },
        _ => return None,
    })
}

fn operand(rest: &mut &str, depth: usize) -> Option<Requirement> {
    *rest = rest.trim_start();
    if rest.starts_with('(') {
        return group(rest, depth + 1);
    }
    let name = word(rest)?.to_owned();
    let mut ahead = *rest;
    let version = match word(&mut ahead).and_then(relation) {
        None => None,
        Some(relation) => {
            let version = word(&mut ahead)?.to_owned();
            *rest = ahead;
            Some((relation, version))
        }
    };
    Some(Requirement::One(Need { name, version }))
}

/// Up to a blank, or a `)` that was not opened in it: `libc.so.6(GLIBC_2.34)(64bit)` is one.
fn word<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_start();
    let mut open = 0;
    let end = text.find(|c: char| {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        open < 0 || c.is_whitespace()
    });
    let (word, after) = text.split_at(end.unwrap_or(text.len()));
    *rest = after;
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_boolean_dependencies() {
        for (text, shown) in [
            ("(a)", "a"),
            ("(a or b or c)", "a | b | c"),
            (
                "(a and libc.so.6(GLIBC_2.34)(64bit))",
                "a and libc.so.6(GLIBC_2.34)(64bit)",
            ),
            ("(a >= 1.2 with a < 2)", "a (>= 1.2) with a (< 2)"),
            ("(a if (b or c))", "a if b | c"),
            ("(a if b else d)", "a if b"),
        ] {
            assert_eq!(
                rich(text).map(|r| r.to_string()).as_deref(),
                Some(shown),
                "{text}"
            );
        }
    }

    #[test]
    fn does_not_guess() {
        for text in [
            "(a unless b)",
            "(a without b)",
            "(a or b and c)",
            "(a",
            "(a) b",
            "()",
            "(a or)",
        ] {
            assert_eq!(rich(text), None, "{text}");
        }
        assert_eq!(rich(&("(".repeat(20) + "a" + &")".repeat(20))), None);
    }
}
