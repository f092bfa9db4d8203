//! Images of `pack::iso9660`, judged by xorriso, isoinfo, blkid, bsdtar and a strict reading of
//! the structures in Python. Mounting is judged where a kernel boots.

#![expect(
    clippy::unwrap_used,
    reason = "the functions beside the tests are tests, too"
)]

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};

use firstlight::pack::iso9660::{File, IsoError, IsoImage, write};
use firstlight::pack::{EPOCH, Source};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

/// Path to mode and content.
type Files = BTreeMap<String, (u32, Vec<u8>)>;

fn run(program: &str, package: &str, args: &[&str]) -> Output {
    Command::new(program)
        .args(args)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .output()
        .unwrap_or_else(|error| {
            panic!("{program}: {error}; on Debian: apt-get install {package}");
        })
}

/// Standard output of a program that must succeed.
fn stdout(program: &str, package: &str, args: &[&str]) -> Vec<u8> {
    let output = run(program, package, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {stderr}");
    output.stdout
}

fn text(program: &str, package: &str, args: &[&str]) -> String {
    String::from_utf8(stdout(program, package, args)).unwrap()
}

/// An image in a folder of its own, as `a.iso`.
struct Packed {
    dir: tempfile::TempDir,
    iso: String,
}

fn pack(image: &IsoImage) -> Packed {
    let (mut bytes, mut again) = (Vec::new(), Vec::new());
    let len = write(image, &mut bytes).unwrap();
    write(image, &mut again).unwrap();
    assert!(bytes == again, "two writes differ");
    assert_eq!(len, bytes.len() as u64);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.iso");
    fs_err::write(&path, bytes).unwrap();
    let iso = path.to_str().unwrap().to_owned();
    Packed { dir, iso }
}

fn image(files: &Files) -> IsoImage {
    let mut image = IsoImage::new("cidata");
    for (path, (mode, content)) in files {
        let content = content.clone().into();
        let mode = *mode;
        image.add(path, File { content, mode }).unwrap();
    }
    image
}

/// Bytes that differ between files and along a file.
fn content(len: usize, seed: usize) -> Vec<u8> {
    let byte = |n: usize| (n.wrapping_mul(31) ^ n >> 8 ^ seed).to_le_bytes()[0];
    (0..len).map(byte).collect()
}

fn sample() -> Files {
    let mut files = Files::new();
    let mut add = |path: &str, mode, len| {
        let seed = files.len();
        files.insert(path.to_owned(), (mode, content(len, seed)));
    };
    add("user-data", 0o600, 40_000);
    add("meta-data", 0o644, 77);
    add("network-config", 0o644, 512);
    add("vendor-data", 0o640, 0);
    for len in [0, 1, 2047, 2048, 2049, 4096, 100_000] {
        add(&format!("sizes/{len}"), 0o444, len);
    }
    for len in [30, 31, 64, 65, 120, 121, 122, 250, 251, 255] {
        add(&format!("long/{}", "n".repeat(len)), 0o644, len);
        add(&format!("{}/x", "d".repeat(len)), 0o755, len);
    }
    for name in [
        "a b",
        "A-B",
        "a-b",
        "a_b",
        "grüße",
        "日本",
        "\u{1f600}",
        "a;1",
        "x.",
        "-rf",
        "*",
        "\n",
    ] {
        add(&format!("names/{name}"), 0o4755, 10);
    }
    for n in 0..3000 {
        add(
            &format!("many/a-rather-long-name-of-a-file-{n}.conf"),
            0o644,
            n % 3,
        );
    }
    for n in 0..300 {
        add(&format!("folders/{n}/f"), 0o644, 1);
    }
    add("2/3/4/5/6/7/8/deepest", 0o600, 5);
    files
}

/// All regular files below `root`, with the mode's low bits; every time stamp must be the one.
fn read_back(root: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs_err::symlink_metadata(&path).unwrap();
            assert_eq!(meta.mtime(), EPOCH, "{}", path.display());
            if meta.is_dir() {
                assert_eq!(meta.mode() & 0o7777, 0o755);
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            let read = (meta.mode() & 0o7777, fs_err::read(&path).unwrap());
            files.insert(name.to_owned(), read);
        }
    }
    files
}

