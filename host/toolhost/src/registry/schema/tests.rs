use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use super::{ConfigSchema, MAX_PROBLEMS, SchemaError};

/// The processor time within which a schema is refused, in a build without optimization.
const AT_ONCE: Duration = Duration::from_millis(500);
/// The processor time within which a configuration is checked, in a build without optimization.
const MAX_CHECK: Duration = Duration::from_secs(5);

/// Fails if `work` takes more processor time than `most`. Other work of the machine does not count.
fn within<T>(most: Duration, work: impl FnOnce() -> T) -> T {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let start = now();
    let result = work();
    let spent = now().saturating_sub(start);
    assert!(spent < most, "{spent:?}");
    result
}

/// Definitions each of which refers to the one before twice.
fn doubling(keyword: &str, depth: usize) -> Value {
    let mut definitions = serde_json::Map::new();
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

fn refusal(schema: Value) -> String {
    let error = within(AT_ONCE, || ConfigSchema::new(schema).unwrap_err());
    error.to_string()
}

/// A value of lists within lists.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!({}), |inner, _| json!({"a": inner}))
}

#[test]
fn a_schema_that_doubles_with_each_definition_is_refused_at_once() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for (depth, bound) in [
            (18, "too many subschemas"),
            (27, "too many subschemas"),
            (49, "too many nested subschemas"),
            (60, "too many nested subschemas"),
            (1_000, "too many nested subschemas"),
        ] {
            let message = refusal(doubling(keyword, depth));
            assert!(message.contains(bound), "{depth}: {message}");
        }
    }
    for keyword in ["properties", "patternProperties"] {
        let reference = json!({"a": {"$ref": "#/$defs/d0"}});
        let mut schema = doubling("allOf", 30);
        schema["$defs"]["d30"] = json!({keyword: reference, "$ref": "#/$defs/d29"});
        assert!(refusal(schema).contains("subschemas"));
    }
}

#[test]
fn a_schema_that_doubles_a_few_times_is_checked_within_its_bound() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let schema = ConfigSchema::new(doubling(keyword, 13)).unwrap();
        let problems = within(MAX_CHECK, || schema.check(&json!("no object")));
        assert!(!problems.is_empty(), "{keyword}");
    }
}

#[test]
fn a_reference_to_itself_is_refused_unless_it_descends_into_the_configuration() {
    let endless = [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}},
               "$ref": "#/$defs/a"}),
        // The way into the configuration is walked first, and leads into the circle from outside.
        json!({"$defs": {"x": {"properties": {"a": {"allOf": [{"$ref": "#/$defs/v"}]}}, "allOf": [{"$ref": "#/$defs/v"}]},
                         "v": {"allOf": [{"$ref": "#/$defs/x"}]}},
               "$ref": "#/$defs/x"}),
    ];
    for schema in endless {
        assert!(
            refusal(schema.clone()).contains("refers to itself"),
            "{schema}"
        );
    }
    let list = json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "additionalProperties": false});
    let list = ConfigSchema::new(list).unwrap();
    assert!(list.check(&nested(100)).is_empty());
    assert!(!list.check(&json!({"a": {"b": 1}})).is_empty());
}

#[test]
fn a_recursive_schema_that_doubles_with_each_level_of_the_configuration_is_bounded_by_it() {
    let reference = json!({"$ref": "#"});
    let twice = [
        json!({"properties": {"a": {"allOf": [reference, reference]}}}),
        json!({"properties": {"a": reference}, "patternProperties": {"^a": reference}}),
        json!({"anyOf": [{"properties": {"a": reference}}, {"properties": {"a": reference}}]}),
        json!({"properties": {"a": reference}, "allOf": [{"properties": {"a": reference}}], "unevaluatedProperties": false}),
    ];
    for schema in twice {
        let checked = ConfigSchema::new(schema.clone()).unwrap();
        assert!(checked.check(&nested(8)).is_empty(), "{schema}");
        let problems = within(MAX_CHECK, || checked.check(&nested(100)));
        assert!(problems[0].message.contains("too large or too deep"));
    }
}

