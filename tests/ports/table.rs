//! The table itself.

use firstlight::artefact::Catalogue;
use firstlight::artefact::addon::RunsOn;
use firstlight::artefact::port::PortRow;
use firstlight::compose::listeners;
use firstlight::plan::Plan;
use firstlight::plan::ports::{of_node, ports};

use crate::support::{CATALOGUE, Cluster, cluster, plan, plan_with};

/// `PORT exposure` of every row of a node.
fn rows(plan: &Plan, name: &str) -> Vec<String> {
    let node = plan.nodes.iter().find(|n| n.name == name).unwrap();
    let rows = of_node(plan, node).into_iter().map(|p| p.row);
    rows.map(|r| format!("{} {}", r.port_text(), r.exposure.as_str()))
        .collect()
}

/// What the requirements of Pharos's time list of every cluster, as this program answers it.
const MASTERS: [&str; 10] = [
    "22/tcp open",
    "2379/tcp restricted",
    "2380/tcp restricted",
    "6443/tcp open",
    "10248/tcp localhost",
    "10249/tcp localhost",
    "10250/tcp restricted",
    "10251/tcp closed",
    "10252/tcp closed",
    "10255/tcp closed",
];

/// What they forgot.
const FORGOTTEN: [&str; 6] = [
    "2382/tcp restricted",
    "10010/tcp localhost",
    "10257/tcp localhost",
    "10259/tcp localhost",
    "30000-32767/tcp open",
    "30000-32767/udp open",
];

#[test]
fn every_train_has_the_rows_of_every_cluster() {
    for train in CATALOGUE.trains.keys() {
        let plan = plan(&cluster(train, 3, 1));
        let master = rows(&plan, "m1");
        for row in MASTERS.iter().chain(&FORGOTTEN) {
            assert!(
                master.iter().any(|r| r == row),
                "{train}: {row}: {master:?}"
            );
        }
        let worker = rows(&plan, "w1");
        assert!(worker.contains(&"6443/tcp localhost".to_owned()));
        assert!(worker.contains(&"10250/tcp restricted".to_owned()));
        for port in ["2379", "2380", "2382", "10257", "10259", "10251", "10252"] {
            assert!(!worker.iter().any(|r| r.starts_with(port)), "{worker:?}");
        }
    }
}

#[test]
fn what_a_release_closed_is_told_per_train() {
    for (train, word) in [
        ("1.20", "turned off by --port=0"),
        ("1.34", "gone from this release"),
    ] {
        let all = ports(&plan(&cluster(train, 1, 0)));
        for port in ["10251/tcp", "10252/tcp"] {
            let found: Vec<_> = all.iter().filter(|p| p.row.port_text() == port).collect();
            assert_eq!(found.len(), 1, "{train} {port}");
            assert!(found[0].row.authentication.contains(word), "{train} {port}");
        }
    }
}

#[test]
fn the_system_s_own_rows_follow_profile_and_addresses() {
    let text = cluster("1.34", 1, 1);
    assert!(!rows(&plan(&text), "w1").contains(&"68/udp open".to_owned()));
    let leased = text.replace("address: 10.0.0.21/24", "address: 10.0.0.21");
    assert_ne!(leased, text);
    let plan = plan(&leased);
    assert!(rows(&plan, "w1").contains(&"68/udp open".to_owned()));
    assert!(!rows(&plan, "m1").contains(&"68/udp open".to_owned()));
    let old = "name: demo\nkubernetes: { version: \"1.20\" }\nnetwork: { provider: bridge }\nartefacts: { mirror: \"http://10.0.0.5\" }\n\
               hosts: [{ name: m1, role: master, address: 10.0.0.11/24, interface: eth0, os: centos-7.4 }]\n";
    let old = rows(&crate::support::plan(old), "m1");
    assert!(old.contains(&"323/udp localhost".to_owned()), "{old:?}");
    assert!(
        !old.iter()
            .any(|r| r.starts_with("53/") && r.ends_with("localhost")),
        "{old:?}"
    );
}

#[test]
fn an_etcd_of_one_s_own_takes_its_rows_away() {
    let text = cluster("1.34", 1, 0) + "etcd: { endpoints: [\"http://10.0.0.9:2379\"] }\n";
    let rows = rows(&plan(&text), "m1");
    assert!(!rows.iter().any(|r| r.starts_with("23")), "{rows:?}");
}

/// The catalogue with an addon `lamp` and these rows.
fn with_addon(name: &str, rows: &[&str]) -> Catalogue {
    let mut catalogue = CATALOGUE.clone();
    let mut addon = catalogue.components["coredns"].clone();
    addon.images.clear();
    let about = addon.addon.as_mut().unwrap();
    about.enabled = false;
    about.waves.clear();
    about.runs_on = RunsOn::default();
    for train in catalogue.trains.values_mut() {
        train
            .components
            .insert(name.to_owned(), "1.12.1".to_owned());
    }
    let rows = rows
        .iter()
        .map(|row| serde_yaml::from_str::<PortRow>(row).unwrap());
    addon.ports = rows.collect();
    catalogue.components.insert(name.to_owned(), addon);
    catalogue
}

const LAMP: &str = "{ port: 8088, protocol: tcp, service: lamp, on: selector, from: [anyone], exposure: open, authentication: none }";

#[test]
fn an_addon_brings_its_rows_when_it_is_on() {
    let catalogue = with_addon("lamp", &[LAMP]);
    let text = cluster("1.34", 1, 1);
    let off = plan_with(&text, &catalogue).unwrap();
    assert!(!ports(&off).iter().any(|p| p.component == "lamp"));
    let on = plan_with(
        &(text + "addons: { lamp: { enabled: true } }\n"),
        &catalogue,
    )
    .unwrap();
    let has = |name: &str| rows(&on, name).contains(&"8088/tcp open".to_owned());
    assert!(has("w1"));
    assert!(!has("m1"), "its taint keeps workloads away");
}

