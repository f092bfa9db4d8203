//! For every profile: what a user gives a host arrives in its tree unchanged.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firstlight::plan::profile::Profiles;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::json;

use crate::support::{Cluster, run};

/// One line of what people put into environments: `%`, `$`, quotes, backslashes, blanks.
fn line() -> impl Strategy<Value = String> {
    "[!-~]([ -~]{0,40}[!-~])?"
}

fn profile() -> impl Strategy<Value = String> {
    let all: Vec<String> = Profiles::embedded()
        .iter()
        .map(|p| p.name.clone())
        .collect();
    prop::sample::select(all)
}

/// The node as the program composes it from such a description.
fn cluster(os: &str, host: &serde_json::Value) -> Cluster {
    let mut host = host.clone();
    for (key, value) in [
        ("name", json!("m1")),
        ("role", json!("master")),
        ("os", json!(os)),
        ("address", json!(["10.0.0.11/24", "fd00::11/64"])),
        ("mac", json!("52:54:00:00:00:11")),
    ] {
        host[key] = value;
    }
    Cluster::new(
        &json!({
            "name": "demo",
            "kubernetes": { "version": "1.20" },
            "network": { "provider": "bridge" },
            "artefacts": { "mirror": "http://10.0.0.5/firstlight" },
            "hosts": [host],
        })
        .to_string(),
    )
}

proptest! {
    #![proptest_config(Config { cases: 32, max_shrink_iters: 40, ..Config::default() })]

    #[test]
    fn survives_on_every_profile(
        os in profile(),
        file in vec(any::<u8>(), 0..400),
        mode in prop_oneof![Just(0o600_u32), Just(0o644), Just(0o755)],
        labels in btree_map("[a-z]{1,8}(/[a-z]{1,8})?", "([a-zA-Z0-9]([a-zA-Z0-9_.-]{0,20}[a-zA-Z0-9])?)?", 0..3),
        environment in btree_map("[A-Z_]{1,12}", line(), 0..4),
        sysctls in btree_map("[a-z]{1,6}(\\.[a-z_]{1,8}){1,3}", "[0-9]{1,9}", 0..3),
    ) {
        let cluster = cluster(&os, &json!({
            "labels": labels,
            "environment": environment,
            "sysctls": sysctls,
            "timezone": "America/Argentina/Ushuaia",
            "files": [{ "path": "/etc/any/file", "base64": STANDARD.encode(&file), "mode": format!("{mode:04o}") }],
        }));
        let tree = cluster.tree("m1");
        let text = |path: &str| tree.files.get(path).map(|f| String::from_utf8(f.content.to_vec()).unwrap());
        let given = &tree.files["/etc/any/file"];
        prop_assert!(given.content[..] == file[..]);
        prop_assert_eq!((given.mode, given.secret.is_some()), (mode, mode == 0o600));
        prop_assert_eq!(&tree.links["/etc/localtime"], "/usr/share/zoneinfo/America/Argentina/Ushuaia");
        let expected: String = sysctls.iter().map(|(k, v)| format!("{k} = {v}\n")).collect();
        prop_assert_eq!(text("/etc/sysctl.d/95-cluster.conf").unwrap_or_default(), expected);
        // a shell reads the values for scripts as they are meant
        let folder = tempfile::tempdir().unwrap();
        let env = folder.path().join("node.env");
        fs_err::write(&env, text("/etc/firstlight/node.env").unwrap()).unwrap();
        let said = run(std::process::Command::new("sh").args(["-c", ". \"$0\"; printf %s \"$FL_KUBELET_FLAGS\""]).arg(&env)).stdout;
        for (key, value) in &labels {
            prop_assert!(said.contains(&format!("{key}={value}")), "{said}");
        }
        prop_assert_eq!(as_pam_reads(&text("/etc/environment").unwrap_or_default()), environment);
    }
}

/// The reading of `pam_env` of `/etc/environment` (its `_parse_env_file`): quotes around a value go, nothing is expanded.
fn as_pam_reads(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (key, value) = line.split_once('=').unwrap();
        let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        (key.to_owned(), inner.unwrap_or(value).to_owned())
    };
    text.lines().map(line).collect()
}
