//! What `cluster.yml` gives a host besides its place in the cluster.

use super::tree::NodeTree;
use crate::plan::Node;
use crate::plan::profile::PackageManager;

pub(super) fn add(tree: &mut NodeTree, node: &Node) {
    let (system, manager) = (&node.system, node.profile.packages.manager);
    if let Some(zone) = &system.time_zone {
        tree.links.insert(
            "/etc/localtime".to_owned(),
            format!("/usr/share/zoneinfo/{zone}"),
        );
        // what Debian's tools say and set
        if manager == PackageManager::Apt {
            tree.public("/etc/timezone", format!("{zone}\n"));
        }
    }
    if !system.sysctls.is_empty() {
        let line = |(key, value): (&String, &String)| format!("{key} = {value}\n");
        tree.public(
            "/etc/sysctl.d/95-cluster.conf",
            system.sysctls.iter().map(line).collect::<String>(),
        );
    }
    for (number, certificate) in system.ca_certificates.iter().enumerate() {
        let (folder, _) = manager.trust();
        tree.public(
            &format!("{folder}/cluster-{}.crt", number + 1),
            certificate.clone(),
        );
    }
    for repository in &system.repositories {
        let name = &repository.name;
        tree.public(
            &format!("{}/{name}", manager.repositories()),
            format!("{}\n", repository.contents.trim_end()),
        );
        if let Some(key) = &repository.key {
            let stem = name
                .rsplit_once('.')
                .map_or(name.as_str(), |(stem, _)| stem);
            let path = format!("{}/{stem}", manager.keys());
            match manager {
                PackageManager::Apt => tree.given(&(path + ".gpg"), key.binary.clone(), 0o644),
                PackageManager::Yum | PackageManager::Dnf => {
                    tree.public(&(path + ".asc"), format!("{}\n", key.armoured.trim_end()));
                }
            }
        }
    }
    for file in &system.files {
        tree.given(&file.path, file.content.clone(), file.mode);
    }
}
