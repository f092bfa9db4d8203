//! What the components of masters are told.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use firstlight::config::Program;
use serde_json::json;

use crate::support::{self, CATALOGUE, Cluster, try_plan};
use crate::{flags, small, text, yaml};

const EVERYTHING: &str = r#"
control_plane: { feature_gates: { AllBeta: false } }
authentication:
  oidc: { issuer_url: "https://id.example.com", client_id: k8s, username_prefix: "-", groups_claim: groups, groups_prefix: "g:", ca_file: ca }
  token_webhook: { config: { cluster: { server: "https://tokens.example.com" } }, cache_ttl: 5m }
audit: { webhook: { server: "https://audit.example.com", certificate_authority: ca } }
admission_plugins: [{ name: PodNodeSelector }, { name: LimitRanger, enabled: false }]
"#;

static AUTHORITY: LazyLock<String> = LazyLock::new(|| {
    let all = small("1.34", "");
    text(&all.tree("m1"), "/etc/kubernetes/pki/ca.crt")
});

fn everything(train: &str) -> Cluster {
    let ca = AUTHORITY.as_str();
    Cluster::with_files(&(support::cluster(train, 1, 1) + EVERYTHING), &[("ca", ca)])
}

/// What is ours and may still be replaced by `extra_args`.
const REPLACEABLE: [&str; 7] = [
    "disable-admission-plugins",
    "kubelet-preferred-address-types",
    "profiling",
    "service-account-extend-token-expiration",
    "terminated-pod-gc-threshold",
    "tls-cipher-suites",
    "tls-min-version",
];

#[test]
fn every_argument_of_ours_is_refused_to_the_user_or_known_to_be_replaceable() {
    for train in CATALOGUE.trains.keys() {
        let cluster = everything(train);
        for (pod, program) in [
            ("kube-apiserver", Program::Apiserver),
            ("kube-controller-manager", Program::ControllerManager),
            ("kube-scheduler", Program::Scheduler),
        ] {
            assert_eq!(program.name(), pod);
            for name in flags(&cluster, "m1", pod).keys() {
                let ours = program.managed(name).is_some() || REPLACEABLE.contains(&name.as_str());
                assert!(ours, "train {train}: --{name} of {pod}");
            }
        }
        let env = text(&cluster.tree("w1"), "/etc/firstlight/node.env");
        let kubelet = env
            .lines()
            .find_map(|line| line.strip_prefix("FL_KUBELET_FLAGS='"))
            .unwrap();
        for flag in kubelet.trim_end_matches('\'').split(' ') {
            let name = flag.trim_start_matches("--").split('=').next().unwrap();
            assert!(
                Program::Kubelet.managed(name).is_some(),
                "train {train}: {flag} of the kubelet"
            );
        }
    }
}

#[test]
fn further_arguments_come_last_and_replace_what_may_be_replaced() {
    let cluster = small(
        "1.34",
        "control_plane:\n  feature_gates: { AllBeta: false }\n  apiserver: { extra_args: [--profiling=true, --goaway-chance=0.001] }\n  \
         scheduler: { extra_args: [--v=2] }\nkubelet: { extra_args: [--v=3] }\n",
    );
    let apiserver = flags(&cluster, "m1", "kube-apiserver");
    assert_eq!(apiserver["profiling"], "true");
    assert_eq!(apiserver["goaway-chance"], "0.001");
    for pod in [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ] {
        assert_eq!(flags(&cluster, "m1", pod)["feature-gates"], "AllBeta=false");
    }
    assert_eq!(flags(&cluster, "m1", "kube-scheduler")["v"], "2");
    assert!(text(&cluster.tree("w1"), "/etc/firstlight/node.env").contains(" --v=3'\n"));
}

#[test]
fn an_issuer_is_flags_where_the_release_has_no_file_for_it() {
    let old = everything("1.30");
    let apiserver = flags(&old, "m1", "kube-apiserver");
    assert_eq!(apiserver["oidc-issuer-url"], "https://id.example.com");
    assert_eq!(apiserver["oidc-username-prefix"], "-");
    assert_eq!(
        apiserver["oidc-ca-file"],
        "/etc/kubernetes/apiserver/oidc-ca.crt"
    );
    assert_eq!(
        text(&old.tree("m1"), &apiserver["oidc-ca-file"]),
        AUTHORITY.as_str()
    );
    assert!(!apiserver.contains_key("authentication-config"));

    let new = everything("1.34");
    let apiserver = flags(&new, "m1", "kube-apiserver");
    assert!(
        !apiserver
            .keys()
            .any(|flag| flag.starts_with("oidc-") || flag == "anonymous-auth")
    );
    let config = yaml(&new.tree("m1"), &apiserver["authentication-config"]);
    assert_eq!(
        config["anonymous"]["conditions"],
        json!([{ "path": "/livez" }, { "path": "/readyz" }, { "path": "/healthz" }])
    );
    let issuer = &config["jwt"][0];
    assert_eq!(issuer["issuer"]["url"], "https://id.example.com");
    assert_eq!(issuer["issuer"]["audiences"], json!(["k8s"]));
    assert_eq!(issuer["issuer"]["certificateAuthority"], AUTHORITY.as_str());
    assert_eq!(
        issuer["claimMappings"],
        json!({ "username": { "claim": "sub", "prefix": "" }, "groups": { "claim": "groups", "prefix": "g:" } })
    );
}

