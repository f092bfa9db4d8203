//! The interface: exit codes, standard output and error, help, colour.

use std::process::{Command, Stdio};

use crate::Place;
use crate::support::{firstlight, run};

#[test]
fn exit_codes_are_an_interface() {
    let place = Place::with(1, 0);
    let code = |args: &[&str]| place.run(args).code;
    assert_eq!(code(&["check"]), Some(0));
    assert_eq!(code(&["--version"]), Some(0));
    assert_eq!(code(&["check", "-f", "absent.yml"]), Some(1));
    assert_eq!(code(&["chekc"]), Some(2));
    assert_eq!(code(&["build", "--nonsense"]), Some(2));
    assert_eq!(code(&[]), Some(2));
    assert_eq!(code(&["-q", "-v", "check"]), Some(2));
    assert_eq!(code(&["build", "--example", "-f", "cluster.yml"]), Some(2));
}

#[test]
fn json_has_a_schema_version_and_nothing_around_it() {
    let place = Place::with(1, 1);
    let commands: [&[&str]; 5] = [
        &["build", "--format", "json"],
        &["check", "--format", "json"],
        &["ports", "--format", "json"],
        &["certs", "list", "--format", "json"],
        &["profiles", "--format", "json"],
    ];
    for args in commands {
        let done = place.run(args).ok();
        assert_eq!(done.json()["schema_version"], 1, "{args:?}");
    }
    let build = place.run(&["build", "--format", "json"]).ok();
    assert_eq!(build.stderr, "");
    assert_eq!(build.json()["changed"], serde_json::json!([]));
}

/// Every command and subcommand with what its help must speak of.
const HELP: [(&[&str], &str); 24] = [
    (&["verify"], "port contract"),
    (&["addons"], "settings"),
    (&[], "seed"),
    (&["init"], "cluster.yml"),
    (&["check"], "writes nothing"),
    (&["build"], "seed.iso"),
    (&["diff"], "running node"),
    (&["overlay"], "images"),
    (&["overlay", "build"], "by digest"),
    (&["overlay", "lock"], "firstlight.lock"),
    (&["overlay", "pull"], "firewall"),
    (&["overlay", "list"], "licences"),
    (&["overlay", "verify"], "digest"),
    (&["pxe"], "from the network"),
    (&["pxe", "list"], "armed"),
    (&["pxe", "arm"], "next boot"),
    (&["pxe", "disarm"], "disks"),
    (&["ports"], "port"),
    (&["profiles"], "operating systems"),
    (&["kubeconfig"], "kubeconfig"),
    (&["certs"], "certificate"),
    (&["certs", "list"], "certificate"),
    (&["certs", "renew"], "state folder"),
    (&["completions"], "completion"),
];

#[test]
fn help_says_what_each_command_does() {
    let place = Place::empty();
    for (command, word) in HELP {
        let mut args = command.to_vec();
        args.push("--help");
        let done = place.run(&args).ok();
        let first = done.stdout.lines().next().unwrap_or_default().to_owned();
        assert!(first.len() > 10, "{command:?} begins with `{first}`");
        assert!(
            done.stdout.to_lowercase().contains(&word.to_lowercase()),
            "{command:?} does not say `{word}`:\n{}",
            done.stdout
        );
        assert_eq!(done.stderr, "");
    }
    // and the list above is complete
    let listed = place.run(&["--help"]).ok().stdout;
    let commands = listed
        .lines()
        .skip_while(|l| !l.starts_with("Commands:"))
        .skip(1)
        .take_while(|l| !l.is_empty());
    for line in commands.filter(|l| l.starts_with("  ") && !l.starts_with("   ")) {
        let name = line.split_whitespace().next().unwrap();
        assert!(
            name == "help" || HELP.iter().any(|(c, _)| c.first() == Some(&name)),
            "`{name}` has no row in this test"
        );
    }
}

#[test]
fn a_closed_pipe_is_silent() {
    let place = Place::with(3, 20);
    place.build();
    for command in [
        "check",
        "certs list",
        "completions bash",
        "build --format json",
    ] {
        let program = env!("CARGO_BIN_EXE_firstlight");
        let script = format!(
            "set -o pipefail; '{program}' {command} | head -c 0; echo \"${{PIPESTATUS[0]}}\""
        );
        let done = run(Command::new("bash")
            .args(["-c", &script])
            .current_dir(place.dir()));
        assert_eq!(
            (done.stdout.as_str(), done.stderr.as_str()),
            ("0\n", ""),
            "{command}"
        );
    }
}

