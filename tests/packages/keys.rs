//! The signatures: our verdict beside that of `gpgv`.

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use crate::made::{Case, Mirror, Signer};

fn signed_by(signers: &[&Signer]) -> Mirror {
    let mirror = Mirror::new();
    mirror.deb("tool", "1", "");
    mirror.index("stable", &[]);
    let [first, others @ ..] = signers else {
        unreachable!("somebody signs")
    };
    let folder = mirror.at("dists/stable");
    first.gpg(&["-ab", "-o", "Release.gpg", "Release"], &folder, None);
    for other in others {
        other.gpg(&["-ab", "-o", "other.gpg", "Release"], &folder, None);
        let both = mirror.read("dists/stable/Release.gpg") + &mirror.read("dists/stable/other.gpg");
        mirror.write("dists/stable/Release.gpg", both);
    }
    mirror
}

#[test]
fn every_kind_of_key_that_distributions_use_is_read() {
    for algorithm in ["ed25519", "rsa2048", "rsa4096"] {
        let signer = Signer::new(algorithm, "20260101T000000", "never");
        let mirror = signed_by(&[&signer]);
        let case = Case::apt(&mirror, &signer, &["stable"]);
        assert_eq!(case.chosen(&["tool"]), ["tool 1"], "{algorithm}");
        mirror.sign("stable", &signer);
        assert_eq!(case.chosen(&["tool"]), ["tool 1"], "{algorithm}");
    }
}

#[test]
fn a_subkey_signs_for_its_key() {
    for (lasts, end) in [("1m", Some("2026-01-31")), ("never", None)] {
        let signer = Signer::good();
        let list = signer.gpg(&["--with-colons", "--list-keys"], Path::new("/"), None);
        let list = String::from_utf8(list).unwrap();
        let line = list.lines().find(|line| line.starts_with("fpr:")).unwrap();
        let fingerprint = line.split(':').nth(9).unwrap();
        let add = [
            "--passphrase",
            "",
            "--quick-add-key",
            fingerprint,
            "rsa2048",
            "sign",
            lasts,
        ];
        signer.gpg(&add, Path::new("/"), None);
        let mirror = signed_by(&[&signer]);
        mirror.sign("stable", &signer);
        let case = Case::apt(&mirror, &signer, &["stable"]);
        match (case.resolve(&["tool"]), end) {
            (Err(error), Some(end)) => {
                let error = error.to_string();
                assert!(
                    error.ends_with(&format!("which expired on {end}")),
                    "{error}"
                );
            }
            (got, end) => assert!(got.is_ok() && end.is_none(), "{got:?}"),
        }
    }
}

#[test]
fn one_known_signer_of_several_suffices() {
    let (known, other) = (Signer::good(), Signer::good());
    let mirror = signed_by(&[&other, &known]);
    let case = Case::apt(&mirror, &known, &["stable"]);
    assert_eq!(case.chosen(&["tool"]), ["tool 1"]);
}

#[test]
fn a_revoked_key_vouches_for_nothing() {
    let signer = Signer::good();
    let mirror = signed_by(&[&signer]);
    mirror.sign("stable", &signer);
    revoke(&signer, &mirror);
    let refusal = Case::apt(&mirror, &signer, &["stable"]).refusal(&["tool"]);
    assert!(refusal.ends_with(", which is revoked"), "{refusal}");
}

/// Has a signer's own key say that it is revoked.
fn revoke(signer: &Signer, mirror: &Mirror) {
    let home = mirror.at("revocation");
    // gpg made one with the key, with a colon that keeps it from being used by mistake
    let made = Command::new("sh")
        .args([
            "-c",
            "sed 's/^:---/---/' \"$1\"/openpgp-revocs.d/*.rev > \"$2\"",
            "sh",
        ])
        .arg(signer.home())
        .arg(&home)
        .status();
    assert!(made.unwrap().success());
    signer.gpg(&["--import", home.to_str().unwrap()], Path::new("/"), None);
}

#[test]
fn a_revoked_key_takes_its_subkeys_along() {
    let signer = Signer::good();
    let listed = signer.gpg(&["--list-keys", "--with-colons"], Path::new("/"), None);
    let listed = String::from_utf8(listed).unwrap();
    let fingerprint = listed
        .lines()
        .find_map(|line| line.strip_prefix("fpr:::::::::"));
    let fingerprint = fingerprint.unwrap().trim_end_matches(':');
    let subkey = [
        "--passphrase",
        "",
        "--quick-add-key",
        fingerprint,
        "ed25519",
        "sign",
        "never",
    ];
    signer.gpg(&subkey, Path::new("/"), None);
    // gpg signs with the newest that may
    let mirror = signed_by(&[&signer]);
    mirror.sign("stable", &signer);
    let case = Case::apt(&mirror, &signer, &["stable"]);
    assert_eq!(case.chosen(&["tool"]), ["tool 1"]);
    revoke(&signer, &mirror);
    let refusal = Case::apt(&mirror, &signer, &["stable"]).refusal(&["tool"]);
    assert!(refusal.ends_with(", which is revoked"), "{refusal}");
    assert!(
        !refusal.contains(&fingerprint[24..]),
        "by the subkey: {refusal}"
    );
}

/// Whether gpgv accepts an `InRelease`.
fn gpgv(keyring: &Path, file: &Path) -> bool {
    let output = Command::new("gpgv")
        .arg("--keyring")
        .arg(keyring)
        .arg(file)
        .output()
        .unwrap();
    output.status.success()
}

#[test]
fn a_changed_text_that_gpgv_refuses_is_refused() {
    let signer = Signer::good();
    let mirror = signed_by(&[&signer]);
    mirror.sign("stable", &signer);
    let keyring = mirror.at("keyring.gpg");
    fs_err::write(&keyring, signer.gpg(&["--export"], Path::new("/"), None)).unwrap();
    let file = mirror.at("dists/stable/InRelease");
    let right = fs_err::read(&file).unwrap();
    assert!(gpgv(&keyring, &file));
    // what was signed; the armour around it (`Hash:`, its checksum) nobody signed, and RFC 9580
    // says not to rely on it, though gpgv does
    let text = String::from_utf8(right.clone()).unwrap();
    let covered = text.find("\n\n").unwrap() + 2..text.find("-----BEGIN PGP SIGNATURE").unwrap();
    let case = Case::apt(&mirror, &signer, &["stable"]);
    // the older pair would be asked for where this one is missing, not where it is wrong
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&(covered, 1..=255_u8), |(at, change)| {
            let mut wrong = right.clone();
            wrong[at] ^= change;
            fs_err::write(&file, &wrong).unwrap();
            let accepted = case.resolve(&["tool"]).is_ok();
            prop_assert!(!accepted || gpgv(&keyring, &file), "byte {at} ^ {change}");
            Ok(())
        })
        .unwrap();
}
