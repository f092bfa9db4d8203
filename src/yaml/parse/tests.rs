use super::*;
use crate::yaml::decode;

fn text_at<'t>(text: &'t str, node: &Node) -> &'t str {
    &text[node.span.start..node.span.end]
}

fn scalar(node: &Node) -> (&str, bool) {
    match &node.value {
        Value::Scalar { text, plain } => (text, *plain),
        other => panic!("not a scalar: {other:?}"),
    }
}

fn codes(text: &str) -> Vec<&'static str> {
    parse(text)
        .unwrap_err()
        .iter()
        .map(|finding| finding.code)
        .collect()
}

#[test]
fn scalars_keep_their_text() {
    let text = "version: 1.20\nmac: 52:54:00:00:00:11\non: yes\nquoted: \"1.20\"\n";
    let node = parse(text).unwrap();
    assert_eq!(
        scalar(&node.entry("version").unwrap().value),
        ("1.20", true)
    );
    assert_eq!(
        scalar(&node.entry("mac").unwrap().value),
        ("52:54:00:00:00:11", true)
    );
    assert_eq!(scalar(&node.entry("on").unwrap().value), ("yes", true));
    assert_eq!(
        scalar(&node.entry("quoted").unwrap().value),
        ("1.20", false)
    );
}

#[test]
fn spans_are_bytes_after_characters_of_several_bytes() {
    let text = "# Grüße 😀\nname: déjà\nlist: [ä, b]\n";
    let node = parse(text).unwrap();
    assert_eq!(text_at(text, &node.entry("name").unwrap().value), "déjà");
    assert_eq!(text_at(text, &node.entry("list").unwrap().value), "[ä, b]");
    let key = node.entry("list").unwrap().key_span;
    assert_eq!(&text[key.start..key.end], "list");
}

#[test]
fn block_collections_point_at_their_first_key_or_dash() {
    let text = "hosts:\n  - address: 10.0.0.1\n    role: master\n";
    let node = parse(text).unwrap();
    let hosts = &node.entry("hosts").unwrap().value;
    assert_eq!(text_at(text, hosts), "-");
    let Value::Seq(items) = &hosts.value else {
        panic!()
    };
    assert_eq!(text_at(text, &items[0]), "address");
}

#[test]
fn empty_values_are_null() {
    assert_eq!(parse("").unwrap().value, Value::Null);
    assert_eq!(parse("# nothing\n").unwrap().value, Value::Null);
    let node = parse("a:\nb: ~\nc: ''\n").unwrap();
    assert_eq!(node.entry("a").unwrap().value.value, Value::Null);
    assert_eq!(node.entry("b").unwrap().value.value, Value::Null);
    assert_eq!(scalar(&node.entry("c").unwrap().value), ("", false));
}

#[test]
fn aliases_and_merge_keys_are_expanded() {
    let node = parse("a: &base {x: 1, y: 2}\nb: *base\nc:\n  <<: *base\n  y: 3\n").unwrap();
    assert_eq!(
        node.entry("b").unwrap().value,
        node.entry("a").unwrap().value
    );
    let c = &node.entry("c").unwrap().value;
    assert_eq!(scalar(&c.entry("x").unwrap().value).0, "1");
    assert_eq!(scalar(&c.entry("y").unwrap().value).0, "3");
}

#[test]
fn alias_bombs_are_refused() {
    use std::fmt::Write;
    let mut wide = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let last = level - 1;
        let aliases = vec![format!("*a{last}"); 10].join(", ");
        writeln!(wide, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    assert_eq!(codes(&wide), ["yaml/too-large"]);
    let mut deep = String::from("a0: &a0 [x]\n");
    for level in 1..1000 {
        writeln!(deep, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert_eq!(codes(&deep), ["yaml/too-large"]);
    assert_eq!(codes(&"[".repeat(10_000)), ["yaml/syntax"]);
    assert_eq!(codes("a: &a [*a]\n"), ["yaml/alias"]);
}

#[test]
fn what_no_configuration_needs_is_refused() {
    assert_eq!(codes("a: 1\n---\nb: 2\n"), ["yaml/documents"]);
    assert_eq!(
        codes("a: 1\nb: 2\na: 3\nb: 4\n"),
        ["yaml/duplicate-key", "yaml/duplicate-key"]
    );
    assert_eq!(codes("a: !ruby/object:Foo x\n"), ["yaml/tag"]);
    assert_eq!(codes("a: {{ value }}\n"), ["yaml/key"]);
    assert_eq!(codes("a: *b\n"), ["yaml/alias"]);
    assert_eq!(codes("a:\n\tb: 1\n"), ["yaml/syntax"]);
    assert_eq!(codes("a: b: c\n"), ["yaml/syntax"]);
    assert_eq!(codes("a: \"x\n"), ["yaml/syntax"]);
    assert_eq!(codes("a: [x\n"), ["yaml/syntax"]);
}

#[test]
fn every_finding_has_a_place_inside_the_text() {
    for text in [
        "é: [",
        "é: \"",
        "\t",
        "é: ß: x",
        "- é\n--- x",
        "a: é\nb: *é\n",
        ":\u{feff}",
        "é: |9",
    ] {
        for finding in parse(text).err().unwrap_or_default() {
            let span = finding.span.unwrap();
            assert!(
                text.get(span.start..span.end).is_some(),
                "{text:?}: {finding:?}"
            );
        }
    }
}

#[test]
fn bytes_become_text_or_a_finding() {
    assert_eq!(decode("f", b"\xef\xbb\xbfa: 1").unwrap().text, "a: 1");
    assert!(
        decode("f", b"\xff\xfea\0")
            .unwrap_err()
            .message
            .contains("UTF-16")
    );
    let finding = decode("f", b"a: 1\nb: \xe9\n").unwrap_err();
    assert_eq!(
        finding.message,
        "the file is not UTF-8: byte `0xe9` in line 2"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_yaml_like_text_panics(text in "[-a:,{}\\[\\]&*!|>'\"%@` \n\t#é?~<0]{0,40}") {
        let _ = parse(&text);
    }
}
