//! Text → typed [`model::Config`] with spans, and every check that needs nothing but the file.

mod audit;
mod authentication;
mod cluster;
mod control_plane;
mod document;
mod etcd;
mod files;
mod firewall;
mod hosts;
mod installer;
mod key;
mod kinds;
mod lifetime;
mod managed;
mod merge;
pub mod model;
mod names;
mod network;
mod pharos;
mod pod_network;
mod read;
mod reference;
mod runtime;
pub mod setting;
mod system;
mod validate;

pub use document::Document;
pub use files::{Form, NamedFile, named_files};
pub use key::{Effect, KeyDoc};
pub(crate) use lifetime::lifetime;
pub use managed::Program;
pub use pod_network::{Calico, Custom, IpipMode, PodNetworks, Weave, pod_networks};
pub use reference::{AddonDoc, reference, reference_markdown};

use model::Config;

use crate::diagnostic::{Diagnostic, Source};
use crate::yaml;

/// Reads and checks a whole `cluster.yml`.
///
/// Gives the settings, the merged document that knows where each was written, and the warnings;
/// or every finding, warnings too, in file order.
pub fn parse(source: &Source) -> Result<(Config, Document, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let root = merge::apply_defaults(yaml::parse(&source.text)?, &mut findings);
    let document = Document { root };
    let (config, read) = cluster::read(&document.root);
    findings.extend(read);
    let checked = validate::check(&config, &document, &findings);
    findings.extend(checked);
    let findings = once_each(findings);
    if findings.iter().any(Diagnostic::is_error) {
        Err(findings)
    } else {
        Ok((config, document, findings))
    }
}

/// Sorts by position; a bad default that many hosts inherit is one finding.
fn once_each(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    findings.sort_by(|a, b| {
        let key = |finding: &Diagnostic| (finding.span, finding.severity, finding.code);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    findings.dedup_by(|a, b| {
        a.span.is_some() && a.span == b.span && a.code == b.code && a.message == b.message
    });
    findings
}
