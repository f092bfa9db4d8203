//! The table of `overlays/control-plane/README.md`: every row that holds is looked at in every train.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{CATALOGUE, Cluster, root};
use crate::{flags, small, text, yaml};

/// One train's cluster, as a check sees it.
struct Trees {
    cluster: Cluster,
    apiserver: BTreeMap<String, String>,
    manager: BTreeMap<String, String>,
    scheduler: BTreeMap<String, String>,
    kubelets: [Value; 2],
    etcd: String,
}

impl Trees {
    fn new(train: &str) -> Trees {
        let cluster = small(train, "");
        Trees {
            apiserver: flags(&cluster, "m1", "kube-apiserver"),
            manager: flags(&cluster, "m1", "kube-controller-manager"),
            scheduler: flags(&cluster, "m1", "kube-scheduler"),
            kubelets: ["m1", "w1"]
                .map(|node| yaml(&cluster.tree(node), "/var/lib/kubelet/config.yaml")),
            etcd: text(
                &cluster.tree("m1"),
                "/opt/firstlight/bin/firstlight-etcd-run",
            ),
            cluster,
        }
    }

    fn private(&self, path: &str) -> bool {
        ["m1", "w1"]
            .iter()
            .filter_map(|node| {
                self.cluster
                    .tree(node)
                    .files
                    .get(path)
                    .map(|file| file.mode)
            })
            .all(|mode| mode == 0o600)
            && self.cluster.tree("m1").files.contains_key(path)
    }

    fn keys_are_private(&self) -> bool {
        let tree = self.cluster.tree("m1");
        let key = |path: &str| path.rsplit('.').next() == Some("key");
        let mut keys = tree.files.iter().filter(|(path, _)| key(path));
        keys.all(|(_, file)| file.mode == 0o600)
    }

    fn kubelet(&self, holds: impl Fn(&Value) -> bool) -> bool {
        self.kubelets.iter().all(holds)
    }

    fn pki(&self, flag: &str) -> bool {
        let path = self.apiserver.get(flag);
        path.is_some_and(|path| self.cluster.tree("m1").files.contains_key(path))
    }

    fn plugins(&self, flag: &str) -> BTreeSet<&str> {
        self.apiserver
            .get(flag)
            .map_or(BTreeSet::new(), |list| list.split(',').collect())
    }

    /// Gates of any component that turn the rotation of kubelets' serving certificates off.
    fn rotation_is_not_off(&self) -> bool {
        let off = |flags: &BTreeMap<String, String>| {
            flags
                .get("feature-gates")
                .is_some_and(|gates| gates.contains("RotateKubeletServerCertificate=false"))
        };
        !off(&self.manager)
    }

    fn encryption(&self) -> Value {
        yaml(
            &self.cluster.tree("m1"),
            &self.apiserver["encryption-provider-config"],
        )
    }

    fn policy(&self) -> String {
        text(
            &self.cluster.tree("m1"),
            &self.apiserver["audit-policy-file"],
        )
    }
}

fn number(flags: &BTreeMap<String, String>, name: &str) -> u32 {
    flags
        .get(name)
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}

fn strong<'a>(suites: impl IntoIterator<Item = &'a str>) -> bool {
    let suites: Vec<_> = suites.into_iter().collect();
    !suites.is_empty()
        && suites
            .iter()
            .all(|suite| suite.starts_with("TLS_ECDHE_") && suite.contains("_GCM_"))
}

type Check = fn(&Trees) -> bool;

