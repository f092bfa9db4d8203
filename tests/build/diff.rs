//! `firstlight diff`: what a build would change, and what running nodes do about it.

use serde_json::{Value, json};

use crate::Place;
use crate::support::{cluster, files};

/// Every file of the place with its time: what must not be touched.
fn untouched(place: &Place) -> Vec<(String, Vec<u8>, std::time::SystemTime)> {
    let time = |path: &str| {
        fs_err::metadata(place.path(path))
            .unwrap()
            .modified()
            .unwrap()
    };
    files(place.dir())
        .into_iter()
        .map(|(path, bytes)| {
            let at = time(&path);
            (path, bytes, at)
        })
        .collect()
}

impl Place {
    /// Replaces a part of `cluster.yml`, or adds to its end.
    fn edit(&self, from: &str, to: &str) {
        let text = fs_err::read_to_string(self.path("cluster.yml")).unwrap();
        assert!(text.contains(from), "{from}");
        fs_err::write(self.path("cluster.yml"), text.replacen(from, to, 1)).unwrap();
    }

    /// What `diff` finds, which must be something; and that it touches nothing.
    fn difference(&self) -> (String, Value) {
        let before = untouched(self);
        let text = self.run(&["diff"]);
        assert_eq!(text.code, Some(3), "{}{}", text.stdout, text.stderr);
        assert_eq!(text.stderr, "");
        let json = self.run(&["diff", "--format", "json"]);
        assert_eq!(json.code, Some(3));
        assert_eq!(json.json()["schema_version"], 1);
        assert!(untouched(self) == before, "diff wrote something");
        (text.stdout.clone(), json.json())
    }
}

fn steps(node: &Value) -> Vec<&str> {
    let effects = node["effects"].as_array().unwrap();
    let name = |e: &Value| {
        e["step"]
            .as_str()
            .or(e["what"].as_str())
            .map(str::len)
            .map(|_| ())
    };
    assert!(effects.iter().all(|e| name(e).is_some()));
    effects
        .iter()
        .map(|e| {
            e["step"]
                .as_str()
                .unwrap_or_else(|| e["what"].as_str().unwrap())
        })
        .collect()
}

#[test]
fn the_last_build_differs_in_nothing() {
    let place = Place::with(1, 1);
    place.build();
    let before = untouched(&place);
    let done = place.run(&["diff"]).ok();
    assert_eq!(done.stdout, "");
    assert_eq!(done.stderr, "nothing differs from the last build\n");
    assert!(untouched(&place) == before);
}

#[test]
fn before_the_first_build_every_node_is_new_and_nothing_is_made() {
    let place = Place::with(1, 1);
    let done = place.run(&["diff", "--format", "json"]);
    assert_eq!(done.code, Some(3));
    assert!(
        done.stderr.contains("nothing was built into"),
        "{}",
        done.stderr
    );
    let found = done.json();
    let nodes: Vec<_> = found["nodes"].as_array().unwrap().iter().collect();
    assert!(
        nodes
            .iter()
            .all(|n| n["change"] == "new" && n["effects"].is_null())
    );
    assert_eq!(nodes.len(), 2);
    assert!(
        found["issued"]
            .as_array()
            .unwrap()
            .iter()
            .any(|i| i == "pki/ca: new")
    );
    assert_eq!(files(place.dir()).len(), 1, "only cluster.yml");
}

