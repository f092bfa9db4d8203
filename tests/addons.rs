//! Addons: what a description of a cluster gets wrong, which nodes are given which images.
//!
//! `tests/addons/*.yml` are named after their defect; the findings of the plan are recorded beside them
//! (`UPDATE_GOLDENS=1`).

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use support::{CATALOGUE, Cluster};

#[test]
fn each_defect_gives_its_findings() {
    let folder = support::root().join("tests/addons");
    let mut failures = Vec::new();
    let mut seen = 0;
    for (name, text) in support::files(&folder) {
        let Some(stem) = name.strip_suffix(".yml") else {
            continue;
        };
        seen += 1;
        let text = String::from_utf8(text).unwrap();
        let found = support::try_plan(&text).err().unwrap_or_default();
        assert!(!found.is_empty(), "{name} is good");
        let recorded = folder.join(format!("{stem}.stderr"));
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            fs_err::write(&recorded, &found).unwrap();
        } else if fs_err::read_to_string(&recorded).unwrap() != found {
            failures.push(format!("{name}:\n{found}"));
        }
    }
    assert!(seen > 5);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_code_of_addons_and_of_what_a_train_knows_is_shown() {
    let root = support::root();
    let mut recorded = String::new();
    for (name, text) in support::files(&root.join("tests/addons")) {
        if name.ends_with(".stderr") {
            recorded += &String::from_utf8(text).unwrap();
        }
    }
    let mut codes = BTreeSet::new();
    for folder in ["src/plan", "src/config/setting"] {
        for (_, text) in support::files(&root.join(folder)) {
            let text = String::from_utf8(text).unwrap();
            let of = ["addons/", "admission/", "cloud/", "kube-proxy/"];
            let words = text
                .split('"')
                .filter(|word| of.iter().any(|area| word.starts_with(area)));
            codes.extend(words.map(str::to_owned));
        }
    }
    // a manifest inside the program is never broken
    codes.remove("addons/bad-manifest");
    assert!(codes.len() > 6, "{codes:?}");
    for code in codes {
        assert!(
            recorded.contains(&format!("[{code}]")),
            "no file shows {code}"
        );
    }
}

const TWO_ZONES: &str = "name: demo\nkubernetes: { version: \"1.34\" }\nnetwork: { provider: bridge }\n\
    defaults: { network: { gateway: 10.0.0.1, nameservers: [10.0.0.1] } }\nhosts:\n\
    - { name: m1, address: 10.0.0.11/24, mac: \"52:54:00:00:00:11\", role: master }\n\
    - { name: w1, address: 10.0.0.21/24, mac: \"52:54:00:00:00:21\", role: worker, labels: { zone: dmz } }\n\
    - { name: w2, address: 10.0.0.22/24, mac: \"52:54:00:00:00:22\", role: worker }\n\
    addons:\n  metrics-server: { enabled: true }\n  ingress-nginx: { enabled: true, node_selector: { zone: dmz } }\n";

fn images(cluster: &Cluster, node: &str) -> String {
    let tree = cluster.tree(node);
    let file = &tree.files["/etc/firstlight/images"];
    String::from_utf8(file.content.to_vec()).unwrap()
}

#[test]
fn an_addon_s_images_are_only_where_its_pods_may_run() {
    let cluster = Cluster::new(TWO_ZONES);
    for (node, has) in [("m1", false), ("w1", true), ("w2", false)] {
        assert_eq!(
            images(&cluster, node).contains("ingress-nginx"),
            has,
            "{node}"
        );
    }
    for node in ["m1", "w1", "w2"] {
        assert!(images(&cluster, node).contains("metrics-server"), "{node}");
    }
}

/// Whether the scheduler would put a pod of this template on a node: the same that [`images`] follows
/// from data must follow from the objects.
fn may_run(pod: &Value, labels: &[(&str, &str)], taint: Option<&str>) -> bool {
    let selector = pod["nodeSelector"].as_object().into_iter().flatten();
    let selected = selector.clone().all(|(key, value)| {
        labels
            .iter()
            .any(|(k, v)| k == key && Some(*v) == value.as_str())
    });
    let tolerations = pod["tolerations"].as_array().cloned().unwrap_or_default();
    let tolerated = taint.is_none_or(|taint| {
        tolerations
            .iter()
            .any(|t| t["key"] == taint || (t["key"].is_null() && t["operator"] == "Exists"))
    });
    selected && tolerated
}

