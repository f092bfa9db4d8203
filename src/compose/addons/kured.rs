//! kured: when it reboots, and by which file a node asks for it.

use serde_json::{Value, json};

use super::super::object::set;
use super::{Context, find};
use crate::plan::addons::Addon;

pub(super) fn patch(_: &Context<'_>, addon: &Addon, objects: &mut [Value]) {
    let Some(set_of_pods) = find(objects, "DaemonSet", "kured") else {
        return;
    };
    let (folder, file) = addon.text("sentinel").rsplit_once('/').unwrap_or_default();
    let pod = "/spec/template/spec";
    let path = if folder.is_empty() { "/" } else { folder };
    set(
        set_of_pods,
        &format!("{pod}/volumes/0/hostPath/path"),
        json!(path),
    );
    let more = [
        format!("--reboot-sentinel=/sentinel/{file}"),
        format!("--reboot-days={}", addon.list("days").join(",")),
        format!("--start-time={}", addon.text("start")),
        format!("--end-time={}", addon.text("end")),
        format!("--time-zone={}", addon.text("time_zone")),
        format!("--period={}", addon.text("period")),
    ];
    let command = format!("{pod}/containers/0/command");
    if let Some(Value::Array(command)) = set_of_pods.pointer_mut(&command) {
        command.extend(more.map(Value::from));
    }
}
