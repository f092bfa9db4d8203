//! RPM's order of versions (rpm-version(7)): `[epoch:]version[-release]`.

use std::cmp::Ordering;

use crate::packages::pool::by_value;

/// Compares two of them. A release that only one of them has does not count: `foo >= 1.2` is met
/// by 1.2-7.
pub(in crate::packages) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (split(a), split(b));
    let release = || match (a.2, b.2) {
        (Some(a), Some(b)) => segments(a, b),
        _ => Ordering::Equal,
    };
    epoch(a.0)
        .cmp(&epoch(b.0))
        .then_with(|| segments(a.1, b.1))
        .then_with(release)
}

fn split(version: &str) -> (&str, &str, Option<&str>) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    match rest.rsplit_once('-') {
        Some((version, release)) => (epoch, version, Some(release)),
        None => (epoch, rest, None),
    }
}

fn epoch(digits: &str) -> u64 {
    digits.parse().unwrap_or(0)
}

/// Runs of digits and runs of letters; everything between only separates. `~` sorts before the
/// end, `^` after it and before anything else.
pub(super) fn segments<'a>(mut a: &'a str, mut b: &'a str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let separates = |c: char| !c.is_ascii_alphanumeric() && c != '~' && c != '^';
    loop {
        a = a.trim_start_matches(separates);
        b = b.trim_start_matches(separates);
        match (a.strip_prefix('~'), b.strip_prefix('~')) {
            (Some(rest_a), Some(rest_b)) => (a, b) = (rest_a, rest_b),
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => match (a.strip_prefix('^'), b.strip_prefix('^')) {
                (Some(rest_a), Some(rest_b)) => (a, b) = (rest_a, rest_b),
                (Some(_), None) if b.is_empty() => return Ordering::Greater,
                (Some(_), None) => return Ordering::Less,
                (None, Some(_)) if a.is_empty() => return Ordering::Less,
                (None, Some(_)) => return Ordering::Greater,
                (None, None) if a.is_empty() || b.is_empty() => {
                    // what is left over is the newer one
                    return a.len().cmp(&b.len());
                }
                (None, None) => {
                    let order;
                    (order, a, b) = segment(a, b);
                    if order != Ordering::Equal {
                        return order;
                    }
                }
            },
        }
    }
}

/// Compares the run at the front of both; returns what follows. Of two kinds, digits are newer.
fn segment<'a>(a: &'a str, b: &'a str) -> (Ordering, &'a str, &'a str) {
    let digits = a.starts_with(|c: char| c.is_ascii_digit());
    let belongs = |c: char| match digits {
        true => c.is_ascii_digit(),
        false => c.is_ascii_alphabetic(),
    };
    let cut = |text: &'a str| text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()));
    let ((run_a, rest_a), (run_b, rest_b)) = (cut(a), cut(b));
    let order = match (run_b.is_empty(), digits) {
        (true, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, true) => by_value(run_a, run_b),
        (false, false) => run_a.cmp(run_b),
    };
    (order, rest_a, rest_b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_rpm_does() {
        let rising = [
            "1.0~rc1", "1.0", "1.0^git1", "1.0.1", "1.0.1a", "1.0.2", "1.0.10", "1:0.1",
        ];
        for pair in rising.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        for (a, b) in [
            ("1.0", "1_0"),
            ("1.01", "1.1"),
            ("1.0", "1.0-5"),
            ("0:1", "1"),
        ] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
        assert_eq!(compare("1.0-2.el9", "1.0-10.el9"), Ordering::Less);
    }
}