#[test]
fn a_name_without_prefix_is_the_issuer_s() {
    let more = "authentication: { oidc: { issuer_url: \"https://id.example.com\", client_id: a, username_claim: CLAIM } }\n";
    for (claim, prefix) in [("sub", "https://id.example.com#"), ("email", "")] {
        let cluster = small("1.36", &more.replace("CLAIM", claim));
        let config = yaml(
            &cluster.tree("m1"),
            "/etc/kubernetes/apiserver/authentication.yaml",
        );
        assert_eq!(
            config["jwt"][0]["claimMappings"]["username"]["prefix"],
            prefix
        );
    }
}

#[test]
fn the_record_is_on_by_default_and_goes_where_it_is_sent() {
    let usual = flags(&small("1.20", ""), "m1", "kube-apiserver");
    assert_eq!(usual["audit-log-path"], "/var/log/kubernetes/audit.json");
    let off = small("1.20", "audit: { file: { enabled: false } }\n");
    assert!(
        !flags(&off, "m1", "kube-apiserver")
            .keys()
            .any(|flag| flag.starts_with("audit-"))
    );
    assert!(
        !off.tree("m1")
            .files
            .contains_key("/etc/kubernetes/apiserver/audit-policy.yaml")
    );
    // a section of its own leaves the file as it is, which Pharos lost
    let webhook = everything("1.30");
    let apiserver = flags(&webhook, "m1", "kube-apiserver");
    assert_eq!(apiserver["audit-log-maxage"], "30");
    let config = yaml(&webhook.tree("m1"), &apiserver["audit-webhook-config-file"]);
    assert_eq!(
        config["clusters"][0]["cluster"]["server"],
        "https://audit.example.com"
    );
    let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata }]\n";
    let own =
        support::cluster("1.30", 1, 1) + "audit: { policy: p, file: { path: /srv/audit/a.log } }\n";
    let own = Cluster::with_files(&own, &[("p", policy)]);
    assert_eq!(
        text(
            &own.tree("m1"),
            "/etc/kubernetes/apiserver/audit-policy.yaml"
        ),
        policy
    );
    let pod = yaml(
        &own.tree("m1"),
        "/etc/firstlight/manifests/kube-apiserver.yaml",
    );
    let mounts = pod["spec"]["containers"][0]["volumeMounts"]
        .as_array()
        .unwrap()
        .clone();
    assert!(
        mounts.contains(&json!({ "name": "audit", "mountPath": "/srv/audit", "readOnly": false }))
    );
}

#[test]
fn a_changed_configuration_is_another_pod() {
    let of = |more: &str| {
        let pod = yaml(
            &small("1.34", more).tree("m1"),
            "/etc/firstlight/manifests/kube-apiserver.yaml",
        );
        pod["metadata"]["annotations"]["firstlight/configuration"].clone()
    };
    let off = "encryption: { enabled: false }\n";
    assert_eq!(of(off), of(off));
    assert_ne!(
        of(off),
        of(&format!(
            "{off}pod_security_policy: {{ default_policy: restricted }}\n"
        ))
    );
}

#[test]
fn workers_hold_nothing_of_the_control_plane() {
    let tree = everything("1.34").tree("w1");
    let of_masters = |path: &&String| {
        path.starts_with("/etc/kubernetes/apiserver") || path.contains("encryption")
    };
    assert_eq!(tree.files.keys().find(of_masters), None);
}

#[test]
fn pods_are_held_to_a_policy_by_what_the_release_has() {
    let restricted = "pod_security_policy: { default_policy: 99-pharos-restricted }\n";
    let old = small("1.20", restricted);
    assert_eq!(
        flags(&old, "m1", "kube-apiserver")["enable-admission-plugins"],
        "NodeRestriction,PodSecurityPolicy"
    );
    let objects = text(&old.tree("m1"), "/etc/firstlight/apply/10-rbac.yaml");
    assert!(objects.contains("name: firstlight:psp:restricted-by-default"));
    assert!(
        !text(
            &small("1.20", "").tree("m1"),
            "/etc/firstlight/apply/10-rbac.yaml"
        )
        .contains("psp")
    );
    let new = small("1.34", restricted);
    let path = &flags(&new, "m1", "kube-apiserver")["admission-control-config-file"];
    let defaults = &yaml(&new.tree("m1"), path)["plugins"][0]["configuration"]["defaults"];
    assert_eq!(
        (&defaults["enforce"], &defaults["warn"]),
        (&json!("restricted"), &json!("restricted"))
    );
    assert!(!text(&new.tree("m1"), "/etc/firstlight/apply/10-rbac.yaml").contains("psp"));
}

