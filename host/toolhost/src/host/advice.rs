//! Advice that fits the called tool.
//!
//! Engines and sources name the keys of the script tool, which describes most jobs. Another tool has other
//! keys, and maps them; if it does not, the path and the hint are left out, since they would name keys that
//! do not exist.

use serde_json::{Map, Value};

use crate::registry::{KnownField, find_field};

/// The prefixes of the paths that engines and sources name.
const ENGINE_KEYS: [&str; 2] = ["script", "job"];
/// Keys below them that could be confused with the extension of a file name.
const SHORT_KEYS: [&str; 3] = ["auth", "env", "uri"];
const MAX_SUFFIX_BYTES: usize = 4;

/// Removes from an outcome advice about keys that the tool's configuration does not have.
pub(super) fn keep_what_can_be_followed(members: &mut Map<String, Value>, schema: &Value) {
    let is_unknown = |name: &str, can_follow: &dyn Fn(&str) -> bool| {
        let text = members.get(name).and_then(Value::as_str);
        text.is_some_and(|text| !can_follow(text))
    };
    let unknown_field = is_unknown("field", &|field| is_known(schema, field));
    let unknown_hint = is_unknown("hint", &|hint| names_known_keys(schema, hint));
    for (name, is_unknown) in [("field", unknown_field), ("hint", unknown_hint)] {
        if let Some(text) = members.get_mut(name).filter(|_| is_unknown) {
            *text = Value::Null;
        }
    }
    let attempts = members.get_mut("attempts").and_then(Value::as_array_mut);
    for attempt in attempts.into_iter().flatten() {
        if let Value::Object(attempt) = attempt {
            keep_what_can_be_followed(attempt, schema);
        }
    }
}

/// Whether the path is that of a key of the configuration.
pub(super) fn is_known(schema: &Value, field: &str) -> bool {
    find_field(schema, field) != KnownField::Unknown
}

/// Whether it is the path of a key that the schema names explicitly.
pub(super) fn is_key(schema: &Value, field: &str) -> bool {
    find_field(schema, field) == KnownField::Key
}

/// Whether all keys that a hint names exist in the configuration.
pub(super) fn names_known_keys(schema: &Value, hint: &str) -> bool {
    let quoted = hint.split('`').skip(1).step_by(2);
    let mut paths = quoted.filter(|text| is_path(text));
    paths.all(|path| is_known(schema, path))
}

/// Whether a quoted text is the path of a key, and not a name, command or address.
fn is_path(text: &str) -> bool {
    let Some((first, rest)) = text.split_once('.') else {
        return false;
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/[]".contains(&byte);
    let second = rest.split(['.', '[']).next().unwrap_or_default();
    let is_file = second.len() <= MAX_SUFFIX_BYTES && !SHORT_KEYS.contains(&second);
    ENGINE_KEYS.contains(&first) && !is_file && rest.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object", "additionalProperties": false,
            "properties": {"job": {
                "type": "object", "additionalProperties": false,
                "properties": {"image": {}, "env": {"type": "object", "additionalProperties": true}},
            }},
        })
    }

    fn followed(outcome: Value) -> Value {
        let Value::Object(mut members) = outcome else {
            panic!("no object");
        };
        keep_what_can_be_followed(&mut members, &schema());
        Value::Object(members)
    }

    #[test]
    fn a_key_that_the_tool_does_not_have_is_not_named() {
        let hint = "install `sh`, or set `script.interpreter` to a program that is";
        let unknown = json!({"field": "script.interpreter", "hint": hint, "message": "m"});
        let nothing = json!({"field": null, "hint": null, "message": "m"});
        assert_eq!(followed(unknown.clone()), nothing);
        let outcome = json!({"attempts": [unknown]});
        assert_eq!(followed(outcome), json!({"attempts": [nothing]}));
    }

    #[test]
    fn advice_for_a_key_that_there_is_stays() {
        for (field, hint) in [
            ("job.image", "check `job.image`"),
            ("job.env.A", "set `job.env.A`, as `kubectl get pods` shows"),
            ("job", "did you mean `script.py`, `job.sh` or `other.key`?"),
        ] {
            let outcome = json!({"field": field, "hint": hint});
            assert_eq!(followed(outcome.clone()), outcome);
        }
    }
}
