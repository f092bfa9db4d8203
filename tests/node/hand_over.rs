//! The hand-over as a transaction, and what later boots make of it.

use fs_err as fs;

use crate::machine::Machine;
use crate::seeds::{Built, DEMO, M1, W1};

#[test]
fn an_empty_disk_takes_the_seed_and_keeps_it() {
    let machine = Machine::new();
    machine.attach(&M1);
    machine
        .boot()
        .ok("firstlight: hand-over settled (m1 of demo; the seed medium may be detached now)");
    machine.holds(&M1);
    assert!(machine.at("var/lib/firstlight/started").exists());
    for folder in [
        "var/lib/firstlight",
        "var/lib/firstlight/seeds",
        "var/lib/cloud/seed/nocloud",
        "var/lib/kubelet/pki",
    ] {
        assert_eq!(machine.mode(folder), 0o700, "{folder}");
    }
    assert_eq!(machine.mode("etc/kubernetes/pki"), 0o755);
    // what cloud-init reads when the medium is gone: the same instance
    assert_eq!(
        fs::read(machine.at("var/lib/cloud/seed/nocloud/user-data")).unwrap(),
        M1.user_data
    );
    assert_eq!(
        machine.read("var/lib/cloud/seed/nocloud/meta-data"),
        format!("instance-id: m1-{}\n", &M1.digest[..16])
    );
    // nothing of the way there is left
    assert_eq!(
        fs::read_dir(machine.at("var/lib/firstlight/incoming"))
            .unwrap()
            .count(),
        0
    );
    assert_eq!(
        machine
            .run("find / -xdev -name '*.part' -o -xdev -name '*-part'")
            .ok()
            .stdout,
        ""
    );

    let before = times(&machine);
    let boot = machine
        .boot()
        .ok("firstlight: hand-over checked (m1 of demo)");
    assert_eq!(boot.console.lines().count(), 1, "{}", boot.console);
    assert_eq!(times(&machine), before, "a later boot writes nothing");
}

fn times(machine: &Machine) -> String {
    machine
        .run("find /etc /opt /var -xdev -type f -printf '%p %T@ %C@ %m %s\n' | sort")
        .ok()
        .stdout
}

#[test]
fn a_node_without_a_planned_network_settles_too() {
    let machine = Machine::new();
    let seed = DEMO.seed("w2");
    machine.attach(&seed);
    machine.boot().ok("settled (w2 of demo");
    machine.holds(&seed);
    assert!(
        !machine
            .at("var/lib/cloud/seed/nocloud/network-config")
            .exists()
    );
    assert!(
        machine
            .at("var/lib/cloud/seed/nocloud/vendor-data")
            .exists()
    );
}

#[test]
fn a_damaged_archive_is_named_and_nothing_is_placed() {
    let machine = Machine::new();
    machine.attach(&M1.damaged());
    machine.boot().refused("the seed in user-data is damaged");
    for path in [
        "var/lib/firstlight/settled",
        "etc/kubernetes",
        "opt/firstlight",
    ] {
        assert!(!machine.at(path).exists(), "{path}");
    }
    assert_eq!(
        fs::read_dir(machine.at("var/lib/firstlight/incoming"))
            .unwrap()
            .count(),
        0
    );
    // the right one mends it
    machine.attach(&M1);
    machine.boot().ok("settled");
    machine.holds(&M1);
}

#[test]
fn a_full_disk_is_named_and_leaves_nothing_that_looks_finished() {
    let machine = Machine::new();
    machine.attach(&M1);
    // 200 kB hold the archive and some of what is in it
    let full =
        "mkdir -p /var/lib/firstlight && mount -t tmpfs -o size=200k t /var/lib/firstlight && ";
    let line = format!(
        "{full} sh /test/bootcmd; /opt/firstlight/bin/firstlight-settle; ls /var/lib/firstlight/settled"
    );
    let done = machine.run(&line);
    assert_ne!(done.code, Some(0));
    let console = machine.read("test/console");
    assert!(
        console.contains("hand-over failed") && console.contains("is the disk full?"),
        "{console}{}",
        done.stderr
    );
    machine.boot().ok("settled");
    machine.holds(&M1);
}

