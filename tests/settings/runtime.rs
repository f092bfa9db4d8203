//! What containerd and the kubelets are told.

use std::collections::BTreeSet;

use crate::support::{self, CATALOGUE, Cluster, cluster};
use crate::{small, text, yaml};

const REGISTRIES: &str = r#"
container_runtime:
  insecure_registries: ["10.0.0.5:5000"]
  registries:
    - { name: docker.io, mirrors: ["https://b.example.com", "https://a.example.com/v2/hub"], certificate_authority: ca }
"#;

fn registries(train: &str, more: &str) -> Cluster {
    let ca = text(&small("1.34", "").tree("m1"), "/etc/kubernetes/pki/ca.crt");
    let text = cluster(train, 1, 1) + REGISTRIES + more;
    Cluster::with_files(&text, &[("ca", &ca), ("password", "hunter2\n")])
}

#[test]
fn each_registry_is_reached_as_it_is_said_in_the_order_that_it_is_said() {
    for train in CATALOGUE.trains.keys() {
        let tree = registries(train, "").tree("w1");
        let config: toml::Table = text(&tree, "/etc/containerd/config.toml").parse().unwrap();
        let plugin = match config["version"].as_integer() {
            Some(2) => "io.containerd.grpc.v1.cri",
            _ => "io.containerd.cri.v1.images",
        };
        let registry = &config["plugins"][plugin]["registry"];
        assert_eq!(
            registry["config_path"].as_str(),
            Some("/etc/containerd/certs.d")
        );
        assert_eq!(tree.files["/etc/containerd/config.toml"].mode, 0o644);
        let insecure = text(&tree, "/etc/containerd/certs.d/10.0.0.5_5000_/hosts.toml");
        let https = insecure.find("[host.\"https://10.0.0.5:5000\"]").unwrap();
        assert!(
            https < insecure.find("[host.\"http://10.0.0.5:5000\"]").unwrap(),
            "{insecure}"
        );
        assert!(insecure.contains("skip_verify = true"));
        let hub = text(&tree, "/etc/containerd/certs.d/docker.io/hosts.toml");
        let order = [
            "server = \"https://registry-1.docker.io\"",
            "[host.\"https://b.example.com\"]",
            "[host.\"https://a.example.com/v2/hub\"]",
        ];
        let places: Vec<_> = order
            .iter()
            .map(|line| hub.find(line).unwrap_or_else(|| panic!("{line} in {hub}")))
            .collect();
        assert!(places.is_sorted(), "{hub}");
        assert_eq!(hub.matches("override_path = true").count(), 1);
        assert_eq!(
            hub.matches("ca = \"/etc/containerd/certs.d/docker.io/ca.crt\"")
                .count(),
            3
        );
    }
}

#[test]
fn a_login_is_in_one_file_for_root_alone() {
    for train in ["1.20", "1.34"] {
        let more =
            "    - { name: registry.example.com, username: puller, password_file: password }\n";
        let all = registries(train, more);
        let tree = all.tree("w1");
        let holding: Vec<_> = tree
            .files
            .iter()
            .filter(|(_, file)| file.content.windows(7).any(|window| window == b"hunter2"))
            .map(|(path, file)| (path.as_str(), file.mode, file.secret.is_some()))
            .collect();
        assert_eq!(holding, [("/etc/containerd/config.toml", 0o600, true)]);
        let config = text(&tree, "/etc/containerd/config.toml");
        assert!(
            config.contains(
                "registry.example.com\".auth]\nusername = \"puller\"\npassword = \"hunter2\"\n"
            ),
            "{config}"
        );
        assert!(text(&tree, "/etc/firstlight/node.env").contains("FL_LOGINS='true'"));
    }
}

#[test]
fn images_of_another_repository_keep_their_digests() {
    let images = |more: &str| -> BTreeSet<(String, String)> {
        let all = small("1.34", more);
        let listed = ["m1", "w1"].map(|node| text(&all.tree(node), "/etc/firstlight/images"));
        let split = |line: &str| {
            let (name, digest) = line.split_once(' ').unwrap();
            (
                name.rsplit('/').next().unwrap().to_owned(),
                digest.to_owned(),
            )
        };
        listed
            .iter()
            .flat_map(|text| text.lines().map(split))
            .collect()
    };
    let elsewhere = "image_repository: registry.example.com/kubernetes\n";
    assert_eq!(images(elsewhere), images(""));
    let all = small("1.34", elsewhere);
    for node in ["m1", "w1"] {
        let tree = all.tree(node);
        for line in text(&tree, "/etc/firstlight/images").lines() {
            assert!(
                line.starts_with("registry.example.com/kubernetes/"),
                "{line}"
            );
        }
        assert!(
            text(&tree, "/etc/containerd/config.toml")
                .contains("registry.example.com/kubernetes/pause:")
        );
    }
    assert!(
        text(&all.tree("m1"), "/etc/firstlight/apply/10-rbac.yaml")
            .contains("imageRepository: registry.example.com/kubernetes")
    );
}

#[test]
fn limits_of_a_kubelet_are_in_its_configuration() {
    let cluster = small(
        "1.20",
        "kubelet: { read_only_port: true, cpu_cfs_quota: false, cpu_cfs_quota_period: 10ms, max_pods: 60, pod_pids_limit: 512, eviction_hard: { memory.available: 5% } }\n",
    );
    let config = yaml(&cluster.tree("w1"), "/var/lib/kubelet/config.yaml");
    assert_eq!(config["readOnlyPort"], 10255);
    assert_eq!(
        (&config["cpuCFSQuota"], &config["cpuCFSQuotaPeriod"]),
        (&false.into(), &"10ms".into())
    );
    assert_eq!(config["featureGates"]["CustomCPUCFSQuotaPeriod"], true);
    assert_eq!(
        (&config["maxPods"], &config["podPidsLimit"]),
        (&60.into(), &512.into())
    );
    // the kubelet would drop those that are not named
    assert_eq!(config["evictionHard"]["memory.available"], "5%");
    assert_eq!(config["evictionHard"]["nodefs.available"], "10%");
    assert_eq!(
        yaml(
            &small("1.20", "").tree("w1"),
            "/var/lib/kubelet/config.yaml"
        )["readOnlyPort"],
        0
    );
}

#[test]
fn what_goes_without_a_proxy_names_the_cluster_and_no_other_worker() {
    let with = |workers: u8| {
        let text = cluster("1.34", 1, workers).replace(
            "defaults: {",
            "defaults: { environment: { HTTP_PROXY: \"http://10.0.0.5:3128\", no_proxy: \"mirror.example.com\" },",
        );
        Cluster::new(&text).tree("w1").files["/etc/firstlight/proxy.env"].clone()
    };
    let env = String::from_utf8(with(1).content.to_vec()).unwrap();
    let list = "mirror.example.com,localhost,127.0.0.1,::1,.svc,.cluster.local,10.0.0.21,10.0.0.11,10.0.0.0/24,10.32.0.0/12,10.96.0.0/12";
    for name in ["no_proxy", "NO_PROXY"] {
        assert!(env.contains(&format!("{name}=\"{list}\"\n")), "{env}");
    }
    assert_eq!(with(1), with(3));
}

#[test]
fn a_proxy_s_password_is_for_root() {
    let text = support::cluster("1.34", 1, 1).replace(
        "defaults: {",
        "defaults: { environment: { https_proxy: \"http://user:hunter2@10.0.0.5:3128\" },",
    );
    let tree = Cluster::new(&text).tree("w1");
    assert_eq!(tree.files["/etc/firstlight/proxy.env"].mode, 0o600);
}
