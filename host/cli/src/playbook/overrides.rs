use std::str::FromStr;

use serde_json::{Map, Value};
use toolhost_diagnostic::{Diagnostic, Document, MAX_DEPTH, did_you_mean};

/// One value of the workload that is set from outside, as `--set a.b=v`.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    path: Vec<String>,
    value: Value,
}

/// Why a value of the workload cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OverrideError {
    /// It has no value.
    #[error("`{text}` has no value: expected `NAME=VALUE`")]
    NoValue {
        /// What was given.
        text: String,
    },
    /// A part of the name is empty.
    #[error("a part of the name `{name}` is empty: use single dots, such as `input.path`")]
    EmptyName {
        /// The name.
        name: String,
    },
    /// The name has too many parts.
    #[error("the name `{name}` has more than {MAX_DEPTH} parts")]
    TooDeep {
        /// The name.
        name: String,
    },
    /// The value looks like a list, a mapping or a quoted string, but is not valid.
    #[error(
        "the value of `{name}` is not valid JSON or YAML: quote it if it is a string ({reason})"
    )]
    InvalidValue {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The name leads through a value that has no parts.
    #[error("cannot set `{name}`: `{parent}` is {found}, not a mapping")]
    NotAMapping {
        /// The name.
        name: String,
        /// What it leads through.
        parent: String,
        /// What that is.
        found: &'static str,
    },
    /// The name refers to an item that a list does not have.
    #[error("cannot set `{name}`: the list `{parent}` has {length} items and no item `{item}`")]
    NoItem {
        /// The name.
        name: String,
        /// The list.
        parent: String,
        /// What was asked for.
        item: String,
        /// How many items there are.
        length: usize,
    },
}

impl FromStr for Override {
    type Err = OverrideError;

    /// Parses `a.b=v`; `v` is a YAML scalar, a JSON or YAML list or mapping, or otherwise a literal string.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((name, value)) = text.split_once('=') else {
            let text = text.to_owned();
            return Err(OverrideError::NoValue { text });
        };
        let path: Vec<_> = name.split('.').map(str::to_owned).collect();
        let name = || name.to_owned();
        if path.iter().any(String::is_empty) {
            return Err(OverrideError::EmptyName { name: name() });
        }
        if path.len() > MAX_DEPTH {
            return Err(OverrideError::TooDeep { name: name() });
        }
        let value = parse_value(value).map_err(|reason| OverrideError::InvalidValue {
            name: name(),
            reason,
        })?;
        Ok(Self { path, value })
    }
}

impl Override {
    /// The name, with dots.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.join(".")
    }

    /// Sets the value in a workload; missing mappings on the path are created.
    ///
    /// Returns a warning if the workload has a similar name, but not this one.
    ///
    /// # Errors
    ///
    /// [`OverrideError::NotAMapping`] and [`OverrideError::NoItem`]; the workload is unchanged in this case.
    pub fn apply(&self, workload: &mut Value) -> Result<Option<Diagnostic>, OverrideError> {
        let mut warning = None;
        let mut node = workload;
        for (depth, segment) in self.path.iter().enumerate() {
            // From here on nothing exists, so there is no conflict.
            if node.is_null() {
                *node = Value::Object(Map::new());
            }
            node = match node {
                Value::Object(members) => {
                    if !members.contains_key(segment) && warning.is_none() {
                        let known = members.keys().map(String::as_str);
                        warning = did_you_mean(segment, known).map(|meant| {
                            let message =
                                format!("`{}` has no `{segment}` yet", self.parent(depth));
                            Diagnostic::warning(message).help(format!("did you mean `{meant}`?"))
                        });
                    }
                    members.entry(segment.as_str()).or_insert(Value::Null)
                }
                Value::Array(items) => {
                    let length = items.len();
                    let index = segment.parse().ok();
                    let item = index.and_then(|index: usize| items.get_mut(index));
                    item.ok_or_else(|| OverrideError::NoItem {
                        name: self.name(),
                        parent: self.parent(depth),
                        item: segment.clone(),
                        length,
                    })?
                }
                other => {
                    return Err(OverrideError::NotAMapping {
                        name: self.name(),
                        parent: self.parent(depth),
                        found: type_name(other),
                    });
                }
            };
        }
        *node = self.value.clone();
        Ok(warning)
    }

    /// The name of the value at the first `depth` parts of the path.
    fn parent(&self, depth: usize) -> String {
        let parts = self.path.iter().take(depth).map(String::as_str);
        ["workload"]
            .into_iter()
            .chain(parts)
            .collect::<Vec<_>>()
            .join(".")
    }
}

/// Merges a document into a workload: mappings are merged, and anything else replaces the previous value.
///
/// # Errors
///
/// The document is neither a mapping nor empty; the workload is unchanged in this case.
pub fn merge_payload(workload: &mut Value, payload: &Document) -> Result<(), Diagnostic> {
    let root = payload.root();
    if root.is_null() {
        return Ok(());
    }
    if root.entries().is_none() {
        let message = format!("a payload must be a mapping, not {}", root.type_name());
        return Err(Diagnostic::error(message)
            .at(payload.source(), root.span)
            .help("write the names of the workload values to replace, each with its value"));
    }
    merge(workload, root.to_value());
    Ok(())
}

/// The recursion is limited by the maximum depth of a document.
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

