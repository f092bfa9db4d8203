//! Times as people write them: `90m`, `12h`, `30d`.

use time::Duration;

/// At most a century.
const LONGEST: Duration = Duration::days(36_500);

/// Reads one; or says what is wrong with it.
pub(crate) fn lifetime(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is no time: write a number and `m`, `h` or `d`, as `30d`");
    let unit = text.chars().next_back().ok_or_else(expected)?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(expected()),
    };
    let number: i64 = text[..text.len() - 1].parse().map_err(|_| expected())?;
    let time = number.checked_mul(seconds).map(Duration::seconds);
    match time {
        Some(time) if time > LONGEST => Err(format!("`{text}` is more than a century")),
        Some(time) if time.is_positive() => Ok(time),
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_with_a_unit() {
        assert_eq!(lifetime("90m"), Ok(Duration::minutes(90)));
        assert_eq!(lifetime("12h"), Ok(Duration::hours(12)));
        assert_eq!(lifetime("30d"), Ok(Duration::days(30)));
        for bad in [
            "",
            "d",
            "30",
            "0d",
            "-1d",
            "30 d",
            "1w",
            "30é",
            "9223372036854775807d",
        ] {
            assert!(lifetime(bad).is_err(), "{bad}");
        }
    }
}
