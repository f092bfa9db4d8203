//! Archives of `pack::tar`, judged by GNU tar and Python's tarfile.

#![expect(
    clippy::unwrap_used,
    reason = "the functions beside the tests are tests, too"
)]

use std::path::Path;
use std::process::Command;

use firstlight::pack::tar::{Archive, Entry};
use firstlight::pack::tar_gz::{Files, Packer};
use firstlight::pack::{EPOCH, Source, gzip};

/// Every kind of entry, names and targets around the 100 bytes of a header, sizes around a record.
fn sample(on_disk: &Path) -> Archive {
    let mut archive = Archive::new();
    let mut add = |path: &str, entry| archive.add(path, entry).unwrap();
    let file = |len: usize, mode| Entry::File {
        content: vec![b'x'; len].into(),
        mode,
    };
    add("etc", Entry::Directory { mode: 0o755 });
    add("etc/secret", Entry::Directory { mode: 0o700 });
    for len in [0, 1, 511, 512, 513] {
        add(&format!("etc/size-{len}"), file(len, 0o640));
    }
    for len in [99, 100, 101, 255] {
        let name = "n".repeat(len);
        add(&name, file(3, 0o600));
        add(&format!("d{name}/{name}"), file(4, 0o755));
        let target = "t".repeat(len);
        add(&format!("link-{len}"), Entry::Symlink { target });
    }
    add(
        &format!("long-{}", "d".repeat(120)),
        Entry::Directory { mode: 0o755 },
    );
    add("grüße \u{1f600}", file(5, 0o644));
    let content = Source::file(on_disk).unwrap();
    add(
        "streamed",
        Entry::File {
            content,
            mode: 0o644,
        },
    );
    archive
}