fn assert_same(found: &Files, expected: &Files) {
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    for (name, expected) in expected {
        assert_eq!(found[name].0, expected.0, "mode of {name:?}");
        assert!(found[name].1 == expected.1, "content of {name:?}");
    }
}

fn extract_with_xorriso(packed: &Packed) -> Files {
    let out = packed.dir.path().join("xorriso");
    let to = out.to_str().unwrap();
    let args = ["-osirrox", "on", "-indev", &packed.iso, "-extract", "/", to];
    stdout("xorriso", "xorriso", &args);
    read_back(&out)
}

/// ECMA-119 read strictly: see the assertions.
const STRICT: &str = include_str!("pack_iso/strict.py");

/// Also gives the files of the Joliet hierarchy.
fn check_strictly(packed: &Packed) -> BTreeMap<String, Vec<u8>> {
    let image = fs_err::read(&packed.iso).unwrap();
    let listing = text("python3", "python3", &["-c", STRICT, &packed.iso]);
    let rows = listing.split_terminator('\n').map(|row| {
        let mut row = row.split('\t');
        let name = row.next().unwrap().to_owned();
        let [at, len] = [row.next(), row.next()].map(|n| n.unwrap().parse::<usize>().unwrap());
        (name, image[at..at + len].to_vec())
    });
    rows.collect()
}

#[test]
fn xorriso_extracts_what_went_in() {
    let files = sample();
    let packed = pack(&image(&files));
    assert_same(&extract_with_xorriso(&packed), &files);
}

#[test]
fn joliet_names_are_those_given_or_changed_as_documented() {
    let files = sample();
    let found = check_strictly(&pack(&image(&files)));
    assert_eq!(found.len(), files.len());
    let cut = format!("long/{}", "n".repeat(64));
    let second = format!("long/{}~1", "n".repeat(62));
    for (joliet, given) in [
        ("user-data", "user-data"),
        ("2/3/4/5/6/7/8/deepest", "2/3/4/5/6/7/8/deepest"),
        ("names/grüße", "names/grüße"),
        ("names/日本", "names/日本"),
        ("names/A-B", "names/A-B"),
        ("names/a_1", "names/a;1"),
        ("names/x_", "names/x."),
        ("names/_", "names/\n"),
        ("names/_~1", "names/*"),
        ("names/_~2", "names/\u{1f600}"),
        (&cut, &cut),
        (&second, &format!("long/{}", "n".repeat(65))),
    ] {
        assert!(found[joliet] == files[given].1, "{joliet}");
    }
}

#[test]
fn bsdtar_extracts_what_went_in() {
    let files = sample();
    let packed = pack(&image(&files));
    let out = packed.dir.path().join("bsdtar");
    fs_err::create_dir(&out).unwrap();
    let args = ["-xpf", &packed.iso, "-C", out.to_str().unwrap()];
    stdout("bsdtar", "libarchive-tools", &args);
    assert_same(&read_back(&out), &files);
}

#[test]
fn blkid_finds_the_label_cloud_init_looks_for() {
    for label in ["cidata", "FL-OVERLAYS", "a label longer than 16 units"] {
        let mut image = image(&sample());
        image.volume_id = label.to_owned();
        let packed = pack(&image);
        let args = ["-p", "-o", "export", &packed.iso];
        let found = text("blkid", "util-linux", &args);
        let has = |line: &str| found.lines().any(|found| found == line);
        let label = label.replace(' ', "\\ ");
        assert!(
            has(&format!("LABEL={label}")) && has("TYPE=iso9660"),
            "{found}"
        );
    }
}

