//! Steps that failed as nobody expects: killed, or without room.

use crate::machine::Machine;

/// A systemd whose unit fails thrice by `result` and ends with `status`, and then is through.
fn machine(result: &str, status: u8) -> Machine {
    let machine = Machine::with_scripts();
    machine.write("test/left", "2");
    machine.write(
        "test/bin/systemctl",
        format!(
            "#!/bin/sh\necho \"$*\" >> /test/systemctl\ncase $* in\n\
             'show -p ExecMainStatus '*) echo ExecMainStatus={status} ;;\n\
             'show -p Result '*) echo Result={result} ;;\n\
             'start firstlight-images.service') left=$(cat /test/left); echo $((left - 1)) > /test/left; [ $left = 0 ] ;;\n\
             esac\n"
        ),
    );
    machine
}

#[test]
fn a_step_that_was_killed_is_started_until_it_is_through_and_then_what_waited_for_it() {
    let machine = machine("signal", 9);
    let done = machine
        .run("/opt/firstlight/bin/firstlight-again firstlight-images.service")
        .ok();
    assert_eq!(
        done.stdout,
        "firstlight: images waiting (firstlight-images.service ended (signal) and is tried again every 10 s: \
         see journalctl -u firstlight-images.service, and df)\n"
    );
    let asked = machine.read("test/systemctl");
    assert_eq!(asked.matches("start firstlight-images.service").count(), 3);
    assert!(
        asked.ends_with("--no-block start firstlight.target\n"),
        "{asked}"
    );
}

#[test]
fn a_step_that_needs_somebody_is_left_alone() {
    let machine = machine("exit-code", 78);
    let done = machine
        .run("/opt/firstlight/bin/firstlight-again firstlight.service")
        .ok();
    assert_eq!(done.stdout, "");
    assert!(!machine.read("test/systemctl").contains("start"));
}
