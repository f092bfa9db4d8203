//! Any bytes in any file of a tree survive: archive, user-data, `PyYAML`, shell, tar.

use firstlight::compose::{Kind, NodeTree};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::process::Command;

use super::handover::Root;
use crate::support::{Cluster, cloud_init_of, cluster, files, run};

/// Binary, text, and what a shell, YAML or base64 could trip over.
fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..3000),
        "[ -~\n\t]{0,400}".prop_map(String::into_bytes),
        Just(
            b"END OF SEED\n@SEED@ $(reboot) `reboot` ${x} \\ '\"\n\0\xff\xfe\r\n---\n...\n"
                .to_vec()
        ),
        vec(Just(0_u8), 0..100_000),
    ]
}

fn path() -> impl Strategy<Value = String> {
    // names with blanks, quotes, leading hyphens; never a folder that is another's file
    "/[a-z]{1,8}(/[ -.0-~]{1,30}){0,3}/f[ -.0-~]{0,60}"
        .prop_filter("a real path", |p| {
            !p.split('/').any(|s| s == "." || s == "..")
        })
        .prop_map(|p| format!("/etc/any{p}"))
}

proptest! {
    #![proptest_config(Config { cases: 24, max_shrink_iters: 60, ..Config::default() })]

    #[test]
    fn any_bytes_in_any_file_survive(contents in btree_map(path(), (content(), prop_oneof![Just(0o600_u32), Just(0o644), Just(0o755)]), 0..6)) {
        let cluster = cluster_of_one();
        let mut tree = NodeTree::default();
        // what bootcmd takes out of every seed
        let real = cluster.tree("m1");
        for path in ["/opt/firstlight/bin/firstlight-settle", "/opt/firstlight/bin/firstlight-say", "/etc/systemd/system/firstlight.service"] {
            tree.files.insert(path.to_owned(), real.files[path].clone());
        }
        for (path, (content, mode)) in contents {
            let below = |other: &String| other.starts_with(&format!("{path}/")) || path.starts_with(&format!("{other}/"));
            if !tree.files.keys().any(below) {
                tree.files.insert(path, firstlight::compose::File { content: content.into(), mode, kind: Kind::Fixed, secret: None });
            }
        }
        let root = Root::new();
        root.bootcmd(&cloud_init_of(&cluster.plan, cluster.node("m1"), &tree));
        root.run(&["/bin/sh", "/bootcmd"]).ok();
        let staged = fs_err::read_dir(root.path("/var/lib/firstlight/incoming")).unwrap().next().unwrap().unwrap().path();
        let folder = tempfile::tempdir().unwrap();
        run(Command::new("tar").arg("-xpzf").arg(staged).arg("-C").arg(folder.path())).ok();
        let found = files(&folder.path().join("tree"));
        let expected: std::collections::BTreeMap<_, _> = tree.files.iter().map(|(p, f)| (p[1..].to_owned(), f.content.to_vec())).collect();
        prop_assert!(found == expected);
    }
}

fn cluster_of_one() -> &'static Cluster {
    static ONE: std::sync::LazyLock<Cluster> =
        std::sync::LazyLock::new(|| Cluster::new(&cluster("1.34", 1, 0)));
    &ONE
}