#[test]
fn a_row_of_the_same_listener_lets_more_in() {
    let kubelet = CATALOGUE
        .ports
        .iter()
        .find(|r| r.service == "kubelet")
        .unwrap();
    let row = format!(
        "{{ port: 10250, protocol: tcp, service: kubelet, on: all, from: [pods], exposure: restricted, authentication: \"{}\" }}",
        kubelet.authentication
    );
    let catalogue = with_addon("lamp", &[&row]);
    let text = cluster("1.34", 1, 1) + "addons: { lamp: { enabled: true } }\n";
    let plan = plan_with(&text, &catalogue).unwrap();
    let all = ports(&plan);
    let found: Vec<_> = all.iter().filter(|p| p.row.service == "kubelet").collect();
    assert_eq!(found.len(), 1);
    let from: Vec<_> = found[0].row.from.iter().map(|p| p.as_str()).collect();
    assert_eq!(from, ["masters", "pods"]);
}

#[test]
fn two_listeners_on_one_port_are_refused() {
    let other = LAMP
        .replace("service: lamp", "service: torch")
        .replace("8088", "8080-8090");
    let catalogue = with_addon("lamp", &[LAMP, &other]);
    let text = cluster("1.34", 1, 1) + "addons: { lamp: { enabled: true } }\n";
    let refused = plan_with(&text, &catalogue).unwrap_err();
    assert!(
        refused
            .contains("error[ports/overlap]: `torch` and `lamp` both listen on 8088/tcp of `w1`"),
        "{refused}"
    );
    assert!(refused.contains("node_selector"), "{refused}");
}

#[test]
fn what_the_contract_keeps_closed_nobody_listens_on() {
    let refused = |port: &str, network: &str| {
        let catalogue = with_addon("lamp", &[&LAMP.replace("8088", port)]);
        let text = cluster("1.34", 1, 1).replace("provider: bridge", network)
            + "addons: { lamp: { enabled: true } }\n";
        plan_with(&text, &catalogue).unwrap_err()
    };
    let read_only = refused("10255", "provider: bridge");
    assert!(
        read_only.contains(
            "error[ports/overlap]: `lamp` listens on 10255/tcp of `w1`, which the contract keeps closed (kubelet read-only)"
        ),
        "{read_only}"
    );
    // taken, whether a firewall keeps others away from them or not
    for firewall in ["", ", firewall: { enabled: true }"] {
        let node_port = refused("30100", &format!("provider: bridge{firewall}"));
        assert!(
            node_port.contains("`NodePorts` and `lamp` both listen on")
                || node_port.contains("`lamp` and `NodePorts` both listen on"),
            "{node_port}"
        );
    }
}

#[test]
fn a_firewall_keeps_metrics_of_weave_to_the_nodes() {
    let text = |firewall: &str| cluster("1.34", 1, 1).replace("provider: bridge", firewall);
    for (network, exposure) in [
        ("provider: weave", "open"),
        ("provider: weave, firewall: { enabled: true }", "restricted"),
    ] {
        let rows = rows(&plan(&text(network)), "w1");
        for port in ["6781/tcp", "6782/tcp", "10256/tcp"] {
            assert!(rows.contains(&format!("{port} {exposure}")), "{rows:?}");
        }
    }
}

#[test]
fn addons_are_reached_as_they_are_asked() {
    let text = cluster("1.34", 1, 1)
        + "addons: { metrics-server: { enabled: true }, ingress-nginx: { enabled: true } }\n";
    let plan = plan(&text);
    let all = ports(&plan);
    let kubelet = all.iter().find(|p| p.row.service == "kubelet").unwrap();
    let from: Vec<_> = kubelet.row.from.iter().map(|p| p.as_str()).collect();
    assert_eq!(from, ["masters", "nodes", "pods"]);
    assert!(rows(&plan, "w1").contains(&"18080/tcp closed".to_owned()));
    assert!(!rows(&plan, "m1").contains(&"18080/tcp closed".to_owned()));
}

#[test]
fn a_row_has_a_port_exactly_where_its_protocol_has() {
    for (row, message) in [
        ("protocol: esp, port: 50", "esp has no `port`"),
        ("protocol: tcp", "tcp needs a `port`"),
        ("protocol: tcp, port: 70000", "a port from 1 to 65535"),
        ("protocol: sctp, port: 7", "sctp"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "- {{ {row}, service: s, on: all, from: [nodes], exposure: open, authentication: none }}\n"
        );
        fs_err::write(folder.path().join("ports.yml"), text).unwrap();
        let error = Catalogue::with_overrides(folder.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(message) && error.contains("ports.yml"),
            "{error}"
        );
    }
}

#[test]
fn a_manifest_s_port_that_no_row_declares_is_named() {
    for train in CATALOGUE.trains.keys() {
        let cluster = Cluster::new(&cluster(train, 1, 1));
        for node in ["m1", "w1"] {
            let found = listeners::undeclared(&cluster.plan, &cluster.tree(node));
            assert_eq!(found, [""; 0], "{train} {node}");
        }
        let mut tree = cluster.tree("m1");
        tree.public(
            "/etc/firstlight/apply/90-mine.yaml",
            "kind: DaemonSet\nspec: { template: { spec: { containers: [{ name: a, ports: [{ containerPort: 80, hostPort: 8089 }] }] } } }\n",
        );
        assert_eq!(
            listeners::undeclared(&cluster.plan, &tree),
            ["/etc/firstlight/apply/90-mine.yaml: 8089/tcp"]
        );
    }
}