#[test]
fn every_node_that_the_scheduler_may_choose_has_the_images() {
    for train in CATALOGUE.trains.keys() {
        let text = TWO_ZONES.replace("1.34", train);
        let cluster = Cluster::new(&text);
        let taint = cluster.plan.release.settings.control_plane.taint.key();
        let tree = cluster.tree("m1");
        let waves = tree.files.iter().filter(|(path, _)| {
            path.starts_with("/etc/firstlight/apply/") && path.rsplit('.').next() == Some("yaml")
        });
        let text: String = waves
            .map(|(_, file)| String::from_utf8(file.content.to_vec()).unwrap())
            .collect();
        let os = ("kubernetes.io/os", "linux");
        let hosts = [
            ("m1", vec![os], Some(taint)),
            ("w1", vec![os, ("zone", "dmz")], None),
            ("w2", vec![os], None),
        ];
        for document in text.split("---\n").filter(|d| !d.is_empty()) {
            let object: Value = firstlight::yaml::from_str(document).unwrap();
            let pod = &object["spec"]["template"]["spec"];
            for container in pod["containers"].as_array().into_iter().flatten() {
                let (name, digest) = container["image"]
                    .as_str()
                    .unwrap()
                    .split_once('@')
                    .unwrap();
                for (node, labels, taint) in &hosts {
                    if may_run(pod, labels, *taint) {
                        let line = format!("{name} {digest}");
                        assert!(
                            images(&cluster, node).contains(&line),
                            "{train} {node}: {line}"
                        );
                    }
                }
            }
        }
    }
}

/// A worker more must change no other node's seed.
#[test]
fn no_seed_of_a_master_knows_how_many_workers_there_are() {
    let objects = |workers| {
        let text = support::cluster("1.34", 1, workers)
            + "addons: { metrics-server: { enabled: true }, ingress-nginx: { enabled: true } }\n";
        let tree = Cluster::new(&text).tree("m1");
        let waves = tree.files.into_iter().filter(|(path, _)| {
            path.starts_with("/etc/firstlight/apply/")
                && path.rsplit('.').next() == Some("yaml")
                && !path.contains("metrics-server")
        });
        waves.collect::<Vec<_>>()
    };
    assert_eq!(objects(2), objects(9));
}

#[test]
fn a_setting_is_in_its_object() {
    let text = TWO_ZONES.replace(
        "node_selector: { zone: dmz } }\n",
        "node_selector: { zone: dmz }, configmap: { use-proxy-protocol: \"true\" }, extra_args: [--v=3], default_class: false, \
         default_backend: { enabled: false }, resources: { limits: { memory: 1Gi } } }\n",
    );
    let tree = Cluster::new(&text).tree("m1");
    let wave = String::from_utf8(
        tree.files["/etc/firstlight/apply/50-ingress-nginx.yaml"]
            .content
            .to_vec(),
    )
    .unwrap();
    for line in [
        "zone: dmz",
        "- --v=3",
        "memory: 1Gi",
        "use-proxy-protocol: \"true\"",
        "cpu: 100m",
    ] {
        assert!(wave.contains(line), "{line} is not in\n{wave}");
    }
    for line in [
        "default-backend",
        "is-default-class",
        "worker-shutdown-timeout",
    ] {
        assert!(!wave.contains(line), "{line} is in\n{wave}");
    }
}

#[test]
fn the_key_of_metrics_server_is_root_s_alone() {
    let cluster = Cluster::new(TWO_ZONES);
    let tree = cluster.tree("m1");
    let key = &tree.files["/etc/firstlight/apply/secrets/kube-system/metrics-server/tls.key"];
    assert_eq!(key.mode, 0o600);
    assert!(key.secret.is_some());
    for node in ["w1", "w2"] {
        let tree = cluster.tree(node);
        assert!(
            !tree.files.keys().any(|path| path.contains("/apply/")),
            "{node}"
        );
    }
    let inventory = &tree.files["/etc/firstlight/apply/inventory"];
    let inventory = String::from_utf8(inventory.content.to_vec()).unwrap();
    assert!(inventory.contains("kube-system/secret/metrics-server\n"));
}

