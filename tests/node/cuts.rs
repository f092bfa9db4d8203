//! The power goes before one of the commands that change the disk, and what was not synced is empty.

use crate::machine::Machine;
use crate::seeds::{Built, M1};

/// Where the power goes: the first steps each, then evenly; `FIRSTLIGHT_CUTS` of all of them.
fn cuts(all: usize, usually: usize) -> Vec<usize> {
    let cuts = std::env::var("FIRSTLIGHT_CUTS").map_or(usually, |n| n.parse().unwrap());
    let each = cuts.min(all) / 3;
    let even = (each..cuts).map(|i| each + (all - each) * (i - each + 1) / (cuts - each));
    (1..=each).chain(even).collect()
}

#[test]
fn a_cut_anywhere_in_the_first_hand_over_is_mended_by_the_next_boot() {
    let machine = Machine::new();
    machine.attach(&M1);
    let all = machine.cut(usize::MAX);
    machine.holds(&M1);
    for stop in cuts(all, 24) {
        let machine = Machine::new();
        machine.attach(&M1);
        machine.cut(stop);
        machine.boot().ok("firstlight: hand-over");
        machine.holds(&M1);
    }
}

#[test]
fn a_cut_in_a_take_over_leaves_the_old_seed_or_the_new_one() {
    let built = Built::new("");
    let old = built.seed("w1");
    let new = built
        .changed(
            "name: w1, role: worker",
            "name: w1, labels: { disk: ssd }, role: worker",
            "",
        )
        .seed("w1");
    let settled = || {
        let machine = Machine::settled(&old);
        machine.attach(&new);
        machine
    };
    let all = settled().cut(usize::MAX);
    // twice: the second cut meets what the first one left
    for stop in cuts(all, 8) {
        let machine = settled();
        machine.cut(stop);
        machine.cut(1 + all * (all - stop) / all);
        machine.boot().ok("firstlight: hand-over");
        machine.holds(&new);
    }
}
