//! `firstlight kubeconfig`

use std::path::PathBuf;

use clap::Args;
use time::Duration;

use super::build::{admin, now};
use super::exit::Failure;
use super::load::Input;
use super::printer::Printer;
use crate::config::lifetime;
use crate::identity::{self, Identities, Secret, User};
use crate::pack::atomic;
use crate::plan::Plan;

/// Longest name that a certificate's subject takes (`ub-common-name`, RFC 5280 appendix A.1).
const LONGEST: usize = 64;
/// Nothing that RBAC says restricts who is in it.
const UNRESTRICTED: &str = "system:masters";

/// Print the administrator's kubeconfig, or make one for somebody else
///
/// With `--user` a new client certificate is issued by the authority of the cluster. It holds no key that
/// signs, and is not kept: print it again and it is another one. No certificate can be revoked, so give
/// it a short life, and bind its user or groups to the roles that they need.
#[derive(Debug, Clone, Args)]
pub struct Kubeconfig {
    #[command(flatten)]
    input: Input,
    /// Issue one for this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Group of the user; may be given more than once [default: none]
    #[arg(long = "group", value_name = "NAME", requires = "user")]
    groups: Vec<String>,
    /// How long it is valid: a number and `m`, `h` or `d`; never longer than the authority
    #[arg(long, value_name = "TIME", requires = "user", value_parser = lifetime, default_value = "30d")]
    lifetime: Duration,
    /// Write it to this file, which only its owner may read [default: standard output]
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: &Kubeconfig, printer: &Printer) -> Result<(), Failure> {
    let plan = args.input.load(printer)?;
    let ids = identity::load(&plan.cluster, &args.input.state(), &args.input.lock())?;
    let text = match &args.user {
        None => admin(&plan, &ids),
        Some(user) => of_user(args, user, &plan, &ids, printer)?,
    };
    match &args.out {
        None => printer.data(text.expose()),
        Some(path) => {
            if path.exists() {
                return Err(Failure::message(
                    path,
                    "exists already, and may be somebody's access",
                ));
            }
            atomic::write_if_changed(path, 0o600, text.expose().as_bytes())?;
            printer.note(&format!("written to {}", path.display()));
        }
    }
    Ok(())
}

fn of_user(
    args: &Kubeconfig,
    name: &str,
    plan: &Plan,
    ids: &Identities,
    printer: &Printer,
) -> Result<Secret, Failure> {
    usable("user", name)?;
    for group in &args.groups {
        usable("group", group)?;
    }
    if name.starts_with("system:") {
        return Err(Failure::Message(format!(
            "`{name}` is a name of Kubernetes's own, which its parts act under\nhint: choose one without `system:`"
        )));
    }
    let user = User {
        name: name.to_owned(),
        groups: args.groups.clone(),
        lifetime: args.lifetime,
    };
    let leaf = user.issue(&ids.cluster_ca, now()?)?;
    let groups = match args.groups.as_slice() {
        [] => "no group".to_owned(),
        groups => groups.join(", "),
    };
    printer.note(&format!(
        "issued to {name} ({groups}) until {}; it cannot be revoked before",
        leaf.facts.not_after.date()
    ));
    if args.groups.iter().any(|g| g == UNRESTRICTED) {
        printer.note(&format!(
            "warning: `{UNRESTRICTED}` may do everything and RBAC cannot restrict it: bind another group to `cluster-admin` instead"
        ));
    }
    Ok(identity::kubeconfig(
        &plan.cluster,
        &plan.api_url(),
        &ids.cluster_ca.cert,
        name,
        &leaf,
    ))
}

fn usable(what: &str, name: &str) -> Result<(), Failure> {
    let why = if name.is_empty() {
        "is empty"
    } else if name.len() > LONGEST {
        "is longer than the 64 bytes that a certificate takes"
    } else if name.chars().any(char::is_control) {
        "has characters that are not printed"
    } else {
        return Ok(());
    };
    Err(Failure::Message(format!(
        "the name `{}` of the {what} {why}",
        name.escape_default()
    )))
}
