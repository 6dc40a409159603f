use serde_json::{Map, Value};

use crate::diagnostic::{Document, NodeKind};

/// How deep `--set a.b.c=…` may reach: as deep as a document may be nested.
pub const MAX_OVERRIDE_DEPTH: usize = crate::diagnostic::MAX_DEPTH;

/// Why a workload could not be overridden.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// It has no `=`, or nothing before it.
    #[error("`{assignment}` is not of the form `KEY=VALUE`")]
    NoAssignment {
        /// What was given.
        assignment: String,
    },
    /// One of the names in a path is empty, or there are too many.
    #[error("`{path}` is not a path such as `filters.status`")]
    BadPath {
        /// The path.
        path: String,
    },
    /// The value begins like JSON and is none.
    #[error("the value of `{path}` is not valid: {message}")]
    BadValue {
        /// The path.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// The path leads through something that has no members.
    #[error("`{path}` cannot be set: `{parent}` is {actual}")]
    NotAMapping {
        /// The path.
        path: String,
        /// The part of it that leads nowhere.
        parent: String,
        /// What is there instead.
        actual: &'static str,
    },
    /// The path names an item that the list does not have.
    #[error("`{path}` cannot be set: the list `{parent}` has {items} items")]
    NoSuchItem {
        /// The path.
        path: String,
        /// The list.
        parent: String,
        /// How many items it has.
        items: usize,
    },
    /// A payload is not a mapping.
    #[error("the payload must be a mapping, not {actual}")]
    PayloadNotAMapping {
        /// What it is.
        actual: &'static str,
    },
}

/// Sets one value of a workload, from `KEY=VALUE` as `--set` takes it.
///
/// The key may be a path, whose missing mappings are made and whose items of lists are named by index.
/// The value is a YAML scalar (`3`, `true`, `null`, anything else a text), or JSON where it begins with
/// `{`, `[` or `"`; nothing after the `=` is an empty text.
///
/// # Errors
///
/// [`OverrideError`]; the workload is as it was.
pub fn set_value(workload: &mut Value, assignment: &str) -> Result<(), OverrideError> {
    let (path, text) = assignment
        .split_once('=')
        .filter(|(path, _)| !path.is_empty())
        .ok_or_else(|| OverrideError::NoAssignment {
            assignment: assignment.to_owned(),
        })?;
    let names: Vec<_> = path.split('.').collect();
    if names.len() > MAX_OVERRIDE_DEPTH || names.iter().any(|name| name.is_empty()) {
        return Err(OverrideError::BadPath {
            path: path.to_owned(),
        });
    }
    let value = parse_value(path, text)?;
    let mut changed = workload.clone();
    assign(&mut changed, path, &names, value)?;
    *workload = changed;
    Ok(())
}

/// Merges a payload over a workload: mappings key by key, anything else as a whole.
///
/// # Errors
///
/// [`OverrideError::PayloadNotAMapping`].
pub fn merge_payload(workload: &mut Value, payload: Value) -> Result<(), OverrideError> {
    match payload {
        Value::Null => Ok(()),
        Value::Object(_) => {
            merge(workload, payload);
            Ok(())
        }
        other => Err(OverrideError::PayloadNotAMapping {
            actual: type_name(&other),
        }),
    }
}

