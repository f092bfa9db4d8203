//! What a build says at its end.

use std::fmt::Write as _;

use serde_json::json;

use super::node::BuiltNode;
use super::output::Output;
use crate::identity::Issued;
use crate::plan::Plan;
use crate::render::cloud_init::COMFORTABLE_BYTES;

/// For people.
pub(super) fn text(plan: &Plan, output: &Output, nodes: &[BuiltNode], issued: &[Issued]) -> String {
    let masters = plan.masters().count();
    let workers = plan.nodes.len() - masters;
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let mut text = format!(
        "{}: {}, {}; Kubernetes {}; {}\n",
        plan.cluster,
        count(masters, "master"),
        count(workers, "worker"),
        plan.release.kubernetes,
        output.root().display()
    );
    let changed: Vec<&str> = nodes
        .iter()
        .filter(|n| n.files.iter().any(super::output::Written::changed))
        .map(|n| n.name.as_str())
        .collect();
    let files = output.changed().count();
    let line = match (files, output.is_first()) {
        (0, _) => format!(
            "nothing changed, {} are as they were\n",
            count(output.len(), "file")
        ),
        (n, true) => format!("{} written\n", count(n, "file")),
        (n, false) => format!(
            "{} of {} written anew; seeds that changed: {}\n",
            n,
            count(output.len(), "file"),
            list(&changed)
        ),
    };
    text.push_str(&line);
    for path in output.removed() {
        writeln!(text, "removed {path}").expect("writing to a String");
    }
    if !issued.is_empty() {
        writeln!(
            text,
            "{} issued (-v lists them)",
            count(issued.len(), "identity").replace("identitys", "identities")
        )
        .expect("writing to a String");
    }
    let largest = nodes
        .iter()
        .map(BuiltNode::user_data_bytes)
        .max()
        .unwrap_or(0);
    let comfort = if largest > COMFORTABLE_BYTES as u64 {
        ", which slows cloud-init down"
    } else {
        ""
    };
    writeln!(
        text,
        "largest user-data {} kB{comfort}: NoCloud takes it as ISO, seed folder or over HTTP",
        largest.div_ceil(1024)
    )
    .expect("writing to a String");
    text.pop();
    text
}

fn list(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        names if names.len() <= 12 => names.join(", "),
        names => format!("{} and {} more", names[..12].join(", "), names.len() - 12),
    }
}

/// For machines.
pub(super) fn json(plan: &Plan, output: &Output, nodes: &[BuiltNode], issued: &[Issued]) -> String {
    let nodes: Vec<_> = nodes
        .iter()
        .map(|n| json!({ "name": n.name, "user_data_bytes": n.user_data_bytes(), "changed": n.files.iter().any(super::output::Written::changed) }))
        .collect();
    let value = json!({
        "schema_version": 1,
        "cluster": plan.cluster,
        "out": output.root().display().to_string(),
        "nodes": nodes,
        "changed": output.changed().collect::<Vec<_>>(),
        "removed": output.removed(),
        "issued": issued.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&value).expect("plain values have a JSON form") + "\n"
}
