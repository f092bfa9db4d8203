//! What is read back of an overlay: by `overlay list` and `verify`, and by those who read bills of materials.

use std::path::Path;
use std::process::Command;

use firstlight::artefact::Digest;
use firstlight::artefact::store::{Source, sbom};

use crate::support::{Done, run as command, tool};
use crate::upstream::{IMAGE, mirror, run, two_platforms};

/// The folder of a built overlay, and the same files as others would pack them.
fn overlay() -> tempfile::TempDir {
    let (source, artefacts) = mirror();
    let dir = tempfile::tempdir().unwrap();
    let from = [Source::Folder(source.path().to_owned())];
    run(&artefacts, &from, dir.path()).unwrap();
    let pack = |line: &str| {
        let done = command(Command::new("sh").args(["-ec", line]).current_dir(&dir));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
    };
    pack("cd out && tar -cf ../out.tar index index.json blobs");
    pack("xorriso -as mkisofs -quiet -R -J -V FIRSTLIGHT -o xorriso.iso out 2>&1");
    pack("genisoimage -quiet -R -V FIRSTLIGHT -o genisoimage.iso out");
    dir
}

const FORMS: [&str; 4] = ["out", "out.tar", "xorriso.iso", "genisoimage.iso"];

fn firstlight(verb: &str, path: &Path, more: &[&str]) -> Done {
    let program = env!("CARGO_BIN_EXE_firstlight");
    let mut line = Command::new(program);
    command(line.args(["overlay", verb]).arg(path).args(more))
}

#[test]
fn every_form_is_listed_and_verified() {
    let dir = overlay();
    let json = firstlight("list", &dir.path().join("out"), &["--format", "json"]);
    for form in FORMS {
        let path = dir.path().join(form);
        let done = firstlight("verify", &path, &[]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert_eq!(
            done.stderr,
            format!(
                "{}: 3 artefacts, 6 contents, every digest right\n",
                path.display()
            )
        );
        let done = firstlight("list", &path, &[]);
        let head = done.stdout.lines().next().unwrap();
        let columns: Vec<&str> = head.split_whitespace().collect();
        assert_eq!(
            columns,
            ["COMPONENT", "VERSION", "ARCH", "SIZE", "LICENCE", "ORIGIN"]
        );
        let image = done.stdout.lines().find(|l| l.contains(IMAGE)).unwrap();
        for word in ["amd64", "0.1 MiB", "Apache-2.0"] {
            assert!(image.contains(word), "{image}");
        }
        let again = firstlight("list", &path, &["--format", "json"]);
        assert_eq!(again.stdout, json.stdout);
    }
    assert_eq!(json.json()["schema_version"], 1);
}

#[test]
fn what_is_damaged_or_missing_is_named_with_what_needs_it() {
    let dir = overlay();
    let (a, layer) = (Digest::sha256(b"content of a"), two_platforms().parts[3]);
    for form in FORMS {
        let path = dir.path().join(form);
        if path.is_dir() {
            fs_err::write(path.join(a.blob_path()), "lies").unwrap();
            fs_err::remove_file(path.join(layer.blob_path())).unwrap();
        } else {
            let mut bytes = fs_err::read(&path).unwrap();
            let word = b"content of a";
            let at = bytes.windows(word.len()).position(|w| w == word).unwrap();
            bytes[at] = b'C';
            fs_err::write(&path, bytes).unwrap();
        }
        let done = firstlight("verify", &path, &[]);
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""));
        let head = format!("error: {}: ", path.display());
        assert!(done.stderr.starts_with(&head), "{}", done.stderr);
        let damaged = format!("  {} (a): got sha256:", a.blob_path());
        let missing = format!("  {} ({IMAGE}): missing", layer.blob_path());
        assert!(done.stderr.contains(&damaged), "{}", done.stderr);
        assert_eq!(done.stderr.contains(&missing), form == "out");
        assert!(done.stderr.contains("\nhint: "), "{}", done.stderr);
    }
}

#[test]
fn a_list_that_nodes_read_and_that_says_something_else_is_named() {
    let dir = overlay();
    let out = dir.path().join("out");
    let index = fs_err::read_to_string(out.join("index")).unwrap();
    for wrong in [Some(index.replace("amd64", "arm64")), None] {
        match wrong {
            Some(text) => fs_err::write(out.join("index"), text).unwrap(),
            None => fs_err::remove_file(out.join("index")).unwrap(),
        }
        let done = firstlight("verify", &out, &[]);
        assert_eq!(done.code, Some(1));
        let words =
            "1 of 8 files are not what they must be:\n  index: not what `index.json` says\n";
        assert!(done.stderr.contains(words), "{}", done.stderr);
    }
}

#[test]
fn what_is_no_whole_overlay_is_refused() {
    let dir = overlay();
    let at = |name: &str| dir.path().join(name);
    fs_err::create_dir_all(at("empty")).unwrap();
    let whole = fs_err::read(at("out.tar")).unwrap();
    fs_err::write(at("cut.tar"), &whole[..whole.len() / 2]).unwrap();
    fs_err::write(at("text"), "no archive at all\n".repeat(9999)).unwrap();
    fs_err::create_dir_all(at("broken")).unwrap();
    fs_err::write(at("broken/index.json"), "{").unwrap();
    for (name, words) in [
        (
            "empty",
            "this is no overlay: there is no `index.json` in it",
        ),
        ("cut.tar", "this is no whole overlay: "),
        ("text", "this is no whole overlay: "),
        ("broken", "`index.json` is damaged: "),
        ("nonexistent", "nonexistent"),
    ] {
        for verb in ["list", "verify"] {
            let done = firstlight(verb, &at(name), &[]);
            assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{name}");
            assert!(done.stderr.contains(words), "{name}: {}", done.stderr);
        }
    }
}

/// What its makers' own reader says of a bill of materials, strictly.
const READER: &str = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
problem = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())
sys.exit(str(problem) if problem else 0)
";

#[test]
fn the_bill_of_materials_is_one() {
    let (source, artefacts) = mirror();
    let dir = tempfile::tempdir().unwrap();
    let from = [Source::Folder(source.path().to_owned())];
    let report = run(&artefacts, &from, dir.path()).unwrap();
    let bill = sbom("demo", &report.sets[0].listing);
    let read = |bill: &str| {
        let file = dir.path().join("bill");
        fs_err::write(&file, bill).unwrap();
        let python = tool("cyclonedx/bin/python");
        command(Command::new(python).args(["-c", READER]).arg(file))
    };
    let done = read(&bill);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let wrong = read(&bill.replace("\"licenses\"", "\"licences\""));
    assert_ne!(wrong.code, Some(0), "or the reading above proves nothing");
    let bill: serde_json::Value = serde_json::from_str(&bill).unwrap();
    assert_eq!(bill["components"].as_array().unwrap().len(), 3);
}