#[test]
fn losses_are_restored_and_said_and_changes_are_drift() {
    let machine = Machine::settled(&W1);
    let (empty, gone, changed) = (
        "/etc/systemd/system/kubelet.service",
        "/etc/kubernetes/pki/ca.crt",
        "/etc/firstlight/haproxy.cfg",
    );
    machine.write(empty, "");
    fs::remove_file(machine.at(gone)).unwrap();
    machine.write(changed, "# the operator's\n");
    let link = "/etc/systemd/system/firstlight.target.wants/kubelet.service";
    fs::remove_file(machine.at(link)).unwrap();
    let key = "/var/lib/kubelet/pki/kubelet.key";
    machine.run(&format!("chmod 0644 {key}")).ok();
    let boot = machine.boot().ok("hand-over checked");
    for words in [
        format!("firstlight: hand-over restored ({empty})"),
        format!("firstlight: hand-over restored ({gone})"),
        "firstlight: hand-over drift (1 files differ from the seed: see firstlight-status)"
            .to_owned(),
    ] {
        assert!(boot.console.contains(&words), "{words}:\n{}", boot.console);
    }
    assert_eq!(machine.read(changed), "# the operator's\n");
    let status = machine.run("firstlight-status").ok().stdout;
    assert!(
        status.contains(&format!("differs from the seed:\n  {changed}\n")),
        "{status}"
    );
    assert!(
        status.starts_with("w1, worker of demo; seed ") && !status.contains("not settled"),
        "{status}"
    );
    assert_eq!(
        machine.run(&format!("stat -c %a {key}")).ok().stdout,
        "600\n",
        "a secret that others could read is root's alone again"
    );
    machine.write(changed, &W1.files[changed].content);
    machine.boot().ok("hand-over checked");
    machine.holds(&W1);
}

#[test]
fn whatever_of_the_programs_is_lost_comes_back() {
    for name in ["settle", "say", "place", "machine"] {
        for content in [Some(""), None] {
            let machine = Machine::settled(&W1);
            let path = format!("/opt/firstlight/bin/firstlight-{name}");
            match content {
                Some(text) => machine.write(&path, text),
                None => fs::remove_file(machine.at(&path)).unwrap(),
            }
            machine.boot();
            machine.boot().ok("hand-over checked");
            machine.holds(&W1);
        }
    }
}

#[test]
fn a_lost_copy_of_the_seed_is_made_again_from_what_cloud_init_holds() {
    for lost in ["seed.tar.gz", "index"] {
        let machine = Machine::settled(&W1);
        machine.write(
            &format!("var/lib/firstlight/seeds/{}/{lost}", W1.digest),
            "",
        );
        machine.boot().ok("firstlight: hand-over");
        machine.boot().ok("hand-over checked");
        machine.holds(&W1);
    }
}

#[test]
fn a_changed_seed_of_the_same_node_is_taken_over() {
    let built = Built::new("");
    let old = built.seed("w2");
    let machine = Machine::settled(&old);
    let environment = ", environment: { HTTP_PROXY: \"http://10.79.0.5:3128\" }";
    let new = built
        .changed(environment, ", labels: { disk: ssd }", "")
        .seed("w2");
    assert!(old.digest != new.digest);
    machine.attach(&new);
    machine.boot().ok("hand-over settled (w2 of demo");
    machine.holds(&new);
    // what only the old one had is gone
    let dropped: Vec<_> = old
        .files
        .keys()
        .filter(|p| !new.files.contains_key(*p))
        .collect();
    assert!(
        dropped.iter().any(|p| *p == "/etc/firstlight/proxy.env"),
        "{dropped:?}"
    );
    for path in dropped {
        assert!(!machine.at(path).exists(), "{path}");
    }
    assert_eq!(
        fs::read_dir(machine.at("var/lib/firstlight/seeds"))
            .unwrap()
            .count(),
        1
    );
    machine.boot().ok("hand-over checked");
}

