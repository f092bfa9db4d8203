//! The `NoCloud` files as their real readers see them: cloud-init of the distribution, `PyYAML`, a
//! POSIX shell and tar.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

#[path = "seed/given.rs"]
mod given;
#[path = "seed/handover.rs"]
mod handover;
#[path = "seed/network.rs"]
mod network;
#[path = "seed/survival.rs"]
mod survival;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use support::{Cluster, Done, cluster, run, tool};

/// The unpacked cloud-init, as a command.
fn cloud_init(args: &[&str]) -> Done {
    let packages = tool("cloud-init/usr/lib/python3/dist-packages");
    run(Command::new("/usr/bin/python3")
        .args(["-m", "cloudinit.cmd.main"])
        .args(args)
        .env("PYTHONPATH", packages))
}

/// Writes a node's files where cloud-init finds them.
fn write(files: &BTreeMap<&'static str, Vec<u8>>, folder: &Path) {
    for (name, content) in files {
        fs_err::write(folder.join(name), content).unwrap();
    }
}

/// What `PyYAML`, cloud-init's reader, makes of a text.
fn pyyaml(path: &Path) -> serde_json::Value {
    let script =
        "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1], 'rb')), sys.stdout)";
    run(Command::new("/usr/bin/python3")
        .args(["-c", script])
        .arg(path))
    .ok()
    .json()
}

/// A cluster with every setting that reaches user-data.
fn described() -> Cluster {
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f it's: #1";
    Cluster::new(&format!(
        "{}ssh: {{ user: ops, authorized_keys: [\"{key}\"] }}\n",
        cluster("1.34", 1, 1)
    ))
}

#[test]
fn cloud_init_accepts_the_user_data() {
    let cluster = described();
    for name in ["m1", "w1"] {
        let folder = tempfile::tempdir().unwrap();
        write(&cluster.cloud_init(name), folder.path());
        let path = folder.path().join("user-data");
        let done = cloud_init(&["schema", "-c", path.to_str().unwrap()]).ok();
        assert_eq!(
            (done.stdout.as_str(), done.stderr.as_str()),
            (
                format!("Valid cloud-config: {}\n", path.display()).as_str(),
                ""
            )
        );
    }
}

#[test]
fn files_are_plain_ascii_and_mean_what_was_said() {
    let cluster = described();
    let folder = tempfile::tempdir().unwrap();
    let files = cluster.cloud_init("m1");
    for (name, content) in &files {
        assert!(content.is_ascii(), "{name}");
        assert!(!content.contains(&b'\r'), "{name}");
    }
    write(&files, folder.path());
    let data = pyyaml(&folder.path().join("user-data"));
    assert!(files["user-data"].starts_with(b"#cloud-config\n"));
    // cloud-init's own note of a name does not survive every power cut: the name is a file of the seed
    assert_eq!(data["preserve_hostname"], true);
    assert!(data.get("hostname").is_none());
    assert_eq!(data["ssh_pwauth"], false);
    assert_eq!(data["users"][0]["name"], "ops");
    assert_eq!(
        data["users"][0]["ssh_authorized_keys"][0]
            .as_str()
            .unwrap()
            .rsplit_once(' ')
            .unwrap()
            .1,
        "#1"
    );
    let commands = data["bootcmd"].as_array().unwrap();
    assert_eq!(
        commands.len(),
        1,
        "one script, which alone runs on every boot"
    );
    // what resumes after no power cut is not used; the lowest common form of every cloud-init
    for key in ["write_files", "runcmd", "packages", "power_state"] {
        assert!(data.get(key).is_none(), "{key}");
    }
    let meta = pyyaml(&folder.path().join("meta-data"));
    assert!(meta.get("local-hostname").is_none());
    assert!(meta["instance-id"].as_str().unwrap().starts_with("m1-"));
    assert_eq!(files["vendor-data"], b"", "published and empty");
}

#[test]
fn a_changed_seed_is_a_new_instance_and_an_unchanged_one_is_not() {
    let id = |cluster: &Cluster| {
        String::from_utf8(cluster.cloud_init("w1")["meta-data"].clone()).unwrap()
    };
    let first = described();
    assert_eq!(id(&first), id(&first));
    assert_ne!(
        id(&first),
        id(&described()),
        "other identities are another seed"
    );
}
