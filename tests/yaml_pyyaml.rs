//! Any string survives the way through `PyYAML`, the YAML 1.1 reader inside cloud-init.

use std::io::Write;
use std::process::{Command, Stdio};

use firstlight::yaml;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

/// Reads a JSON list of `[yaml, value]` pairs and prints the index of the first that differs.
const SCRIPT: &str = r"
import json, sys
try:
    import yaml
except ImportError:
    sys.exit('PyYAML is missing: pip install pyyaml, or apt-get install python3-yaml')
for index, (text, value) in enumerate(json.load(sys.stdin)):
    try:
        got = yaml.safe_load(text)
    except yaml.YAMLError as error:
        got = error
    if got != value:
        sys.exit('%d: %a became %a through %a' % (index, value, got, text))
";

/// Sends documents and what they must mean to one python process.
fn pyyaml_reads(values: &[serde_json::Value]) -> Result<(), String> {
    let pairs: Vec<_> = values
        .iter()
        .map(|value| {
            let text = yaml::to_string(value).expect("keys are ASCII");
            assert!(text.is_ascii(), "{text:?}");
            (text, value)
        })
        .collect();
    let mut python = Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("python3 is missing ({error}): apt-get install python3-yaml"))?;
    let input = serde_json::to_vec(&pairs).expect("pairs are JSON");
    python
        .stdin
        .take()
        .expect("stdin is piped")
        .write_all(&input)
        .map_err(|error| error.to_string())?;
    let output = python
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Every Unicode scalar value, and often what YAML gives a meaning.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        vec(any::<char>(), 0..24).prop_map(String::from_iter),
        "[-:#,{}\\[\\]&*!|>'\"%@` \n\r\t\\\\?~<=0-9a-fxoeE_.+\u{85}\u{a0}\u{2028}\u{feff}é]{0,24}",
        "[ \n]{0,3}[a-z #:-]{0,90}[ \n]{0,3}[a-z]{0,20}[ \n\t]{0,3}",
        "(y|n|yes|No|on|OFF|true|~|null|<<|=|\\.inf|\\.nan|[0-9]{1,3}(:[0-9]{1,2}){1,3}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|0[0-7]+|[0-9_]+|[0-9]+e[0-9]+)",
    ]
}

proptest! {
    #![proptest_config(Config { cases: 6, max_shrink_iters: 200, ..Config::default() })]

    #[test]
    fn any_string_survives(texts in vec(text(), 500)) {
        let values: Vec<_> = texts.iter().map(|text| serde_json::json!({ "write_files": [{ "content": text }, [text]] })).collect();
        prop_assert_eq!(pyyaml_reads(&values), Ok(()));
    }

    #[test]
    fn any_ascii_key_survives(keys in vec("[ -~]{0,20}", 500)) {
        let values: Vec<_> = keys.iter().map(|key| serde_json::json!({ "labels": { key: 1 } })).collect();
        prop_assert_eq!(pyyaml_reads(&values), Ok(()));
    }
}

#[test]
fn every_character_of_the_first_scripts_survives() {
    let all: Vec<_> = ('\0'..=char::MAX)
        .map(|character| serde_json::json!(format!("a{character}b")))
        .collect();
    // One list per document: a document for each character would take minutes.
    let lists: Vec<_> = all
        .chunks(4096)
        .map(|chunk| serde_json::Value::Array(chunk.to_vec()))
        .take(4)
        .collect();
    pyyaml_reads(&lists).unwrap();
}
