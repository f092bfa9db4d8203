//! The firewall: its files read by those who read them on a node, and packets sent through it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use firstlight::compose::NodeTree;

use crate::support::{self, CATALOGUE, Cluster, root, run};

/// A cluster of one system, two families, with a firewall.
fn cluster(os: &str, train: &str, firewall: &str) -> Cluster {
    let host = |name: &str, role: &str, last: u8| {
        format!(
            "  - {{ name: {name}, role: {role}, address: [10.0.0.{last}/24, \"fd00::{last}/64\"], mac: \"52:54:00:00:00:{last}\" }}\n"
        )
    };
    Cluster::new(&format!(
        "name: demo\nkubernetes: {{ version: \"{train}\" }}\ndefaults: {{ os: {os} }}\n\
         artefacts: {{ mirror: \"http://10.0.0.5\" }}\nhosts:\n{}{}{}\
         network:\n  provider: bridge\n  firewall: {{ enabled: true{firewall} }}\n",
        host("m1", "master", 11),
        host("m2", "master", 12),
        host("w1", "worker", 21),
    ))
}

fn text(tree: &NodeTree, path: &str) -> String {
    let file = tree.files.get(path).unwrap_or_else(|| panic!("no {path}"));
    String::from_utf8(file.content.clone().into_owned()).unwrap()
}

fn rules(tree: &NodeTree, kind: &str) -> String {
    text(tree, &format!("/etc/firstlight/firewall/rules.{kind}"))
}

/// `packets.py` with these rules: who reached what.
fn packets(kind: &str, files: &[String]) -> BTreeMap<String, bool> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "python3"]);
    command.arg(root().join("tests/ports/packets.py")).arg(kind);
    command.env("PORTS", "22,2379,2382,6443,9000,10250,10255,10256");
    command.env(
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
    for (index, content) in files.iter().enumerate() {
        let path = folder.path().join(index.to_string());
        fs_err::write(&path, content).unwrap();
        command.arg(path);
    }
    let done = run(&mut command).ok();
    serde_json::from_str(&done.stdout).unwrap()
}

/// Ports of TCP that each peer reaches, over each family alike; `extra` besides.
fn expected(peer: &str) -> Vec<u16> {
    let mut ports = vec![22, 6443];
    if peer == "master" {
        ports.extend([2379, 2382, 10250]);
    }
    if ["master", "worker", "stranger"].contains(&peer) {
        // from the nodes' networks
        ports.push(10256);
    }
    if peer != "pod" {
        ports.push(30080);
    }
    ports
}

fn judge(found: &BTreeMap<String, bool>) {
    let peers = ["master", "worker", "stranger", "outsider", "pod"];
    for (name, reached) in found {
        let words: Vec<&str> = name.split(' ').collect();
        if !peers.contains(&words[0]) || words.len() != 4 {
            assert!(*reached, "{name}");
            continue;
        }
        let port: u16 = words[3].parse().unwrap();
        let open = words[2] == "tcp" && expected(words[0]).contains(&port);
        assert_eq!(*reached, open, "{name}");
    }
    assert!(found.len() > 150, "{}", found.len());
}

const OPEN: &str = ", open_ports: [{ port: 30080 }]";

#[test]
fn without_a_firewall_everybody_reaches_everything() {
    let found = packets("off", &[]);
    let kept_out: Vec<_> = found.iter().filter(|(_, reached)| !**reached).collect();
    assert!(kept_out.is_empty(), "{kept_out:?}");
}

#[test]
fn nftables_lets_in_whom_the_contract_names() {
    let tree = cluster("debian-12", "1.34", OPEN).tree("m1");
    judge(&packets("nft", &[rules(&tree, "nft")]));
}

#[test]
fn iptables_lets_in_whom_the_contract_names() {
    let tree = cluster("ubuntu-18.04", "1.30", OPEN).tree("m1");
    judge(&packets(
        "iptables",
        &[rules(&tree, "v4"), rules(&tree, "v6")],
    ));
}

#[test]
fn who_is_trusted_reaches_everything() {
    let firewall = ", trusted_subnets: [10.0.0.0/28, \"fd00::10/124\"]";
    let tree = cluster("debian-12", "1.34", firewall).tree("m1");
    let found = packets("nft", &[rules(&tree, "nft")]);
    assert!(found["master 4 udp 9000"] && found["master 6 tcp 8081"]);
    assert!(!found["worker 4 udp 9000"] && !found["stranger 4 tcp 30080"]);
}

