use std::fmt::Write as _;

use serde_json::{Value, json};

use super::*;

fn parse(text: &str) -> Document {
    Document::parse("book.yaml", text).unwrap()
}

fn failure(text: &str) -> String {
    Document::parse("book.yaml", text)
        .unwrap_err()
        .render(false)
}

#[test]
fn types_scalars_by_the_core_schema() {
    let cases = [
        ("1000", json!(1000)),
        ("-7", json!(-7)),
        ("+7", json!(7)),
        ("0x1F", json!(31)),
        ("0o17", json!(15)),
        ("18446744073709551615", json!(u64::MAX)),
        ("0.001", json!(0.001)),
        ("1e3", json!(1000.0)),
        (".5", json!(0.5)),
        ("true", json!(true)),
        ("False", json!(false)),
        ("null", Value::Null),
        ("~", Value::Null),
        ("", Value::Null),
        ("yes", json!("yes")),
        ("on", json!("on")),
        ("0755", json!("0755")),
        ("00.5", json!("00.5")),
        ("1_000", json!("1_000")),
        ("1.2.3", json!("1.2.3")),
        ("12:30", json!("12:30")),
        ("2024-01-01", json!("2024-01-01")),
        ("500m", json!("500m")),
        ("e5", json!("e5")),
        (".", json!(".")),
        ("\"1\"", json!("1")),
        ("'true'", json!("true")),
        ("!!str 5", json!("5")),
        ("!!int 5", json!(5)),
        ("!!float 5", json!(5)),
    ];
    for (text, expected) in cases {
        let document = parse(&format!("key: {text}\n"));
        assert_eq!(document.to_value(), json!({ "key": expected }), "{text}");
    }
}

#[test]
fn reads_json_by_the_same_path() {
    let text =
        "{\n\t\"b\": [1, 2.5, null, true],\n\t\"a\": {\"x\\u00e9\\n\": \"\\ud834\\udd1e/\\/\"}\n}";
    let expected: Value = serde_json::from_str(text).unwrap();
    assert_eq!(parse(text).to_value(), expected);
    assert_eq!(parse(text).to_value().to_string(), expected.to_string());
}

#[test]
fn an_empty_document_is_null() {
    assert_eq!(parse("").to_value(), Value::Null);
    assert_eq!(parse("# nothing\n").to_value(), Value::Null);
}

