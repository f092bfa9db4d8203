//! host-upgrades: what nodes are given for it, a script, its units and when the window opens.

use super::super::overlay;
use super::super::tree::NodeTree;
use crate::plan::Plan;
use crate::plan::addons::Addon;

const NAME: &str = "host-upgrades";

/// The script and its units.
pub(in super::super) fn add(tree: &mut NodeTree, plan: &Plan) {
    let Some(addon) = plan.addon(NAME) else {
        return;
    };
    for (file, content) in overlay::folder("host-upgrades/node") {
        if file.contains('.') {
            tree.public(&format!("/etc/systemd/system/{file}"), content);
        } else {
            tree.program(&format!("/opt/firstlight/bin/{file}"), content);
        }
    }
    for unit in ["firstlight-upgrade.timer", "firstlight-upgraded.service"] {
        tree.links.insert(
            format!("/etc/systemd/system/firstlight.target.wants/{unit}"),
            format!("../{unit}"),
        );
    }
    tree.public(
        "/etc/systemd/system/firstlight-upgrade.timer.d/window.conf",
        format!("[Timer]\nOnCalendar={}\n", calendar(addon)),
    );
}

/// As systemd.time(7) has it: `Mon,Tue *-*-* 02:00:00`.
fn calendar(addon: &Addon) -> String {
    let capital = |day: &&str| {
        let (first, rest) = day.split_at(1);
        first.to_uppercase() + rest
    };
    let days: Vec<String> = addon.list("days").iter().map(capital).collect();
    format!("{} *-*-* {}:00", days.join(","), addon.text("start"))
}

/// Values for the script.
pub(in super::super) fn values(plan: &Plan) -> Vec<(&'static str, String)> {
    let Some(addon) = plan.addon(NAME) else {
        return Vec::new();
    };
    let version = &plan.release.settings.api_versions.pod_disruption_budget;
    vec![
        ("UPGRADE_WINDOW", addon.setting("window").to_string()),
        ("UPGRADE_REBOOT", addon.is_on("reboot").to_string()),
        ("UPGRADE_DRAIN", addon.is_on("drain").to_string()),
        ("EVICTION", version.clone()),
    ]
}