#[test]
fn says_which_files_and_what_the_node_does() {
    let place = Place::with(1, 2);
    place.build();
    place.edit(
        "- { name: w1,",
        "- { name: w1, sysctls: { vm.max_map_count: \"262144\" },",
    );
    place.edit("- { name: m1,", "- { name: m1, labels: { disk: ssd },");
    let (text, json) = place.difference();
    let [m1, w1] = &json["nodes"].as_array().unwrap()[..] else {
        panic!("w2 is as it was:\n{text}")
    };
    assert_eq!((&m1["name"], &w1["name"]), (&json!("m1"), &json!("w1")));
    assert_eq!(steps(m1), ["kubelet"]);
    assert_eq!(steps(w1), ["host"]);
    assert_eq!(w1["files"][0]["path"], "/etc/sysctl.d/95-cluster.conf");
    assert_eq!(w1["files"][0]["change"], "added");
    assert!(
        text.contains(
            "w1: 1 file differs; with its new seed: kernel modules and settings are applied\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("      +vm.max_map_count = 262144\n"),
        "{text}"
    );
    assert!(
        text.contains("~ /etc/firstlight/node.env: the kubelet restarts, pods go on\n"),
        "{text}"
    );
    // and it is what a build then does
    place.build();
    place.run(&["diff"]).ok();
}

#[test]
fn secrets_are_named_and_never_shown() {
    let place = Place::with(1, 1);
    place.build();
    fs_err::write(
        place.path("cluster.yml"),
        cluster("1.34", 1, 1) + "api: { endpoint: api.example.com }\n",
    )
    .unwrap();
    fs_err::write(place.path("pass"), "geheim\n").unwrap();
    place.edit(
        "- { name: w1,",
        "- { name: w1, files: [{ path: /etc/pass, content: \"geheim\", mode: \"0600\" }],",
    );
    let (text, json) = place.difference();
    for secret in [
        "geheim",
        "PRIVATE KEY",
        "BEGIN CERTIFICATE",
        "client-key-data: ",
    ] {
        assert!(
            !text.contains(secret) && !json.to_string().contains(secret),
            "{secret}:\n{text}"
        );
    }
    assert!(
        text.contains("+ /etc/pass (secret): the file alone\n"),
        "{text}"
    );
    assert!(text.contains("~ /etc/kubernetes/pki/apiserver.crt (stays where the node has renewed its own since): the API server restarts"), "{text}");
    assert!(
        text.contains("would be issued: nodes/m1/apiserver: +DNS:api.example.com\n"),
        "{text}"
    );
}

#[test]
fn nodes_that_come_and_go() {
    let place = Place::with(1, 2);
    place.build();
    place.describe(1, 1);
    place.edit(
        "hosts:\n",
        "hosts:\n  - { name: w7, address: 10.0.0.77/24, mac: \"52:54:00:00:00:77\", role: worker }\n",
    );
    let (text, json) = place.difference();
    let of = |name: &str| {
        let nodes = json["nodes"].as_array().unwrap();
        nodes
            .iter()
            .find(|n| n["name"] == name)
            .map(|n| n["change"].clone())
    };
    assert_eq!(
        (of("w2"), of("w7")),
        (Some(json!("removed")), Some(json!("new")))
    );
    assert_eq!((of("m1"), of("w1")), (None, None), "{text}");
    assert!(
        text.contains("would be issued: nodes/w7/kubelet-client: new\n"),
        "{text}"
    );
}

#[test]
fn what_a_running_machine_cannot_take_over_is_a_re_image() {
    let place = Place::with(1, 1);
    place.build();
    place.edit("address: 10.0.0.21/24", "address: 10.0.0.99/24");
    let (text, json) = place.difference();
    assert!(
        text.contains(
            "takes a re-image: certificates, etcd and the other nodes know it by its address"
        ),
        "{text}"
    );
    assert!(json.to_string().contains("\"re-image\""));
}

#[test]
fn a_seed_that_cannot_be_read_is_said_to_be_one() {
    let place = Place::with(1, 1);
    place.build();
    fs_err::write(
        place.path("out/nodes/w1/cloud-init/user-data"),
        "#cloud-config\n",
    )
    .unwrap();
    let (text, json) = place.difference();
    assert!(
        text.contains("w1: its seed of the last build cannot be read"),
        "{text}"
    );
    assert_eq!(json["nodes"][0]["change"], "unreadable");
}

#[test]
fn another_train_or_domain_or_an_older_patch_release_is_refused_and_a_newer_one_is_not() {
    let place = Place::with(1, 1);
    place.build();
    place.edit("version: \"1.34\"", "version: \"1.36\"");
    for command in ["build", "diff"] {
        let said = place.refused(&[command]);
        assert!(
            said.contains(
                "the cluster was built with the release train 1.34, and this file has 1.36"
            ),
            "{said}"
        );
        assert!(said.contains("one minor release at a time"), "{said}");
    }
    place.describe(1, 1);
    place.edit(
        "provider: bridge",
        "provider: bridge, domain: example.local",
    );
    let said = place.refused(&["diff"]);
    assert!(
        said.contains("the cluster was built with the domain `cluster.local`"),
        "{said}"
    );
    // another patch release of the same train, from a folder
    place.describe(1, 1);
    let train =
        fs_err::read_to_string(crate::support::root().join("overlays/trains/1.34.yml")).unwrap();
    let (before, after) = train.split_once("kubernetes: \"1.34.7\"").unwrap();
    fs_err::create_dir_all(place.path("newer/trains")).unwrap();
    fs_err::write(
        place.path("newer/trains/1.34.yml"),
        format!("{before}kubernetes: \"1.34.99\"{after}"),
    )
    .unwrap();
    assert_eq!(place.run(&["diff", "--overlays", "newer"]).code, Some(3));
    let built = place.run(&["build", "--overlays", "newer"]).ok();
    assert!(
        built.stderr.contains("Kubernetes 1.34.99"),
        "{}",
        built.stderr
    );
    // and there is no way back
    for command in ["build", "diff"] {
        let said = place.refused(&[command]);
        assert!(
            said.contains("the cluster was built with Kubernetes 1.34.99, and 1.34.7 is older"),
            "{said}"
        );
        assert!(said.contains("Kubernetes has no way back"), "{said}");
    }
}