/// What each row asks for, in its own terms.
const CHECKS: &[(&str, Check)] = &[
    ("1.1.1", |t| {
        t.private("/etc/firstlight/manifests/kube-apiserver.yaml")
    }),
    ("1.1.3", |t| {
        t.private("/etc/firstlight/manifests/kube-controller-manager.yaml")
    }),
    ("1.1.5", |t| {
        t.private("/etc/firstlight/manifests/kube-scheduler.yaml")
    }),
    ("1.1.9", |t| {
        let tree = t.cluster.tree("m1");
        let mut cni = tree
            .files
            .iter()
            .filter(|(path, _)| path.starts_with("/etc/cni/"));
        cni.all(|(_, file)| file.mode == 0o600)
    }),
    // etcd makes it so itself; nothing of ours opens it
    ("1.1.11", |t| {
        let tree = t.cluster.tree("m1");
        !tree
            .files
            .keys()
            .any(|path| path.starts_with("/var/lib/etcd"))
            && !t.etcd.contains("umask")
            && !t.etcd.contains("chmod")
    }),
    ("1.1.13", |t| t.private("/etc/kubernetes/admin.conf")),
    ("1.1.15", |t| t.private("/etc/kubernetes/scheduler.conf")),
    ("1.1.17", |t| {
        t.private("/etc/kubernetes/controller-manager.conf")
    }),
    ("1.1.21", Trees::keys_are_private),
    ("1.2.1", |t| {
        let config = yaml(&t.cluster.tree("m1"), &t.apiserver["authentication-config"]);
        let paths = config["anonymous"]["conditions"].as_array().unwrap();
        paths.iter().all(|p| {
            ["/livez", "/readyz", "/healthz"]
                .iter()
                .any(|known| p["path"] == *known)
        })
    }),
    ("1.2.2", |t| !t.apiserver.contains_key("token-auth-file")),
    ("1.2.3", |t| {
        t.plugins("enable-admission-plugins")
            .contains("DenyServiceExternalIPs")
    }),
    ("1.2.4", |t| {
        t.pki("kubelet-client-certificate") && t.pki("kubelet-client-key")
    }),
    ("1.2.5", |t| t.pki("kubelet-certificate-authority")),
    ("1.2.6", |t| {
        !t.apiserver["authorization-mode"].contains("AlwaysAllow")
    }),
    ("1.2.7", |t| {
        t.apiserver["authorization-mode"]
            .split(',')
            .any(|mode| mode == "Node")
    }),
    ("1.2.8", |t| {
        t.apiserver["authorization-mode"]
            .split(',')
            .any(|mode| mode == "RBAC")
    }),
    ("1.2.10", |t| {
        !t.plugins("enable-admission-plugins")
            .contains("AlwaysAdmit")
    }),
    ("1.2.12", |t| {
        !t.plugins("disable-admission-plugins")
            .contains("ServiceAccount")
    }),
    ("1.2.13", |t| {
        !t.plugins("disable-admission-plugins")
            .contains("NamespaceLifecycle")
    }),
    ("1.2.14", |t| {
        t.plugins("enable-admission-plugins")
            .contains("NodeRestriction")
    }),
    ("1.2.15", |t| t.apiserver["profiling"] == "false"),
    ("1.2.16", |t| t.apiserver.contains_key("audit-log-path")),
    ("1.2.17", |t| number(&t.apiserver, "audit-log-maxage") >= 30),
    ("1.2.18", |t| {
        number(&t.apiserver, "audit-log-maxbackup") >= 10
    }),
    ("1.2.19", |t| {
        number(&t.apiserver, "audit-log-maxsize") >= 100
    }),
    // its own: 60 s
    ("1.2.20", |t| !t.apiserver.contains_key("request-timeout")),
    // its own: true
    ("1.2.21", |t| {
        t.apiserver
            .get("service-account-lookup")
            .is_none_or(|on| on == "true")
    }),
    ("1.2.22", |t| t.pki("service-account-key-file")),
    ("1.2.23", |t| {
        t.pki("etcd-certfile") && t.pki("etcd-keyfile")
    }),
    ("1.2.24", |t| {
        t.pki("tls-cert-file") && t.pki("tls-private-key-file")
    }),
    ("1.2.25", |t| t.pki("client-ca-file")),
    ("1.2.26", |t| t.pki("etcd-cafile")),
    ("1.2.27", |t| {
        t.private(&t.apiserver["encryption-provider-config"])
    }),
    ("1.2.28", |t| {
        let first = &t.encryption()["resources"][0]["providers"][0];
        first["secretbox"].is_object() || first["aescbc"].is_object()
    }),
    ("1.2.29", |t| {
        strong(t.apiserver["tls-cipher-suites"].split(','))
    }),
    ("1.2.30", |t| {
        t.apiserver["service-account-extend-token-expiration"] == "false"
    }),
    ("1.3.1", |t| {
        number(&t.manager, "terminated-pod-gc-threshold") > 0
    }),
    ("1.3.2", |t| t.manager["profiling"] == "false"),
    ("1.3.3", |t| {
        t.manager["use-service-account-credentials"] == "true"
    }),
    ("1.3.4", |t| {
        t.manager.contains_key("service-account-private-key-file")
    }),
    ("1.3.5", |t| t.manager.contains_key("root-ca-file")),
    ("1.3.6", Trees::rotation_is_not_off),
    ("1.3.7", |t| t.manager["bind-address"] == "127.0.0.1"),
    ("1.4.1", |t| t.scheduler["profiling"] == "false"),
    ("1.4.2", |t| t.scheduler["bind-address"] == "127.0.0.1"),
    ("2.1", |t| {
        t.etcd.contains("--cert-file ") && t.etcd.contains("--key-file ")
    }),
    ("2.2", |t| t.etcd.contains("--client-cert-auth")),
    ("2.3", |t| !t.etcd.contains("--auto-tls")),
    ("2.4", |t| {
        t.etcd.contains("--peer-cert-file ") && t.etcd.contains("--peer-key-file ")
    }),
    ("2.5", |t| t.etcd.contains("--peer-client-cert-auth")),
    ("2.6", |t| !t.etcd.contains("--peer-auto-tls")),
    ("2.7", |t| {
        let tree = t.cluster.tree("m1");
        text(&tree, "/etc/kubernetes/pki/etcd/ca.crt") != text(&tree, "/etc/kubernetes/pki/ca.crt")
    }),
    ("3.1.3", |t| {
        !t.apiserver.contains_key("enable-bootstrap-token-auth")
    }),
    ("3.2.1", |t| t.policy().contains("kind: Policy")),
    ("3.2.2", |t| {
        [
            "secrets",
            "configmaps",
            "tokenreviews",
            "pods/exec",
            "pods/portforward",
            "pods/proxy",
            "services/proxy",
        ]
        .iter()
        .all(|word| t.policy().contains(word))
    }),
    ("4.1.1", |t| {
        t.private("/etc/systemd/system/kubelet.service")
    }),
    ("4.1.5", |t| t.private("/etc/kubernetes/kubelet.conf")),
    ("4.1.9", |t| t.private("/var/lib/kubelet/config.yaml")),
    ("4.2.1", |t| {
        t.kubelet(|c| c["authentication"]["anonymous"]["enabled"] == false)
    }),
    ("4.2.2", |t| {
        t.kubelet(|c| c["authorization"]["mode"] == "Webhook")
    }),
    ("4.2.3", |t| {
        t.kubelet(|c| c["authentication"]["x509"]["clientCAFile"].is_string())
    }),
    ("4.2.4", |t| t.kubelet(|c| c["readOnlyPort"] == 0)),
    // its own: 4 h
    ("4.2.5", |t| {
        t.kubelet(|c| c["streamingConnectionIdleTimeout"].is_null())
    }),
    // its own: true
    ("4.2.6", |t| {
        t.kubelet(|c| c["makeIPTablesUtilChains"].is_null())
    }),
    // its own: 5 a second, 50 from 1.27
    ("4.2.8", |t| t.kubelet(|c| c["eventRecordQPS"].is_null())),
    ("4.2.9", |t| {
        t.kubelet(|c| c["tlsCertFile"].is_string() && c["tlsPrivateKeyFile"].is_string())
    }),
    ("4.2.10", |t| t.kubelet(|c| c["rotateCertificates"] == true)),
    ("4.2.12", |t| {
        t.kubelet(|c| {
            strong(
                c["tlsCipherSuites"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(Value::as_str),
            )
        })
    }),
    ("4.2.13", |t| {
        t.kubelet(|c| c["podPidsLimit"].as_u64().is_some_and(|limit| limit > 0))
    }),
    ("4.2.14", |t| t.kubelet(|c| c["seccompDefault"] == true)),
    ("4.3.1", |t| {
        let tree = t.cluster.tree("m1");
        let mut waves = tree
            .files
            .iter()
            .filter(|(path, _)| path.starts_with("/etc/firstlight/apply/"));
        waves.any(|(_, file)| {
            String::from_utf8_lossy(&file.content).contains("metricsBindAddress: 127.0.0.1:10249")
        })
    }),
];

/// Row to the trains it holds in.
fn rows() -> BTreeMap<String, Vec<String>> {
    let table = fs_err::read_to_string(root().join("overlays/control-plane/README.md")).unwrap();
    let all: Vec<String> = CATALOGUE.trains.keys().cloned().collect();
    let mut rows = BTreeMap::new();
    for line in table.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, row, _, here, _] = cells[..] else {
            continue;
        };
        if !row.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let trains = match here.strip_prefix("holds") {
            None => {
                let reason = ["deliberately not", "does not apply: "]
                    .iter()
                    .any(|start| here.starts_with(start));
                assert!(
                    reason && here.contains(": "),
                    "row {row} holds, or has a reason: {here}"
                );
                continue;
            }
            Some("") => all.clone(),
            Some(rest) => {
                let list = rest
                    .strip_prefix(" (")
                    .and_then(|rest| rest.split_once(')'));
                let (list, why) = list.unwrap_or_else(|| panic!("row {row}: {here}"));
                assert!(
                    why.starts_with(": "),
                    "row {row} says why not in the others: {here}"
                );
                list.split(", ").map(str::to_owned).collect()
            }
        };
        assert!(
            rows.insert(row.to_owned(), trains).is_none(),
            "row {row} is there twice"
        );
    }
    rows
}

