//! Container images: under the exact name and digest, pinned, or not at all.

use firstlight::artefact::Digest;
use fs_err as fs;

use crate::machine::Machine;
use crate::server::{Answer, Server};

const NAMES: [&str; 3] = [
    "registry.k8s.io/pause:3.10",
    "docker.io/library/haproxy:3.2",
    "registry.k8s.io/kube-proxy:v1",
];

/// A store with an image each: index, manifest and a layer, all by digest.
struct Store {
    index: String,
    blobs: Vec<(String, Vec<u8>)>,
    digests: Vec<String>,
}

fn store() -> Store {
    let mut store = Store {
        index: String::new(),
        blobs: vec![],
        digests: vec![],
    };
    for name in NAMES {
        let blobs =
            ["index", "layer"].map(|part| format!("{part} of {name}").repeat(1000).into_bytes());
        let digests = blobs.clone().map(|b| Digest::sha256(&b).to_string());
        let (digest, size) = (&digests[0], blobs[0].len());
        store.index += &format!(
            "image {digest} amd64 application/vnd.oci.image.index.v1+json {size} {name} {}\n",
            digests.join(" ")
        );
        store.digests.push(digest.clone());
        store.blobs.extend(digests.into_iter().zip(blobs));
    }
    store
}

impl Store {
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let blobs = self
            .blobs
            .iter()
            .map(|(d, b)| (format!("/blobs/{}", d.replace(':', "/")), b.clone()));
        blobs
            .chain([("/index".to_owned(), self.index.clone().into_bytes())])
            .collect()
    }

    fn machine(&self, mirror: &str, upstream: bool) -> Machine {
        let machine = Machine::with_scripts();
        machine.write(
            "etc/firstlight/node.env",
            format!(
                "FL_NODE='w1'\nFL_ARCH='amd64'\nFL_MIRROR='{mirror}'\nFL_UPSTREAM='{upstream}'\n"
            ),
        );
        let lines: String = NAMES
            .iter()
            .zip(&self.digests)
            .map(|(n, d)| format!("{n} {d}\n"))
            .collect();
        machine.write("etc/firstlight/images", lines);
        fs::copy(
            machine.at("test/bin/ctr"),
            machine.at("opt/firstlight/bin/ctr"),
        )
        .unwrap();
        fs::create_dir_all(machine.at("var/lib/containerd")).unwrap();
        machine
    }

    /// Asserts that every image is there under both names, pinned.
    fn in_containerd(&self, machine: &Machine) {
        let images = machine.read("test/images");
        for (name, digest) in NAMES.iter().zip(&self.digests) {
            let (repository, _) = name.rsplit_once(':').unwrap();
            for name in [(*name).to_owned(), format!("{repository}@{digest}")] {
                let line = format!(
                    "{name} {digest} io.cri-containerd.pinned=pinned io.cri-containerd.image=managed"
                );
                assert!(images.lines().any(|l| l == line), "{line}\n{images}");
            }
        }
        assert_eq!(images.lines().count(), 2 * NAMES.len());
    }
}

fn import(machine: &Machine) -> crate::support::Done {
    machine.run("set -a; NOTIFY_SOCKET=there; . /etc/firstlight/node.env; /opt/firstlight/bin/firstlight-images")
}