fn merge(target: &mut Value, source: Value) {
    match (target, source) {
        (Value::Object(target), Value::Object(source)) => {
            for (key, value) in source {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
        (target, source) => *target = source,
    }
}

fn parse_value(path: &str, text: &str) -> Result<Value, OverrideError> {
    if text.is_empty() {
        return Ok(Value::String(String::new()));
    }
    let document = Document::parse("value", text);
    let is_template = text.starts_with("{{") || text.starts_with("{%");
    if !is_template && text.starts_with(['{', '[', '"']) {
        return document
            .map(|document| document.to_value())
            .map_err(|problem| OverrideError::BadValue {
                path: path.to_owned(),
                message: problem.message().to_owned(),
            });
    }
    // `#fff`, `a: b` and `*.csv` mean something else in YAML, and here they are texts.
    let scalar = document.ok().and_then(|document| {
        let root = document.root();
        let whole = root.span.slice(text) == text;
        match &root.kind {
            NodeKind::Scalar(value) if whole => Some(value.clone()),
            _ => None,
        }
    });
    Ok(scalar.unwrap_or_else(|| Value::String(text.to_owned())))
}

fn assign(
    target: &mut Value,
    path: &str,
    names: &[&str],
    value: Value,
) -> Result<(), OverrideError> {
    let mut node = target;
    for (depth, name) in names.iter().enumerate() {
        let parent = || names.get(..depth).unwrap_or_default().join(".");
        if node.is_null() {
            *node = Value::Object(Map::new());
        }
        node = match node {
            Value::Object(members) => members.entry(*name).or_insert(Value::Null),
            Value::Array(items) => {
                let count = items.len();
                name.parse()
                    .ok()
                    .and_then(|index: usize| items.get_mut(index))
                    .ok_or_else(|| OverrideError::NoSuchItem {
                        path: path.to_owned(),
                        parent: parent(),
                        items: count,
                    })?
            }
            other => {
                return Err(OverrideError::NotAMapping {
                    path: path.to_owned(),
                    parent: parent(),
                    actual: type_name(other),
                });
            }
        };
    }
    *node = value;
    Ok(())
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sets_values_of_every_type() {
        for (text, expected) in [
            ("3", json!(3)),
            ("0.5", json!(0.5)),
            ("true", json!(true)),
            ("null", Value::Null),
            ("", json!("")),
            ("word", json!("word")),
            ("two words", json!("two words")),
            ("007", json!("007")),
            ("\"3\"", json!("3")),
            ("'3'", json!("3")),
            ("#fff", json!("#fff")),
            ("a: b", json!("a: b")),
            ("*.csv", json!("*.csv")),
            ("a=b", json!("a=b")),
            (" padded ", json!(" padded ")),
            ("@x", json!("@x")),
            ("gs://bucket/x", json!("gs://bucket/x")),
            ("{\"a\": [1, null]}", json!({"a": [1, null]})),
            ("[1, two]", json!([1, "two"])),
            ("{{ template }}", json!("{{ template }}")),
        ] {
            let mut workload = json!({});
            set_value(&mut workload, &format!("key={text}"))
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(workload, json!({ "key": expected }), "{text}");
        }
    }

    #[test]
    fn follows_and_makes_paths() {
        let mut workload = json!({"a": {"b": 1}, "rows": [{"id": 1}], "none": null});
        for assignment in ["a.c.d=2", "rows.0.id=7", "none.x=1", "new=x"] {
            set_value(&mut workload, assignment).unwrap();
        }
        assert_eq!(
            workload,
            json!({
                "a": {"b": 1, "c": {"d": 2}},
                "rows": [{"id": 7}],
                "none": {"x": 1},
                "new": "x",
            })
        );
    }

    #[test]
    fn names_what_cannot_be_set() {
        let original = json!({"a": {"b": 1}, "rows": [1]});
        for (assignment, message) in [
            ("a", "`a` is not of the form `KEY=VALUE`"),
            ("=1", "`=1` is not of the form `KEY=VALUE`"),
            ("a..b=1", "`a..b` is not a path such as `filters.status`"),
            ("a.b.c=1", "`a.b.c` cannot be set: `a.b` is a number"),
            (
                "rows.5=1",
                "`rows.5` cannot be set: the list `rows` has 1 items",
            ),
            ("a=[1", "the value of `a` is not valid: not valid YAML"),
        ] {
            let mut workload = original.clone();
            let error = set_value(&mut workload, assignment).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert_eq!(workload, original);
        }
    }

    #[test]
    fn a_payload_is_merged_key_by_key() {
        let mut workload = json!({"a": {"b": 1, "c": 2}, "list": [1, 2]});
        merge_payload(
            &mut workload,
            json!({"a": {"b": 9}, "list": [3], "new": null}),
        )
        .unwrap();
        assert_eq!(
            workload,
            json!({"a": {"b": 9, "c": 2}, "list": [3], "new": null})
        );
        merge_payload(&mut workload, Value::Null).unwrap();
        let error = merge_payload(&mut workload, json!([1])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the payload must be a mapping, not a list"
        );
    }
}
