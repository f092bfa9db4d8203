//! Every Kubernetes object of every train, judged by the schemas of its release.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use firstlight::compose::images;
use serde_json::Value;
use support::objects::{cluster, documents, every, manifests};
use support::{CATALOGUE, run, tool};

#[test]
fn every_object_of_every_train_is_valid() {
    for train in CATALOGUE.trains.keys() {
        let folder = tempfile::tempdir().unwrap();
        let found = every(train);
        let kinds: BTreeSet<String> = found
            .iter()
            .flat_map(|(_, text)| documents(text))
            .map(|d| d["kind"].as_str().unwrap().to_owned())
            .collect();
        for kind in [
            "Pod",
            "DaemonSet",
            "Deployment",
            "ConfigMap",
            "Service",
            "ClusterRoleBinding",
        ] {
            assert!(kinds.contains(kind), "no {kind} in {kinds:?}");
        }
        // objects of definitions that come with an addon are in no release's schemas
        let found: Vec<_> = found
            .into_iter()
            .filter(|(_, text)| !text.contains("apiVersion: cert-manager.io/"))
            .collect();
        for (name, text) in &found {
            fs_err::write(folder.path().join(name), text).unwrap();
        }
        // newer releases of the judge know nothing before 1.25, and take the oldest they know
        let old = train.split_once('.').unwrap().1.parse::<u32>().unwrap() < 25;
        let mut command = Command::new(tool(if old {
            "validate-old/bin/kubernetes-validate"
        } else {
            "validate/bin/kubernetes-validate"
        }));
        // the schemas are kept by minor release
        command
            .args(["--strict", "--quiet", "-k", &format!("{train}.0")])
            .args(found.iter().map(|(name, _)| folder.path().join(name)));
        let done = run(&mut command);
        assert_eq!(
            (done.code, done.stdout.as_str(), done.stderr.as_str()),
            (Some(0), "", ""),
            "train {train}"
        );
    }
}

#[test]
fn the_judge_rejects_what_is_wrong() {
    // or the test above proves nothing
    let validate = tool("validate/bin/kubernetes-validate");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pod.yaml");
    fs_err::write(&path, "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { containers: [{ name: a, image: a, livenesProbe: {} }] }\n").unwrap();
    assert_ne!(
        run(Command::new(validate)
            .args(["--strict", "-k", "1.34.0"])
            .arg(path))
        .code,
        Some(0)
    );
}

/// Every object names its image by tag and digest, and the node fetches exactly that digest.
#[test]
fn every_image_of_an_object_is_one_that_the_node_has() {
    for train in CATALOGUE.trains.keys() {
        let cluster = cluster(train);
        let needed: BTreeSet<String> = ["m1", "w1"]
            .iter()
            .flat_map(|n| {
                cluster.tree(n).files["/etc/firstlight/images"]
                    .content
                    .to_vec()
            })
            .map(char::from)
            .collect::<String>()
            .lines()
            .map(|l| l.replace(' ', "@"))
            .collect();
        for (name, text) in manifests(&cluster) {
            for line in text
                .lines()
                .filter_map(|l| l.trim().trim_start_matches("- ").strip_prefix("image: "))
            {
                assert!(
                    needed.contains(line),
                    "{train} {name}: {line} is not among {needed:?}"
                );
            }
            assert!(!text.contains("imagePullPolicy: Always"), "{name}");
        }
    }
}

/// Fields of `KubeletConfiguration` v1beta1 that we set, and the first release that has them
/// (kubernetes/staging/src/k8s.io/kubelet/config/v1beta1/types.go). An older kubelet refuses what it
/// does not know.
const KUBELET: [(&str, u32); 32] = [
    ("apiVersion", 10),
    ("kind", 10),
    ("authentication", 10),
    ("authorization", 10),
    ("cgroupDriver", 10),
    ("clusterDNS", 10),
    ("clusterDomain", 10),
    ("healthzBindAddress", 10),
    ("imageGCHighThresholdPercent", 10),
    ("imageGCLowThresholdPercent", 10),
    ("nodeStatusUpdateFrequency", 10),
    ("nodeStatusReportFrequency", 10),
    ("readOnlyPort", 10),
    ("resolvConf", 10),
    ("rotateCertificates", 10),
    ("staticPodPath", 10),
    ("systemReserved", 10),
    ("kubeReserved", 10),
    ("tlsCertFile", 10),
    ("tlsPrivateKeyFile", 10),
    ("featureGates", 10),
    ("cpuCFSQuota", 10),
    ("cpuCFSQuotaPeriod", 12),
    ("maxPods", 10),
    ("podPidsLimit", 10),
    ("protectKernelDefaults", 10),
    ("tlsCipherSuites", 11),
    ("tlsMinVersion", 11),
    ("containerRuntimeEndpoint", 27),
    ("seccompDefault", 22),
    ("failCgroupV1", 31),
    ("registerWithTaints", 23),
];