#[test]
fn the_seed_attached_last_wins_over_one_that_never_settled() {
    let built = Built::new("");
    let first = built.seed("w1");
    let second = built
        .changed(
            "name: w1, role: worker",
            "name: w1, labels: { disk: ssd }, role: worker",
            "",
        )
        .seed("w1");
    for (old, new) in [(&first, &second), (&second, &first)] {
        let machine = Machine::new();
        machine.attach(old);
        // staged, and then the power went
        machine.run("sh /test/bootcmd").ok();
        machine.attach(new);
        machine.boot().ok("settled");
        machine.holds(new);
    }
}

#[test]
fn a_clock_behind_the_seed_is_raised_to_it() {
    let machine = Machine::new();
    machine.attach(&W1);
    let stamp = String::from_utf8(W1.files["/etc/firstlight/node.env"].content.clone()).unwrap();
    let stamp = stamp
        .lines()
        .find_map(|l| l.strip_prefix("FL_STAMP='")?.strip_suffix('\''))
        .unwrap()
        .to_owned();
    machine
        .run("echo 1000 > /test/now; sh /test/bootcmd; /opt/firstlight/bin/firstlight-settle")
        .ok();
    assert_eq!(machine.read("test/now").trim(), stamp);
    assert!(
        machine
            .read("test/console")
            .contains("firstlight: clock raised (to the seed's time,")
    );
    assert!(machine.at("run/firstlight-clock-raised").exists());
    // where it cannot be set (a container) the node goes on
    machine.write(
        "test/bin/date",
        "#!/bin/sh\ncase $1 in -s) exit 1 ;; +%s) echo 1000 ;; esac\n",
    );
    machine
        .run("rm -r /run/*; /opt/firstlight/bin/firstlight-settle")
        .ok();
    machine.boot().ok("hand-over checked");
}

#[test]
fn proxies_reach_everything_that_downloads() {
    let seed = DEMO.seed("w2");
    let text = |path: &str| String::from_utf8(seed.files[path].content.clone()).unwrap();
    // wget and curl read no capitals
    let env = text("/etc/firstlight/proxy.env");
    for name in ["HTTP_PROXY", "http_proxy"] {
        let line = format!("{name}=\"http://10.79.0.5:3128\"");
        assert!(env.lines().any(|l| l == line), "{env}");
    }
    // the cluster's own traffic does not go that way
    let past = env.lines().find(|l| l.starts_with("no_proxy="));
    assert!(past.is_some_and(|l| l.contains(".svc")), "{env}");
    for unit in ["firstlight-artefacts", "firstlight-images", "containerd"] {
        let unit = text(&format!("/etc/systemd/system/{unit}.service"));
        assert!(
            unit.lines()
                .any(|l| l == "EnvironmentFile=-/etc/firstlight/proxy.env"),
            "{unit}"
        );
    }
}

#[test]
fn a_kubelet_that_is_started_again_keeps_the_control_plane() {
    let machine = Machine::settled(&M1);
    let first =
        "set -a; . /etc/firstlight/node.env; /opt/firstlight/bin/firstlight-manifests first";
    let rest = first.replace(" first", " rest");
    machine.write("opt/firstlight/bin/kubectl", "#!/bin/sh\n");
    machine.run("chmod +x /opt/firstlight/bin/kubectl").ok();
    let here = || {
        machine
            .run("cd /etc/kubernetes/manifests; echo *")
            .ok()
            .stdout
    };
    machine.run(first).ok();
    assert_eq!(here(), "kube-apiserver.yaml\n");
    machine.run(&rest).ok();
    let all = "kube-apiserver.yaml kube-controller-manager.yaml kube-scheduler.yaml\n";
    assert_eq!(here(), all);
    machine.run(first).ok();
    assert_eq!(
        here(),
        all,
        "`rest` does not come again before the next boot"
    );
    machine.boot().ok("checked");
    machine.run(first).ok();
    assert_eq!(
        here(),
        "kube-apiserver.yaml\n",
        "a boot begins with the API server"
    );
}
