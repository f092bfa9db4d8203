//! Programs and packages by digest: from a disk, the mirror or upstream, whatever happens on the way.

use std::fmt::Write as _;
use std::io::Write as _;

use firstlight::artefact::Digest;
use fs_err as fs;

use crate::machine::Machine;
use crate::server::{Answer, Server};

/// What a refused connection looks like.
const NOBODY: &str = "http://127.0.0.1:1";

fn content(name: &str) -> Vec<u8> {
    format!("{name}\n").repeat(50_000).into_bytes()
}

fn hex(bytes: &[u8]) -> String {
    Digest::sha256(bytes).hex()
}

fn blob(bytes: &[u8]) -> String {
    format!("/blobs/sha256/{}", hex(bytes))
}

fn machine(mirror: &str, upstream: bool) -> Machine {
    let machine = Machine::with_scripts();
    machine.write(
        "etc/firstlight/node.env",
        format!(
            "FL_NODE='w1'\nFL_MIRROR='{mirror}'\nFL_UPSTREAM='{upstream}'\nFL_PACKAGES='apt'\n"
        ),
    );
    machine
}

fn fetch(machine: &Machine, bytes: &[u8], url: &str) -> crate::support::Done {
    let line = format!(
        ". /etc/firstlight/node.env; export FL_MIRROR FL_UPSTREAM; /opt/firstlight/bin/firstlight-fetch sha256:{} /tmp/got {url}",
        hex(bytes)
    );
    machine.run(&line)
}

fn install(machine: &Machine, lines: &str) -> crate::support::Done {
    machine.write("etc/firstlight/artefacts", lines);
    machine.run("set -a; . /etc/firstlight/node.env; /opt/firstlight/bin/firstlight-artefacts")
}

fn medium(machine: &Machine, bytes: &[u8], holding: &[u8]) {
    machine.write(&format!("run/firstlight/media/sr0{}", blob(bytes)), holding);
}

