//! `firstlight check`

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use super::Format;
use super::exit::Failure;
use super::load::Input;
use super::printer::Printer;
use super::table::{row, table};
use crate::plan::{Node, Plan};

/// Validate the description and print what would be built; writes nothing
#[derive(Debug, Clone, Args)]
pub struct Check {
    #[command(flatten)]
    input: Input,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs it.
pub fn run(args: &Check, printer: &Printer) -> Result<(), Failure> {
    let (plan, _) = args.input.load_with_files(printer)?;
    printer.data(&match args.format {
        Format::Text => text(&plan),
        Format::Json => json_text(&plan),
    });
    Ok(())
}

fn text(plan: &Plan) -> String {
    let list = |items: &[ipnet::IpNet]| {
        items
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut text = format!(
        "cluster {}: Kubernetes {} (train {})\n",
        plan.cluster, plan.release.kubernetes, plan.release.train
    );
    let members: Vec<_> = plan.masters().map(|m| m.name.as_str()).collect();
    let mut line = |key: &str, value: &str| {
        writeln!(text, "  {key:<13} {value}").expect("writing to a String");
    };
    line("pods", &list(&plan.pod_cidrs));
    line("services", &list(&plan.service_cidrs));
    line("API", &plan.api_url());
    let etcd = match &plan.etcd.external {
        Some(external) => external.endpoints.join(", "),
        None => format!("{} (quorum {})", members.join(", "), members.len() / 2 + 1),
    };
    line("etcd", &etcd);
    line(
        "certificates",
        &format!(
            "authorities {} days, seeds {} days",
            plan.certificates.ca_days, plan.certificates.leaf_days
        ),
    );
    text.push('\n');
    let head = row([
        "NODE",
        "ROLE",
        "ADDRESS",
        "SYSTEM",
        "INTERFACE",
        "ARTEFACTS",
    ]);
    let line = |n: &Node| {
        let addresses: Vec<_> = n
            .addresses
            .iter()
            .map(|a| {
                a.prefix
                    .map_or(format!("{} (DHCP)", a.ip), |p| format!("{}/{p}", a.ip))
            })
            .collect();
        let interface: Vec<_> = [n.interface.clone(), n.mac.clone()]
            .into_iter()
            .flatten()
            .collect();
        let system = format!("{} {}", n.profile.name, n.arch.as_str());
        row([
            &n.name,
            if n.is_master() { "master" } else { "worker" },
            &addresses.join(", "),
            &system,
            &interface.join(" "),
            &n.needs.len().to_string(),
        ])
    };
    text + &table(
        &std::iter::once(head)
            .chain(plan.nodes.iter().map(line))
            .collect::<Vec<_>>(),
    ) + "\n"
        + &artefacts(plan)
}

/// Each artefact once, with who needs it.
fn artefacts(plan: &Plan) -> String {
    let mut rows = vec![row(["ARTEFACT", "VERSION", "DIGEST", "NODES"])];
    let mut seen = std::collections::BTreeMap::new();
    for (node, artefact) in plan
        .nodes
        .iter()
        .flat_map(|n| n.needs.iter().map(move |a| (n, a)))
    {
        let key = (artefact.name().to_owned(), artefact.digest().to_string());
        seen.entry(key)
            .or_insert_with(|| (artefact.version.clone(), Vec::new()))
            .1
            .push(node.name.as_str());
    }
    for ((name, digest), (version, nodes)) in seen {
        let short = digest.get(..19).unwrap_or(&digest).to_owned();
        let nodes = if nodes.len() == plan.nodes.len() {
            "all".to_owned()
        } else {
            nodes.len().to_string()
        };
        rows.push(vec![name, version, short, nodes]);
    }
    table(&rows)
}

fn json_text(plan: &Plan) -> String {
    let node = |n: &Node| {
        json!({
            "name": n.name,
            "role": if n.is_master() { "master" } else { "worker" },
            "addresses": n.ips.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "os": n.profile.name,
            "arch": n.arch.as_str(),
            "mac": n.mac,
            "interface": n.interface,
            "artefacts": n.needs.iter().map(|a| json!({ "origin": a.origin(), "digest": a.digest().to_string() })).collect::<Vec<_>>(),
        })
    };
    let value = json!({
        "schema_version": 1,
        "cluster": plan.cluster,
        "train": plan.release.train,
        "kubernetes": plan.release.kubernetes,
        "api": plan.api_url(),
        "pod_cidrs": plan.pod_cidrs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "service_cidrs": plan.service_cidrs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "etcd": plan.etcd.external.as_ref().map_or_else(
            || plan.masters().map(|m| m.name.clone()).collect::<Vec<_>>(),
            |external| external.endpoints.clone(),
        ),
        "certificates": { "ca_days": plan.certificates.ca_days, "leaf_days": plan.certificates.leaf_days },
        "nodes": plan.nodes.iter().map(node).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&value).expect("plain values have a JSON form") + "\n"
}
