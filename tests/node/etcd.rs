//! How long a member of etcd that does not serve yet is waited for.

use crate::machine::Machine;

/// Whether a member that was started `seconds` ago, with `set` as the set of masters, counts as stuck.
fn stuck(set: &str, seconds: u32) -> bool {
    let machine = Machine::with_scripts();
    let script = format!(
        ". /opt/firstlight/bin/firstlight-etcd-member\n\
         uptime() {{ echo {seconds}; }}\n\
         etcd=$$ tries=1 began=0 stuck='' word=go set={set}\n\
         state\n\
         echo \"$state $stuck\"\n"
    );
    machine.write("test/state", script);
    let done = machine.run("sh -u /test/state").ok();
    match done.stdout.trim() {
        "on" => false,
        "on stuck" => true,
        other => panic!("{other}"),
    }
}

#[test]
fn several_founders_are_given_a_minute_and_one_that_joins_ten() {
    assert!(!stuck("m1=2f0c11d8,m2=0a1b2c3d", 59));
    assert!(stuck("m1=2f0c11d8,m2=0a1b2c3d", 60));
    assert!(!stuck("joined-2f0c11d8", 599));
    assert!(stuck("joined-2f0c11d8", 600));
}

#[test]
fn a_lone_founder_is_given_the_time_that_its_machine_takes() {
    assert!(!stuck("m1=2f0c11d8", 36_000));
}
