//! Types of settings of addons.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::super::key::{At, wrong_type};
use super::super::kinds::{
    BOOL, COUNT, LABELS, QUANTITIES, TEXT, TEXT_MAP, list, number, quoted_choice, tested,
};
use super::super::names;
use crate::yaml::{Node, Value};

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingKind {
    /// Any single value.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number, at least 1.
    Number,
    /// One of `one_of`.
    Choice,
    /// Labels by key.
    Labels,
    /// Single values by free names.
    Mapping,
    /// Single values.
    List,
    /// Tolerations of a pod.
    Tolerations,
    /// `requests` and `limits` of a container.
    Resources,
    /// As Go's programs read it: `90s`, `1h30m`.
    Duration,
    /// `HH:MM`
    Clock,
    /// `mon` to `sun`.
    Weekdays,
    /// Absolute path on a node.
    Path,
    /// A container image, by `repository:tag` or digest.
    Image,
}

/// Days as schedules have them.
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl SettingKind {
    /// What the reference calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Boolean => "true or false",
            Self::Number => "whole number",
            Self::Choice => "choice",
            Self::Labels => "mapping of labels",
            Self::Mapping => "mapping",
            Self::List => "list",
            Self::Tolerations => "list of tolerations",
            Self::Resources => "`requests` and `limits`",
            Self::Duration => "duration",
            Self::Clock => "time of day",
            Self::Weekdays => "list of weekdays",
            Self::Path => "absolute path",
            Self::Image => "image",
        }
    }

    pub(super) fn read(self, one_of: &[String], node: &Node, at: &mut At<'_>) -> Option<Json> {
        match self {
            Self::Text => (TEXT.parse)(node, at).map(Json::from),
            Self::Boolean => (BOOL.parse)(node, at).map(Json::from),
            Self::Number => (COUNT.parse)(node, at).map(Json::from),
            Self::Choice => quoted_choice(node, at, one_of).map(Json::from),
            Self::Labels => (LABELS.parse)(node, at).map(|map| json!(map)),
            Self::Mapping => (TEXT_MAP.parse)(node, at).map(|map| json!(map)),
            Self::List => list(node, at, |node, at| (TEXT.parse)(node, at)).map(|l| json!(l)),
            Self::Tolerations => list(node, at, toleration).map(|l| json!(l)),
            Self::Resources => resources(node, at),
            Self::Duration => checked(node, at, is_duration, "a duration such as `90s` or `1h30m`"),
            Self::Clock => checked(node, at, is_clock, "a time of day such as `\"03:30\"`"),
            Self::Weekdays => list(node, at, weekday).map(|l| json!(l)),
            Self::Path => checked(
                node,
                at,
                |text| names::is_path(text) && text != "/",
                "an absolute path of plain characters, without `..`",
            ),
            Self::Image => checked(
                node,
                at,
                is_image,
                "an image with a tag or digest, such as `registry.example.org/web:1.2`",
            ),
        }
    }
}

fn checked(node: &Node, at: &mut At<'_>, test: fn(&str) -> bool, expected: &str) -> Option<Json> {
    tested(node, at, test, "addons/bad-value", expected, "").map(Json::from)
}

/// Go's `time.ParseDuration`, without signs and fractions.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let unit = ["ms", "h", "m", "s"]
            .into_iter()
            .find(|unit| rest[digits..].starts_with(unit));
        match unit {
            Some(unit) if digits > 0 => rest = &rest[digits + unit.len()..],
            _ => return false,
        }
    }
    !text.is_empty()
}

fn is_clock(text: &str) -> bool {
    let Some((hours, minutes)) = text.split_once(':') else {
        return false;
    };
    let below = |part: &str, limit: u32| {
        part.len() == 2 && part.parse::<u32>().is_ok_and(|number| number < limit)
    };
    below(hours, 24) && below(minutes, 60)
}

/// A reference with its registry's host, and a tag or digest: what containerd resolves is never guessed.
pub fn is_image(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let Some((host, rest)) = text.split_once('/') else {
        return false;
    };
    (host.contains(['.', ':']) || host == "localhost")
        && text.chars().all(plain)
        && rest.contains([':', '@'])
        && !rest.ends_with([':', '@'])
}

fn weekday(node: &Node, at: &mut At<'_>) -> Option<String> {
    quoted_choice(node, at, &WEEKDAYS.map(str::to_owned))
}

/// `v1.Toleration`
fn toleration(node: &Node, at: &mut At<'_>) -> Option<Json> {
    let Value::Map(entries) = &node.value else {
        return wrong_type(
            at,
            node,
            "a mapping of `key`, `operator`, `value`, `effect`",
        );
    };
    let mut out = Map::new();
    for entry in entries {
        let part = &mut at.part(&format!(".{}", entry.key));
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let value = match entry.key.as_str() {
            "key" => tested(
                &entry.value,
                part,
                names::is_label_key,
                "addons/bad-value",
                "a label key such as `dedicated`",
                "",
            )
            .map(Json::from),
            "value" => (TEXT.parse)(&entry.value, part).map(Json::from),
            "operator" => {
                quoted_choice(&entry.value, part, &words(&["Equal", "Exists"])).map(Json::from)
            }
            "effect" => {
                let effects = words(&["NoSchedule", "PreferNoSchedule", "NoExecute"]);
                quoted_choice(&entry.value, part, &effects).map(Json::from)
            }
            "tolerationSeconds" => number(&entry.value, part, 0..=31_536_000).map(Json::from),
            _ => part.error(
                entry.key_span,
                "addons/unknown-setting",
                format!("unknown key `{}` of a toleration", entry.key),
                "known here: `key`, `operator`, `value`, `effect`, `tolerationSeconds`",
            ),
        };
        out.insert(entry.key.clone(), value?);
    }
    Some(Json::Object(out))
}

/// `v1.ResourceRequirements`
fn resources(node: &Node, at: &mut At<'_>) -> Option<Json> {
    let Value::Map(entries) = &node.value else {
        return wrong_type(at, node, "a mapping of `requests` and `limits`");
    };
    let mut out = Map::new();
    for entry in entries {
        let part = &mut at.part(&format!(".{}", entry.key));
        if !["requests", "limits"].contains(&entry.key.as_str()) {
            part.error::<()>(
                entry.key_span,
                "addons/unknown-setting",
                format!("`{}` must be one of: `requests`, `limits`", entry.key),
                "",
            )?;
        }
        let quantities = (QUANTITIES.parse)(&entry.value, part)?;
        out.insert(entry.key.clone(), json!(quantities));
    }
    Some(Json::Object(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_clocks_and_images_are_what_their_readers_take() {
        for good in ["90s", "1h30m", "24h", "500ms"] {
            assert!(is_duration(good), "{good}");
        }
        for bad in ["", "90", "s", "1d", "1h 30m", "-5s"] {
            assert!(!is_duration(bad), "{bad}");
        }
        assert!(is_clock("00:00") && is_clock("23:59"));
        assert!(!is_clock("24:00") && !is_clock("7:00") && !is_clock("12:60") && !is_clock("noon"));
        assert!(is_image("docker.io/library/nginx:1.27") && is_image("r.example:5000/a@sha256:00"));
        assert!(
            !is_image("nginx:1.27") && !is_image("docker.io/library/nginx") && !is_image("a b/c:1")
        );
    }
}
