//! Schemas that cost more than they seem to.

use serde_json::{Map, Value, json};

use crate::case::{Bound, Case, Input, refused};
use crate::tool::with_schema;

const BOUND: Bound = Bound::seconds(5, 256);
/// What the host exits with where a configuration is not accepted.
const USAGE: i32 = 2;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = loads();
    cases.extend(checks());
    cases
}

fn loads() -> Vec<Case> {
    let many = "too many subschemas when its references are followed";
    vec![
        refused(
            "`allOf` of the definition before, twice, 27 times",
            BOUND,
            many,
            || with_schema(&doubling("allOf", 27)),
        ),
        refused(
            "`anyOf` of the definition before, twice, 18 times",
            BOUND,
            many,
            || with_schema(&doubling("anyOf", 18)),
        ),
        refused(
            "`oneOf` of the definition before, twice, 49 times",
            BOUND,
            "nested subschemas",
            || with_schema(&doubling("oneOf", 49)),
        ),
        refused(
            "5,000 references one after the other",
            BOUND,
            "nested subschemas",
            || {
                let chain: Map<_, _> = (0..5_000)
                    .map(|index| {
                        let next = format!("#/$defs/d{}", index + 1);
                        (format!("d{index}"), json!({"$ref": next}))
                    })
                    .collect();
                with_schema(&json!({"$defs": chain, "$ref": "#/$defs/d0"}))
            },
        ),
        refused("a reference to itself", BOUND, "refers to itself", || {
            with_schema(&json!({"anyOf": [{"$ref": "#"}]}))
        }),
        refused(
            "a schema 100 `not` deep",
            BOUND,
            "nested subschemas",
            || with_schema(&(0..100).fold(json!(true), |inner, _| json!({"not": inner}))),
        ),
        refused("a reference to a server", BOUND, "the reference", || {
            with_schema(&json!({"$ref": "http://127.0.0.1:1/schema.json"}))
        }),
        refused("a reference to a file", BOUND, "the reference", || {
            with_schema(&json!({"$ref": "file:///etc/passwd"}))
        }),
        refused(
            "a schema with a remote meta-schema",
            BOUND,
            "not a JSON Schema",
            || with_schema(&json!({"$schema": "http://127.0.0.1:1/meta.json"})),
        ),
        refused(
            "1,000 regular expressions",
            BOUND,
            "too many regular expressions",
            || {
                let patterns: Map<_, _> = (0..1_000)
                    .map(|index| (format!("^(a|b){index}"), json!(true)))
                    .collect();
                with_schema(&json!({"patternProperties": patterns}))
            },
        ),
        refused(
            "a regular expression that is repeated a million times",
            BOUND,
            "not a JSON Schema",
            || with_schema(&json!({"pattern": "((\\w{100}){100}){100}"})),
        ),
    ]
}

fn checks() -> Vec<Case> {
    vec![
        called(
            "a regular expression `^(a+)+$` and a text of 1 MB",
            json!({"properties": {"text": {"pattern": "^(a+)+$"}}}),
            &json!({"text": format!("{}b", "a".repeat(1_000_000))}),
            "does not match",
        ),
        called(
            "a schema that refers to itself twice at each of 60 levels of a configuration",
            json!({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}),
            &nested(60),
            "too large or too deep",
        ),
        called(
            "`unevaluatedProperties` at each of 60 levels",
            json!({"properties": {"a": {"$ref": "#"}}, "allOf": [{"properties": {"a": {"$ref": "#"}}}],
                   "unevaluatedProperties": false}),
            &nested(60),
            "too large or too deep",
        ),
        called(
            "90,000 values that fit neither of two alternatives",
            json!({"properties": {"list": {"anyOf": [{"items": {"type": "string"}}, {"items": {"type": "null"}}]}}}),
            &json!({"list": vec![1; 90_000]}),
            "fits none of the allowed forms",
        ),
        called(
            "60,000 values that must be unique, with two that are equal",
            json!({"properties": {"list": {"uniqueItems": true}}}),
            &json!({"list": (0..60_000).map(|index| json!({"a": index % 59_999})).collect::<Vec<_>>()}),
            "non-unique elements",
        ),
        called(
            "an enumeration of 40,000 words without the value",
            json!({"properties": {"word": {"enum": (0..40_000).map(|index| format!("w{index}")).collect::<Vec<_>>()}}}),
            &json!({"word": "word"}),
            "is not one of",
        ),
    ]
}

fn called(name: &'static str, schema: Value, config: &Value, says: &'static str) -> Case {
    Case {
        name,
        input: Input::Called {
            component: Box::new(move || with_schema(&schema)),
            kind: "hostile",
            config: config.to_string(),
            exit: USAGE,
        },
        bound: Bound::seconds(10, 512),
        says,
    }
}

/// Definitions each of which refers to the one before twice.
fn doubling(keyword: &str, depth: usize) -> Value {
    let mut definitions = Map::new();
    definitions.insert("d0".to_owned(), json!({"type": "object"}));
    for index in 1..=depth {
        let reference = json!({"$ref": format!("#/$defs/d{}", index - 1)});
        definitions.insert(
            format!("d{index}"),
            json!({keyword: [reference.clone(), reference]}),
        );
    }
    json!({"$defs": definitions, "$ref": format!("#/$defs/d{depth}")})
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!({}), |inner, _| json!({"a": inner}))
}
