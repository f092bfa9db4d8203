//! `NoCloud` cloud-init, in the form that every version since 0.7.9 reads as meant: plain ASCII, no
//! `write_files` (it does not resume after a power cut).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::network::network_config;
use crate::compose::foothold;
use crate::plan::{Node, Plan};

/// cloud-init parses user-data several times per boot with a pure Python parser, about a third of a
/// second per megabyte each; larger seeds still work.
pub const COMFORTABLE_BYTES: usize = 256 * 1024;

/// Stands for the archive until the rest of the document is there.
const PLACE: &str = "@SEED@";

/// File name to content. `network-config` is absent where the machine asks DHCP on its only
/// interface, which is what cloud-init does by itself.
pub fn files(
    plan: &Plan,
    node: &Node,
    archive: &[u8],
    digest_hex: &str,
) -> BTreeMap<&'static str, Vec<u8>> {
    let mut files = BTreeMap::from([
        (
            "user-data",
            user_data(plan, archive, digest_hex).into_bytes(),
        ),
        ("meta-data", meta_data(node, digest_hex).into_bytes()),
        ("vendor-data", Vec::new()),
    ]);
    if let Some(network) = network_config(node) {
        files.insert("network-config", network.into_bytes());
    }
    files
}

/// A changed seed is a new instance: cloud-init would not look at it otherwise. The node writes the
/// same line into its seed folder (`firstlight-keep-seed`). No `local-hostname`: a power cut that
/// leaves cloud-init's note of it empty (`/var/lib/cloud/data/set-hostname`) makes every later boot
/// fail before anything of ours runs; the name is a file of the seed instead.
fn meta_data(node: &Node, digest_hex: &str) -> String {
    yaml(&json!({ "instance-id": format!("{}-{}", node.name, &digest_hex[..16]) }))
}

fn user_data(plan: &Plan, archive: &[u8], digest_hex: &str) -> String {
    let mut config = json!({
        // firstlight-settle sets it, see `meta_data`
        "preserve_hostname": true,
        "manage_etc_hosts": false,
        "package_update": false,
        "package_upgrade": false,
        "ssh_pwauth": false,
        "disable_root": true,
        // a new seed for the same machine must not change the host keys that people know
        "ssh_deletekeys": false,
        "bootcmd": [foothold(PLACE, digest_hex)],
    });
    if let (Some(user), false) = (&plan.ssh.user, plan.ssh.authorized_keys.is_empty()) {
        config["users"] = json!([{
            "name": user,
            "gecos": "Operator",
            "shell": "/bin/bash",
            "lock_passwd": true,
            "sudo": "ALL=(ALL) NOPASSWD:ALL",
            "ssh_authorized_keys": plan.ssh.authorized_keys,
        }]);
    }
    fill(&format!("#cloud-config\n{}", yaml(&config)), archive)
}

/// `text` with `archive` in its [`PLACE`], a line of a literal block: base64 in lines of 76 characters,
/// each indented as the block is. It is put in afterwards because it is nearly all of the text and
/// has nothing that a YAML writer would have to look at.
fn fill(text: &str, archive: &[u8]) -> String {
    let (before, after) = text.split_once(PLACE).expect("the foothold has a place");
    let indent = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    let mut filled = String::with_capacity(text.len() + archive.len() * 3 / 2);
    filled.push_str(before);
    // 57 bytes are 76 characters
    for (number, bytes) in archive.chunks(57).enumerate() {
        if number > 0 {
            filled.push('\n');
            filled.push_str(indent);
        }
        STANDARD.encode_string(bytes, &mut filled);
    }
    filled.push_str(after);
    filled
}

/// What a `user-data` of an earlier build holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The text without archive and digest: the same for two builds that differ in nothing else.
    pub outline: String,
    /// The seed's archive.
    pub archive: Vec<u8>,
}

/// Takes a `user-data` apart; `None` when it is none of ours.
pub fn parts(user_data: &str) -> Option<Parts> {
    let (before, rest) = user_data.split_once("<<'END OF SEED'\n")?;
    let (lines, after) = rest.split_once("END OF SEED")?;
    let (base64, indent) = lines.rsplit_once('\n').unwrap_or(("", lines));
    let base64: String = base64.split_ascii_whitespace().collect();
    let (head, digest) = before.split_once("seed_digest=")?;
    let (_, tail) = digest.split_once('\n')?;
    Some(Parts {
        outline: format!("{head}seed_digest=\n{tail}<<'END OF SEED'\n{indent}END OF SEED{after}"),
        archive: STANDARD.decode(base64).ok()?,
    })
}

pub(super) fn yaml(value: &Value) -> String {
    crate::yaml::to_string(value).expect("plain values have a YAML form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_in_comes_out_again() {
        let text = |digest: &str| {
            format!(
                "a: 1\nbootcmd:\n- |-\n  seed_digest={digest}\n  stage <<'END OF SEED'\n  {PLACE}\n  END OF SEED\n  x\n"
            )
        };
        let archive: Vec<u8> = (0..=255).collect();
        let one = parts(&fill(&text("11"), &archive)).unwrap();
        assert_eq!(one.archive, archive);
        let other = parts(&fill(&text("22"), &[])).unwrap();
        assert_eq!(other.outline, one.outline);
        assert!(other.archive.is_empty());
        assert_eq!(parts("#cloud-config\n"), None);
    }
}
