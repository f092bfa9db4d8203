//! One line of progress, everywhere, once, and never in the way.

use std::time::{Duration, Instant};

use crate::machine::Machine;

const SAY: &str = "/opt/firstlight/bin/firstlight-say";

#[test]
fn a_line_is_said_once_and_logged() {
    let machine = Machine::with_scripts();
    let done = machine.run(&format!("for i in 1 2; do {SAY} etcd ready 3/3; {SAY} node waiting \"it's \\\"\\$x\\\" & %s\"; done; {SAY} etcd lost; {SAY} etcd ready 3/3")).ok();
    let lines = [
        "firstlight: etcd ready (3/3)",
        "firstlight: node waiting (it's \"$x\" & %s)",
        "firstlight: etcd lost",
        "firstlight: etcd ready (3/3)",
    ];
    assert_eq!(done.stdout.lines().collect::<Vec<_>>(), lines);
    assert_eq!(
        machine
            .read("test/console")
            .split_terminator("\r\n")
            .collect::<Vec<_>>(),
        lines
    );
    let log = machine.read("run/firstlight/log");
    assert_eq!(
        log.lines()
            .map(|l| l.split_once(' ').unwrap().1)
            .collect::<Vec<_>>(),
        lines
    );
}

#[test]
fn every_active_console_is_written_to_and_one_that_blocks_holds_nobody() {
    let machine = Machine::with_scripts();
    // two terminals: the buffer of the first is full and nobody reads it
    let script = r#"
import os, subprocess, time
full, full_tty = os.openpty()
read, read_tty = os.openpty()
os.set_blocking(full_tty, False)
for _ in range(10):
    try:
        while True: os.write(full_tty, b"x")
    except BlockingIOError: time.sleep(0.1)
names = [os.ttyname(t)[5:] for t in (full_tty, read_tty)]
open("/sys/class/tty/console/active", "w").write(" ".join(names))
begun = time.monotonic()
subprocess.run(["/opt/firstlight/bin/firstlight-say", "etcd", "ready"], check=True)
print(time.monotonic() - begun, os.read(read, 999))
"#;
    machine.write("test/terminals.py", script);
    let begun = Instant::now();
    let said = machine
        .run("/usr/bin/python3 /test/terminals.py")
        .ok()
        .stdout;
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(said.starts_with("firstlight: etcd ready\n"), "{said}");
    let seconds: f64 = said
        .lines()
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1.5..8.0).contains(&seconds), "{said}");
    assert!(said.contains(r"firstlight: etcd ready\r"), "{said}");
}

#[test]
fn a_full_run_folder_does_not_stop_a_boot() {
    let machine = Machine::with_scripts();
    let done = machine.run(&format!(
        "mkdir -p /run/firstlight && mount -t tmpfs -o size=4k,nr_inodes=2 t /run/firstlight && {SAY} etcd ready"
    ));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(machine.read("test/console"), "firstlight: etcd ready\r\n");
}
