//! Pod networks: which runs where, what each puts on a node and into the cluster, who knows its secrets.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firstlight::compose::NodeTree;
use firstlight::compose::secrets::inventory;
use serde_json::Value;
use support::{CATALOGUE, Cluster};

/// `support::cluster` with another pod network.
fn cluster(train: &str, masters: u8, workers: u8, network: &str) -> String {
    let text = support::cluster(train, masters, workers);
    assert!(text.contains("network: { provider: bridge }"));
    text.replace("network: { provider: bridge }", network)
}

const WEAVE: &str = "network: { provider: weave }";

fn text<'t>(tree: &'t NodeTree, path: &str) -> &'t str {
    let file = tree.files.get(path);
    let file = file.unwrap_or_else(|| panic!("no {path}"));
    std::str::from_utf8(&file.content).unwrap()
}

fn objects(tree: &NodeTree, path: &str) -> Vec<Value> {
    let text = text(tree, path);
    let documents = text.strip_prefix("---\n").unwrap().split("\n---\n");
    documents
        .map(|d| firstlight::yaml::from_str(d).unwrap())
        .collect()
}

fn find<'v>(objects: &'v [Value], kind: &str, name: &str) -> &'v Value {
    objects
        .iter()
        .find(|o| o["kind"] == kind && o["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn environment(container: &Value) -> BTreeMap<&str, &str> {
    let variables = container["env"].as_array().unwrap();
    let pair = |v: &'_ Value| v["value"].as_str().is_some();
    variables
        .iter()
        .filter(|v| pair(v))
        .map(|v| (v["name"].as_str().unwrap(), v["value"].as_str().unwrap()))
        .collect()
}

const NETWORK: &str = "/etc/firstlight/apply/15-network.yaml";
const PASSWORD: &str = "/etc/firstlight/apply/secrets/kube-system/weave-password/password";

#[test]
fn bridge_alone_has_its_own_files_and_subnets() {
    let own = [
        "/etc/cni/net.d/10-bridge.conflist",
        "/opt/firstlight/bin/firstlight-network",
        "/etc/systemd/system/firstlight-network.service",
    ];
    let wanted = "/etc/systemd/system/firstlight.target.wants/firstlight-network.service";
    for (network, there) in [("network: { provider: bridge }", true), (WEAVE, false)] {
        let all = Cluster::new(&cluster("1.34", 1, 1, network));
        assert_eq!(all.ids.pod_subnets.is_empty(), !there, "{network}");
        for node in ["m1", "w1"] {
            let tree = all.tree(node);
            for path in own {
                assert_eq!(tree.files.contains_key(path), there, "{network} {path}");
            }
            assert_eq!(tree.links.contains_key(wanted), there, "{network}");
        }
    }
}

#[test]
fn weave_is_what_a_file_that_names_none_gets() {
    for train in CATALOGUE.trains.keys() {
        let all = Cluster::new(&cluster(train, 1, 1, ""));
        assert_eq!(all.plan.provider.as_str(), "weave", "{train}");
        assert!(all.ids.weave_password.is_some());
        for node in ["m1", "w1"] {
            let images = text(&all.tree(node), "/etc/firstlight/images").to_owned();
            for image in ["weave-kube:2.8.1 sha256:", "weave-npc:2.8.1 sha256:"] {
                assert!(images.contains(image), "{train} {node}: {images}");
            }
        }
    }
}

#[test]
fn weave_runs_once_for_each_kind_of_iptables_rules() {
    let all = Cluster::new(&cluster("1.20", 1, 1, WEAVE));
    let tree = all.tree("m1");
    let objects = objects(&tree, NETWORK);
    for (backend, os) in [("legacy", "debian-9"), ("nft", "debian-12")] {
        let set = find(&objects, "DaemonSet", &format!("weave-net-{backend}"));
        let pod = &set["spec"]["template"];
        assert_eq!(pod["spec"]["nodeSelector"]["firstlight/iptables"], backend);
        for labels in [
            &set["spec"]["selector"]["matchLabels"],
            &pod["metadata"]["labels"],
        ] {
            assert_eq!(
                labels["iptables"], backend,
                "two sets that select each other's pods"
            );
        }
        // never by what the container finds out by itself
        let containers = ["initContainers", "containers"].map(|list| pod["spec"][list].as_array());
        for container in containers.into_iter().flatten().flatten() {
            assert_eq!(environment(container)["IPTABLES_BACKEND"], "legacy");
        }
        // a label that the kubelet may give itself
        let text = cluster("1.20", 1, 1, WEAVE).replace(
            "defaults: {",
            &format!("artefacts: {{ mirror: \"http://m\" }}\ndefaults: {{ os: {os},"),
        );
        let flags = support::plan(&text).nodes[1].labels["firstlight/iptables"].clone();
        assert_eq!(flags, backend);
    }
    let env = text(&tree, "/etc/firstlight/node.env");
    assert!(
        env.contains("--node-labels=firstlight/iptables=nft"),
        "{env}"
    );
}

#[test]
fn weave_needs_no_service_no_upstream_and_no_memory_of_its_last_start() {
    let network = "network: { pod_network_cidr: 10.40.0.0/16, weave: { trusted_subnets: [10.0.0.0/24, 10.1.0.0/24], known_peers: [192.0.2.7, 192.0.2.8], \
                   ipalloc_default_subnet: 10.40.0.0/17, no_masq_local: true, mtu: 8916 } }";
    let all = Cluster::new(&cluster("1.34", 3, 1, network));
    let objects = objects(&all.tree("m1"), NETWORK);
    let set = find(&objects, "DaemonSet", "weave-net-nft");
    let pod = &set["spec"]["template"]["spec"];
    assert_eq!(pod["hostNetwork"], true);
    assert_eq!(pod["tolerations"][0]["operator"], "Exists");
    for container in pod["containers"].as_array().unwrap() {
        let env = environment(container);
        assert_eq!(
            (
                env["KUBERNETES_SERVICE_HOST"],
                env["KUBERNETES_SERVICE_PORT"]
            ),
            ("127.0.0.1", "6443"),
            "kube-proxy would have to come first"
        );
    }
    let env = environment(&pod["containers"][0]);
    for (name, value) in [
        ("CHECKPOINT_DISABLE", "1"),
        ("CONN_LIMIT", "0"),
        ("IPALLOC_RANGE", "10.40.0.0/16"),
        (
            "OPTIONS",
            "--trusted-subnets=10.0.0.0/24,10.1.0.0/24 --ipalloc-default-subnet=10.40.0.0/17",
        ),
        ("KNOWN_PEERS", "192.0.2.7 192.0.2.8"),
        ("NO_MASQ_LOCAL", "1"),
        ("WEAVE_MTU", "8916"),
        ("CLUSTER_ID", &all.ids.cluster_id),
    ] {
        assert_eq!(env.get(name), Some(&value), "{name}");
    }
    let launch = &find(&objects, "ConfigMap", "weave-launch")["data"];
    let script = launch["launch.sh"].as_str().unwrap();
    assert!(
        script.contains("rm -rf $run && mkdir -p $run && cd $run"),
        "restart.sentinel"
    );
    let cni: Value = serde_json::from_str(launch["10-weave.conflist"].as_str().unwrap()).unwrap();
    assert_eq!(cni["plugins"][0]["hairpinMode"], true);
    assert_eq!(cni["plugins"][1]["type"], "portmap");
}

/// A new worker must not change what the others have, or every one of them would need a new seed.
#[test]
fn no_seed_knows_the_workers() {
    let folder = tempfile::tempdir().unwrap();
    let of = |workers| {
        let place = tempfile::tempdir_in(folder.path()).unwrap();
        let state = folder.path().join("kept");
        if state.exists() {
            for (path, content) in support::files(&state) {
                let to = place.path().join(&path);
                fs_err::create_dir_all(to.parent().unwrap()).unwrap();
                fs_err::write(to, content).unwrap();
            }
        }
        fs_err::write(
            place.path().join("cluster.yml"),
            cluster("1.34", 3, workers, WEAVE),
        )
        .unwrap();
        support::run(&mut support::firstlight(place.path(), &["build"])).ok();
        let seeds = ["m1", "m2", "m3", "w1"].map(|node| {
            fs_err::read(place.path().join(format!("out/nodes/{node}/seed.iso"))).unwrap()
        });
        for (path, content) in support::files(place.path()) {
            let to = state.join(&path);
            fs_err::create_dir_all(to.parent().unwrap()).unwrap();
            fs_err::write(to, content).unwrap();
        }
        seeds
    };
    assert!(of(1) == of(3));
}

#[test]
fn only_masters_know_the_password_and_no_file_that_others_read() {
    let all = Cluster::new(&cluster("1.34", 2, 2, WEAVE));
    let password = all.ids.weave_password.as_ref().unwrap().expose().to_owned();
    assert_eq!(password.len(), 64);
    let encoded = STANDARD.encode(&password);
    for node in &all.plan.nodes {
        let tree = all.tree(&node.name);
        let holding: Vec<&String> = tree
            .files
            .iter()
            .filter(|(_, file)| {
                let text = String::from_utf8_lossy(&file.content);
                text.contains(&password) || text.contains(&encoded)
            })
            .map(|(path, _)| path)
            .collect();
        let expected: &[&str] = if node.is_master() { &[PASSWORD] } else { &[] };
        assert_eq!(holding, expected, "{}", node.name);
        for path in holding {
            assert_eq!(tree.files[path].mode, 0o600);
            assert!(
                inventory(node, &tree)
                    .iter()
                    .any(|secret| secret.path == *path)
            );
        }
    }
}

#[test]
fn what_cannot_run_is_refused_with_the_reason() {
    let refused = |train: &str, network: &str, defaults: &str| {
        let text = cluster(train, 1, 1, network);
        support::try_plan(&text.replace("defaults: {", &format!("defaults: {{ {defaults}")))
            .unwrap_err()
    };
    let el9 = refused("1.34", WEAVE, "os: rocky-9,");
    for part in [
        "error[network/provider-does-not-run]: `m1` cannot have the provider `weave`: nobody has seen Weave Net 2.8.1 run beside Enterprise Linux 9",
        "weaveworks/weave#3968",
        "`network.provider` that can: `bridge`",
    ] {
        assert!(el9.contains(part), "{el9}");
    }
    let v6 = refused(
        "1.34",
        "network: { pod_network_cidr: [10.32.0.0/12, \"fd01::/48\"], service_cidr: [10.96.0.0/12, \"fd02::/112\"] }",
        "",
    );
    assert!(
        v6.contains(
            "error[network/provider-ipv4-only]: the provider `weave` carries one IPv4 pod network"
        ),
        "{v6}"
    );
}

#[test]
fn a_provider_that_the_train_lacks_is_refused() {
    let mut catalogue = CATALOGUE.clone();
    catalogue
        .trains
        .get_mut("1.34")
        .unwrap()
        .components
        .remove("weave");
    let why = support::plan_with(&cluster("1.34", 1, 1, WEAVE), &catalogue).unwrap_err();
    assert!(
        why.contains(
            "the provider `weave` cannot run on train 1.34: the train names no version of `weave`"
        ),
        "{why}"
    );
    catalogue.components.remove("weave");
    let why = support::plan_with(&cluster("1.34", 1, 1, WEAVE), &catalogue).unwrap_err();
    assert!(
        why.contains("the catalogue has no pod network `weave`"),
        "{why}"
    );
}

#[test]
fn calico_has_its_settings_and_the_kinds_before_what_is_of_them() {
    let network = "network: { provider: calico, pod_network_cidr: 10.40.0.0/16, calico: { ipip_mode: CrossSubnet, nat_outgoing: false, mtu: 9000, \
                   environment: { FELIX_LOGSEVERITYSCREEN: Warning, CLUSTER_TYPE: k8s } } }";
    let all = Cluster::new(&cluster("1.34", 1, 1, network));
    let tree = all.tree("m1");
    let kinds = objects(&tree, "/etc/firstlight/apply/14-network-kinds-crds.yaml");
    assert!(
        kinds
            .iter()
            .all(|o| o["kind"] == "CustomResourceDefinition")
    );
    let objects = objects(&tree, NETWORK);
    let pod = &find(&objects, "DaemonSet", "calico-node")["spec"]["template"]["spec"];
    let env = environment(&pod["containers"][0]);
    for (name, value) in [
        ("CALICO_IPV4POOL_IPIP", "CrossSubnet"),
        ("CALICO_IPV4POOL_NAT_OUTGOING", "false"),
        ("CALICO_IPV4POOL_CIDR", "10.40.0.0/16"),
        ("FELIX_IPINIPMTU", "8980"),
        ("FELIX_LOGSEVERITYSCREEN", "Warning"),
        ("CLUSTER_TYPE", "k8s"),
        ("KUBERNETES_SERVICE_HOST", "127.0.0.1"),
    ] {
        assert_eq!(env.get(name), Some(&value), "{name}");
    }
    let names = pod["containers"][0]["env"].as_array().unwrap();
    let twice = names.iter().filter(|v| v["name"] == "CLUSTER_TYPE");
    assert_eq!(twice.count(), 1);
    let install = environment(&pod["initContainers"][0]);
    let cni: Value = serde_json::from_str(install["CNI_NETWORK_CONFIG"]).unwrap();
    assert_eq!(cni["plugins"][0]["mtu"], 8980);
    // every kind that a role names exists
    let there: Vec<&str> = kinds
        .iter()
        .map(|o| o["spec"]["names"]["plural"].as_str().unwrap())
        .collect();
    for role in objects.iter().filter(|o| o["kind"] == "ClusterRole") {
        for rule in role["rules"].as_array().unwrap() {
            if rule["apiGroups"][0] == "crd.projectcalico.org" {
                for resource in rule["resources"].as_array().unwrap() {
                    let plural = resource.as_str().unwrap().trim_end_matches("/status");
                    assert!(plural == "*" || there.contains(&plural), "{plural}");
                }
            }
        }
    }
}

#[test]
fn calico_is_refused_where_its_makers_never_ran_it() {
    let network = "network: { provider: calico }";
    let why = support::try_plan(&cluster("1.20", 1, 1, network)).unwrap_err();
    assert!(why.contains("cannot run on train 1.20: Calico 3.32 is tested by its makers with Kubernetes 1.34 to 1.36"), "{why}");
    let mut catalogue = CATALOGUE.clone();
    let spec = catalogue
        .components
        .get_mut("calico")
        .unwrap()
        .provider
        .as_mut()
        .unwrap();
    spec.architectures = vec![firstlight::config::model::Arch::Arm64];
    let why = support::plan_with(&cluster("1.34", 1, 1, network), &catalogue).unwrap_err();
    assert!(why.contains("it is not made for `amd64`"), "{why}");
    let spec = catalogue
        .components
        .get_mut("calico")
        .unwrap()
        .provider
        .as_mut()
        .unwrap();
    spec.kernel = Some("6.12".parse().unwrap());
    let why = support::plan_with(&cluster("1.34", 1, 1, network), &catalogue).unwrap_err();
    assert!(
        why.contains("the kernel of `debian-12` is 6.1, it needs 6.12"),
        "{why}"
    );
}
