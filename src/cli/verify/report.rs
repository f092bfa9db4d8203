//! The report in its forms.

use std::net::IpAddr;

use serde_json::json;

use super::super::table::{row, table};
use super::judge::Verdict;
use super::{ReportFormat, Row};
use crate::plan::Node;
use crate::xml::Element;

impl Verdict {
    const fn word(&self) -> &'static str {
        match self {
            Verdict::Kept(_) => "ok",
            Verdict::Differs(_) => "DIFFERS",
            Verdict::NotJudged(_) => "not judged",
        }
    }

    fn detail(&self) -> &str {
        match self {
            Verdict::Kept(text) | Verdict::Differs(text) | Verdict::NotJudged(text) => text,
        }
    }
}

pub(super) fn report(
    format: ReportFormat,
    node: &Node,
    ip: IpAddr,
    from: &str,
    rows: &[Row],
) -> String {
    match format {
        ReportFormat::Text => text(node, ip, from, rows),
        ReportFormat::Json => json_text(node, ip, from, rows),
        ReportFormat::Junit => junit(node, rows),
    }
}

fn count(rows: &[Row], word: &str) -> usize {
    rows.iter().filter(|row| row.verdict.word() == word).count()
}

fn text(node: &Node, ip: IpAddr, from: &str, rows: &[Row]) -> String {
    let head = row([
        "PORT",
        "SERVICE",
        "EXPOSURE",
        "FROM HERE",
        "RESULT",
        "FOUND",
    ]);
    let lines = rows.iter().map(|r| {
        row([
            &r.port,
            &r.service,
            r.exposure,
            r.promise,
            r.verdict.word(),
            r.verdict.detail(),
        ])
    });
    let all: Vec<_> = std::iter::once(head).chain(lines).collect();
    format!(
        "{}{} ({ip}), seen as {from}: {} as the contract says, {} differ, {} not judged\n",
        table(&all),
        node.name,
        count(rows, "ok"),
        count(rows, "DIFFERS"),
        count(rows, "not judged"),
    )
}

fn json_text(node: &Node, ip: IpAddr, from: &str, rows: &[Row]) -> String {
    let one = |r: &Row| {
        let result = r.verdict.word().to_lowercase().replace(' ', "-");
        json!({ "port": r.port, "service": r.service, "exposure": r.exposure, "from_here": r.promise,
                "result": result, "found": r.verdict.detail() })
    };
    let value = json!({
        "schema_version": 1, "node": node.name, "address": ip.to_string(), "seen_as": from,
        "rows": rows.iter().map(one).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&value).expect("plain values have a JSON form") + "\n"
}

fn junit(node: &Node, rows: &[Row]) -> String {
    let (all, differ, skipped) = (
        rows.len().to_string(),
        count(rows, "DIFFERS").to_string(),
        count(rows, "not judged").to_string(),
    );
    let mut suite = Element::new(
        "testsuite",
        &[
            ("name", &node.name),
            ("tests", &all),
            ("failures", &differ),
            ("errors", "0"),
            ("skipped", &skipped),
        ],
    );
    for row in rows {
        let name = format!("{} {}", row.port, row.service);
        let mut case = Element::new(
            "testcase",
            &[("classname", &node.name), ("name", name.trim())],
        );
        match &row.verdict {
            Verdict::Kept(_) => {}
            Verdict::Differs(text) => case.push(Element::new("failure", &[("message", text)])),
            Verdict::NotJudged(text) => case.push(Element::new("skipped", &[("message", text)])),
        }
        suite.push(case);
    }
    let mut suites = Element::new("testsuites", &[]);
    suites.push(suite);
    suites.document()
}
