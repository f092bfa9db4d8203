//! The networks that a cluster was built with: nodes have addresses of them, and of no others.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::IdentityError;
use super::state::ClusterFile;
use super::store::Store;
use crate::config::model::Provider;
use crate::lock::Lock;
use crate::plan::Plan;

/// Section of the lock.
const SECTION: &str = "network";

/// What the lock remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Networks {
    provider: String,
    pod_cidrs: Vec<String>,
    service_cidrs: Vec<String>,
}

impl Networks {
    fn of(plan: &Plan) -> Self {
        let texts = |nets: &[ipnet::IpNet]| nets.iter().map(ToString::to_string).collect();
        Self {
            provider: plan.provider.as_str().to_owned(),
            pod_cidrs: texts(&plan.pod_cidrs),
            service_cidrs: texts(&plan.service_cidrs),
        }
    }
}

/// Refuses a plan with another pod network, or other addresses, than the cluster was built with.
/// Reads only; a cluster that was never built has none.
pub fn check_networks(state: &Path, lock: &Path, plan: &Plan) -> Result<(), IdentityError> {
    let now = Networks::of(plan);
    let Some(before) = Lock::read(lock)?.section::<Networks>(SECTION)? else {
        return unrecorded(state, &now);
    };
    let join = |list: &[String]| list.join(", ");
    if before.provider != now.provider {
        return Err(IdentityError::ProviderChanged {
            before: before.provider,
            now: now.provider,
        });
    }
    for (what, key, before, now) in [
        (
            "pod",
            "network.pod_network_cidr",
            &before.pod_cidrs,
            &now.pod_cidrs,
        ),
        (
            "service",
            "network.service_cidr",
            &before.service_cidrs,
            &now.service_cidrs,
        ),
    ] {
        if before != now {
            return Err(IdentityError::NetworkChanged {
                what,
                key,
                before: join(before),
                now: join(now),
            });
        }
    }
    Ok(())
}

/// Before the lock had it, `bridge` was the only pod network, and the state folder has its subnets.
fn unrecorded(state: &Path, now: &Networks) -> Result<(), IdentityError> {
    let bridge = Provider::Bridge.as_str();
    if now.provider == bridge || !Store::exists(state)? {
        return Ok(());
    }
    let store = match Store::open_for_reading(state) {
        Ok(store) => store,
        // the build that follows ends what was interrupted, and looks again
        Err(IdentityError::Interrupted { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    if ClusterFile::read(&store)?.pod_subnets().is_empty() {
        return Ok(());
    }
    Err(IdentityError::ProviderChanged {
        before: bridge.to_owned(),
        now: now.provider.clone(),
    })
}

/// Records those of a plan that is being built.
pub fn record_networks(lock: &Path, plan: &Plan) -> Result<(), IdentityError> {
    Ok(Lock::read(lock)?.update(SECTION, &Networks::of(plan))?)
}
