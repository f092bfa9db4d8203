//! `firstlight ports` for machines.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Done, cluster, firstlight, run};

fn place() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs_err::write(place.path().join("cluster.yml"), cluster("1.34", 3, 1)).unwrap();
    place
}

fn ports(place: &Path, args: &[&str]) -> Done {
    let args: Vec<&str> = std::iter::once("ports")
        .chain(args.iter().copied())
        .collect();
    run(&mut firstlight(place, &args))
}

#[test]
fn a_cluster_s_table_has_addresses_and_a_node_s_its_rows() {
    let place = place();
    let all = ports(place.path(), &[]).ok().stdout;
    assert!(
        all.contains("\nmasters: 10.0.0.11, 10.0.0.12/31\n"),
        "{all}"
    );
    let worker = ports(place.path(), &["--node", "w1"]).ok().stdout;
    assert!(
        worker.contains("haproxy") && !worker.contains("2379/tcp"),
        "{worker}"
    );
    assert!(worker.contains("\nw1: 10.0.0.21\n"), "{worker}");
    let json = ports(place.path(), &["--node", "m1", "--format", "json"]).json();
    assert_eq!(json["node"], "m1");
    assert_eq!(json["sources"]["pods"][0], "10.32.0.0/12");
    let unknown = ports(place.path(), &["--node", "m9"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.stderr.contains("no host is named `m9`"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn filters_are_read_by_their_readers() {
    let place = place();
    for format in ["nft", "firewalld"] {
        let alone = ports(place.path(), &["--format", format]);
        assert_eq!(alone.code, Some(1));
        assert!(
            alone.stderr.contains("name it with `--node`"),
            "{}",
            alone.stderr
        );
        let rules = ports(place.path(), &["--format", format, "--node", "m1"])
            .ok()
            .stdout;
        fs_err::write(place.path().join(format), rules).unwrap();
    }
    let sh = |script: &str| {
        let script = format!("PATH=$PATH:/usr/sbin:/sbin; {script}");
        run(Command::new("unshare")
            .args(["--net", "sh", "-ec", &script])
            .current_dir(place.path()))
        .ok()
    };
    sh("nft -c -f nft");
    // the same words as firewall-cmd's, without a daemon
    sh("mkdir own && cp /etc/firewalld/firewalld.conf own/
        offline() { shift; firewall-offline-cmd -q --system-config own \"$@\"; }
        sed s/^firewall-cmd/offline/ firewalld > script && . ./script
        firewall-offline-cmd --system-config own --check-config
        grep -q 'port=\"2379-2380\"' own/zones/firstlight.xml");
}

#[test]
fn a_terraform_rule_is_for_those_who_filter_outside() {
    let place = place();
    let text = ports(place.path(), &["--format", "terraform"]).ok().stdout;
    let value: Value = serde_json::from_str(&text).unwrap();
    let ingress = &value["locals"]["firstlight_ingress"];
    let rule = |role: &str, port: u64| {
        let rules = ingress[role].as_array().unwrap().iter();
        rules
            .filter(|rule| rule["from_port"] == port)
            .collect::<Vec<_>>()
    };
    let etcd = rule("masters", 2379);
    assert_eq!(etcd.len(), 1);
    assert_eq!(
        etcd[0]["cidr_blocks"],
        serde_json::json!(["10.0.0.11/32", "10.0.0.12/31"])
    );
    assert_eq!(rule("masters", 6443)[0]["ipv6_cidr_blocks"][0], "::/0");
    assert!(rule("workers", 2379).is_empty() && rule("workers", 6443).is_empty());
    assert!(rule("workers", 30000).is_empty() && rule("masters", 10259).is_empty());
}

#[test]
fn markdown_has_a_line_for_each_row() {
    let place = place();
    let text = ports(place.path(), &["--format", "markdown"]).ok().stdout;
    assert!(text.contains(
        "| 2379/tcp | etcd clients | masters | masters | restricted | TLS client certificate |\n"
    ));
}