#[test]
fn networks_that_weave_trusts_may_send_its_packets_and_nothing_else() {
    let weave = |trusted: &str, os: &str, train: &str| {
        let text = format!(
            "name: demo\nkubernetes: {{ version: \"{train}\" }}\ndefaults: {{ os: {os} }}\nartefacts: {{ mirror: \"http://10.0.0.5\" }}\nhosts:\n  \
             - {{ name: m1, role: master, address: 10.0.0.11/24, mac: \"52:54:00:00:00:11\" }}\n\
             network: {{ provider: weave{trusted}, firewall: {{ enabled: true }} }}\n"
        );
        Cluster::new(&text).tree("m1")
    };
    let trusted = ", weave: { trusted_subnets: [10.0.0.0/28] }";
    let nft = rules(&weave(trusted, "debian-12", "1.34"), "nft");
    for line in [
        "set everything4 { type ipv4_addr; flags interval; }",
        "set trusted4 { type ipv4_addr; flags interval; elements = { 10.0.0.0/28 }; }",
        "set trusted_open { type inet_proto . inet_service; flags interval; elements = { udp . 6784 }; }",
        "elements = { tcp . 5355, tcp . 6781-6783, tcp . 10256, udp . 5355, udp . 6783 }",
        "ip saddr @nodes4 meta l4proto 50 accept",
        "ip saddr @nodes4 meta ipsec exists accept",
    ] {
        assert!(nft.contains(line), "{line}\n{nft}");
    }
    // without: what is not encrypted comes from nobody
    let nft = rules(&weave("", "debian-12", "1.34"), "nft");
    assert!(!nft.contains("6784"), "{nft}");
    // firewalld asks once more, after decryption
    let direct = text(
        &weave(trusted, "centos-7.4", "1.20"),
        "/etc/firewalld/direct.xml",
    );
    assert!(
        direct.contains("chain=\"INPUT\">-m policy --dir in --pol ipsec -j ACCEPT<"),
        "{direct}"
    );
}

#[test]
fn ssh_is_closed_only_on_purpose() {
    let tree = cluster("debian-12", "1.34", ", ssh: false").tree("m1");
    assert!(!rules(&tree, "nft").contains("# ssh"));
    let found = packets("nft", &[rules(&tree, "nft")]);
    assert!(!found["stranger 4 tcp 22"] && !found["master 6 tcp 22"]);
}

#[test]
fn readers_of_today_accept_every_file() {
    for (os, train) in [
        ("debian-11", "1.20"),
        ("debian-12", "1.34"),
        ("debian-13", "1.36"),
        ("ubuntu-24.04", "1.36"),
        ("debian-9", "1.20"),
        ("ubuntu-16.04", "1.20"),
        ("centos-7.4", "1.20"),
        ("rhel-7.6", "1.20"),
        ("rocky-9", "1.34"),
    ] {
        let more = ", trusted_subnets: [10.0.0.0/28, \"fd00::/124\"], open_ports: [{ port: 30000-32767, protocol: udp }, { port: 30080 }]";
        let cluster = cluster(os, train, more);
        for node in ["m1", "w1"] {
            let tree = cluster.tree(node);
            let folder = tempfile::tempdir().unwrap();
            let paths = tree.files.keys().filter(|path| path.contains("/firewall"));
            for path in paths.filter(|path| path.starts_with("/etc/fir")) {
                let to = folder.path().join(&path[1..]);
                fs_err::create_dir_all(to.parent().unwrap()).unwrap();
                fs_err::write(to, text(&tree, path)).unwrap();
            }
            read(folder.path(), &format!("{os} {node}"));
        }
    }
}

fn read(folder: &Path, what: &str) {
    let mut readers = 0;
    let mut shell = |script: &str| {
        let script = format!("export PATH=$PATH:/usr/sbin:/sbin; {script}");
        let mut command = Command::new("unshare");
        let done = run(command
            .args(["--net", "sh", "-c", &script])
            .current_dir(folder));
        assert_eq!(
            done.code,
            Some(0),
            "{what}: {script}\n{}{}",
            done.stdout,
            done.stderr
        );
        readers += 1;
    };
    let rules = folder.join("etc/firstlight/firewall");
    if rules.join("rules.nft").exists() {
        shell("nft -c -f etc/firstlight/firewall/rules.nft");
        let marked = "sed 's/^ *# ssh$/    tcp dport { 22,2222 } accept/' etc/firstlight/firewall/rules.nft | nft -c -f -";
        shell(marked);
    } else {
        for (program, version) in [("iptables", "v4"), ("ip6tables", "v6")] {
            for kind in ["legacy", "nft"] {
                shell(&format!(
                    "{program}-{kind}-restore --test --noflush < etc/firstlight/firewall/rules.{version}"
                ));
            }
        }
    }
    if folder.join("etc/firewalld").exists() {
        shell(
            "cp /etc/firewalld/firewalld.conf etc/firewalld/ && sed -i s/^DefaultZone=.*/DefaultZone=firstlight/ etc/firewalld/firewalld.conf && firewall-offline-cmd --system-config etc/firewalld --check-config",
        );
    }
    assert!(readers >= 2, "{what}");
}

