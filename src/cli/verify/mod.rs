//! `firstlight verify`

mod judge;
mod probe;
mod report;

use std::net::IpAddr;

use clap::{Args, ValueEnum};

use super::exit::Failure;
use super::load::Input;
use super::printer::Printer;
use crate::identity::{self, AuthorityKind};
use crate::plan::ports::{Exposure, Port, PortRow, Ports, of_node};
use crate::plan::{Node, Plan};
use judge::{Tcp, Vantage, Verdict};
use probe::Who;

/// Compare what can be reached of a running node with the port contract, from where this runs
///
/// Every port of the table is tried: what must be closed, local or kept from this machine must not answer;
/// what demands a certificate or a token must refuse clients without, and with one of another authority.
/// What no connection can show (UDP, ESP) is said, not passed. Exit code 3 when something differs.
#[derive(Debug, Clone, Args)]
pub struct Verify {
    #[command(flatten)]
    input: Input,
    /// Name or address of the node
    #[arg(long, value_name = "ADDRESS")]
    node: String,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text")]
    format: ReportFormat,
}

/// Form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A table
    Text,
    /// One JSON object
    Json,
    /// The XML that CI systems read
    Junit,
}

/// A row of the contract as it was found.
struct Row {
    port: String,
    service: String,
    exposure: &'static str,
    promise: &'static str,
    verdict: Verdict,
}

/// Runs it.
pub fn run(args: &Verify, printer: &Printer) -> Result<(), Failure> {
    let plan = args.input.load(printer)?;
    let (node, ip) = find(&plan, &args.node)?;
    let ids = identity::load(&plan.cluster, &args.input.state(), &args.input.lock())?;
    let authority = &ids.authority(AuthorityKind::Cluster).cert;
    let here = Vantage::of(&plan, probe::here(ip));
    let foreign = probe::foreign();
    let contract = of_node(&plan, node);
    let judged = |port: &Port| {
        let promise = judge::promise(&plan, &port.row, &here);
        let others = apart(&contract, &port.row);
        let seen = probe::row(ip, &port.row, &others, promise, foreign.as_ref());
        Row {
            port: port.row.port_text(),
            service: port.row.service.clone(),
            exposure: port.row.exposure.as_str(),
            promise: promise.as_str(),
            verdict: judge::verdict(&port.row, promise, &seen),
        }
    };
    // most of the time is waiting for what does not answer: both wait at once
    let (identity, found) = std::thread::scope(|scope| {
        let identity = scope.spawn(|| identify(node, ip, authority));
        let found = probe::all_at_once(&contract, judged);
        (identity.join().expect("a probe does not panic"), found)
    });
    let rows: Vec<Row> = std::iter::once(identity?).chain(found).collect();
    let from = here.as_text();
    printer.data(&report::report(args.format, node, ip, &from, &rows));
    if rows
        .iter()
        .any(|row| matches!(row.verdict, Verdict::Differs(_)))
    {
        return Err(Failure::Difference);
    }
    Ok(())
}

/// Ports that a row keeps closed but for another one: a node port that `open_ports` names.
fn apart(contract: &[Port], row: &PortRow) -> Vec<Ports> {
    let others = contract.iter().map(|port| &port.row).filter(|other| {
        row.exposure == Exposure::Closed
            && other.exposure != Exposure::Closed
            && other.protocol == row.protocol
    });
    others.filter_map(|other| other.port).collect()
}

/// The node of that name or address.
fn find<'p>(plan: &'p Plan, given: &str) -> Result<(&'p Node, IpAddr), Failure> {
    let bare = given.trim_start_matches('[').trim_end_matches(']');
    let address: Option<IpAddr> = bare.parse().ok();
    let has = |node: &&Node| match address {
        Some(ip) => node.ips.contains(&ip) || node.addresses.iter().any(|a| a.ip == ip),
        None => node.name == given,
    };
    match plan.nodes.iter().find(has) {
        Some(node) => Ok((node, address.unwrap_or_else(|| node.ip()))),
        None => Err(Failure::Message(format!(
            "no host of the description has the name or address `{given}`\nhint: hosts are {}",
            plan.nodes
                .iter()
                .map(|n| format!("{} ({})", n.name, n.ip()))
                .collect::<Vec<_>>()
                .join(", ")
        ))),
    }
}

/// Whether the machine there is the node; what is another one is not judged at all.
fn identify(node: &Node, ip: IpAddr, authority: &str) -> Result<Row, Failure> {
    let mut asked = vec![10250];
    if node.is_master() {
        asked.insert(0, 6443);
    }
    let found = probe::all_at_once(&asked, |port| probe::who(ip, *port, authority));
    let is = |who: &Who| found.contains(who);
    let port = |who: &Who| asked[found.iter().position(|w| w == who).unwrap_or(0)];
    if is(&Who::AnotherCluster) {
        return Err(Failure::Message(format!(
            "`{ip}` is a node of another cluster: the certificate on port {} is of another authority\nhint: the state folder must be that of this cluster (`--state`)",
            port(&Who::AnotherCluster)
        )));
    }
    if is(&Who::AnotherNode) {
        return Err(Failure::Message(format!(
            "`{ip}` is not `{}`: its certificate is of this cluster, but for another node",
            node.name
        )));
    }
    let identified = |verdict| Row {
        port: String::new(),
        service: "identity".to_owned(),
        exposure: "",
        promise: "",
        verdict,
    };
    if is(&Who::Ours) {
        let what = format!("certificate of this cluster on {}", port(&Who::Ours));
        return Ok(identified(Verdict::Kept(what)));
    }
    // nothing told: is anybody there at all?
    let answers = probe::all_at_once(&[22u16, 80, 443, 6443, 10250, 10256, 2379], |port| {
        probe::connect(ip, *port)
    });
    if !answers
        .iter()
        .any(|tcp| matches!(tcp, Some(Tcp::Open | Tcp::Refused)))
    {
        return Err(Failure::Message(format!(
            "`{ip}` is unreachable: no port of it answers, not even with a refusal\nhint: is the machine on, and is there a way to it from here?"
        )));
    }
    let kubelet = probe::connect(ip, 10250);
    if is(&Who::NoNode) || kubelet == Some(Tcp::Refused) {
        return Err(Failure::Message(format!(
            "`{ip}` is no node: something answers there, but no kubelet on port 10250\nhint: `firstlight-status` on the machine tells how far its first boot came"
        )));
    }
    let what = "the ports that show a certificate are not reachable from here".to_owned();
    Ok(identified(Verdict::NotJudged(what)))
}
