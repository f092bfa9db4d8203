//! `firstlight certs`

use clap::{Args, Subcommand};
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::Format;
use super::build::now;
use super::exit::Failure;
use super::load::Input;
use super::printer::Printer;
use super::table::{row, table};
use crate::identity::{self, CertificateInfo, Issued, Renewal};

/// Look at the certificates of the cluster, or issue them anew
#[derive(Debug, Clone, Subcommand)]
pub enum Certs {
    List(List),
    Renew(Renew),
}

/// List every certificate with its subject, issuer and lifetime
#[derive(Debug, Clone, Args)]
pub struct List {
    #[command(flatten)]
    input: Input,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Issue certificates of seeds anew, with new keys
///
/// Writes to the state folder; the next build puts them into the seeds, and a machine takes them over
/// with its new seed. Machines renew what they have by themselves: this is for seeds that wait for a
/// machine, and for certificates that ran out while a machine was off. The authorities stay.
#[derive(Debug, Clone, Args)]
pub struct Renew {
    #[command(flatten)]
    input: Input,
    /// Only those of this node; may be given more than once [default: of all, and the administrator's]
    #[arg(long = "node", value_name = "NAME")]
    nodes: Vec<String>,
    /// Only those that were issued at least so many days ago
    #[arg(long, value_name = "DAYS")]
    older_than: Option<u32>,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs it.
pub fn run(args: &Certs, printer: &Printer) -> Result<(), Failure> {
    match args {
        Certs::List(args) => list(args, printer),
        Certs::Renew(args) => renew(args, printer),
    }
}

fn renew(args: &Renew, printer: &Printer) -> Result<(), Failure> {
    let plan = args.input.load(printer)?;
    let names = || plan.nodes.iter().map(|n| n.name.as_str());
    if let Some(unknown) = args.nodes.iter().find(|n| !names().any(|m| m == **n)) {
        return Err(Failure::Message(format!(
            "`{}` has no node `{unknown}`\nhint: must be one of: {}",
            args.input.file.display(),
            names().collect::<Vec<_>>().join(", ")
        )));
    }
    let renewal = Renewal {
        nodes: args.nodes.iter().cloned().collect(),
        older_than: args.older_than.map(|days| Duration::days(days.into())),
    };
    let (state, lock) = (args.input.state(), args.input.lock());
    let issued = identity::renew(&plan, &state, &lock, now()?, &renewal)?;
    match args.format {
        Format::Text => {
            let lines = issued.iter().map(|i| format!("{i}\n"));
            printer.data(&lines.collect::<String>());
        }
        Format::Json => {
            let one = |i: &Issued| json!({ "certificate": i.what, "node": i.node, "why": i.why.to_string() });
            let value = json!({ "schema_version": 1, "issued": issued.iter().map(one).collect::<Vec<_>>() });
            printer.data(
                &(serde_json::to_string_pretty(&value).expect("plain values have a JSON form")
                    + "\n"),
            );
        }
    }
    printer.note(match issued.len() {
        0 => "nothing was issued: all are younger",
        _ => "`firstlight build` puts them into the seeds",
    });
    Ok(())
}

fn list(args: &List, printer: &Printer) -> Result<(), Failure> {
    let plan = args.input.load(printer)?;
    let ids = identity::load(&plan.cluster, &args.input.state(), &args.input.lock())?;
    let certificates = ids.certificates();
    printer.data(&match args.format {
        Format::Text => text(&certificates, OffsetDateTime::now_utc()),
        Format::Json => json_text(&certificates),
    });
    Ok(())
}

fn text(certificates: &[CertificateInfo], now: OffsetDateTime) -> String {
    let head = row(["CERTIFICATE", "SUBJECT", "ISSUER", "EXPIRES", "LEFT"]);
    let line = |c: &CertificateInfo| {
        let left = (c.not_after - now).whole_days();
        let left = if left < 0 {
            "expired".to_owned()
        } else {
            format!("{left} d")
        };
        row([
            &c.what,
            &c.subject.to_string(),
            &c.issuer.common_name,
            &c.not_after.date().to_string(),
            &left,
        ])
    };
    table(
        &std::iter::once(head)
            .chain(certificates.iter().map(line))
            .collect::<Vec<_>>(),
    )
}

fn json_text(certificates: &[CertificateInfo]) -> String {
    let time = |t: OffsetDateTime| t.format(&Rfc3339).expect("certificate times are in range");
    let one = |c: &CertificateInfo| {
        json!({
            "certificate": c.what, "node": c.node, "subject": c.subject.to_string(), "issuer": c.issuer.to_string(),
            "not_before": time(c.not_before), "not_after": time(c.not_after),
            "sans": c.sans.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    };
    let value = json!({ "schema_version": 1, "certificates": certificates.iter().map(one).collect::<Vec<_>>() });
    serde_json::to_string_pretty(&value).expect("plain values have a JSON form") + "\n"
}
