//! Every file of `tests/config/{valid,invalid}` gives exactly the findings recorded beside it.
//!
//! `UPDATE_GOLDENS=1` rewrites the `.stderr` files; a valid file without warnings has none.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use firstlight::artefact::Catalogue;
use firstlight::config::{self, AddonDoc, model};
use firstlight::diagnostic::{Diagnostic, Source, render};
use firstlight::yaml;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cases(kind: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs_err::read_dir(root().join("tests/config").join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

struct Outcome {
    config: Option<model::Config>,
    rendered: String,
}

fn run(path: &Path) -> Outcome {
    let bytes = fs_err::read(path).unwrap();
    let parsed = |bytes: &[u8]| -> Result<(Source, Result<_, Vec<Diagnostic>>), Diagnostic> {
        let source = yaml::decode("cluster.yml", bytes)?;
        let result = config::parse(&source);
        Ok((source, result))
    };
    match parsed(&bytes) {
        Err(finding) => {
            let source = Source {
                name: "cluster.yml".into(),
                text: String::new(),
            };
            Outcome {
                config: None,
                rendered: render(&source, &[finding], false),
            }
        }
        Ok((source, Err(findings))) => {
            assert!(
                findings.iter().any(Diagnostic::is_error),
                "{}",
                path.display()
            );
            Outcome {
                config: None,
                rendered: render(&source, &findings, false),
            }
        }
        Ok((source, Ok((config, _, warnings)))) => {
            assert!(
                !warnings.iter().any(Diagnostic::is_error),
                "{}",
                path.display()
            );
            Outcome {
                config: Some(config),
                rendered: render(&source, &warnings, false),
            }
        }
    }
}

/// Compares with the recorded text, or records it.
fn golden(path: &Path, text: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        if text.is_empty() {
            if path.exists() {
                fs_err::remove_file(path).unwrap();
            }
        } else {
            fs_err::write(path, text).unwrap();
        }
        return Ok(());
    }
    let recorded = if path.exists() {
        fs_err::read_to_string(path).unwrap()
    } else {
        String::new()
    };
    if recorded == text {
        Ok(())
    } else {
        Err(format!(
            "{}:\n--- recorded\n{recorded}--- now\n{text}",
            path.display()
        ))
    }
}

fn compare(kind: &str, ok: bool) {
    let failures: Vec<String> = cases(kind)
        .iter()
        .filter_map(|path| {
            let outcome = run(path);
            if outcome.config.is_some() != ok {
                return Some(format!(
                    "{}: should be {kind}\n{}",
                    path.display(),
                    outcome.rendered
                ));
            }
            golden(&path.with_extension("stderr"), &outcome.rendered).err()
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{}\nUPDATE_GOLDENS=1 records what is new",
        failures.join("\n")
    );
}

#[test]
fn valid_files_give_their_warnings_only() {
    compare("valid", true);
}

#[test]
fn invalid_files_give_their_findings() {
    compare("invalid", false);
}

#[test]
fn a_file_cut_off_anywhere_gives_findings_and_no_panic() {
    for path in ["valid", "invalid"].into_iter().flat_map(cases) {
        let bytes = fs_err::read(path).unwrap();
        for end in (0..bytes.len()).step_by(17) {
            let Ok(mut source) = yaml::decode("cluster.yml", &bytes[..end]) else {
                continue;
            };
            source.text = source.text.replace('\n', "\r\n");
            if let Err(findings) = config::parse(&source) {
                assert!(!render(&source, &findings, true).is_empty());
            }
        }
    }
}

#[test]
fn every_code_has_a_golden() {
    let mut recorded = String::new();
    for kind in ["valid", "invalid"] {
        for path in cases(kind) {
            recorded += &fs_err::read_to_string(path.with_extension("stderr")).unwrap_or_default();
        }
    }
    let mut sources = vec![root().join("src/yaml.rs")];
    for folder in ["src/config", "src/yaml"] {
        sources_in(&root().join(folder), &mut sources);
    }
    let codes: BTreeSet<String> = sources
        .iter()
        .flat_map(|path| codes_of(&fs_err::read_to_string(path).unwrap()))
        .collect();
    assert!(codes.len() > 30, "{codes:?}");
    let missing: Vec<&String> = codes
        .iter()
        // those of addons are in tests/addons
        .filter(|code| !code.starts_with("addons/"))
        .filter(|code| !recorded.contains(&format!("[{code}]")))
        .collect();
    assert!(
        missing.is_empty(),
        "no file of tests/config shows {missing:?}"
    );
}

fn sources_in(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources_in(&path, out);
        } else if path.file_name().is_some_and(|name| name != "tests.rs") {
            out.push(path);
        }
    }
}

