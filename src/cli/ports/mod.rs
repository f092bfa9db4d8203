//! `firstlight ports`

mod formats;

use clap::{Args, ValueEnum};

use super::exit::Failure;
use super::load::Input;
use super::printer::Printer;
use crate::compose::firewall;
use crate::plan::ports::{of_node, ports};
use crate::plan::{Node, Plan};

/// Print which ports nodes listen on, for whom, and what protects them
#[derive(Debug, Clone, Args)]
pub struct Ports {
    #[command(flatten)]
    input: Input,
    /// Name of a node: its rows alone, with addresses
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text")]
    format: PortsFormat,
}

/// Form of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PortsFormat {
    /// A table, and the addresses that its words mean
    Text,
    /// One JSON object
    Json,
    /// A table in Markdown
    Markdown,
    /// A table for `nft -f`, of one node
    Nft,
    /// Commands for firewalld, of one node
    Firewalld,
    /// Ingress rules by role, as locals of a `.tf.json`
    Terraform,
}

/// Runs it.
pub fn run(args: &Ports, printer: &Printer) -> Result<(), Failure> {
    let mut plan = args.input.load(printer)?;
    // what a filter is made of is what our own would let in
    plan.firewall.enabled |= matches!(
        args.format,
        PortsFormat::Nft | PortsFormat::Firewalld | PortsFormat::Terraform
    );
    let node = args
        .node
        .as_deref()
        .map(|name| find(&plan, name))
        .transpose()?;
    let rows = node.map_or_else(|| ports(&plan), |node| of_node(&plan, node));
    let alone = || {
        node.ok_or_else(|| {
            Failure::Message("a firewall is of one node: name it with `--node`".to_owned())
        })
    };
    printer.data(&match args.format {
        PortsFormat::Text => formats::text(&plan, node, &rows),
        PortsFormat::Json => formats::json_text(&plan, node, &rows),
        PortsFormat::Markdown => formats::markdown(&rows),
        PortsFormat::Nft => firewall::nftables(&plan, alone()?),
        PortsFormat::Firewalld => firewall::firewall_cmd(&plan, alone()?),
        PortsFormat::Terraform => formats::terraform(&plan, node),
    });
    Ok(())
}

fn find<'p>(plan: &'p Plan, name: &str) -> Result<&'p Node, Failure> {
    plan.nodes
        .iter()
        .find(|node| node.name == name)
        .ok_or_else(|| {
            let names: Vec<&str> = plan.nodes.iter().map(|node| node.name.as_str()).collect();
            Failure::Message(format!(
                "no host is named `{name}`\nhint: hosts are {}",
                names.join(", ")
            ))
        })
}