#[test]
fn as_many_rules_for_three_nodes_as_for_three_hundred() {
    let files = |os: &str, workers: u16| -> Vec<(String, String)> {
        let worker = |n: u16| {
            let (third, last) = (n / 200, n % 200 + 20);
            format!(
                "  - {{ name: w{n}, role: worker, address: 10.0.{third}.{last}/16, mac: \"52:54:00:00:{third:02x}:{last:02x}\" }}\n"
            )
        };
        let workers: String = (1..=workers).map(worker).collect();
        let text = format!(
            "name: demo\nkubernetes: {{ version: \"1.30\" }}\ndefaults: {{ os: {os} }}\nartefacts: {{ mirror: \"http://10.0.0.5\" }}\n\
             hosts:\n  - {{ name: m1, role: master, address: 10.0.0.11/16, mac: \"52:54:00:00:00:ff\" }}\n{workers}\
             network: {{ provider: bridge, firewall: {{ enabled: true }} }}\n"
        );
        let tree = Cluster::new(&text).tree("m1");
        let all = tree.files.keys().filter(|path| {
            path.starts_with("/etc/firstlight/firewall/") || path.starts_with("/etc/firewalld/")
        });
        all.map(|path| (path.clone(), self::text(&tree, path)))
            .collect()
    };
    for (os, least) in [("debian-12", 1), ("ubuntu-18.04", 2), ("rocky-9", 5)] {
        let three = files(os, 2);
        assert!(three.len() >= least, "{os}: {three:?}");
        assert!(three == files(os, 299), "{os}");
    }
}

#[test]
fn a_node_without_a_firewall_has_no_rules_and_one_with_it_has_the_packages() {
    let off = Cluster::new(&support::cluster("1.34", 1, 0)).tree("m1");
    assert!(!off.files.keys().any(|path| path.contains("firewall/")));
    for (os, train) in [
        ("debian-11", "1.34"),
        ("debian-12", "1.34"),
        ("debian-13", "1.34"),
    ] {
        let on = cluster(os, train, "");
        let artefacts = text(&on.tree("m1"), "/etc/firstlight/artefacts");
        for package in ["nftables", "libnftables1", "libjansson4"] {
            assert!(
                artefacts.contains(&format!("/{package}_")),
                "{os}: {package}\n{artefacts}"
            );
        }
        assert!(CATALOGUE.packages[os].packages.contains_key("nftables"));
    }
}

#[test]
fn the_settings_must_not_open_what_the_contract_restricts() {
    let refused = |firewall: &str| {
        let text = support::cluster("1.34", 1, 1).replace(
            "provider: bridge",
            &format!("provider: bridge, firewall: {{ enabled: true, {firewall} }}"),
        );
        support::try_plan(&text)
    };
    let error = refused("open_ports: [{ port: 2000-3000 }]").unwrap_err();
    let message = "error[firewall/contradicts-contract]: `2379/tcp` is etcd clients, which the contract keeps restricted (masters)";
    assert!(error.contains(message), "{error}");
    assert!(error.contains("against_contract: true"), "{error}");
    for fine in [
        "open_ports: [{ port: 2000-3000, against_contract: true }]",
        "open_ports: [{ port: 2379, roles: [worker] }]",
        "open_ports: [{ port: 2379, protocol: udp }, { port: 443 }, { port: 30443 }, { port: 6443, roles: [master] }]",
    ] {
        refused(fine).unwrap();
    }
    let local = refused("open_ports: [{ port: 10248 }]").unwrap_err();
    assert!(local.contains("keeps localhost"), "{local}");
}

#[test]
fn node_ports_may_be_held_by_kube_proxy_whoever_reaches_them() {
    let mut cluster = cluster("debian-12", "1.20", "");
    for exposure in ["restricted", "open"] {
        cluster.plan.firewall.enabled = exposure == "restricted";
        let ports = text(&cluster.tree("m1"), "/etc/firstlight/ports");
        for protocol in ["tcp", "udp"] {
            let row = format!("{protocol} 30000 32767 * {exposure} NodePorts\n");
            assert!(ports.contains(&row), "{ports}");
        }
    }
}

#[test]
fn a_node_of_an_unknown_network_is_refused() {
    let text = support::cluster("1.34", 1, 1)
        .replace(
            "provider: bridge",
            "provider: bridge, firewall: { enabled: true }",
        )
        .replace("address: 10.0.0.21/24", "address: 10.1.0.21");
    let error = support::try_plan(&text).unwrap_err();
    assert!(
        error.contains("error[firewall/unknown-network]") && error.contains("10.1.0.21"),
        "{error}"
    );
    let known = text.replace(
        "enabled: true",
        "enabled: true, trusted_subnets: [10.1.0.0/24]",
    );
    support::try_plan(&known).unwrap();
}

#[test]
fn a_host_of_two_families_filters_both_and_its_kubelet_has_that_of_the_pods() {
    for train in ["1.20", "1.34"] {
        let tree = cluster("debian-12", train, "").tree("m1");
        let env = text(&tree, "/etc/firstlight/node.env");
        assert!(env.contains("--node-ip=10.0.0.11 "), "{env}");
        let rules = rules(&tree, "nft");
        assert!(rules.contains("fd00::/64"), "{rules}");
    }
}
