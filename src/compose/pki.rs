//! Certificates, keys and kubeconfigs, laid out as kubeadm does.

use super::tree::{Kind, NodeTree};
use crate::identity::{
    Authority, AuthorityKind, ExternalEtcd, Identities, Leaf, LeafKind, ServiceAccount, kubeconfig,
};
use crate::plan::{Node, Plan};

const PKI: &str = "/etc/kubernetes/pki";

/// What every node holds, and on a master what a kubeadm master holds.
pub(super) fn add(tree: &mut NodeTree, plan: &Plan, node: &Node, ids: &Identities) {
    let own = ids.nodes.get(&node.name).expect("issued for this plan");
    let mut concern = Concern {
        tree,
        plan,
        node,
        ids,
    };
    concern.authority(&format!("{PKI}/ca"), AuthorityKind::Cluster, false);
    // the kubelet rotates its own client certificate, beside this one
    concern.kubeconfig(
        "kubelet",
        &format!("system:node:{}", node.name),
        LeafKind::KubeletClient,
        &own.kubelet_client,
    );
    concern.leaf(
        "/var/lib/kubelet/pki/kubelet",
        LeafKind::KubeletServer,
        &own.kubelet_server,
    );
    let Some(master) = &own.master else { return };
    concern.authority(&format!("{PKI}/ca"), AuthorityKind::Cluster, true);
    if let Some(external) = &ids.external_etcd {
        concern.external_etcd(external);
    } else {
        concern.authority(&format!("{PKI}/etcd/ca"), AuthorityKind::Etcd, false);
        concern.authority(&format!("{PKI}/etcd/ca"), AuthorityKind::Etcd, true);
    }
    concern.authority(
        &format!("{PKI}/front-proxy-ca"),
        AuthorityKind::FrontProxy,
        false,
    );
    concern.authority(
        &format!("{PKI}/front-proxy-ca"),
        AuthorityKind::FrontProxy,
        true,
    );
    for (kind, leaf) in master.leaves() {
        match kind {
            LeafKind::ApiserverEtcdClient
            | LeafKind::EtcdServer
            | LeafKind::EtcdPeer
            | LeafKind::EtcdHealthcheckClient
                if ids.external_etcd.is_some() => {}
            LeafKind::Admin => concern.kubeconfig("admin", "kubernetes-admin", kind, leaf),
            LeafKind::ControllerManager => concern.kubeconfig(
                "controller-manager",
                "system:kube-controller-manager",
                kind,
                leaf,
            ),
            LeafKind::Scheduler => {
                concern.kubeconfig("scheduler", "system:kube-scheduler", kind, leaf);
            }
            _ => concern.leaf(&format!("{PKI}/{}", place(kind)), kind, leaf),
        }
    }
    let sa = &ids.service_account;
    tree.public(&format!("{PKI}/sa.pub"), sa.public.clone());
    tree.secret(
        &format!("{PKI}/sa.key"),
        &sa.key,
        Kind::Fixed,
        ServiceAccount::ALLOWS,
    );
}

/// kubeadm's name of a certificate below the PKI folder.
fn place(kind: LeafKind) -> &'static str {
    match kind {
        LeafKind::EtcdServer => "etcd/server",
        LeafKind::EtcdPeer => "etcd/peer",
        LeafKind::EtcdHealthcheckClient => "etcd/healthcheck-client",
        other => other.name(),
    }
}

struct Concern<'a> {
    tree: &'a mut NodeTree,
    plan: &'a Plan,
    node: &'a Node,
    ids: &'a Identities,
}

impl Concern<'_> {
    /// The certificate of an authority, or its key.
    fn authority(&mut self, path: &str, kind: AuthorityKind, key: bool) {
        let authority: &Authority = self.ids.authority(kind);
        if key {
            self.tree.secret(
                &format!("{path}.key"),
                &authority.key,
                Kind::Fixed,
                kind.allows(),
            );
        } else {
            self.tree
                .public(&format!("{path}.crt"), authority.cert.clone());
        }
    }

    /// What the user gave for an etcd that is not ours, where the own would be.
    fn external_etcd(&mut self, external: &ExternalEtcd) {
        if let Some(ca) = &external.ca {
            self.tree.public(&format!("{PKI}/etcd/ca.crt"), ca.clone());
        }
        if let Some((certificate, key)) = &external.client {
            let stem = format!("{PKI}/apiserver-etcd-client");
            self.tree
                .public(&format!("{stem}.crt"), certificate.clone());
            self.tree.secret(
                &format!("{stem}.key"),
                key,
                Kind::Fixed,
                ExternalEtcd::ALLOWS,
            );
        }
    }

    fn leaf(&mut self, path: &str, kind: LeafKind, leaf: &Leaf) {
        self.tree.initial(&format!("{path}.crt"), leaf.cert.clone());
        self.tree.secret(
            &format!("{path}.key"),
            &leaf.key,
            Kind::Initial,
            &kind.allows(Some(&self.node.name)),
        );
    }

    /// Every client on a node reaches the API at the same address: a master's own server, a
    /// worker's balancer.
    fn kubeconfig(&mut self, name: &str, user: &str, kind: LeafKind, leaf: &Leaf) {
        let text = kubeconfig(
            &self.plan.cluster,
            "https://127.0.0.1:6443",
            &self.ids.cluster_ca.cert,
            user,
            leaf,
        );
        self.tree.secret(
            &format!("/etc/kubernetes/{name}.conf"),
            &text,
            Kind::Initial,
            &kind.allows(Some(&self.node.name)),
        );
    }
}
