//! What machines of one kind need together.

use crate::artefact::store::Set;
use crate::artefact::{Artefact, Item, Where};
use crate::plan::{Node, Plan};

/// One set per profile and architecture: what its masters and workers need together; or one for each of
/// the two, `by_role`. Last, what they boot to be installed: that is served, and attached to none.
pub(super) fn sets(plan: &Plan, by_role: bool) -> Vec<Set> {
    let mut sets: Vec<Set> = Vec::new();
    for node in &plan.nodes {
        let (profile, arch, train) = (&node.profile.name, node.arch.as_str(), &plan.release.train);
        let mut name = format!("{profile}-{arch}-{train}");
        if by_role {
            name = format!("{name}-{}", node.role.as_str());
        }
        add(&mut sets, name, node, true, &node.needs);
    }
    for node in &plan.nodes {
        let name = format!("installer-{}-{}", node.profile.name, node.arch.as_str());
        let boots = boot_files(node);
        if !boots.is_empty() {
            add(&mut sets, name, node, false, &boots);
        }
    }
    sets
}

fn add(sets: &mut Vec<Set>, name: String, node: &Node, attached: bool, artefacts: &[Artefact]) {
    let at = sets.iter().position(|set| set.name == name);
    let at = at.unwrap_or_else(|| {
        sets.push(Set {
            name,
            arch: node.arch,
            attached,
            artefacts: Vec::new(),
        });
        sets.len() - 1
    });
    for artefact in artefacts {
        if !sets[at].artefacts.contains(artefact) {
            sets[at].artefacts.push(artefact.clone());
        }
    }
}

fn boot_files(node: &Node) -> Vec<Artefact> {
    let install = node.install.iter();
    let files = install.flat_map(|install| [&install.kernel, &install.initrd]);
    let artefact = |file: &crate::plan::installer::BootFile| Artefact {
        component: format!("installer-{}", node.profile.name),
        version: node.profile.name.clone(),
        licence: "GPL-2.0-only".to_owned(),
        on: Where::Everywhere,
        item: Item::Boot {
            digest: file.digest,
            url: file.url.clone(),
        },
    };
    files.map(artefact).collect()
}