fn folder(text: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs_err::write(dir.path().join("cluster.yml"), text).unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    dir
}

fn check(text: &str, files: &[(&str, &str)]) -> support::Done {
    let dir = folder(text, files);
    support::run(&mut support::firstlight(dir.path(), &["check"]))
}

/// One file, or what the folder of this name has, is all that `manifests` names.
fn refused(file: &str, text: &str) -> String {
    let cluster = support::cluster("1.34", 1, 1) + "manifests: [extra]\n";
    let done = check(&cluster, &[(file, text)]);
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    done.stderr
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { containers: [{ name: a, image: docker.io/library/nginx:1.27 }] }\n";

#[test]
fn what_is_no_object_is_told_with_file_line_and_field() {
    for (text, findings) in [
        (
            "kind: Pod\nmetadata: { name: a }\n",
            vec!["`apiVersion` is missing", "extra/a.yaml:1:1"],
        ),
        (
            "apiVersion: v1\nmetadata: { name: a }\n",
            vec!["`kind` is missing"],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
            vec!["`metadata.name` is missing", "extra/a.yaml:3:1"],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: a\n",
            vec!["`metadata` must be a mapping"],
        ),
        (
            "apiVersion: [v1]\nkind: ConfigMap\n",
            vec!["`apiVersion` must be text", "extra/a.yaml:1:13"],
        ),
        ("- a\n- b\n", vec!["this document is a list, not an object"]),
        ("---\n# nothing\n", vec!["there is no object in this file"]),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n---\napiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: { name: b }\n",
            vec![
                "no `Ingress` in `extensions/v1beta1`",
                "it has `Ingress` in `networking.k8s.io/v1`",
                "extra/a.yaml:5:13",
            ],
        ),
        (
            "apiVersion: apps/v1\nkind: Deploiment\nmetadata: { name: b }\n",
            vec!["did you mean `Deployment`?", "extra/a.yaml:2:7"],
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: { generateName: a- }\n",
            vec!["would be another one at every boot"],
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { containers: [{ name: a }] }\n",
            vec!["this container has no `image`"],
        ),
        ("apiVersion: v1\n  kind: Pod\n", vec!["extra/a.yaml:2"]),
        (
            POD,
            vec![
                "the image `docker.io/library/nginx:1.27` has no pinned digest",
                "firstlight overlay lock",
                "extra/a.yaml:4:40",
            ],
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { containers: [{ name: a, image: nginx }] }\n",
            vec!["`nginx` is no image with its registry"],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: coredns, namespace: kube-system }\n",
            vec!["`ConfigMap kube-system/coredns` is in the addon `coredns` already"],
        ),
    ] {
        let found = refused("extra/a.yaml", text);
        for finding in findings {
            assert!(found.contains(finding), "{finding} is not in\n{found}");
        }
    }
    assert!(refused("extra/a.yaml.erb", "x").contains("is a template"));
    assert!(refused("extra/README.md", "x").contains("has no `.yaml`, `.yml` or `.json`"));
    assert!(refused("other/a.yaml", POD).contains("`extra` cannot be read"));
}