#[test]
fn the_kubelet_knows_every_field_of_its_configuration() {
    for train in CATALOGUE.trains.keys() {
        let minor: u32 = train.split_once('.').unwrap().1.parse().unwrap();
        let cluster = cluster(train);
        for node in ["m1", "w1"] {
            let text = String::from_utf8(
                cluster.tree(node).files["/var/lib/kubelet/config.yaml"]
                    .content
                    .to_vec(),
            )
            .unwrap();
            let config: Value = firstlight::yaml::from_str(&text).unwrap();
            assert_eq!(config["kind"], "KubeletConfiguration");
            for key in config.as_object().unwrap().keys() {
                let since = KUBELET
                    .iter()
                    .find(|(k, _)| k == key)
                    .unwrap_or_else(|| panic!("{key} is in no row of this test"))
                    .1;
                assert!(since <= minor, "{train}: {key} came with 1.{since}");
            }
            // never empty: a kubelet that finds {} uses its defaults without a word
            assert!(config["staticPodPath"].is_string() && config["clusterDNS"][0].is_string());
        }
    }
}

/// Fields of `KubeProxyConfiguration` v1alpha1 that we set, and their types; the same since 1.10
/// (kubernetes/staging/src/k8s.io/kube-proxy/config/v1alpha1/types.go).
#[test]
fn kube_proxy_knows_every_field_of_its_configuration() {
    for train in CATALOGUE.trains.keys() {
        let objects: Vec<Value> = manifests(&cluster(train))
            .iter()
            .flat_map(|(_, text)| documents(text))
            .collect();
        let map = objects
            .iter()
            .find(|o| o["kind"] == "ConfigMap" && o["metadata"]["name"] == "kube-proxy")
            .unwrap();
        let config: Value =
            firstlight::yaml::from_str(map["data"]["config.conf"].as_str().unwrap()).unwrap();
        for key in config.as_object().unwrap().keys() {
            let known = [
                "apiVersion",
                "kind",
                "clientConnection",
                "clusterCIDR",
                "conntrack",
                "healthzBindAddress",
                "metricsBindAddress",
                "mode",
            ];
            assert!(known.contains(&key.as_str()), "{key}");
        }
        assert_eq!(config["mode"], "ipvs");
        for (key, value) in config["conntrack"].as_object().unwrap() {
            match key.as_str() {
                "maxPerCore" | "min" => assert!(value.is_u64(), "{key}: {value}"),
                "tcpEstablishedTimeout" | "tcpCloseWaitTimeout" => {
                    assert!(value.is_string(), "{key}: {value}");
                }
                other => panic!("{other}"),
            }
        }
    }
}

/// What a kubelet reads as a second static pod, or does not read at all.
#[test]
fn a_manifest_folder_holds_one_pod_per_file() {
    for train in CATALOGUE.trains.keys() {
        for (name, text) in manifests(&cluster(train))
            .iter()
            .filter(|(name, _)| name.contains("-manifests-"))
        {
            let pods = documents(text);
            assert_eq!(pods.len(), 1, "{name}");
            assert_eq!(
                (&pods[0]["kind"], &pods[0]["metadata"]["namespace"]),
                (&"Pod".into(), &"kube-system".into()),
                "{name}"
            );
            assert!(!text.starts_with('{'), "{name}: parsed as JSON");
            if name.contains("kube-apiserver") {
                let container = &pods[0]["spec"]["containers"][0];
                assert_eq!(
                    container["livenessProbe"]["httpGet"]["path"], "/livez?exclude=etcd",
                    "a lost quorum must not restart it"
                );
                assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
                let command: Vec<_> = container["command"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|a| a.as_str().unwrap())
                    .collect();
                assert!(
                    !command.contains(&"--anonymous-auth=false"),
                    "the kubelet's probes would be refused"
                );
                assert_eq!(
                    command.contains(&"--insecure-port=0"),
                    *train == "1.20",
                    "{train}"
                );
            }
        }
    }
}

