//! What machines of one kind need together.

use crate::artefact::store::Set;
use crate::plan::Plan;

/// One set per profile and architecture: what its masters and workers need together; or one for each of
/// the two, `by_role`.
pub(super) fn sets(plan: &Plan, by_role: bool) -> Vec<Set> {
    let mut sets: Vec<Set> = Vec::new();
    for node in &plan.nodes {
        let (profile, arch, train) = (&node.profile.name, node.arch.as_str(), &plan.release.train);
        let mut name = format!("{profile}-{arch}-{train}");
        if by_role {
            name = format!("{name}-{}", node.role.as_str());
        }
        let at = sets
            .iter()
            .position(|set| set.name == name)
            .unwrap_or_else(|| {
                sets.push(Set {
                    name,
                    arch: node.arch,
                    artefacts: Vec::new(),
                });
                sets.len() - 1
            });
        for artefact in &node.needs {
            if !sets[at].artefacts.contains(artefact) {
                sets[at].artefacts.push(artefact.clone());
            }
        }
    }
    sets
}