#[test]
fn a_cloud_is_told_to_whom_it_concerns() {
    let external = small("1.34", "cloud: { provider: external }\n");
    assert_eq!(
        flags(&external, "m1", "kube-controller-manager")["cloud-provider"],
        "external"
    );
    assert!(!flags(&external, "m1", "kube-apiserver").contains_key("cloud-provider"));
    assert!(
        text(&external.tree("w1"), "/etc/firstlight/node.env")
            .contains("--cloud-provider=external")
    );
    let inside = support::cluster("1.20", 1, 1) + "cloud: { provider: openstack, config: c }\n";
    let inside = Cluster::with_files(&inside, &[("c", "[Global]\npassword=x\n")]);
    for pod in ["kube-apiserver", "kube-controller-manager"] {
        assert_eq!(
            flags(&inside, "m1", pod)["cloud-config"],
            "/etc/kubernetes/cloud.conf"
        );
    }
    let worker = inside.tree("w1");
    assert_eq!(worker.files["/etc/kubernetes/cloud.conf"].mode, 0o600);
    assert!(!text(&worker, "/etc/firstlight/node.env").contains("--node-ip"));
}

#[test]
fn what_a_release_does_not_know_is_refused_at_its_line() {
    let refused =
        |train: &str, more: &str| try_plan(&(support::cluster(train, 1, 1) + more)).unwrap_err();
    for (train, more, words) in [
        (
            "1.34",
            "admission_plugins: [{ name: PodSecurityPolicy }]\n",
            "gone since 1.25",
        ),
        (
            "1.20",
            "admission_plugins: [{ name: PodSecurityPolicy }]\n",
            "`default_policy: baseline`",
        ),
        (
            "1.20",
            "admission_plugins: [{ name: DenyServiceExternalIPs }]\n",
            "train 1.20 has no admission plugin",
        ),
        (
            "1.36",
            "cloud: { provider: aws }\n",
            "must be one of: `external`",
        ),
        (
            "1.20",
            "cloud: { provider: hcloud }\n",
            "put the controller among `manifests`",
        ),
    ] {
        let said = refused(train, more);
        assert!(
            said.contains(words) && said.contains("cluster.yml:"),
            "{said}"
        );
    }
}

#[test]
fn plugins_are_turned_on_and_off() {
    let apiserver = flags(&everything("1.30"), "m1", "kube-apiserver");
    assert_eq!(
        apiserver["enable-admission-plugins"],
        "NodeRestriction,DenyServiceExternalIPs,PodNodeSelector"
    );
    assert_eq!(apiserver["disable-admission-plugins"], "LimitRanger");
    let without = small(
        "1.30",
        "admission_plugins: [{ name: DenyServiceExternalIPs, enabled: false }]\n",
    );
    let apiserver = flags(&without, "m1", "kube-apiserver");
    assert_eq!(apiserver["enable-admission-plugins"], "NodeRestriction");
    assert_eq!(
        apiserver["disable-admission-plugins"],
        "DenyServiceExternalIPs"
    );
}

#[test]
fn components_use_a_proxy_only_when_told_to() {
    let text = |more: &str| {
        support::cluster("1.34", 1, 1).replace(
            "defaults: {",
            "defaults: { environment: { https_proxy: \"http://10.0.0.5:3128\" },",
        ) + more
    };
    let env = |cluster: &Cluster| {
        let pod = yaml(
            &cluster.tree("m1"),
            "/etc/firstlight/manifests/kube-apiserver.yaml",
        );
        let env = pod["spec"]["containers"][0]["env"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        env.iter()
            .map(|e| e["name"].as_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>()
    };
    let drop_in = "/etc/systemd/system/kubelet.service.d/10-proxy.conf";
    let usual = Cluster::new(&text(""));
    assert!(env(&usual).is_empty() && !usual.tree("w1").files.contains_key(drop_in));
    let told = Cluster::new(&text("control_plane: { use_proxy: true }\n"));
    assert_eq!(
        env(&told),
        ["NO_PROXY", "https_proxy", "no_proxy"]
            .map(str::to_owned)
            .into()
    );
    assert!(told.tree("w1").files.contains_key(drop_in));
    let unaware = small("1.34", "control_plane: { use_proxy: true }\n");
    assert!(env(&unaware).is_empty());
}

#[test]
fn labels_that_a_kubelet_may_not_set_are_a_master_s_own() {
    let with = |node: &str| {
        let host = format!("name: {node},");
        support::cluster("1.34", 1, 1).replace(
            &host,
            &format!("{host} labels: {{ node-role.kubernetes.io/edge: \"\", disk: ssd }},"),
        )
    };
    let master = Cluster::new(&with("m1"));
    let env = text(&master.tree("m1"), "/etc/firstlight/node.env");
    assert!(env.contains("FL_MASTER_LABELS='node-role.kubernetes.io/control-plane= node-role.kubernetes.io/edge='"), "{env}");
    assert!(env.contains("--node-labels=disk=ssd"), "{env}");
    let refused = try_plan(&with("w1")).unwrap_err();
    assert!(
        refused.contains("error[hosts/restricted-label]")
            && refused.contains("kubectl label node w1"),
        "{refused}"
    );
}
