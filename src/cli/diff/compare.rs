//! Two versions of a node, part by part.

use similar::TextDiff;

use super::seed::{Part, Parts};
use crate::compose::effects::{self, Effect};

/// What becomes of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// It was not in the last build.
    New,
    /// It is in no build any more.
    Removed,
    /// Its seed is another one.
    Parts(Vec<PartChange>),
    /// What the last build left cannot be read.
    Unreadable,
}

/// One part that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartChange {
    /// Its path, or the name of a member of the seed.
    pub path: String,
    /// How.
    pub how: How,
    /// Only root may read it: its content is not shown.
    pub secret: bool,
    /// The node may have renewed its own, which then stays.
    pub initial: bool,
    /// What the running node does.
    pub effects: Vec<Effect>,
    /// The lines that differ, of what may be shown.
    pub lines: Option<String>,
}

/// How a part differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Added,
    Removed,
    Changed,
}

impl How {
    /// For machines.
    pub fn name(self) -> &'static str {
        match self {
            How::Added => "added",
            How::Removed => "removed",
            How::Changed => "changed",
        }
    }

    /// For people.
    pub fn sign(self) -> char {
        match self {
            How::Added => '+',
            How::Removed => '-',
            How::Changed => '~',
        }
    }
}

impl Change {
    /// Everything that the running node does, in its order. `None` where no node runs, or nobody knows.
    pub fn effects(&self) -> Option<Vec<&Effect>> {
        let Change::Parts(parts) = self else {
            return None;
        };
        let mut effects: Vec<_> = parts.iter().flat_map(|p| &p.effects).collect();
        effects.sort_unstable();
        effects.dedup();
        if effects.len() > 1 {
            effects.retain(|e| **e != Effect::Nothing);
        }
        Some(effects)
    }
}

/// Every part that differs, by path.
pub(super) fn compare(old: &Parts, new: &Parts) -> Vec<PartChange> {
    let mut paths: Vec<_> = old.keys().chain(new.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
        .into_iter()
        .filter_map(|path| part(path, old.get(path), new.get(path)))
        .collect()
}

fn part(path: &str, old: Option<&Part>, new: Option<&Part>) -> Option<PartChange> {
    if old == new {
        return None;
    }
    let how = match (old, new) {
        (None, _) => How::Added,
        (_, None) => How::Removed,
        _ => How::Changed,
    };
    let any = |of: fn(&Part) -> bool| old.into_iter().chain(new).any(of);
    let (secret, initial) = (any(|p| p.secret), any(|p| p.initial));
    let text = |part: Option<&Part>| {
        let bytes = part.map_or(&[][..], |p| &p.content);
        std::str::from_utf8(bytes).map(str::to_owned)
    };
    let (before, after) = (text(old), text(new));
    let effects = match (&before, &after) {
        (Ok(old), Ok(new)) => effects::of_change(path, old, new),
        _ => effects::of_change(path, "", ""),
    };
    let mode = |part: Option<&Part>| part.map_or(0, |p| p.mode);
    let lines = match (before, after) {
        _ if secret || initial => None,
        (Ok(before), Ok(after)) if before != after => Some(unified(&before, &after)),
        (Ok(_), Ok(_)) => Some(format!("mode {:04o}, was {:04o}\n", mode(new), mode(old))),
        _ => Some("not text\n".to_owned()),
    };
    Some(PartChange {
        path: path.to_owned(),
        how,
        secret,
        initial,
        effects,
        lines,
    })
}

/// As `diff -u` prints it, without the names of the files.
fn unified(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(2).to_string()
}
