//! What a cluster was built as and cannot become another of: its release train, its domain; and its Kubernetes,
//! which never becomes an older one.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::IdentityError;
use crate::lock::Lock;
use crate::plan::Plan;

/// Section of the lock.
const SECTION: &str = "release";

/// What the lock remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    train: String,
    kubernetes: String,
    domain: String,
}

impl Release {
    fn of(plan: &Plan) -> Self {
        Self {
            train: plan.release.train.clone(),
            kubernetes: plan.release.kubernetes.clone(),
            domain: plan.domain.clone(),
        }
    }
}

/// Refuses a plan of another release train or domain than the cluster was built with, or of an older patch
/// release. Reads only; a cluster that was never built has none of them.
pub fn check_release(lock: &Path, plan: &Plan) -> Result<(), IdentityError> {
    let now = Release::of(plan);
    match Lock::read(lock)?.section::<Release>(SECTION)? {
        Some(before) if before.train != now.train => Err(IdentityError::TrainChanged {
            before: before.train,
            now: now.train,
        }),
        Some(before) if numbers(&before.kubernetes) > numbers(&now.kubernetes) => {
            Err(IdentityError::Downgrade {
                before: before.kubernetes,
                now: now.kubernetes,
            })
        }
        Some(before) if before.domain != now.domain => Err(IdentityError::DomainChanged {
            before: before.domain,
            now: now.domain,
        }),
        _ => Ok(()),
    }
}

/// The numbers of a version, in the order in which they count.
fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split(|c: char| !c.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}

/// Records those of a plan that is being built.
pub fn record_release(lock: &Path, plan: &Plan) -> Result<(), IdentityError> {
    Ok(Lock::read(lock)?.update(SECTION, &Release::of(plan))?)
}
