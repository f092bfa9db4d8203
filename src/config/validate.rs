//! Checks of the whole file that need nothing but the file.

mod firewall;
mod hosts;
mod interfaces;
mod machines;
mod networks;
mod providers;
mod settings;

use super::document::Document;
use super::model::{Config, Host, Role};
use crate::diagnostic::Diagnostic;

/// Findings that no single value shows. `read` is what was found before: a value that could not
/// be read must not be blamed a second time.
pub(super) fn check(config: &Config, document: &Document, read: &[Diagnostic]) -> Vec<Diagnostic> {
    let mut check = Check {
        config,
        document,
        findings: Vec::new(),
    };
    check.masters(read);
    check.etcd();
    check.settings();
    check.components();
    check.hosts();
    check.machines();
    check.networks();
    check.providers();
    check.firewall();
    check.findings
}

struct Check<'c> {
    config: &'c Config,
    document: &'c Document,
    findings: Vec<Diagnostic>,
}

impl Check<'_> {
    fn error(&mut self, code: &'static str, path: &str, message: String, help: impl Into<String>) {
        let finding = Diagnostic::error(code, path, self.document.span(path), message);
        self.findings.push(finding.with_help(help));
    }

    fn warning(
        &mut self,
        code: &'static str,
        path: &str,
        message: String,
        help: impl Into<String>,
    ) {
        let finding = Diagnostic::warning(code, path, self.document.span(path), message);
        self.findings.push(finding.with_help(help));
    }

    fn masters(&mut self, read: &[Diagnostic]) {
        let hosts = &self.config.hosts;
        if hosts.is_empty() {
            if !read
                .iter()
                .any(|finding| finding.path.is_empty() || finding.path.starts_with("hosts"))
            {
                self.error(
                    "hosts/none",
                    "hosts",
                    "no hosts: a cluster needs at least one machine".into(),
                    "list them under `hosts:`, each with `address` and `role` (Pharos took hosts that are not in the file from Terraform's output; copy them from there)",
                );
            }
            return;
        }
        if read
            .iter()
            .any(|finding| finding.path.rsplit('.').next() == Some("role"))
        {
            return;
        }
        let masters = hosts
            .iter()
            .filter(|host| host.role == Role::Master)
            .count();
        if masters == 0 {
            self.error(
                "hosts/no-master",
                "hosts",
                "no host has the role `master`".into(),
                "give one host, better three, `role: master`",
            );
        } else if masters.is_multiple_of(2) {
            // etcd needs a majority: of four, three, so four survive one failure as three do.
            let survives = (masters - 1) / 2;
            let fewer = masters - 1;
            let message =
                format!("{masters} masters survive the loss of {survives}, as {fewer} would");
            self.warning(
                "hosts/even-masters",
                "hosts",
                message,
                "use an odd number of masters: 1, 3 or 5",
            );
        }
    }

    /// An etcd of one's own needs all of its parts; who is to leave cannot be planned.
    fn etcd(&mut self) {
        if let Some(external) = &self.config.etcd.external {
            let tls = external
                .endpoints
                .iter()
                .any(|url| url.starts_with("https:"));
            let missing = [
                ("endpoints", external.endpoints.is_empty()),
                ("ca_certificate", tls && external.ca_certificate.is_none()),
                (
                    "certificate",
                    external.key.is_some() && external.certificate.is_none(),
                ),
                (
                    "key",
                    external.certificate.is_some() && external.key.is_none(),
                ),
            ];
            for (key, _) in missing.into_iter().filter(|(_, missing)| *missing) {
                self.error(
                    "etcd/incomplete",
                    "etcd",
                    format!("an etcd of one's own needs `etcd.{key}` too"),
                    "give `endpoints`, with https also `ca_certificate`, and `certificate` with `key` where it asks for them",
                );
            }
        }
        for (index, name) in self.config.etcd.remove.iter().enumerate() {
            let planned = |host: &&Host| host.role == Role::Master && host.name == *name;
            if self.config.hosts.iter().any(|host| planned(&host)) {
                self.error(
                    "etcd/removes-a-master",
                    &format!("etcd.remove[{index}]"),
                    format!("`{name}` is a master of this file: it cannot leave etcd"),
                    "take the host out of `hosts`, or make it a worker under another name",
                );
            }
        }
    }

    fn settings(&mut self) {
        let config = self.config;
        let hosts = config.hosts.len();
        if let Some(replicas) = config.network.dns_replicas
            && hosts > 0
            && replicas as usize > hosts
        {
            let message = format!(
                "{replicas} DNS replicas do not fit on {hosts} {}",
                if hosts == 1 { "host" } else { "hosts" }
            );
            self.error(
                "network/too-many-dns-replicas",
                "network.dns_replicas",
                message,
                format!("at most `{hosts}`, or leave it out"),
            );
        }
        if !config.artefacts.upstream && config.artefacts.mirror.is_none() {
            let message =
                "without upstream and mirror, machines find artefacts only on attached overlays"
                    .into();
            self.warning(
                "artefacts/no-source",
                "artefacts.upstream",
                message,
                "set `artefacts.mirror`, or attach what `firstlight overlay build` makes",
            );
        }
        let (ca, leaf) = (config.certificates.ca_days, config.certificates.leaf_days);
        if leaf > ca {
            let message = format!("certificates of {leaf} days outlive their authority of {ca}");
            self.error(
                "certificates/outlive-authority",
                "certificates",
                message,
                "make `leaf_days` at most `ca_days`",
            );
        }
        match (&config.ssh.user, config.ssh.authorized_keys.is_empty()) {
            (Some(user), true) if self.document.exact("ssh.authorized_keys[0]").is_none() => {
                self.warning(
                    "ssh/no-keys",
                    "ssh.user",
                    format!("no account `{user}` is made: it has no keys"),
                    "add its public keys to `ssh.authorized_keys`",
                );
            }
            (None, false) if self.document.exact("ssh.user").is_none() => {
                self.error(
                    "ssh/no-user",
                    "ssh.authorized_keys",
                    "keys without an account".into(),
                    "add `user: ops` to `ssh`",
                );
            }
            _ => {}
        }
    }
}
