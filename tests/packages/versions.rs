//! The orders of versions, beside dpkg's and rpm's own.

use std::cmp::Ordering;
use std::path::Path;
use std::process::Command;

use firstlight::packages::{PackageKind, compare_versions};
use proptest::prelude::*;

use crate::made::run;

/// What dpkg says.
fn dpkg(a: &str, b: &str) -> Ordering {
    let is = |relation| {
        let status = Command::new("dpkg")
            .args(["--compare-versions", a, relation, b])
            .status();
        status.unwrap().success()
    };
    match (is("lt"), is("gt")) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => Ordering::Equal,
        both => panic!("{a} {b}: {both:?}"),
    }
}

/// What rpm says of many pairs.
fn rpm(pairs: &[(String, String)]) -> Vec<Ordering> {
    let calls: Vec<String> = pairs
        .iter()
        .map(|(a, b)| format!("print(rpm.vercmp('{a}','{b}')..' ')"))
        .collect();
    let macros = format!("%{{lua:{}}}", calls.join(" "));
    let out = run("rpm", &["--eval", &macros], Path::new("/"), None);
    let out = String::from_utf8(out).unwrap();
    let order = |n: &str| n.parse::<i32>().unwrap().cmp(&0);
    out.split_whitespace().map(order).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn debian_versions_are_ordered_as_dpkg_orders_them(
        a in "([01]:)?[0-9][0-9a-b.+~]{0,5}(-[0-9a~+.]{1,3})?",
        b in "([01]:)?[0-9][0-9a-b.+~]{0,5}(-[0-9a~+.]{1,3})?",
    ) {
        let ours = compare_versions(PackageKind::Deb, &a, &b);
        prop_assert_eq!(ours, dpkg(&a, &b), "{} {}", a, b);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn rpm_versions_are_ordered_as_rpm_orders_them(
        pairs in prop::collection::vec(("[0-2a-b.~^_]{1,7}", "[0-2a-b.~^_]{1,7}"), 50),
    ) {
        let theirs = rpm(&pairs);
        prop_assert_eq!(theirs.len(), pairs.len());
        for ((a, b), theirs) in pairs.iter().zip(theirs) {
            prop_assert_eq!(compare_versions(PackageKind::Rpm, a, b), theirs, "{} {}", a, b);
        }
    }
}