#[test]
fn locates_keys_and_values() {
    let text = "\
workflow:
  - step: one
    tool:
      kind: script
      job: {image: \"größe:1\", other: x}
";
    let document = parse(text);
    let path = ["workflow", "0", "tool", "job", "image"];
    let place = document.locate(&path).unwrap();
    assert_eq!(place.key.unwrap().slice(text), "image");
    assert_eq!(place.value.slice(text), "\"größe:1\"");
    assert_eq!((place.value.line, place.value.column), (5, 20));
    let other = document
        .locate_pointer("/workflow/0/tool/job/other")
        .unwrap();
    assert_eq!(other.value.slice(text), "x");
    assert_eq!((other.value.line, other.value.column), (5, 38));
    let item = document.locate(&["workflow", "0"]).unwrap();
    assert_eq!((item.value.line, item.value.column), (2, 5));
    assert!(document.locate(&["workflow", "1"]).is_none());
    let nearest = document.locate_nearest(&["workflow", "0", "tool", "script"]);
    assert_eq!(nearest.key.unwrap().slice(text), "tool");
}

#[test]
fn a_pointer_escapes_slashes_and_tildes() {
    let document = parse("\"nvidia.com/gpu\": 1\n\"a~b\": 2\n");
    assert!(document.locate_pointer("/nvidia.com~1gpu").is_some());
    assert!(document.locate_pointer("/a~0b").is_some());
    assert!(document.locate_pointer("").is_some());
    assert!(document.locate_pointer("a~0b").is_none());
}

#[test]
fn repeats_aliases_and_merges_mappings() {
    let text = "\
base: &base {a: 1, b: 2}
one: *base
two: {<<: *base, b: 3}
three: {<<: [{c: 1}, *base]}
";
    assert_eq!(
        parse(text).to_value(),
        json!({
            "base": {"a": 1, "b": 2},
            "one": {"a": 1, "b": 2},
            "two": {"b": 3, "a": 1},
            "three": {"c": 1, "a": 1, "b": 2},
        })
    );
}

#[test]
fn shows_both_places_of_a_duplicate_key() {
    let expected = "  \
  × duplicate key `image`
   ╭─[book.yaml:2:3]
 1 │ job:
 2 │   image: a
   ·   ──┬──
   ·     ╰── first defined here
 3 │   namespace: b
 4 │   image: c
   ·   ──┬──
   ·     ╰── defined again here
   ╰────
  help: remove one of them: only one value can be used
";
    assert_eq!(
        failure("job:\n  image: a\n  namespace: b\n  image: c\n"),
        expected
    );
}

#[test]
fn shows_where_the_syntax_is_wrong() {
    let rendered = failure("a: 1\nb: [1, 2\nc: 3\n");
    assert!(rendered.contains("× not valid YAML"), "{rendered}");
    assert!(rendered.contains("book.yaml:3:"), "{rendered}");
}

#[test]
fn refuses_what_json_cannot_hold() {
    for (text, message) in [
        (
            "a: .inf",
            "infinity and not-a-number cannot be represented in JSON: `.inf`",
        ),
        (
            "a: 18446744073709551616",
            "the number is too large: `18446744073709551616`",
        ),
        ("a: !custom x", "the tag is not supported: `x`"),
        ("a: !!int x", "the value does not match its tag: `x`"),
        ("{!name: x}", "a key cannot have a tag"),
        ("!!int 1: x", "a key cannot have a tag"),
        (
            "? [1]\n: x",
            "a key must be a string, not a list or mapping",
        ),
        ("a\n---\nb", "a second document starts here"),
        (
            "a: &a [*a]",
            "the alias is inside the value that it repeats",
        ),
    ] {
        let problem = Document::parse("book.yaml", text).unwrap_err();
        assert_eq!(problem.message(), message, "{text}");
    }
}

#[test]
fn bounds_depth_size_nodes_and_aliases() {
    let deep = format!("{}{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1));
    assert!(failure(&deep).contains("nested more than"));
    let deepest = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert!(Document::parse("book.yaml", &deepest).is_ok());
    let bottomless = failure(&"[".repeat(100_000));
    assert!(bottomless.len() < 1_000, "{bottomless}");

    let large = "#".repeat(MAX_DOCUMENT_BYTES + 1);
    assert!(failure(&large).contains("at most"));

    let many = format!("[{}]", "1,".repeat(MAX_NODES));
    assert!(failure(&many).contains("more than 200000 values"));

    let mut laughs = String::from("l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..12 {
        let alias = format!("*l{}, ", level - 1).repeat(9);
        writeln!(laughs, "l{level}: &l{level} [{alias}]").unwrap();
    }
    assert!(failure(&laughs).contains("aliases repeat too much"));

    let text = "x".repeat(MAX_ALIASED_BYTES / 4);
    let repeated = format!("a: &a {text}\nb: [*a, *a, *a, *a, *a]\n");
    assert!(failure(&repeated).contains("aliases repeat too much"));
}

#[test]
fn a_confidential_source_is_never_shown() {
    let texts = [
        "secrets:\n  a: hunter2\n  a: hunter2\n",
        "a: *hunter2\n",
        "a: 99999999999999999999hunter2\nb: 99999999999999999999\n",
        "a: !hunter2 hunter2\n",
        "a: \"hunter2\n",
    ];
    for text in texts {
        let problem = Document::parse_confidential("credentials.yaml", text).unwrap_err();
        let shown = format!("{} {problem} {problem:?}", problem.render(false));
        assert!(shown.contains("credentials.yaml:"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(!shown.contains("999"), "{shown}");
    }
}

#[test]
fn renders_colours_only_where_asked() {
    let source = Source::new("book.yaml", "a: 1\n");
    let problem = Diagnostic::warning("odd").at(&source, Span::locate("a: 1\n", 3, 4));
    assert!(!problem.render(false).contains('\u{1b}'));
    assert!(problem.render(true).contains('\u{1b}'));
    assert_eq!(problem.location().as_deref(), Some("book.yaml:1:4"));
}

#[test]
fn a_place_outside_the_source_still_shows_the_message() {
    let source = Source::new("book.yaml", "a");
    let span = Span {
        start: 100,
        end: 200,
        line: 9,
        column: 9,
    };
    let rendered = Diagnostic::error("culprit `x`")
        .at(&source, span)
        .render(false);
    assert!(rendered.contains("culprit `x`"), "{rendered}");
}