#[test]
fn isoinfo_reads_descriptors_and_rock_ridge() {
    let packed = pack(&image(&sample()));
    let found = text("isoinfo", "genisoimage", &["-d", "-i", &packed.iso]);
    for line in [
        "Volume id: cidata",
        "System id: LINUX",
        "Application id: FIRSTLIGHT",
        "Logical block size is: 2048",
        "Joliet with UCS level 3 found",
        "Rock Ridge signatures version 1 found",
    ] {
        assert!(found.lines().any(|found| found == line), "{line}: {found}");
    }
    let listing = text("isoinfo", "genisoimage", &["-R", "-l", "-i", &packed.iso]);
    let row = |name: &str| {
        let mut rows = listing.lines().filter(|row| row.trim_end().ends_with(name));
        rows.next()
            .unwrap_or_else(|| panic!("{name}: {listing}"))
            .to_owned()
    };
    let user_data = row(" user-data");
    assert!(
        user_data.starts_with("-rw-------   1    0    0           40000 Jan  1 2020"),
        "{user_data}"
    );
    assert!(row(" vendor-data").starts_with("-rw-r-----   1    0    0               0 "));
    assert!(row(" names").starts_with("drwxr-xr-x   2    0    0 "));
    assert!(row(" folders").starts_with("drwxr-xr-x 302    0    0 "));
}

/// Names (isoinfo prints none but ASCII) and contents as a reader of Joliet sees them.
fn judge_joliet(packed: &Packed, files: &Files) -> TestCaseResult {
    let args = ["-J", "-f", "-i", &packed.iso];
    let listing = text("isoinfo", "genisoimage", &args);
    let found: Vec<_> = listing.lines().collect();
    for (name, (_, content)) in files {
        let path = format!("/{name};1");
        prop_assert!(found.contains(&path.as_str()), "{path:?}: {found:?}");
        let args = ["-J", "-x", &path, "-i", &packed.iso];
        prop_assert!(
            stdout("isoinfo", "genisoimage", &args) == *content,
            "{path:?}"
        );
    }
    Ok(())
}

#[test]
fn a_file_on_disk_is_streamed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.tar");
    let bytes = content(5_000_001, 9);
    fs_err::write(&path, &bytes).unwrap();
    let mut image = IsoImage::new("FL-OVERLAYS");
    let source = Source::file(&path).unwrap();
    image.add("store/a.tar", File::new(source)).unwrap();
    let files = extract_with_xorriso(&pack(&image));
    assert_same(
        &files,
        &Files::from([("store/a.tar".into(), (0o644, bytes))]),
    );
}

/// Name parts of any kind a file system takes, and sizes around sectors.
fn tree(part: &'static str) -> impl Strategy<Value = Files> {
    let path = prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
    let len = prop_oneof![
        prop::sample::select(vec![0, 1, 2047, 2048, 2049, 4095, 4096, 4097]),
        0..10_000_usize
    ];
    let mode = prop::sample::select(vec![0o600, 0o644, 0o755, 0o400, 0o4711]);
    let file = (path, len, mode);
    prop::collection::vec(file, 0..12).prop_map(|all| {
        let mut image = IsoImage::new("x");
        let mut files = Files::new();
        for (path, len, mode) in all {
            let refused = image.add(&path, File::new(Vec::new())).err();
            match refused {
                None => {
                    let content = content(len, files.len());
                    files.insert(path, (mode, content));
                }
                Some(IsoError::Duplicate(_) | IsoError::NotAFolder(_) | IsoError::Name(_)) => {}
                Some(error) => panic!("{path:?}: {error}"),
            }
        }
        files
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_survives_xorriso(files in tree("([^/\0]{1,20}|[a-c]|[^/\0]{40,63})")) {
        let packed = pack(&image(&files));
        check_strictly(&packed);
        if !files.is_empty() {
            assert_same(&extract_with_xorriso(&packed), &files);
        }
    }

    #[test]
    fn any_joliet_tree_survives_isoinfo(files in tree("[a-zA-Z0-9 ._+=@,!#$%&'(){}-]{0,40}[a-zA-Z0-9]")) {
        let packed = pack(&image(&files));
        judge_joliet(&packed, &files)?;
        let contents = files.into_iter().map(|(name, (_, content))| (name, content));
        prop_assert!(check_strictly(&packed) == contents.collect());
    }
}
