//! Debian's order of versions (deb-version(7), Debian Policy §5.6.12).

use std::cmp::Ordering;

use crate::packages::pool::by_value;

/// Compares `[epoch:]upstream[-revision]` as dpkg does.
pub(in crate::packages) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (split(a), split(b));
    epoch(a.0)
        .cmp(&epoch(b.0))
        .then_with(|| part(a.1, b.1))
        .then_with(|| part(a.2, b.2))
}

/// Epoch, upstream's version, revision; none is as `0`.
fn split(version: &str) -> (&str, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

fn epoch(digits: &str) -> u64 {
    digits.parse().unwrap_or(0)
}

/// Text and numbers in turn, beginning with text.
fn part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, text_b);
        (text_a, a) = cut(a, |c| !c.is_ascii_digit());
        (text_b, b) = cut(b, |c| !c.is_ascii_digit());
        let by_text = text(text_a.as_bytes(), text_b.as_bytes());
        let (number_a, number_b);
        (number_a, a) = cut(a, |c| c.is_ascii_digit());
        (number_b, b) = cut(b, |c| c.is_ascii_digit());
        let order = by_text.then_with(|| by_value(number_a, number_b));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn cut(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// `~` before the end, the end before letters, letters before everything else.
fn text(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |byte: Option<&u8>| match byte {
        Some(b'~') => (0, 0),
        None => (1, 0),
        Some(letter) if letter.is_ascii_alphabetic() => (2, *letter),
        Some(other) => (3, *other),
    };
    (0..a.len().max(b.len()))
        .map(|i| rank(a.get(i)).cmp(&rank(b.get(i))))
        .find(|order| *order != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_policy_says() {
        let rising = [
            "1.0~~",
            "1.0~~a",
            "1.0~",
            "1.0",
            "1.0-1~deb12u1",
            "1.0-1",
            "1.0-1+b1",
            "1.0a",
            "1.0+dfsg",
            "1.9",
            "1.10",
            "2:0.1",
        ];
        for pair in rising.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        for (a, b) in [
            ("1.0", "0:1.0"),
            ("1.0", "1.0-0"),
            ("1.01", "1.1"),
            ("1-", "1"),
        ] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }
}