/// String literals of the form `area/defect`, tests left out.
fn codes_of(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let word = |word: &str| {
        word.len() > 2
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    text.split('"')
        .filter(|literal| {
            literal
                .split_once('/')
                .is_some_and(|(area, defect)| word(area) && word(defect))
        })
        .map(str::to_owned)
        .collect()
}

/// The reference, with the addons of the catalogue.
fn reference() -> String {
    let catalogue = Catalogue::embedded().unwrap();
    let trains = |name: &str| {
        let has = catalogue
            .trains
            .iter()
            .filter(|(_, spec)| spec.components.contains_key(name));
        has.map(|(train, _)| train.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let addons = catalogue.components.iter().filter_map(|(name, component)| {
        let addon = component.addon.as_ref()?;
        let own = format!("addons.{name}.enabled");
        Some((
            name,
            addon,
            addon.switch.clone().unwrap_or(own),
            trains(name),
        ))
    });
    let addons: Vec<_> = addons.collect();
    let docs: Vec<AddonDoc<'_>> = addons
        .iter()
        .map(|(name, addon, switch, trains)| AddonDoc {
            name,
            about: &addon.about,
            switch,
            enabled: addon.enabled,
            trains,
            settings: &addon.settings,
        })
        .collect();
    config::reference_markdown(&docs)
}

#[test]
fn the_reference_is_up_to_date() {
    golden(&root().join("src/config/REFERENCE.md"), &reference()).unwrap();
}

/// `hosts[].network.gateway` and `10.0.0.1` → a document that sets nothing else.
fn document(path: &str, example: &str) -> String {
    path.rsplit('.').fold(example.to_owned(), |inner, segment| {
        match segment.strip_suffix("[]") {
            Some(list) => format!("{{\"{list}\": [{inner}]}}"),
            None => format!("{{\"{segment}\": {inner}}}"),
        }
    })
}

#[test]
fn every_example_of_the_reference_is_accepted() {
    // What only says that something else belongs beside the example.
    let incomplete = ["hosts/unbound-address", "hosts/no-gateway", "ssh/no-user"];
    let mut examples = 0;
    for key in config::reference() {
        let Some(example) = key.example else { continue };
        examples += 1;
        let text = document(&key.path, example);
        let source = Source {
            name: "cluster.yml".into(),
            text,
        };
        let findings = match config::parse(&source) {
            Ok((_, _, warnings)) => warnings,
            Err(findings) => findings,
        };
        let path = key.path.replace("[]", "[0]");
        let about: Vec<_> = findings
            .iter()
            .filter(|finding| {
                finding.is_error()
                    && finding.path.starts_with(&path)
                    && !incomplete.contains(&finding.code)
                    || finding.code == "config/unknown-key"
                    || finding.code.starts_with("yaml/")
            })
            .collect();
        assert!(about.is_empty(), "{}\n{about:?}", source.text);
    }
    assert!(examples > 20);
}

fn valid(name: &str) -> model::Config {
    run(&root().join("tests/config/valid").join(name))
        .config
        .unwrap()
}

#[test]
fn defaults_are_those_of_the_reference() {
    let config = valid("smallest.yml");
    assert_eq!(config.name, "firstlight");
    assert_eq!(config.kubernetes.version, "1.34");
    assert_eq!(config.hosts[0].name, "ip-10-0-0-11");
    assert_eq!(
        (config.hosts[0].os.as_str(), config.hosts[0].arch),
        ("debian-12", model::Arch::Amd64)
    );
    assert_eq!(config.network.provider, model::Provider::Weave);
    assert_eq!(config.network.pod_cidrs[0].to_string(), "10.32.0.0/12");
    assert_eq!(config.network.service_cidrs[0].to_string(), "10.96.0.0/12");
    assert_eq!(config.kubelet.system_reserved["memory"], "50Mi");
    assert_eq!(
        (config.certificates.ca_days, config.artefacts.upstream),
        (3650, true)
    );
}

#[test]
fn defaults_merge_deeply_into_hosts() {
    let config = valid("defaults.yml");
    let [first, second] = &config.hosts[..] else {
        panic!()
    };
    assert_eq!(first.network.gateways, second.network.gateways);
    assert_eq!(first.network.nameservers[0].to_string(), "10.0.0.1");
    assert_eq!(second.network.nameservers[0].to_string(), "10.0.0.2");
    assert_eq!(second.labels.len(), 2);
    assert_eq!(config.kubelet.system_reserved["cpu"], "50m");
    assert_eq!(config.kubelet.system_reserved["memory"], "200Mi");
}

#[test]
fn unquoted_versions_and_macs_keep_their_text() {
    let config = valid("unquoted.yml");
    assert_eq!(config.kubernetes.version, "1.20");
    assert_eq!(config.hosts[0].mac.as_deref(), Some("52:54:00:12:34:56"));
}

#[test]
fn two_families_are_kept_in_order() {
    let config = valid("dual-stack.yml");
    assert_eq!(config.hosts[0].addresses.len(), 2);
    assert_eq!(config.hosts[1].name, "ip-fd00-0-0-0-0-0-0-12");
    assert_eq!(config.network.pod_cidrs.len(), 2);
}
