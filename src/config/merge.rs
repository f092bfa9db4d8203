//! `defaults:` laid under every host.

use crate::diagnostic::Diagnostic;
use crate::yaml::{Entry, Node, Value};

/// What only a host can say about itself.
const PER_HOST: [&str; 6] = [
    "name",
    "address",
    "private_address",
    "mac",
    "uuid",
    "serial",
];

/// Merges `defaults` into each mapping of `hosts`.
///
/// Mappings merge deeply, lists and single values replace; inherited values keep their place in
/// the file, so that a bad one is shown where it was written. (Pharos merged its own defaults
/// shallowly, and one key given dropped all its neighbours.)
pub(super) fn apply_defaults(mut root: Node, findings: &mut Vec<Diagnostic>) -> Node {
    let Some(Value::Map(mut defaults)) = root
        .entry("defaults")
        .map(|entry| entry.value.value.clone())
    else {
        return root;
    };
    defaults.retain(|entry| {
        let own = PER_HOST.contains(&entry.key.as_str());
        if own {
            let message = format!(
                "`{}` cannot have a default: every host needs its own",
                entry.key
            );
            let path = format!("defaults.{}", entry.key);
            findings.push(
                Diagnostic::error("defaults/per-host", path, Some(entry.key_span), message)
                    .with_help(format!("move `{}` to the hosts", entry.key)),
            );
        }
        !own
    });
    let Value::Map(entries) = &mut root.value else {
        return root;
    };
    for entry in entries.iter_mut().filter(|entry| entry.key == "hosts") {
        if let Value::Seq(hosts) = &mut entry.value.value {
            for host in hosts {
                if let Value::Map(own) = &mut host.value {
                    merge(own, &defaults);
                }
            }
        }
    }
    root
}

fn merge(own: &mut Vec<Entry>, defaults: &[Entry]) {
    for default in defaults {
        match own.iter_mut().find(|entry| entry.key == default.key) {
            None => own.push(default.clone()),
            Some(entry) => {
                if let (Value::Map(own), Value::Map(defaults)) =
                    (&mut entry.value.value, &default.value.value)
                {
                    merge(own, defaults);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    #[test]
    fn mappings_merge_deeply_and_lists_replace() {
        let text = "defaults:\n  os: debian-12\n  network: {gateway: 10.0.0.1, search: [a, b]}\nhosts:\n- network: {search: [c]}\n  os: x\n";
        let mut findings = Vec::new();
        let root = apply_defaults(parse(text).unwrap(), &mut findings);
        assert_eq!(findings, []);
        let Value::Seq(hosts) = &root.entry("hosts").unwrap().value.value else {
            panic!()
        };
        let network = &hosts[0].entry("network").unwrap().value;
        let Value::Seq(search) = &network.entry("search").unwrap().value.value else {
            panic!()
        };
        assert_eq!(search.len(), 1);
        let gateway = network.entry("gateway").unwrap().value.span;
        assert_eq!(&text[gateway.start..gateway.end], "10.0.0.1");
        assert_eq!(
            hosts[0].entry("os").unwrap().value.span.start,
            text.rfind('x').unwrap()
        );
    }
}