#[test]
fn a_manifest_s_image_that_no_machine_is_given_is_named() {
    let cluster = cluster("1.34");
    for node in ["m1", "w1"] {
        let tree = cluster.tree(node);
        assert_eq!(images::unpinned(&cluster.plan, &tree), [""; 0], "{node}");
    }
    let mut tree = cluster.tree("m1");
    tree.public(
        "/etc/firstlight/apply/90-mine.yaml",
        "kind: CronJob\nspec: { jobTemplate: { spec: { template: { spec: { initContainers: [{ name: a, image: example.org/mine:1 }] } } } } }\n",
    );
    assert_eq!(
        images::unpinned(&cluster.plan, &tree),
        ["/etc/firstlight/apply/90-mine.yaml: example.org/mine:1"]
    );
}

#[test]
fn a_train_without_an_image_that_a_manifest_runs_is_refused() {
    let mut catalogue = CATALOGUE.clone();
    let spec = catalogue.trains.get_mut("1.34").unwrap();
    for component in ["kube-proxy", "haproxy"] {
        spec.components.remove(component);
    }
    let text = support::cluster("1.34", 1, 1);
    let refused = support::plan_with(&text, &catalogue).unwrap_err();
    for message in [
        "error[kubernetes/no-image]: release train `1.34` has no image `kube-proxy`, which a manifest runs",
        "release train `1.34` has no image `kube-proxy`, `haproxy`, which a manifest runs",
        "name a component that has it under `components` of the train",
    ] {
        assert!(refused.contains(message), "{refused}");
    }
}

/// The least strict level of the Pod Security Standards first.
const LEVELS: [&str; 3] = ["privileged", "baseline", "restricted"];

/// The strictest level at which a pod is taken, as far as our own manifests go.
fn strictest(pod: &Value) -> &'static str {
    let containers = ["initContainers", "containers"].map(|list| pod[list].as_array());
    let containers: Vec<&Value> = containers.into_iter().flatten().flatten().collect();
    let volumes = pod["volumes"].as_array().into_iter().flatten();
    let ports = containers.iter().filter_map(|c| c["ports"].as_array());
    let of_host = pod["hostNetwork"] == true
        || pod["hostPID"] == true
        || pod["hostIPC"] == true
        || volumes
            .into_iter()
            .any(|volume| !volume["hostPath"].is_null())
        || ports.flatten().any(|port| !port["hostPort"].is_null());
    if of_host
        || containers
            .iter()
            .any(|c| c["securityContext"]["privileged"] == true)
    {
        return "privileged";
    }
    let own = &pod["securityContext"];
    let plain = |c: &&Value| {
        let context = &c["securityContext"];
        context["allowPrivilegeEscalation"] == false
            && context["capabilities"]["drop"] == serde_json::json!(["ALL"])
            && context["capabilities"]["add"].is_null()
    };
    let held = own["runAsNonRoot"] == true && own["seccompProfile"]["type"] == "RuntimeDefault";
    if held && containers.iter().all(plain) {
        "restricted"
    } else {
        "baseline"
    }
}

/// Otherwise a stricter default would keep an addon from running.
#[test]
fn addons_run_whatever_the_default_of_pod_security_is() {
    const LABEL: &str = "pod-security.kubernetes.io/enforce";
    let rank = |level: &str| LEVELS.iter().position(|l| *l == level).unwrap();
    for train in CATALOGUE.trains.keys() {
        let all = cluster(train);
        let policies = all.tree("m1").files["/etc/firstlight/apply/10-rbac.yaml"]
            .content
            .windows(17)
            .any(|words| words == b"PodSecurityPolicy");
        let mut namespaces = BTreeMap::new();
        for (path, text) in manifests(&all) {
            let documents = documents(&text);
            for (at, object) in documents.iter().enumerate() {
                if object["kind"] == "Namespace" {
                    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
                    let level = object["metadata"]["labels"][LABEL].as_str();
                    let level = level.unwrap_or_else(|| panic!("{train} {path}: {name}"));
                    // what the label does by itself in other trains
                    let next = documents.get(at + 1).unwrap();
                    let bound = next["kind"] == "RoleBinding"
                        && next["metadata"]["namespace"] == name.as_str()
                        && next["roleRef"]["name"] == format!("firstlight:psp:{level}");
                    assert_eq!(bound, policies, "{train} {path}: {name}");
                    namespaces.insert(name, level.to_owned());
                }
                let pod = &object["spec"]["template"]["spec"];
                let namespace = object["metadata"]["namespace"].as_str();
                let namespace = namespace.unwrap_or("kube-system");
                if namespace != "kube-system" && !pod.is_null() {
                    let level = namespaces[namespace].as_str();
                    assert!(
                        rank(level) <= rank(strictest(pod)),
                        "{train} {path}: a pod of {namespace} violates {level}"
                    );
                }
            }
        }
        assert!(namespaces.len() > 1, "{train}: {namespaces:?}");
    }
}