#[test]
fn a_schema_of_any_depth_does_not_end_the_process() {
    let deep = |depth| (0..depth).fold(json!(true), |inner, _| json!({"not": inner}));
    assert!(refusal(deep(100)).contains("nested subschemas"));
    ConfigSchema::new(deep(62)).unwrap();
    let mut chain = serde_json::Map::new();
    for index in 0..5_000 {
        chain.insert(
            format!("d{index}"),
            json!({"$ref": format!("#/$defs/d{}", index + 1)}),
        );
    }
    let message = refusal(json!({"$defs": chain, "$ref": "#/$defs/d0"}));
    assert!(message.contains("nested subschemas"), "{message}");
}

#[test]
fn what_is_elsewhere_or_depends_on_the_way_is_refused_and_nothing_is_fetched() {
    for (schema, expected) in [
        (
            json!({"$ref": "http://127.0.0.1:1/schema.json"}),
            "the reference",
        ),
        (json!({"$ref": "file:///etc/passwd"}), "the reference"),
        (json!({"$ref": "#/$defs/none"}), "the reference"),
        (json!({"$ref": 5}), "the reference"),
        (json!({"$dynamicRef": "#a"}), "`$dynamicRef`"),
        (json!({"items": {"$id": "http://a/", "$ref": "#"}}), "`$id`"),
        (
            json!({"$schema": "http://127.0.0.1:1/meta.json"}),
            "not a JSON Schema",
        ),
        (json!({"type": "no-type"}), "not a JSON Schema"),
        (json!(5), "not a JSON Schema"),
    ] {
        let message = refusal(schema.clone());
        assert!(message.contains(expected), "{schema}: {message}");
    }
}

#[test]
fn a_regular_expression_is_linear_and_small_or_refused() {
    let schema = ConfigSchema::new(json!({"pattern": "^(a+)+$"})).unwrap();
    let text = format!("{}b", "a".repeat(1 << 20));
    let problems = within(MAX_CHECK, || schema.check(&json!(text)));
    assert_eq!(problems.len(), 1);
    for pattern in [
        "(?=a)b",
        "(a)\\1",
        "((\\w{100}){100}){100}",
        "a{1000000}",
        "(",
    ] {
        let message = refusal(json!({"pattern": pattern}));
        assert!(message.contains("not a JSON Schema"), "{message}");
    }
    let many: serde_json::Map<_, _> = (0..100)
        .map(|index| (format!("^{index}"), json!(true)))
        .collect();
    let message = refusal(json!({"patternProperties": many}));
    assert!(
        message.contains("too many regular expressions"),
        "{message}"
    );
}

#[test]
fn problems_are_few_and_short_whatever_is_wrong() {
    let words: Vec<_> = (0..10_000).map(|index| format!("word-{index}")).collect();
    let schema = ConfigSchema::new(json!({"items": {"enum": words}})).unwrap();
    let config: Vec<_> = (0..30).map(|_| "x".repeat(10_000)).collect();
    let problems = schema.check(&json!(config));
    assert!(!problems.is_empty() && problems.len() <= MAX_PROBLEMS);
    for problem in problems {
        assert!(problem.message.len() < 5_000);
    }
    let schema = ConfigSchema::new(
        json!({"anyOf": [{"items": {"type": "string"}}, {"items": {"type": "null"}}]}),
    );
    let schema = schema.unwrap();
    let problems = within(2 * MAX_CHECK, || schema.check(&json!(vec![1; 100_000])));
    assert_eq!(problems.len(), 1);
}

#[test]
fn unique_items_are_compared_in_linear_time() {
    let schema = ConfigSchema::new(json!({"uniqueItems": true})).unwrap();
    let items: Vec<_> = (0..100_000).map(|index| json!({"a": index})).collect();
    let problems = within(MAX_CHECK, || schema.check(&json!(items)));
    assert!(problems.is_empty());
}

#[test]
fn what_the_tools_of_this_build_take_is_far_within_the_bounds() {
    assert!(matches!(
        ConfigSchema::new(doubling("allOf", 18)),
        Err(SchemaError::TooMuch { .. })
    ));
    let schema = ConfigSchema::new(json!({"properties": {"args": true}})).unwrap();
    let config = json!({"args": vec![1; 1 << 20]});
    assert!(schema.check(&config).is_empty());
}