#[test]
fn manifests_are_applied_last_in_their_order_with_their_images_where_they_run() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{ name: a }}\nspec: {{ nodeSelector: {{ zone: dmz }}, containers: [{{ name: a, image: \"docker.io/library/nginx:1.27@{digest}\" }}] }}\n"
    );
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { key: hunter2 }\n";
    let thing = "apiVersion: example.org/v1\nkind: Thing\nmetadata: { name: t }\n---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: things.example.org }\nspec: { group: example.org, scope: Cluster, names: { plural: things, kind: Thing }, versions: [{ name: v1, served: true, storage: true }] }\n";
    let text = TWO_ZONES.to_owned() + "manifests: [b.yaml, extra]\n";
    let dir = folder(
        &text,
        &[
            ("b.yaml", &pod),
            ("extra/2.yml", secret),
            (
                "extra/1.json",
                "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"n\"}}",
            ),
            ("extra/3.yaml", thing),
        ],
    );
    support::run(&mut support::firstlight(dir.path(), &["build"])).ok();
    let seed = |node: &str| {
        let path = dir
            .path()
            .join(format!("out/nodes/{node}/cloud-init/user-data"));
        fs_err::read_to_string(path).unwrap()
    };
    assert!(!seed("m1").is_empty());
    let listed = support::run(&mut support::firstlight(
        dir.path(),
        &["check", "--format", "json"],
    ))
    .ok()
    .json();
    let has = |node: &str| {
        let nodes = listed["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|n| n["name"] == node).unwrap();
        let mut artefacts = node["artefacts"].as_array().unwrap().iter();
        artefacts.any(|a| a["digest"] == digest.as_str())
    };
    assert_eq!([has("m1"), has("w1"), has("w2")], [false, true, false]);
}

#[test]
fn the_list_of_addons_and_one_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| support::run(&mut support::firstlight(dir.path(), args));
    let list = run(&["addons"]).ok().stdout;
    assert!(
        list.contains("ingress-nginx") && list.contains("off"),
        "{list}"
    );
    let json = run(&["addons", "list", "--format", "json"]).ok().json();
    let addons = json["addons"].as_array().unwrap();
    assert_eq!(json["schema_version"], 1);
    assert!(
        addons
            .iter()
            .any(|a| a["name"] == "coredns" && a["enabled"] == true)
    );
    let shown = run(&["addons", "show", "ingress-nginx"]).ok().stdout;
    for line in [
        "node_selector",
        "443/tcp",
        "registry.k8s.io/ingress-nginx/controller",
        "1.15.1 (train 1.34)",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
    let json = run(&["addons", "show", "kured", "--format", "json"])
        .ok()
        .json();
    assert_eq!(json["versions"]["1.34"], "1.23.0");
    let unknown = run(&["addons", "show", "traefik"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown
            .stderr
            .contains("must be one of: cert-manager, coredns"),
        "{}",
        unknown.stderr
    );
    assert!(
        run(&["addons", "show", "helm"])
            .stderr
            .contains("Tiller ended")
    );
}

#[test]
fn pods_ask_the_cache_first_and_coredns_where_it_is_not_there() {
    let text = |more: &str| {
        support::cluster("1.34", 1, 1).replace(
            "provider: bridge",
            &format!("provider: bridge, service_cidr: 172.30.5.128/25{more}"),
        )
    };
    let file = |cluster: &Cluster, path: &str| {
        String::from_utf8(cluster.tree("m1").files[path].content.to_vec()).unwrap()
    };
    let on = Cluster::new(&text(""));
    let kubelet = file(&on, "/var/lib/kubelet/config.yaml");
    assert!(
        kubelet.contains("clusterDNS:\n- \"169.254.20.10\"\n- \"172.30.5.138\"\n"),
        "{kubelet}"
    );
    assert!(file(&on, "/etc/firstlight/node.env").contains("FL_DNS_CACHE='169.254.20.10'"));
    let cache = file(&on, "/etc/firstlight/apply/32-node-local-dns.yaml");
    assert!(cache.contains("forward . 172.30.5.138 {"), "{cache}");
    let off = Cluster::new(&text(", node_local_dns_cache: false"));
    assert!(
        file(&off, "/var/lib/kubelet/config.yaml").contains("clusterDNS:\n- \"172.30.5.138\"\n")
    );
    assert!(
        !off.tree("m1")
            .files
            .keys()
            .any(|path| path.contains("node-local-dns"))
    );
    assert!(!images(&off, "w1").contains("node-cache"));
}

#[test]
fn coredns_asks_nobody_who_leads_back_to_it() {
    let corefile = |nameservers: &str| {
        let text = support::cluster("1.34", 1, 0).replace(", nameservers: [10.0.0.1]", nameservers);
        let tree = Cluster::new(&text).tree("m1");
        String::from_utf8(
            tree.files["/etc/firstlight/apply/30-coredns.yaml"]
                .content
                .to_vec(),
        )
        .unwrap()
    };
    assert!(
        corefile(", nameservers: [10.0.0.53, 10.0.0.54]")
            .contains("forward . 10.0.0.53 10.0.0.54 {")
    );
    assert!(corefile(", nameservers: [127.0.0.53, 10.0.0.53]").contains("forward . 10.0.0.53 {"));
    assert!(!corefile(", nameservers: [127.0.0.1]").contains("forward"));
    assert!(
        !corefile("").contains("forward"),
        "no resolver, and none from DHCP"
    );
}
