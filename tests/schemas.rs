//! What `manifests` are judged by: the data says what its source says, and so does the judge.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::io::Write as _;
use std::process::{Command, Stdio};

use firstlight::artefact::Catalogue;
use firstlight::artefact::schema::{Schemas, Type};
use firstlight::diagnostic::{Source, render};
use firstlight::plan::manifests::{Release, findings};
use serde_json::Value;
use support::{CATALOGUE, objects, run, tool};

/// How many objects are made of each train's schemas; as many again have one thing changed.
const MADE: usize = 300;

fn release(train: &str) -> Release<'_> {
    Release::of(train, &CATALOGUE).unwrap()
}

#[test]
fn every_train_has_the_schemas_of_its_release() {
    let folder = tempfile::tempdir().unwrap();
    run(Command::new("ci/schemas").arg(folder.path())).ok();
    for train in CATALOGUE.trains.keys() {
        let written = fs_err::read_to_string(folder.path().join(format!("{train}.txt"))).unwrap();
        assert!(
            written == CATALOGUE.schemas[train],
            "overlays/schemas/{train}.txt: run ci/schemas"
        );
    }
    assert_eq!(CATALOGUE.schemas.len(), CATALOGUE.trains.len());
}

#[test]
fn every_type_of_a_field_is_there() {
    fn named(held: Type<'_>) -> Option<&str> {
        match held {
            Type::List(held) | Type::Map(held) => named(Type::read(held)),
            Type::Fields(name) => Some(name),
            _ => None,
        }
    }
    for (train, text) in &CATALOGUE.schemas {
        let schemas = Schemas::read(text).unwrap();
        let mut waiting: Vec<&str> = schemas
            .kinds()
            .values()
            .flat_map(|kinds| kinds.values().copied())
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        while let Some(name) = waiting.pop() {
            assert!(
                schemas.fields(name).count() > 0 || text.contains(&format!("type {name}\n")),
                "{train}: {name}"
            );
            if seen.insert(name) {
                waiting.extend(schemas.fields(name).filter_map(|field| named(field.holds)));
            }
        }
        assert!(
            seen.len() > 400 && seen.contains("meta.v1.ObjectMeta"),
            "{train}"
        );
    }
}

#[test]
fn our_own_objects_are_judged_alike() {
    for train in CATALOGUE.trains.keys() {
        let release = release(train);
        for (name, text) in objects::every(train) {
            assert_eq!(findings(&text, &release), [], "{train}: {name}");
        }
    }
}

/// `tests/schemas/invalid/*.yaml` are named after their defect; the findings are recorded beside them
/// (`UPDATE_GOLDENS=1`).
#[test]
fn each_defect_is_told_with_its_place() {
    for (name, text) in support::files(&support::root().join("tests/schemas/invalid")) {
        let Some(stem) = name.strip_suffix(".yaml") else {
            continue;
        };
        let train = match stem {
            "of-another-train" => "1.20",
            _ => "1.34",
        };
        let source = Source {
            text: String::from_utf8(text).unwrap(),
            name: name.clone(),
        };
        let found = findings(&source.text, &release(train));
        assert!(!found.is_empty(), "{name} is good");
        let found = render(&source, &found, false);
        assert!(
            !found.contains("hunter2") && !found.contains("1234"),
            "{name}: a secret is shown"
        );
        let recorded = support::root().join(format!("tests/schemas/invalid/{stem}.stderr"));
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            fs_err::write(&recorded, &found).unwrap();
        }
        assert_eq!(fs_err::read_to_string(&recorded).unwrap(), found, "{name}");
    }
}

#[test]
fn what_a_server_takes_is_taken() {
    let text = fs_err::read_to_string("tests/schemas/valid.yaml").unwrap();
    for train in CATALOGUE.trains.keys() {
        let release = release(train);
        assert_eq!(findings(&text, &release), [], "{train}");
    }
}

/// A folder of one's own may bring another train; what it brings is read before it is used.
#[test]
fn schemas_of_one_s_own_are_read_where_they_are_given() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::create_dir_all(folder.path().join("schemas")).unwrap();
    fs_err::write(folder.path().join("schemas/1.34.txt"), "# mine\nkind v1\n").unwrap();
    let error = Catalogue::with_overrides(folder.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("schemas/1.34.txt:2:1: a line must be `kind VERSION KIND TYPE` or `type NAME FIELD:TYPE…`"),
        "{error}"
    );
}

/// Our own objects, objects made of the schemas, and all of them with one thing changed: what
/// kubernetes-validate refuses we refuse, and nothing else.
#[test]
fn the_judge_agrees_with_kubernetes_validate() {
    for train in CATALOGUE.trains.keys() {
        let release = release(train);
        let old = *train == "1.20";
        let venv = if old { "validate-old" } else { "validate" };
        let mut judge = Command::new(tool(&format!("{venv}/bin/python")))
            .args(["-W", "ignore", "tests/schemas/agree.py", train])
            .arg(MADE.to_string())
            .arg(format!("overlays/schemas/{train}.txt"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let own: String = objects::every(train)
            .iter()
            .flat_map(|(_, text)| objects::documents(text))
            .map(|object| format!("{object}\n"))
            .collect();
        let mut input = judge.stdin.take().unwrap();
        let writer = std::thread::spawn(move || input.write_all(own.as_bytes()).unwrap());
        let done = judge.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(done.status.success(), "{train}");
        let mut refused = 0;
        let mut all = 0;
        for line in String::from_utf8(done.stdout).unwrap().lines() {
            let said: Value = serde_json::from_str(line).unwrap();
            let text = said["object"].to_string();
            let mut ours = findings(&text, &release);
            // the API server asks for an image, its schemas do not
            ours.retain(|finding| finding.message != "this container has no `image`");
            assert_eq!(
                ours.is_empty(),
                said["why"].is_null(),
                "{train}: {text}\nkubernetes-validate: {}\nfirstlight: {ours:#?}",
                said["why"]
            );
            refused += usize::from(!ours.is_empty());
            all += 1;
        }
        assert!(
            refused > all / 5 && refused < all * 4 / 5,
            "{train}: {refused} of {all}"
        );
    }
}
