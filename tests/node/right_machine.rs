//! Disk, seed and machine belong together, or nothing starts.

use fs_err as fs;

use crate::machine::Machine;
use crate::seeds::{DEMO, M1, Seed, W1};

fn cluster_id(seed: &Seed) -> String {
    let env = String::from_utf8(seed.files["/etc/firstlight/node.env"].content.clone()).unwrap();
    env.lines()
        .find_map(|l| l.strip_prefix("FL_CLUSTER_ID='")?.strip_suffix('\''))
        .unwrap()
        .to_owned()
}

#[test]
fn another_nodes_seed_is_refused_until_the_machine_is_given_up() {
    let machine = Machine::settled(&M1);
    machine.attach(&W1);
    let id = cluster_id(&M1);
    let words = format!(
        "firstlight: hand-over failed (this disk is m1 of cluster {id}, attached seed is w1 of cluster {id}: \
         attach the right seed, or run firstlight-reset to give this machine up)"
    );
    machine.boot().refused(&words);
    machine.boot().refused(&words);
    machine.holds(&M1);
    machine.attach(&M1);
    machine.boot().ok("hand-over checked (m1 of demo)");

    machine.write("var/lib/etcd/member/wal", "data");
    machine.write("var/lib/kubelet/pods/x", "data");
    assert_eq!(
        machine.run("firstlight-reset").code,
        Some(2),
        "not without --yes"
    );
    machine.boot().ok("hand-over checked");
    machine.run("firstlight-reset --yes").ok();
    for path in M1
        .files
        .keys()
        .filter(|p| !p.starts_with("/opt/firstlight/bin/"))
    {
        assert!(!machine.at(path).exists(), "{path}");
    }
    for folder in [
        "var/lib/firstlight",
        "var/lib/etcd",
        "var/lib/kubelet",
        "etc/kubernetes",
    ] {
        assert_eq!(
            fs::read_dir(machine.at(folder)).unwrap().count(),
            0,
            "{folder}"
        );
    }
    for gone in [
        "var/lib/cloud/seed/nocloud",
        "var/lib/cloud/instance",
        "etc/systemd/system/firstlight.target.wants",
    ] {
        assert!(!machine.at(gone).exists(), "{gone}");
    }
    let stopped = machine.read("test/systemctl");
    assert!(
        stopped
            .lines()
            .any(|l| l.starts_with("stop ") && l.contains("firstlight*")),
        "loops would write again: {stopped}"
    );
    machine
        .run("/opt/firstlight/bin/firstlight-reset --yes")
        .ok();
    machine.attach(&W1);
    machine.boot().ok("settled (w1 of demo");
    machine.holds(&W1);
}

#[test]
fn a_reset_that_was_cut_off_can_be_run_again() {
    let machine = Machine::settled(&W1);
    // everything but the last part was done
    machine.run("rm -r /etc/systemd/system/firstlight* /etc/systemd/system/multi-user.target.wants /var/lib/firstlight/*").ok();
    machine
        .run("/opt/firstlight/bin/firstlight-reset --yes")
        .ok();
    assert!(!machine.at("var/lib/cloud/seed/nocloud").exists());
}

#[test]
fn a_cloned_disk_stops_before_anything_starts() {
    let machine = Machine::settled(&M1);
    machine.write("sys/class/dmi/id/product_uuid", "4c4c4544-0002\n");
    let words = "firstlight: hand-over failed (this disk settled on another machine (product UUID 4c4c4544-0001, here 4c4c4544-0002): \
                 if it is a clone, run firstlight-reset here; if hardware was replaced, remove /var/lib/firstlight/machine and reboot)";
    machine.boot().refused(words);
    fs::remove_file(machine.at("var/lib/firstlight/machine")).unwrap();
    machine.boot().ok("hand-over checked");
    machine.write("sys/class/dmi/id/product_uuid", "4c4c4544-0001\n");
    machine
        .boot()
        .refused("product UUID 4c4c4544-0002, here 4c4c4544-0001");
}

#[test]
fn without_a_product_uuid_the_macs_say_it() {
    let machine = Machine::new();
    fs::remove_file(machine.at("sys/class/dmi/id/product_uuid")).unwrap();
    machine.attach(&DEMO.seed("w1"));
    machine.boot().ok("settled");
    // a bridge is no hardware, a second card does no harm
    machine.write("sys/class/net/cni0/address", "aa:aa:aa:aa:aa:aa\n");
    machine.write("sys/class/net/eth1/address", "52:54:00:79:00:12\n");
    machine.write("sys/class/net/eth1/device/vendor", "");
    machine.boot().ok("hand-over checked");
    // the kernel has not found the card yet: it is waited for, and appears
    let device = machine.at("sys/class/net/eth0/device");
    fs::remove_dir_all(machine.at("sys/class/net/eth1")).unwrap();
    fs::remove_dir(&device).unwrap();
    machine.write("test/while-1", "mkdir /sys/class/net/eth0/device");
    machine.boot().ok("hand-over checked");
    assert_eq!(machine.read("test/sleeps").lines().count(), 1);
    machine.write("sys/class/net/eth0/address", "52:54:00:79:00:99\n");
    machine
        .boot()
        .refused("settled on another machine (MAC 52:54:00:79:00:11, here 52:54:00:79:00:99)");
}

#[test]
fn a_container_has_no_cards_to_wait_for() {
    let machine = Machine::new();
    fs::remove_file(machine.at("sys/class/dmi/id/product_uuid")).unwrap();
    fs::remove_dir(machine.at("sys/class/net/eth0/device")).unwrap();
    machine.write("test/container", "lxc\n");
    machine.attach(&DEMO.seed("w1"));
    machine.boot().ok("settled");
    assert!(!machine.at("test/sleeps").exists(), "nothing is waited for");
    // what the container runtime made for pods since
    machine.write("sys/class/net/cni0/address", "aa:aa:aa:aa:aa:aa\n");
    machine.boot().ok("hand-over checked");
    machine.write("sys/class/net/eth0/address", "52:54:00:79:00:99\n");
    machine
        .boot()
        .refused("settled on another machine (MAC 52:54:00:79:00:11, here 52:54:00:79:00:99 aa:aa:aa:aa:aa:aa)");
}

#[test]
fn a_product_uuid_that_many_boards_share_says_nothing() {
    for shared in [
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "03000200-0400-0500-0006-000700080009",
    ] {
        let machine = Machine::new();
        machine.write("sys/class/dmi/id/product_uuid", format!("{shared}\n"));
        machine.attach(&DEMO.seed("w1"));
        machine.boot().ok("settled");
        machine.boot().ok("hand-over checked");
        machine.write("sys/class/net/eth0/address", "52:54:00:79:00:99\n");
        machine
            .boot()
            .refused("settled on another machine (MAC 52:54:00:79:00:11, here 52:54:00:79:00:99)");
    }
}
