//! Pharos's settings without effect here: read, checked for slips.

use super::key::{Effect, Key, key};
use super::kinds::{BOOL, LIST};
use super::read::Reader;

const fn pending(name: &'static str, doc: &'static str) -> Key {
    key(name, doc).effect(Effect::None)
}

/// The top level's.
pub(super) fn accept(reader: &mut Reader<'_, '_>) {
    reader.section(
        &pending("telemetry", "Pharos: telemetry; nothing is sent here"),
        |reader| {
            reader.optional(&key("enabled", "whether it is sent"), &BOOL);
        },
    );
    reader.optional(&pending("addon_paths", "folders of further addons"), &LIST);
}