fn parse_value(text: &str) -> Result<Value, String> {
    let trimmed = text.trim_start();
    let is_structure = trimmed.starts_with(['[', '"', '\''])
        || trimmed.starts_with('{') && !trimmed.starts_with("{{");
    match Document::parse("value", text).map(|document| document.to_value()) {
        Ok(value) if is_structure => Ok(value),
        Err(problem) if is_structure => Err(problem.message().to_owned()),
        // An empty value is an empty string; `null` is null.
        Ok(Value::Null) if trimmed.is_empty() => Ok(Value::String(text.to_owned())),
        Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => Ok(value),
        // What YAML would parse as a mapping, a comment or an alias is a string here.
        Ok(_) | Err(_) => Ok(Value::String(text.to_owned())),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(workload: &mut Value, text: &str) -> Result<Option<String>, String> {
        let parsed: Override = text
            .parse()
            .map_err(|error: OverrideError| error.to_string())?;
        let warning = parsed.apply(workload).map_err(|error| error.to_string())?;
        Ok(warning.map(|warning| format!("{warning}; {}", warning.help_text().unwrap())))
    }

    #[test]
    fn a_value_is_a_scalar_a_structure_or_a_text() {
        for (text, expected) in [
            ("5", json!(5)),
            ("0.5", json!(0.5)),
            ("true", json!(true)),
            ("null", Value::Null),
            ("", json!("")),
            ("007", json!("007")),
            ("\"5\"", json!("5")),
            ("'a: b'", json!("a: b")),
            ("[1, two]", json!([1, "two"])),
            ("{\"a\": {\"b\": null}}", json!({"a": {"b": null}})),
            ("a: b", json!("a: b")),
            ("x # y", json!("x # y")),
            ("*x", json!("*x")),
            (" spaced ", json!(" spaced ")),
            ("a=b", json!("a=b")),
            ("gs://bucket/a.py", json!("gs://bucket/a.py")),
            ("{{ workload.x }}", json!("{{ workload.x }}")),
            ("one\ntwo", json!("one\ntwo")),
            ("2024-01-01", json!("2024-01-01")),
        ] {
            let mut workload = json!({});
            set(&mut workload, &format!("key={text}")).unwrap();
            assert_eq!(workload, json!({ "key": expected }), "{text}");
        }
    }

    #[test]
    fn a_dotted_name_leads_through_mappings_and_lists() {
        let mut workload = json!({"a": {"b": 1, "c": 2}, "list": [{"x": 1}], "nothing": null});
        for text in ["a.b=3", "new.deep.key=4", "list.0.x=5", "nothing.now=6"] {
            assert_eq!(set(&mut workload, text), Ok(None));
        }
        assert_eq!(
            workload,
            json!({
                "a": {"b": 3, "c": 2},
                "list": [{"x": 5}],
                "nothing": {"now": 6},
                "new": {"deep": {"key": 4}},
            })
        );
    }

    #[test]
    fn errors_name_the_culprit() {
        let before = json!({"a": {"b": "text"}, "list": [1]});
        let deep = format!("{}=1", vec!["a"; MAX_DEPTH + 1].join("."));
        for (text, message) in [
            ("a", "`a` has no value: expected `NAME=VALUE`"),
            (
                "a..b=1",
                "a part of the name `a..b` is empty: use single dots, such as `input.path`",
            ),
            (
                "=1",
                "a part of the name `` is empty: use single dots, such as `input.path`",
            ),
            (
                "a.b.c=1",
                "cannot set `a.b.c`: `workload.a.b` is a string, not a mapping",
            ),
            (
                "list.1=1",
                "cannot set `list.1`: the list `workload.list` has 1 items and no item `1`",
            ),
            (
                "a=[1",
                "the value of `a` is not valid JSON or YAML: quote it if it is a string (not \
                 valid YAML)",
            ),
        ] {
            let mut workload = before.clone();
            assert_eq!(set(&mut workload, text), Err(message.to_owned()));
            assert_eq!(workload, before);
        }
        let error = set(&mut before.clone(), &deep).unwrap_err();
        assert!(error.ends_with("has more than 64 parts"), "{error}");
    }

    #[test]
    fn a_mistyped_name_gets_a_warning() {
        let mut workload = json!({"input_path": "a"});
        assert_eq!(
            set(&mut workload, "inptu_path=b"),
            Ok(Some(
                "`workload` has no `inptu_path` yet; did you mean `input_path`?".to_owned()
            ))
        );
        assert_eq!(workload, json!({"input_path": "a", "inptu_path": "b"}));
    }

    #[test]
    fn a_payload_is_merged_deeply() {
        let mut workload = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        let payload = Document::parse("payload.yaml", "a: {c: [3], e: 4}\nd: {f: 5}\n").unwrap();
        merge_payload(&mut workload, &payload).unwrap();
        assert_eq!(
            workload,
            json!({"a": {"b": 1, "c": [3], "e": 4}, "d": {"f": 5}})
        );
        merge_payload(&mut workload, &Document::parse("empty", "").unwrap()).unwrap();
        let list = Document::parse("payload.yaml", "[1]").unwrap();
        let error = merge_payload(&mut workload, &list).unwrap_err();
        assert_eq!(error.message(), "a payload must be a mapping, not a list");
        assert_eq!(error.location().as_deref(), Some("payload.yaml:1:1"));
    }
}