#[test]
fn every_row_that_holds_is_checked_and_every_check_has_its_row() {
    let rows = rows();
    let checks: BTreeMap<&str, Check> = CHECKS.iter().copied().collect();
    assert_eq!(checks.len(), CHECKS.len());
    let listed: BTreeSet<&str> = rows.keys().map(String::as_str).collect();
    assert_eq!(listed, checks.keys().copied().collect());
    for train in CATALOGUE.trains.keys() {
        let trees = Trees::new(train);
        let fails: Vec<&String> = rows
            .iter()
            .filter(|(row, trains)| trains.contains(train) && !checks[row.as_str()](&trees))
            .map(|(row, _)| row)
            .collect();
        assert!(fails.is_empty(), "train {train}: {fails:?}");
    }
}

#[test]
fn a_check_fails_where_its_row_does_not_hold() {
    let checks: BTreeMap<&str, Check> = CHECKS.iter().copied().collect();
    let loose = |more: &str| {
        let cluster = small("1.34", more);
        Trees {
            apiserver: flags(&cluster, "m1", "kube-apiserver"),
            kubelets: ["m1", "w1"]
                .map(|node| yaml(&cluster.tree(node), "/var/lib/kubelet/config.yaml")),
            cluster,
            ..Trees::new("1.34")
        }
    };
    assert!(!checks["4.2.4"](&loose(
        "kubelet: { read_only_port: true }\n"
    )));
    assert!(!checks["1.2.16"](&loose(
        "audit: { file: { enabled: false } }\n"
    )));
    assert!(!checks["1.2.15"](&loose(
        "control_plane: { apiserver: { extra_args: [--profiling=true] } }\n"
    )));
    assert!(!checks["1.2.3"](&loose(
        "admission_plugins: [{ name: DenyServiceExternalIPs, enabled: false }]\n"
    )));
}
