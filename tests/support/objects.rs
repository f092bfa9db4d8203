//! Every object that a train can bring, as nodes have it.

use firstlight::yaml;
use serde_json::Value;

use super::{CATALOGUE, Cluster};

/// The pod networks that the train has, with every setting of each that changes an object.
fn networks(train: &str) -> Vec<&'static str> {
    let weave = "weave, weave: { trusted_subnets: [10.0.0.0/24], known_peers: [192.0.2.7], ipalloc_default_subnet: 10.32.0.0/16, mtu: 8916 }";
    let calico = "calico, calico: { ipip_mode: CrossSubnet, nat_outgoing: false, mtu: 9000, environment: { FELIX_LOGSEVERITYSCREEN: Warning } }";
    let has = |name: &str| CATALOGUE.trains[train].components.contains_key(name);
    let mut networks = vec!["bridge", weave];
    networks.extend(has("calico").then_some(calico));
    networks
}

/// Every setting that changes an object.
pub fn cluster(train: &str) -> Cluster {
    with_network(train, "bridge")
}

fn with_network(train: &str, network: &str) -> Cluster {
    let more = "api: { endpoint: api.example.com }\n\
                kube_proxy: { mode: ipvs, conntrack: { maxPerCore: 65536, tcpEstablishedTimeout: 2h0m0s } }\n\
                kubelet: { kube_reserved: { memory: 300Mi }, feature_gates: { GracefulNodeShutdown: true }, max_pods: 60, cpu_cfs_quota: false, cpu_cfs_quota_period: 10ms }\n\
                pod_security_policy: { default_policy: baseline }\n\
                control_plane: { use_proxy: true }\nimage_repository: registry.example.com/kubernetes\n";
    let addons: String = CATALOGUE.trains[train]
        .components
        .keys()
        .filter_map(|name| Some((name, CATALOGUE.components[name].addon.as_ref()?)))
        // nobody publishes a digest of kured
        .filter(|(name, addon)| addon.switch.is_none() && *name != "kured")
        .map(|(name, addon)| {
            let needed = addon
                .settings
                .iter()
                .filter(|(_, setting)| setting.required);
            let needed = needed.map(|(key, setting)| format!(", {key}: {}", setting.example));
            format!(
                "  {name}: {{ enabled: true{} }}\n",
                needed.collect::<String>()
            )
        })
        .collect();
    let text = super::cluster(train, 3, 2);
    let text = text.replace(
        "{ provider: bridge }",
        &format!("{{ provider: {network} }}"),
    );
    Cluster::new(&(text + more + "addons:\n" + &addons))
}

pub fn documents(text: &str) -> Vec<Value> {
    let text = text.strip_prefix("---\n").unwrap_or(text);
    text.split("\n---\n")
        .map(|d| yaml::from_str(d).unwrap_or_else(|e| panic!("{e} in\n{d}")))
        .collect()
}

/// Path and text of every file with objects: static pods and waves.
pub fn manifests(cluster: &Cluster) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for node in ["m1", "w1"] {
        for (path, file) in cluster.tree(node).files {
            let folder = path.starts_with("/etc/firstlight/manifests/")
                || path.starts_with("/etc/firstlight/apply/");
            if folder && path.rsplit('.').next() == Some("yaml") {
                found.push((
                    format!("{node}{}", path.replace('/', "-")),
                    String::from_utf8(file.content.into_owned()).unwrap(),
                ));
            }
        }
    }
    found
}

/// Those of every setting, and what other pod networks have besides.
pub fn every(train: &str) -> Vec<(String, String)> {
    let mut found = manifests(&cluster(train));
    for (at, network) in networks(train).iter().enumerate().skip(1) {
        let own = manifests(&with_network(train, network)).into_iter();
        let own = own.filter(|(name, _)| name.contains("-1") && name.contains("apply"));
        found.extend(own.map(|(name, text)| (format!("{at}-{name}"), text)));
    }
    found
}