fn run(command: &mut Command) -> String {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .output()
        .unwrap_or_else(|error| panic!("{name}: {error}; on Debian: apt-get install {name}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stderr.is_empty(),
        "{name}: {stderr}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// One line per entry: type, mode, owner, size, time, name, target.
const PYTHON: &str = r#"
import sys, tarfile
for m in tarfile.open(sys.argv[1]):
    data = m.isreg() and tarfile.open(sys.argv[1]).extractfile(m.name).read() or b""
    assert len(data) == m.size and len(set(data)) <= 1, m.name
    print(m.type.decode(), oct(m.mode), m.uid, m.gid, m.uname, m.gname, m.size, m.mtime, m.name, m.linkname)
"#;

fn packed() -> (tempfile::TempDir, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let big = dir.path().join("big");
    fs_err::write(&big, vec![b'y'; 700_001]).unwrap();
    let mut bytes = Vec::new();
    sample(&big).write(&mut bytes).unwrap();
    let mut again = Vec::new();
    sample(&big).write(&mut again).unwrap();
    assert!(bytes == again, "two archives of the same entries differ");
    fs_err::write(dir.path().join("a.tar"), &bytes).unwrap();
    (dir, bytes)
}

#[test]
fn python_lists_what_went_in() {
    let (dir, _) = packed();
    let mut python = Command::new("python3");
    let listing = run(python.args(["-c", PYTHON]).arg(dir.path().join("a.tar")));
    let lines: Vec<_> = listing.lines().collect();
    assert_eq!(lines.len(), 22);
    let expect = |line: String| assert!(lines.contains(&line.as_str()), "{line}\n{listing}");
    expect(format!("5 0o755 0 0 root root 0 {EPOCH} etc "));
    expect(format!("5 0o700 0 0 root root 0 {EPOCH} etc/secret "));
    expect(format!("0 0o640 0 0 root root 513 {EPOCH} etc/size-513 "));
    expect(format!("0 0o644 0 0 root root 5 {EPOCH} grüße \u{1f600} "));
    expect(format!("0 0o644 0 0 root root 700001 {EPOCH} streamed "));
    for len in [99, 100, 101, 255] {
        let (name, target) = ("n".repeat(len), "t".repeat(len));
        expect(format!("0 0o600 0 0 root root 3 {EPOCH} {name} "));
        expect(format!("0 0o755 0 0 root root 4 {EPOCH} d{name}/{name} "));
        expect(format!(
            "2 0o777 0 0 root root 0 {EPOCH} link-{len} {target}"
        ));
    }
}

#[test]
fn gnu_tar_unpacks_what_went_in() {
    let (dir, bytes) = packed();
    let archive = dir.path().join("a.tar.gz");
    fs_err::write(&archive, gzip::gzip(&bytes)).unwrap();
    // Names of 256 bytes do not fit a file system; the folders `d…` of the sample have them.
    let out = dir.path().join("out");
    fs_err::create_dir(&out).unwrap();
    let exclude = format!("--exclude=d{}", "n".repeat(255));
    let mut tar = Command::new("tar");
    run(tar
        .arg("-xpzf")
        .arg(&archive)
        .arg(&exclude)
        .arg("-C")
        .arg(&out));
    for len in [0, 1, 511, 512, 513] {
        let path = out.join(format!("etc/size-{len}"));
        assert_eq!(fs_err::read(path).unwrap(), vec![b'x'; len]);
    }
    assert_eq!(
        fs_err::read(out.join("streamed")).unwrap(),
        vec![b'y'; 700_001]
    );
    for len in [99, 100, 101, 255] {
        let link = fs_err::read_link(out.join(format!("link-{len}"))).unwrap();
        assert_eq!(link, Path::new(&"t".repeat(len)));
        assert_eq!(fs_err::read(out.join("n".repeat(len))).unwrap(), b"xxx");
    }
    let mut stat = Command::new("stat");
    let seen = run(stat.args(["-c", "%a %Y"]).arg(out.join("etc/secret")));
    assert_eq!(seen.trim(), format!("700 {EPOCH}"));
}

/// Two members of gzip, the first of a hundred kilobytes, so that no reader has both in one buffer.
fn in_two_members(packer: &Packer, own: &str) -> Vec<u8> {
    let script: Vec<u8> = (0..20_000_u32)
        .flat_map(|n| (n * n % 9973).to_le_bytes())
        .collect();
    let script: &'static [u8] = script.leak();
    let common = Files::from([
        ("tree/bin/b".to_owned(), (0o755, script)),
        ("tree/bin/a".to_owned(), (0o755, b"#!/bin/sh\n".as_slice())),
    ]);
    let own = Files::from([
        ("index".to_owned(), (0o600, own.as_bytes().to_vec())),
        ("tree/etc/z".to_owned(), (0o644, vec![b'z'; 700])),
    ]);
    packer.pack(common, own).unwrap()
}

#[test]
fn every_reader_takes_an_archive_in_two_members_for_one() {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("a.tar.gz");
    let bytes = in_two_members(&Packer::default(), "of one node");
    let members = bytes.windows(4).filter(|w| *w == [0x1f, 0x8b, 8, 0]);
    assert_eq!(members.count(), 2);
    fs_err::write(&archive, &bytes).unwrap();
    let read = |program: &str, args: &[&str]| {
        run(Command::new(program)
            .args(args)
            .arg("a.tar.gz")
            .current_dir(dir.path()))
    };
    let names = "tree/bin/a\ntree/bin/b\nindex\ntree/etc/z\n";
    assert_eq!(read("gzip", &["-t"]), "");
    assert_eq!(read("tar", &["-tzf"]), names);
    assert_eq!(read("bsdtar", &["-tf"]), names);
    let python = "import sys, tarfile; print('\\n'.join(tarfile.open(sys.argv[1]).getnames()))";
    assert_eq!(read("python3", &["-c", python]), names);
    for (program, options) in [("tar", "-xzOf"), ("bsdtar", "-xOf")] {
        let one = |name: &str| {
            run(Command::new(program)
                .args([options, "a.tar.gz", name])
                .current_dir(dir.path()))
        };
        assert_eq!(one("index"), "of one node");
        assert_eq!(one("tree/bin/a"), "#!/bin/sh\n");
        assert_eq!(one("tree/etc/z"), "z".repeat(700));
    }
}

#[test]
fn an_archive_does_not_depend_on_what_was_packed_before() {
    let packer = Packer::default();
    let other = in_two_members(&packer, "of another node");
    let after = in_two_members(&packer, "of one node");
    let alone = in_two_members(&Packer::default(), "of one node");
    assert!(after == alone && after != other);
}
