//! A machine that is too small says so before anything is installed, and one that just does says that too.

use crate::machine::Machine;

/// Memory in MB, size and free space of the disk in KiB, what `xfs_info` says.
fn boot(memory: u64, disk: &str, xfs: &str) -> (Option<i32>, String) {
    let machine = Machine::with_scripts();
    machine.write("test/meminfo", format!("MemTotal: {} kB\n", memory * 1024));
    machine.write("test/df", disk);
    machine.write("test/xfs", xfs);
    // one round: what does not fit waits for ever
    let done = machine.run(
        "mount --bind /test/meminfo /proc/meminfo; export FL_SPACE_MIB=3000; timeout 5 /opt/firstlight/bin/firstlight-size",
    );
    (done.code, machine.read("test/console"))
}

const DISK: &str = "41943040 0 30000000";

#[test]
fn a_machine_of_the_nominal_size_is_not_talked_about() {
    // 2 GB as a machine shows them
    let (code, console) = boot(1987, "38802432 0 30000000", "");
    assert_eq!(code, Some(0));
    assert_eq!(
        console,
        "firstlight: size ready (1987 MB of memory, 29296 MB of disk free)\r\n"
    );
}

#[test]
fn what_is_below_the_nominal_size_is_said() {
    let (code, console) = boot(1750, "10485760 0 8000000", "");
    assert_eq!(code, Some(0));
    assert!(
        console.starts_with(
            "firstlight: size warning (this machine has 1750 MB of memory, 2048 are the minimum; \
             10 GiB of disk for /opt, 40 GB are the minimum: enlarge the disk (qemu-img resize"
        ),
        "{console}"
    );
}

#[test]
fn what_cannot_work_waits_and_says_what_helps() {
    for (memory, disk, xfs, words) in [
        (
            512,
            DISK,
            "",
            "size failed (this machine has 512 MB of memory, a node needs 2048: give the machine more and start it again)",
        ),
        (
            2048,
            "2097152 0 1024000",
            "",
            "size failed (this machine has 1000 MB free for /opt, a node needs 3000 to begin: enlarge the disk (qemu-img resize, or your \
             hypervisor's way) and reboot; cloud-init grows the file system, by hand growpart and resize2fs or xfs_growfs do)",
        ),
        (
            2048,
            DISK,
            "naming =version 2 bsize=4096 ascii-ci=0 ftype=0\n",
            "size failed (this machine has an XFS without file types (ftype=0) for /var/lib: make it anew with mkfs.xfs -n ftype=1)",
        ),
    ] {
        let (code, console) = boot(memory, disk, xfs);
        assert_ne!(code, Some(0));
        assert!(console.contains(words), "{console}");
    }
}

#[test]
fn nobody_is_asked_after_first_light() {
    let machine = Machine::with_scripts();
    machine.write("var/lib/firstlight/first-light", "");
    machine.run("/opt/firstlight/bin/firstlight-size").ok();
    assert_eq!(machine.read("test/console"), "");
}