#[test]
fn images_are_imported_from_disk_or_mirror_under_both_names_and_pinned() {
    let store = store();
    let mirror = Server::new(
        store
            .files()
            .into_iter()
            .map(|(p, b)| (p, Answer::Whole(b))),
    );
    let from_mirror = store.machine(&mirror.url, false);
    let from_disk = store.machine("", false);
    for (path, bytes) in store.files() {
        from_disk.write(&format!("run/firstlight/media/sr0{path}"), bytes);
    }
    for machine in [from_disk, from_mirror] {
        import(&machine).ok();
        store.in_containerd(&machine);
        assert_eq!(
            machine.read("test/console"),
            "firstlight: images ready (3 imported and pinned)\r\n"
        );
        assert!(machine.at("var/lib/firstlight/images-done").exists());
        assert!(machine.read("test/systemctl").contains("notify --ready"));
        assert!(
            machine
                .read("test/ctr")
                .lines()
                .all(|l| !l.contains("images pull"))
        );
        assert_eq!(
            fs::read_dir(machine.at("var/lib/firstlight/blobs"))
                .unwrap()
                .count(),
            0,
            "nothing left behind"
        );
        // looked at again: nothing is imported, nothing said
        fs::remove_file(machine.at("test/ctr")).unwrap();
        assert_eq!(import(&machine).ok().stdout, "");
        assert!(!machine.read("test/ctr").contains("import"));
        // one went
        let images = machine.read("test/images");
        let (_, left) = images.split_once('\n').unwrap();
        machine.write("test/images", left);
        import(&machine).ok();
        store.in_containerd(&machine);
        // a boot that was cut off between name and label
        let images = machine.read("test/images").replace(
            "io.cri-containerd.pinned=pinned io.cri-containerd.image=managed",
            "",
        );
        machine.write("test/images", images);
        import(&machine).ok();
        store.in_containerd(&machine);
    }
}

#[test]
fn what_no_store_has_is_pulled_by_digest_where_that_is_allowed() {
    let store = store();
    let machine = store.machine("", true);
    import(&machine).ok();
    store.in_containerd(&machine);
    assert_eq!(machine.read("test/ctr").matches("images pull").count(), 3);
    let closed = store.machine("", false);
    assert_eq!(import(&closed).code, Some(137));
    assert!(!closed.read("test/ctr").contains("images pull"));
    let said = closed.read("test/console");
    assert!(said.contains("firstlight: images waiting (registry.k8s.io/pause:3.10: in no store that this machine sees"), "{said}");
    assert_eq!(closed.read("test/images"), "");
    assert!(
        !closed.read("test/systemctl").contains("notify"),
        "the kubelet does not start without them"
    );
}

#[test]
fn an_image_with_another_digest_is_refused_and_removed() {
    let store = store();
    let machine = store.machine("", false);
    for (path, bytes) in store.files() {
        machine.write(&format!("run/firstlight/media/sr0{path}"), bytes);
    }
    machine.write("test/imports-as", "sha256:evil");
    machine.write("test/while-2", "rm /test/imports-as");
    import(&machine).ok();
    let said = machine.read("test/console");
    let words = format!(
        "{}: wrong digest, expected {}, got sha256:evil",
        NAMES[0], store.digests[0]
    );
    assert!(said.contains(&words), "{said}");
    assert!(
        machine
            .read("test/ctr")
            .contains(&format!("images rm {}", NAMES[0]))
    );
    store.in_containerd(&machine);
}

#[test]
fn a_download_that_breaks_off_goes_on_at_the_next_try() {
    let store = store();
    let layer = format!("/blobs/{}", store.blobs[1].0.replace(':', "/"));
    let answers = store.files().into_iter().map(|(p, b)| {
        if p == layer {
            (p, Answer::Closes(b, 9000))
        } else {
            (p, Answer::Whole(b))
        }
    });
    let mirror = Server::new(answers);
    let machine = store.machine(&mirror.url, false);
    import(&machine).ok();
    store.in_containerd(&machine);
    let asked = mirror.asked();
    assert!(asked.contains(&format!("{layer} 9000")), "{asked:?}");
    let index = format!("/blobs/{} 0", store.digests[0].replace(':', "/"));
    assert_eq!(
        asked.iter().filter(|l| **l == index).count(),
        1,
        "what was here is not fetched again"
    );
    let said = machine.read("test/console");
    assert!(
        said.contains(&layer) && said.contains("tried again every 1 s"),
        "the source and the reason: {said}"
    );
}