fn tgz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(
        Vec::new(),
        flate2::Compression::fast(),
    ));
    for (path, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    let mut encoder = tar.into_inner().unwrap();
    encoder.flush().unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_disk_comes_before_the_mirror_and_the_mirror_before_upstream() {
    let bytes = content("etcd");
    let mirror = Server::new([(blob(&bytes), Answer::Whole(bytes.clone()))]);
    let upstream = Server::new([("/etcd".to_owned(), Answer::Whole(bytes.clone()))]);
    let url = format!("{}/etcd", upstream.url);
    let got = |machine: &Machine| {
        fetch(machine, &bytes, &url).ok();
        assert!(fs::read(machine.at("tmp/got")).unwrap() == bytes);
    };
    let with_medium = machine(&mirror.url, true);
    medium(&with_medium, &bytes, &bytes);
    got(&with_medium);
    assert!(mirror.asked().is_empty() && upstream.asked().is_empty());
    got(&machine(&mirror.url, true));
    assert!(mirror.asked().len() == 1 && upstream.asked().is_empty());
    for mirror in ["", NOBODY] {
        got(&machine(mirror, true));
    }
    assert_eq!(upstream.asked().len(), 2);
    let closed = machine("", false);
    let why = fetch(&closed, &bytes, &url).stderr;
    assert!(why.contains("is on no disk labelled FIRSTLIGHT"), "{why}");
    assert_eq!(upstream.asked().len(), 2, "a closed network asks nobody");
}

#[test]
fn a_wrong_source_is_named_and_the_next_one_tried() {
    let (bytes, other) = (content("etcd"), content("evil"));
    let mirror = Server::new([(blob(&bytes), Answer::Whole(other.clone()))]);
    let upstream = Server::new([
        ("/etcd".to_owned(), Answer::Whole(bytes.clone())),
        ("/evil".to_owned(), Answer::Whole(other.clone())),
    ]);
    let machine = machine(&mirror.url, true);
    medium(&machine, &bytes, b"");
    let why = fetch(&machine, &bytes, &format!("{}/etcd", upstream.url))
        .ok()
        .stderr;
    let wrong = |from: &str, got: &[u8]| {
        format!(
            "{from}: wrong digest, expected {}, got {}\n",
            hex(&bytes),
            hex(got)
        )
    };
    let disk = wrong(&format!("/run/firstlight/media/sr0{}", &blob(&bytes)), b"");
    assert_eq!(
        why,
        disk.clone() + &wrong(&format!("{}{}", mirror.url, blob(&bytes)), &other)
    );
    fs::remove_file(machine.at("tmp/got")).unwrap();
    let done = fetch(&machine, &bytes, &format!("{}/evil", upstream.url));
    assert!(
        done.code == Some(1)
            && done
                .stderr
                .ends_with(&wrong(&format!("{}/evil", upstream.url), &other)),
        "{}",
        done.stderr
    );
    assert_eq!(
        fs::read_dir(machine.at("tmp")).unwrap().count(),
        0,
        "nothing half-done"
    );
}

/// What a system may have to download with, all else being there.
fn only(machine: &Machine, downloader: &str) {
    let tools = "awk basename cat chmod cmp cp cut date dirname env find grep head ls mkdir mv paste python3 rm sed sh sha256sum sort stat sync tail tar timeout touch tr wc xargs";
    let mut line = "mkdir /test/tools; cd /usr/bin; ".to_owned();
    writeln!(
        line,
        "for t in {tools} {downloader}; do ln -s /usr/bin/$t /test/tools/$t; done"
    )
    .unwrap();
    machine.run(&line).ok();
    machine.write("test/path", "/test/bin:/test/tools");
}

#[test]
fn an_interrupted_download_goes_on_where_it_stopped_with_every_downloader() {
    let bytes = content("containerd");
    for downloader in ["curl", "wget", ""] {
        let server = Server::new([("/c".to_owned(), Answer::Closes(bytes.clone(), 100_000))]);
        let machine = machine("", true);
        only(&machine, downloader);
        let url = format!("{}/c", server.url);
        let done = fetch(&machine, &bytes, &url);
        assert_eq!(done.code, Some(1), "{downloader}");
        assert!(
            done.stderr.starts_with(&url) && done.stderr.lines().count() == 1,
            "{downloader}: {}",
            done.stderr
        );
        assert_eq!(
            fs::metadata(machine.at("tmp/got.part")).unwrap().len(),
            100_000,
            "{downloader}"
        );
        fetch(&machine, &bytes, &url).ok();
        assert!(fs::read(machine.at("tmp/got")).unwrap() == bytes);
        assert_eq!(server.asked(), ["/c 0", "/c 100000"], "{downloader}");

        // all of it was here when the power went; or what was here was no part of it; or no ranges
        for (part, answer) in [
            (&bytes[..], Answer::Whole(bytes.clone())),
            (&content("other")[..1000], Answer::Whole(bytes.clone())),
            (&bytes[..1000], Answer::Plain(bytes.clone())),
        ] {
            let server = Server::new([("/c".to_owned(), answer)]);
            machine.write("tmp/got.part", part);
            fs::remove_file(machine.at("tmp/got")).unwrap();
            let url = format!("{}/c", server.url);
            let tries = (0..3)
                .take_while(|_| fetch(&machine, &bytes, &url).code != Some(0))
                .count();
            assert!(
                tries < 3,
                "{downloader}: never ends with a part of {} bytes: {:?}",
                part.len(),
                server.asked()
            );
            assert!(
                fs::read(machine.at("tmp/got")).unwrap() == bytes,
                "{downloader}"
            );
        }
        let missing = fetch(
            &machine,
            &content("missing"),
            &format!("{}/missing", server.url),
        )
        .stderr;
        assert!(
            missing.lines().count() == 1 && missing.contains("404") && missing.contains("/missing"),
            "{downloader}: {missing}"
        );
        let refused = fetch(&machine, &content("refused"), &format!("{NOBODY}/refused")).stderr;
        assert!(
            refused.lines().count() == 1 && refused.to_lowercase().contains("refused"),
            "{downloader}: {refused}"
        );
        assert!(
            !refused.contains("20") || !refused.contains("ERROR"),
            "the time of day in a message defeats `say once`: {refused}"
        );
    }
}

#[test]
fn everything_is_installed_and_nothing_twice() {
    let (program, archive) = (
        content("runc"),
        tgz(&[
            ("bin/etcd", b"etcd"),
            ("bin/etcdctl", b"ctl"),
            ("README", b""),
        ]),
    );
    let deb = b"a package";
    // the mirror has but one of them
    let mirror = Server::new([(blob(&archive), Answer::Whole(archive.clone()))]);
    let upstream = Server::new([
        ("/runc".to_owned(), Answer::Whole(program.clone())),
        ("/ip.deb".to_owned(), Answer::Whole(deb.to_vec())),
    ]);
    let machine = machine(&mirror.url, true);
    let lines = format!(
        "deb sha256:{} {}/ip.deb iptables 1.8\nfile sha256:{} {}/runc -=/opt/firstlight/bin/runc\ntgz sha256:{} {NOBODY}/etcd.tgz bin/etcd=/opt/firstlight/bin/etcd bin/etcdctl=/opt/cni/bin/ctl\n",
        hex(deb),
        upstream.url,
        hex(&program),
        upstream.url,
        hex(&archive)
    );
    install(&machine, &lines).ok();
    assert_eq!(
        machine.read("test/console"),
        "firstlight: artefacts ready (3 installed)\r\n",
        "no word of sources that were not needed"
    );
    assert!(fs::read(machine.at("opt/firstlight/bin/runc")).unwrap() == program);
    assert_eq!(machine.read("opt/firstlight/bin/etcd"), "etcd");
    assert_eq!(machine.read("opt/cni/bin/ctl"), "ctl");
    assert_eq!(machine.mode("opt/firstlight/bin/runc"), 0o755);
    assert_eq!(machine.mode("opt/firstlight/bin/etcd"), 0o755);
    assert!(
        machine.read("test/apt").contains("install")
            && machine.read("test/packages") == "iptables\n"
    );
    assert!(!machine.at("opt/firstlight/.unpack").exists());
    let left = fs::read_dir(machine.at("var/lib/firstlight/blobs"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect::<Vec<_>>();
    assert!(left.iter().all(|n| n == "packages.log"), "{left:?}");
    let asked = upstream.asked().len() + mirror.asked().len();
    install(&machine, &lines).ok();
    assert_eq!(
        upstream.asked().len() + mirror.asked().len(),
        asked,
        "all was there"
    );

    // a program that was lost or emptied, and a marker that a power cut did not let be written
    for (path, content) in [
        ("opt/firstlight/bin/etcd", Some("")),
        ("opt/cni/bin/ctl", None),
    ] {
        match content {
            Some(text) => machine.write(path, text),
            None => fs::remove_file(machine.at(path)).unwrap(),
        }
        install(&machine, &lines).ok();
        assert!(!machine.read(path).is_empty(), "{path}");
    }
    fs::remove_dir_all(machine.at("var/lib/firstlight/installed")).unwrap();
    machine.write(
        &format!("opt/firstlight/.unpack/{}/bin/etcd", hex(&archive)),
        "half",
    );
    machine.write(
        &format!(
            "var/lib/firstlight{}",
            blob(&program).replace("/sha256", "")
        ),
        "",
    );
    machine.write(
        &format!(
            "var/lib/firstlight{}",
            blob(&archive).replace("/sha256", "")
        ),
        "damaged on this disk",
    );
    install(&machine, &lines).ok();
    assert_eq!(machine.read("opt/firstlight/bin/etcd"), "etcd");
    assert!(fs::read(machine.at("opt/firstlight/bin/runc")).unwrap() == program);
}

#[test]
fn what_is_missing_is_named_and_tried_for_ever_with_back_off() {
    let archive = tgz(&[("bin/etcd", b"etcd")]);
    let mirror = Server::new([(blob(&archive), Answer::Whole(archive.clone()))]);
    let machine = machine(&mirror.url, false);
    let lacking = format!(
        "tgz sha256:{} {NOBODY}/etcd.tgz bin/etcd=/opt/etcd bin/none=/opt/none\n",
        hex(&archive)
    );
    let lost = format!("file sha256:{} {NOBODY}/runc -=/opt/runc\n", hex(b"runc"));
    assert_eq!(
        install(&machine, &(lacking + &lost)).code,
        Some(137),
        "cut off by the test while it went on trying"
    );
    assert_eq!(
        machine.read("test/sleeps"),
        "1\n4\n9\n16\n25\n60\n60\n60\n60\n60\n60\n60\n"
    );
    let console = machine.read("test/console");
    let first = console.lines().next().unwrap();
    for words in [
        "firstlight: artefacts waiting (",
        "etcd.tgz: does not unpack: ",
        "bin/none",
        "404",
        "tried again every 1 s",
    ] {
        assert!(first.contains(words), "{words}: {first}");
    }
    assert_eq!(
        console.lines().count(),
        6,
        "one line for each pause, not for each try:\n{console}"
    );
    for path in ["opt/etcd", "opt/none", "opt/runc"] {
        assert!(!machine.at(path).exists(), "{path}");
    }
    // what was missing arrives while it waits
    fs::remove_file(machine.at("test/sleeps")).unwrap();
    machine.write("test/arrives", "runc");
    machine.write(
        "test/while-3",
        format!(
            "d=/run/firstlight/media/sdb/blobs/sha256; mkdir -p $d; cp /test/arrives $d/{}",
            hex(b"runc")
        ),
    );
    install(&machine, &lost).ok();
    assert_eq!(machine.read("test/sleeps").lines().count(), 3);
    assert_eq!(machine.read("opt/runc"), "runc");
}

#[test]
fn a_package_that_the_operator_holds_back_stays_as_it_is() {
    let machine = machine("", false);
    let line = format!("deb sha256:{} {NOBODY}/ip.deb iptables 1.8\n", hex(b"ip"));
    machine.write("etc/firstlight/artefacts", &line);
    machine.write("test/held", "iptables\n");
    let done = machine.run("set -a; . /etc/firstlight/node.env; mkdir -p /var/lib/firstlight/blobs; /opt/firstlight/bin/firstlight-packages");
    done.ok();
    assert!(!machine.read("test/apt").contains("install"));
}

#[test]
fn packages_come_from_the_distribution_where_no_store_has_them_all() {
    let line = format!("deb sha256:{} {NOBODY}/ip.deb iptables 1.8\n", hex(b"ip"));
    for (upstream, apt) in [(true, "install"), (false, "")] {
        let machine = machine("", upstream);
        machine.write("etc/firstlight/artefacts", &line);
        let done = machine.run("set -a; . /etc/firstlight/node.env; mkdir -p /var/lib/firstlight/blobs; /opt/firstlight/bin/firstlight-packages");
        assert_eq!(done.code == Some(0), upstream, "{}", done.stderr);
        assert!(
            machine.read("test/apt").contains(apt)
                && machine.read("test/apt").contains("iptables") == upstream
        );
        assert_eq!(
            done.stderr
                .contains("packages iptables are in no store that this machine sees"),
            !upstream,
            "{}",
            done.stderr
        );
    }
}

#[test]
fn packages_of_the_rpm_family_are_installed_from_files_without_any_repository() {
    let package = b"a package";
    let upstream = Server::new([("/ip.rpm".to_owned(), Answer::Whole(package.to_vec()))]);
    let machine = machine("", true);
    let env = machine.read("etc/firstlight/node.env");
    machine.write("etc/firstlight/node.env", env.replace("'apt'", "'yum'"));
    let lines = |version: &str| {
        format!(
            "rpm sha256:{} {}/ip.rpm iptables-nft {version}\n",
            hex(package),
            upstream.url
        )
    };
    let run = |version: &str| {
        machine.write("etc/firstlight/artefacts", lines(version));
        machine.run("set -a; . /etc/firstlight/node.env; mkdir -p /var/lib/firstlight/blobs; /opt/firstlight/bin/firstlight-packages").ok();
        machine.read("test/yum")
    };
    let install = "yum -y -q --disablerepo=* --nogpgcheck install /var/lib/firstlight/blobs/iptables-nft.rpm\n";
    assert_eq!(run("1.8-1"), install);
    assert_eq!(run("9-1"), install, "it is there");
    assert_eq!(
        run("1:1.8-1"),
        install.repeat(2),
        "what is there is too old"
    );
}

#[test]
fn packages_without_a_digest_come_from_the_systems_own_repository() {
    let run = |upstream: bool, manager: &str| {
        let machine = machine("", upstream);
        let env = machine.read("etc/firstlight/node.env");
        machine.write(
            "etc/firstlight/node.env",
            env.replace("'apt'", &format!("'{manager}'")),
        );
        machine.write("etc/firstlight/artefacts", "package iptables-nft\n");
        let line = "set -a; . /etc/firstlight/node.env; mkdir -p /var/lib/firstlight/blobs; /opt/firstlight/bin/firstlight-packages";
        let done = machine.run(line);
        (machine, done, line)
    };
    let (machine, done, again) = run(true, "yum");
    done.ok();
    assert_eq!(machine.read("test/yum"), "yum -y -q install iptables-nft\n");
    machine.run(again).ok();
    assert_eq!(machine.read("test/yum").lines().count(), 1, "it is there");

    let (machine, done, _) = run(true, "apt");
    done.ok();
    let apt = machine.read("test/apt");
    assert!(
        apt.contains("update") && apt.contains("iptables-nft"),
        "{apt}"
    );

    let (machine, done, _) = run(false, "yum");
    assert_eq!(done.code, Some(1));
    assert_eq!(
        done.stderr,
        "iptables-nft: only the system's own repository has it\n\
         packages iptables-nft are in no store that this machine sees\n"
    );
    assert_eq!(machine.read("test/yum"), "");
}
