//! The roll call: `firstlight-rollcall` decides, here as on a node; around it a model of masters that
//! are cut, wiped and asked at bad moments, millions of times. What etcd itself guarantees is taken
//! for granted: a cluster serves while a majority of its voters runs.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

#[path = "rollcall/model.rs"]
mod model;
#[path = "rollcall/script.rs"]
mod script;

use model::{Faults, World};
use proptest::test_runner::{RngAlgorithm, TestRng};
use script::Script;

/// Walks of a model of `masters` masters: faults for a while, then none until all is well.
fn walk(masters: usize, faults: Faults, walks: usize) {
    let mut script = Script::start();
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut waiting = 0;
    for number in 0..walks {
        let mut world = World::new(masters, faults);
        for _ in 0..300 {
            world.step(&mut rng, &mut script);
        }
        if !world.settles(&mut rng, &mut script) {
            assert!(
                world.may_wait(),
                "walk {number} of {masters}: not settled:\n{}",
                world.history()
            );
            waiting += 1;
        }
    }
    assert!(waiting < walks, "no walk ever settled");
}

#[test]
fn one_cluster_comes_up_and_keeps_its_data_whatever_is_cut() {
    for masters in [1, 2, 3, 5] {
        walk(masters, Faults { wipes: 0 }, 700);
    }
}

#[test]
fn one_cluster_comes_up_and_keeps_its_data_whatever_is_wiped() {
    for masters in [1, 3, 5] {
        walk(masters, Faults { wipes: 2 }, 700);
        walk(masters, Faults { wipes: 6 }, 700);
    }
}

#[test]
fn the_model_would_notice() {
    // a script that founds as soon as it sees one other: two clusters, or data given up
    let rash = |text: &str| {
        text.replace(
            r#"{ [ "$unborn" = "$n" ] && [ "$same" = "$n" ]; }"#,
            r#"[ "$same" -ge 1 ]"#,
        )
        .replace(
            r#"elif [ "$unborn" = "$n" ] && [ "$set" != "$all" ]"#,
            r#"elif [ "$set" != "$all" ]"#,
        )
    };
    let found = std::panic::catch_unwind(|| {
        let mut script = Script::changed(rash);
        let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        for _ in 0..400 {
            let mut world = World::new(3, Faults { wipes: 2 });
            for _ in 0..300 {
                world.step(&mut rng, &mut script);
            }
            assert!(world.settles(&mut rng, &mut script) || world.may_wait());
        }
    });
    assert!(found.is_err(), "a rash roll call passed");
}

/// One verdict.
fn verdict(roll: &str) -> String {
    Script::start().ask(roll)
}

#[test]
fn words_say_who_is_missing_and_why() {
    let three =
        |m2: &str, m3: &str| format!("me m1 blank a - none\nm1 blank a -\nm2 {m2}\nm3 {m3}\n\n");
    let silent = "silent 2026-03-10T12:00:00Z -";
    for (roll, said) in [
        (
            three("blank b -", silent),
            "wait for m3, silent since 2026-03-10T12:00:00Z",
        ),
        (
            three("lost b -", "data - -"),
            "wait for m2, which lost its data; m3, which has data but no leader",
        ),
        (
            three("foreign - -", "expired - -"),
            "wait for m2, at whose address a machine of another cluster answers; \
             m3, whose certificate is not valid at this clock's time",
        ),
        (three("blank b -", "leader - -"), "join m3"),
        (
            format!("me m1 blank a - none\ndead m2\nm1 blank a -\nm2 blank b -\nm3 {silent}\n\n"),
            "wait for m2, declared dead but answering; m3, silent since 2026-03-10T12:00:00Z",
        ),
        (
            format!("me m1 blank a - none\ndead m2\nm1 blank a -\nm2 {silent}\nm3 blank c -\n\n"),
            "see m1=a,m3=c",
        ),
        (
            format!("me m1 lost a - none\nm1 lost a -\nm2 {silent}\nm3 data - -\n\n"),
            "wait for a cluster to join; this master was in one and its data is gone: \
             m2, silent since 2026-03-10T12:00:00Z; m3, which has data but no leader",
        ),
        (
            "me m1 data a - on\nm1 data a -\nm2 leader - -\n\n".to_owned(),
            "wait for a majority, but m2 serves a cluster: this member was removed from it, or cannot reach it",
        ),
        (
            "me m1 seen a m1=a none\nm1 seen a m1=a\n\n".to_owned(),
            "found",
        ),
        (
            "me m1 blank a - none\nm1 blank a -\n\n".to_owned(),
            "see m1=a",
        ),
    ] {
        assert_eq!(verdict(&roll), said, "{roll}");
    }
}
