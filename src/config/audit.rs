//! `audit:`

use super::key::{Effect, key};
use super::kinds::{BOOL, COUNT, FILE, PATH, TEXT, URL};
use super::model::{Audit, AuditFile, AuditWebhook};
use super::read::Reader;

pub(super) fn audit(reader: &mut Reader<'_, '_>) -> Audit {
    let webhook = reader.section(
        &key("webhook", "a service that takes the record too"),
        webhook,
    );
    let file = reader.section(&key("file", "a file on every master"), file);
    let policy = key("policy", "path of an audit `Policy` in place of ours")
        .default("who did what; bodies only of what changes workloads and rights")
        .example("audit-policy.yaml");
    let policy = reader.optional(&policy, &FILE);
    reader.optional(
        &key("server", "Pharos's early name").effect(Effect::Renamed("audit.webhook.server")),
        &TEXT,
    );
    Audit {
        file,
        webhook,
        policy,
    }
}

fn webhook(reader: &mut Reader<'_, '_>) -> Option<AuditWebhook> {
    let server = key("server", "its URL").example("\"https://audit.example.com/events\"");
    let server = reader.required(&server, &URL);
    let authority = key("certificate_authority", "path of its authority in PEM");
    let authority = authority.default("the system's").example("audit/ca.crt");
    let certificate_authority = reader.optional(&authority, &FILE);
    Some(AuditWebhook {
        server: server?,
        certificate_authority,
    })
}

fn file(reader: &mut Reader<'_, '_>) -> Option<AuditFile> {
    let usual = AuditFile::default();
    let enabled = key("enabled", "whether there is one").default("true");
    let enabled = reader.optional(&enabled.example("false"), &BOOL);
    let path = key(
        "path",
        "its path; the API server writes it 0600, and rotated ones beside it",
    );
    let path = path.default("/var/log/kubernetes/audit.json");
    let path = reader.optional(&path.example("/var/log/audit/kube.json"), &PATH);
    let age = key("max_age", "days that rotated files are kept").default("30");
    let age = reader.optional(&age.example("90"), &COUNT);
    let size = key("max_size", "MiB before it is rotated").default("100");
    let size = reader.optional(&size.example("200"), &COUNT);
    let backups = key("max_backups", "rotated files that are kept").default("20");
    let backups = reader.optional(&backups.example("10"), &COUNT);
    enabled.unwrap_or(true).then(|| AuditFile {
        path: path.unwrap_or(usual.path),
        max_age: age.unwrap_or(usual.max_age),
        max_size: size.unwrap_or(usual.max_size),
        max_backups: backups.unwrap_or(usual.max_backups),
    })
}
