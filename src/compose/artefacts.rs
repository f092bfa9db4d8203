//! What the node fetches by digest: one line each, for POSIX shell.

use super::tree::NodeTree;
use crate::artefact::Item;
use crate::plan::Node;

/// The order in which the kubelet comes to need them; it starts when the first two are there.
const ORDER: [&str; 6] = [
    "pause",
    "haproxy",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
];

/// The lists `/etc/firstlight/artefacts` and `/etc/firstlight/images`.
pub(super) fn add(tree: &mut NodeTree, node: &Node) {
    let mut lines: Vec<String> = Vec::new();
    for artefact in &node.needs {
        match &artefact.item {
            Item::File {
                digest, url, dest, ..
            } => lines.push(format!("file {digest} {url} -={dest}")),
            Item::TarGz {
                digest,
                url,
                members,
            } => {
                let pairs: Vec<_> = members
                    .iter()
                    .map(|(from, to)| format!("{from}={to}"))
                    .collect();
                lines.push(format!("tgz {digest} {url} {}", pairs.join(" ")));
            }
            Item::Package {
                kind,
                digest,
                url,
                name,
                version,
            } => lines.push(format!("{} {digest} {url} {name} {version}", kind.name())),
            Item::Boot { .. } | Item::Image { .. } => {}
        }
    }
    lines.extend(node.packages.iter().map(|name| format!("package {name}")));
    lines.sort_unstable();
    tree.public("/etc/firstlight/artefacts", lines.join("\n") + "\n");
    let images: Vec<String> = images(node)
        .iter()
        .map(|(name, digest)| format!("{name} {digest}"))
        .collect();
    tree.public("/etc/firstlight/images", images.join("\n") + "\n");
}

fn images(node: &Node) -> Vec<(String, String)> {
    let mut images: Vec<_> = node
        .needs
        .iter()
        .filter_map(|a| match &a.item {
            Item::Image { name, digest } => Some((name.clone(), digest.to_string())),
            _ => None,
        })
        .collect();
    images.sort_by_key(|(name, _)| (rank(name), name.clone()));
    images
}

fn rank(image: &str) -> usize {
    let repository = image.rsplit_once(':').map_or(image, |(r, _)| r);
    let short = repository.rsplit('/').next().unwrap_or(repository);
    ORDER
        .iter()
        .position(|f| *f == short)
        .unwrap_or(ORDER.len())
}
