//! Every certificate below the authorities: whom it is for and what it allows.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::certificate::Request;
use super::{AuthorityKind, San, Usage};
use crate::plan::{Node, Plan};

/// A certificate below an authority, with its key, by its purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeafKind {
    /// The kubelet towards the API server.
    KubeletClient,
    /// The kubelet's own HTTPS.
    KubeletServer,
    /// The API server's HTTPS.
    Apiserver,
    /// The API server towards kubelets.
    ApiserverKubeletClient,
    /// The API server towards etcd.
    ApiserverEtcdClient,
    /// The API server towards extension API servers.
    FrontProxyClient,
    /// etcd towards its clients.
    EtcdServer,
    /// etcd towards its peers.
    EtcdPeer,
    /// `etcdctl` and probes.
    EtcdHealthcheckClient,
    /// The controller manager towards the API server.
    ControllerManager,
    /// The scheduler towards the API server.
    Scheduler,
    /// The administrator.
    Admin,
    /// The addon metrics-server's HTTPS, which the API server speaks to.
    MetricsServer,
}

const SERVER: Usage = Usage {
    server: true,
    client: false,
};
const CLIENT: Usage = Usage {
    server: false,
    client: true,
};
const BOTH: Usage = Usage {
    server: true,
    client: true,
};
/// The group that RBAC cannot restrict. kubeadm ≥ 1.29 puts its administrators in
/// `kubeadm:cluster-admins`, which needs a binding that kubeadm makes; old trains have none.
const MASTERS: &str = "system:masters";

impl LeafKind {
    /// What every node has.
    pub const NODE: [Self; 2] = [Self::KubeletClient, Self::KubeletServer];
    /// What a master has besides.
    pub const MASTER: [Self; 10] = [
        Self::Apiserver,
        Self::ApiserverKubeletClient,
        Self::ApiserverEtcdClient,
        Self::FrontProxyClient,
        Self::EtcdServer,
        Self::EtcdPeer,
        Self::EtcdHealthcheckClient,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Admin,
    ];

    /// The file name in the state folder, without `.crt` or `.key`.
    pub fn name(self) -> &'static str {
        match self {
            Self::KubeletClient => "kubelet-client",
            Self::KubeletServer => "kubelet-server",
            Self::Apiserver => "apiserver",
            Self::ApiserverKubeletClient => "apiserver-kubelet-client",
            Self::ApiserverEtcdClient => "apiserver-etcd-client",
            Self::FrontProxyClient => "front-proxy-client",
            Self::EtcdServer => "etcd-server",
            Self::EtcdPeer => "etcd-peer",
            Self::EtcdHealthcheckClient => "etcd-healthcheck-client",
            Self::ControllerManager => "controller-manager",
            Self::Scheduler => "scheduler",
            Self::Admin => "admin",
            Self::MetricsServer => "metrics-server",
        }
    }

    /// Who signs it.
    pub fn authority(self) -> AuthorityKind {
        match self {
            Self::FrontProxyClient => AuthorityKind::FrontProxy,
            Self::ApiserverEtcdClient
            | Self::EtcdServer
            | Self::EtcdPeer
            | Self::EtcdHealthcheckClient => AuthorityKind::Etcd,
            _ => AuthorityKind::Cluster,
        }
    }

    /// What its key allows whoever holds it.
    pub fn allows(self, node: Option<&str>) -> String {
        let node = node.unwrap_or("any node");
        match self {
            Self::KubeletClient => format!("act as node {node}"),
            Self::KubeletServer => format!("answer as the kubelet of {node}"),
            Self::Apiserver => "answer as the API server".to_owned(),
            Self::ApiserverKubeletClient => "command every kubelet".to_owned(),
            Self::ApiserverEtcdClient | Self::EtcdHealthcheckClient => {
                "read and write everything in etcd".to_owned()
            }
            Self::FrontProxyClient => "speak for any user to extension API servers".to_owned(),
            Self::EtcdServer => format!("answer as the etcd of {node}"),
            Self::EtcdPeer => format!("act as the etcd member {node}"),
            Self::ControllerManager => "act as the controller manager".to_owned(),
            Self::Scheduler => "act as the scheduler".to_owned(),
            Self::Admin => "administer the cluster".to_owned(),
            Self::MetricsServer => "answer as metrics-server".to_owned(),
        }
    }

    /// What the certificate of `node` must say, by kubeadm's table
    /// (<https://kubernetes.io/docs/setup/best-practices/certificates/>).
    pub(super) fn request(self, plan: &Plan, node: &Node) -> Request {
        let client = |cn: &str, group| request(cn, group, CLIENT, BTreeSet::new());
        let kubelet = format!("system:node:{}", node.name);
        match self {
            Self::KubeletClient => client(&kubelet, Some("system:nodes")),
            Self::KubeletServer => request(&kubelet, Some("system:nodes"), SERVER, own(node)),
            Self::Apiserver => request("kube-apiserver", None, SERVER, api_server(plan)),
            Self::ApiserverKubeletClient => client("kube-apiserver-kubelet-client", Some(MASTERS)),
            Self::ApiserverEtcdClient => client("kube-apiserver-etcd-client", None),
            Self::FrontProxyClient => client("front-proxy-client", None),
            Self::EtcdServer | Self::EtcdPeer => request(
                &node.name,
                None,
                BOTH,
                own(node).into_iter().chain(local()).collect(),
            ),
            Self::EtcdHealthcheckClient => client("kube-etcd-healthcheck-client", None),
            Self::ControllerManager => client("system:kube-controller-manager", None),
            Self::Scheduler => client("system:kube-scheduler", None),
            Self::Admin => admin(),
            Self::MetricsServer => metrics_server(plan),
        }
    }
}

/// What the administrator's certificate must say.
pub(super) fn admin() -> Request {
    request("kubernetes-admin", Some(MASTERS), CLIENT, BTreeSet::new())
}

/// What metrics-server's certificate must say: the API server calls it by its Service's name.
pub(super) fn metrics_server(plan: &Plan) -> Request {
    let service = "metrics-server.kube-system.svc";
    let names = [service.to_owned(), format!("{service}.{}", plan.domain)];
    let sans = names.into_iter().map(San::Dns).collect();
    request("metrics-server", None, SERVER, sans)
}

fn request(cn: &str, group: Option<&str>, usage: Usage, sans: BTreeSet<San>) -> Request {
    Request {
        common_name: cn.to_owned(),
        organization: group.map(ToOwned::to_owned),
        sans,
        usage,
    }
}

/// A node's own name and addresses.
fn own(node: &Node) -> BTreeSet<San> {
    let ips = node.ips.iter().copied().map(San::Ip);
    ips.chain([San::Dns(node.name.clone())]).collect()
}

fn local() -> [San; 3] {
    [
        San::Dns("localhost".to_owned()),
        San::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        San::Ip(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ]
}

/// The API server is reached by its service, through the local haproxy, by any master's name or
/// address, and by the endpoint; every master answers for all of them.
fn api_server(plan: &Plan) -> BTreeSet<San> {
    let service = "kubernetes.default.svc";
    let names = ["kubernetes", "kubernetes.default", service].map(ToOwned::to_owned);
    names
        .into_iter()
        .chain([format!("{service}.{}", plan.domain)])
        .map(San::Dns)
        .chain(local())
        .chain(plan.api_ips.iter().copied().map(San::Ip))
        .chain(plan.masters().flat_map(own))
        .chain(plan.endpoint.as_deref().map(San::parse))
        .collect()
}
