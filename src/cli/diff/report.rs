//! What `firstlight diff` prints.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::compare::{Change, PartChange};
use crate::compose::effects::Effect;
use crate::identity::Issued;
use crate::plan::Plan;

/// By node, only those that differ.
pub(super) type Changes = BTreeMap<String, Change>;

/// For people.
pub(super) fn text(changes: &Changes, issued: &[Issued]) -> String {
    let mut text = String::new();
    for (node, change) in changes {
        let _ = writeln!(text, "{node}: {}", headline(change));
        if let Change::Parts(parts) = change {
            for part in parts {
                describe(&mut text, part);
            }
        }
    }
    for one in issued {
        let _ = writeln!(text, "would be issued: {one}");
    }
    text
}

fn headline(change: &Change) -> String {
    match change {
        Change::New => "new: boots with its seed, and becomes a node".to_owned(),
        Change::Removed => {
            "removed: its seed is deleted; the machine goes on until it is switched off and `kubectl delete node` \
             forgets it"
                .to_owned()
        }
        Change::Unreadable => {
            "its seed of the last build cannot be read: what differs is not known".to_owned()
        }
        Change::Parts(parts) => {
            let effects = change.effects().unwrap_or_default();
            let effects: Vec<_> = effects.iter().map(ToString::to_string).collect();
            let files = match parts.len() {
                1 => "1 file differs".to_owned(),
                n => format!("{n} files differ"),
            };
            format!("{files}; with its new seed: {}", effects.join("; "))
        }
    }
}

fn describe(text: &mut String, part: &PartChange) {
    let what = match (part.secret, part.initial) {
        (_, true) => " (stays where the node has renewed its own since)",
        (true, false) => " (secret)",
        (false, false) => "",
    };
    let effects: Vec<_> = part.effects.iter().map(ToString::to_string).collect();
    let (sign, path) = (part.how.sign(), &part.path);
    let _ = writeln!(text, "  {sign} {path}{what}: {}", effects.join("; "));
    for line in part.lines.iter().flat_map(|lines| lines.lines()) {
        let _ = writeln!(text, "{}", format!("      {line}").trim_end());
    }
}

/// For machines.
pub(super) fn json(plan: &Plan, changes: &Changes, issued: &[Issued]) -> String {
    let nodes = changes.iter().map(|(node, change)| {
        let what = match change {
            Change::New => "new",
            Change::Removed => "removed",
            Change::Unreadable => "unreadable",
            Change::Parts(_) => "changed",
        };
        let parts = match change {
            Change::Parts(parts) => parts.iter().map(part).collect(),
            _ => Vec::new(),
        };
        let effects = change.effects().map(|e| of(&e));
        json!({ "name": node, "change": what, "effects": effects, "files": parts })
    });
    let value = json!({
        "schema_version": 1,
        "cluster": plan.cluster,
        "kubernetes": plan.release.kubernetes,
        "nodes": nodes.collect::<Vec<_>>(),
        "issued": issued.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&value).expect("plain values have a JSON form") + "\n"
}

fn part(part: &PartChange) -> Value {
    json!({
        "path": part.path,
        "change": part.how.name(),
        "secret": part.secret,
        "initial": part.initial,
        "effects": of(&part.effects.iter().collect::<Vec<_>>()),
        "diff": part.lines,
    })
}

/// `nothing`, the name of a step, `reboot` or `re-image`.
fn of(effects: &[&Effect]) -> Vec<Value> {
    let one = |effect: &&Effect| match effect {
        Effect::Nothing => json!({ "what": "nothing" }),
        Effect::Step(step) => json!({ "what": "step", "step": step.name() }),
        Effect::Reboot => json!({ "what": "reboot" }),
        Effect::Never(why) => json!({ "what": "re-image", "why": why }),
    };
    effects.iter().map(one).collect()
}
