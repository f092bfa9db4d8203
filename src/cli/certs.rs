//! `firstlight certs`

use clap::{Args, Subcommand};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Format;
use super::exit::Failure;
use super::load::Input;
use super::printer::Printer;
use super::table::{row, table};
use crate::identity::{self, CertificateInfo};

/// Look at the certificates of the cluster
#[derive(Debug, Clone, Subcommand)]
pub enum Certs {
    List(List),
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

/// Runs it.
pub fn run(args: &Certs, printer: &Printer) -> Result<(), Failure> {
    let Certs::List(args) = args;
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