#[test]
fn a_full_disk_behind_standard_output_is_an_error() {
    let place = Place::with(1, 0);
    let full = fs_err::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = firstlight(place.dir(), &["check"])
        .stdout(Stdio::from(std::fs::File::from(full)))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("error: cannot write standard output: "),
        "{said}"
    );
}

#[test]
fn colour_is_asked_for() {
    let place = Place::with(1, 0);
    fs_err::write(place.path("bad.yml"), "hosts: []\nnonsense: 1\n").unwrap();
    let escape = |args: &[&str]| place.run(args).stderr.contains('\u{1b}');
    assert!(!escape(&["check", "-f", "bad.yml"]), "not on a pipe");
    assert!(escape(&["--color", "always", "check", "-f", "bad.yml"]));
    assert!(!escape(&["--color", "never", "check", "-f", "bad.yml"]));
    // on a terminal, which `script` makes
    let on_terminal = |no_color: Option<&str>| {
        let mut command = Command::new("script");
        command
            .args([
                "-qec",
                &format!("{} check -f bad.yml", env!("CARGO_BIN_EXE_firstlight")),
                "/dev/null",
            ])
            .current_dir(place.dir())
            .env("TERM", "xterm");
        match no_color {
            Some(value) => command.env("NO_COLOR", value),
            None => command.env_remove("NO_COLOR"),
        };
        run(&mut command).stdout.contains("\u{1b}[1;31m")
    };
    assert!(on_terminal(None));
    assert!(
        on_terminal(Some("")),
        "an empty NO_COLOR is none (no-color.org)"
    );
    assert!(!on_terminal(Some("1")));
}

#[test]
fn quiet_prints_errors_only_and_verbose_what_was_issued() {
    let place = Place::with(2, 1);
    let quiet = place.run(&["-q", "build"]).ok();
    assert_eq!(
        (quiet.stdout.as_str(), quiet.stderr.as_str()),
        ("", ""),
        "two masters give a warning, which -q silences"
    );
    let place = Place::with(1, 0);
    let verbose = place.run(&["build", "-v"]).ok();
    assert!(
        verbose.stderr.contains("issued") && verbose.stderr.contains("apiserver"),
        "{}",
        verbose.stderr
    );
    let failed = place.run(&["-q", "check", "-f", "absent.yml"]);
    assert!(failed.stderr.starts_with("error: "), "{}", failed.stderr);
}

#[test]
fn the_example_needs_nothing_and_ends_with_what_to_do() {
    let place = Place::empty();
    for hypervisor in ["", "=qemu", "=proxmox", "=vmware", "=hyperv"] {
        let folder = tempfile::tempdir_in(place.dir()).unwrap();
        let done = run(&mut firstlight(
            folder.path(),
            &["build", &format!("--example{hypervisor}")],
        ))
        .ok();
        assert!(folder.path().join("example/out/nodes").is_dir());
        let text = fs_err::read_to_string(folder.path().join("example/cluster.yml")).unwrap();
        let mac = text
            .split("mac:")
            .nth(1)
            .unwrap()
            .split('"')
            .nth(1)
            .unwrap();
        let shown = if hypervisor == "=hyperv" {
            mac.replace(':', "").to_uppercase()
        } else {
            mac.to_owned()
        };
        assert!(
            done.stdout.contains(&shown),
            "{hypervisor}: the MAC is in the command:\n{}",
            done.stdout
        );
        for needed in ["https://", "seed.iso", "40", "detached", "get nodes"] {
            assert!(
                done.stdout.contains(needed),
                "{hypervisor}: no {needed} in\n{}",
                done.stdout
            );
        }
        let again = run(&mut firstlight(
            folder.path(),
            &["build", &format!("--example{hypervisor}")],
        ))
        .ok();
        assert!(again.stderr.contains("nothing changed"), "{}", again.stderr);
    }
}

#[test]
fn what_init_writes_builds() {
    let place = Place::empty();
    let args = [
        "init",
        "--masters",
        "3",
        "--workers",
        "2",
        "--subnet",
        "10.1.0.0/24",
    ];
    let text = place.run(&args).ok().stdout;
    assert_eq!(
        text,
        place.run(&args).ok().stdout,
        "the same answers give the same MACs"
    );
    fs_err::write(place.path("cluster.yml"), text).unwrap();
    let built = place.build();
    assert!(
        built.stderr.contains("3 masters, 2 workers"),
        "{}",
        built.stderr
    );
}
