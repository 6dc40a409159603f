//! The keys of an outcome's explanations.

use serde_json::{Map, Value};

use crate::registry::{KnownField, find_field};

/// Removes from an outcome the paths of keys that the tool's configuration does not have: an engine or a source names a
/// value of the request where the tool has no key for it, and a tool may be wrong.
pub(super) fn keep_known_fields(members: &mut Map<String, Value>, schema: &Value) {
    let field = members.get_mut("field");
    let is_unknown =
        |field: &&mut Value| field.as_str().is_some_and(|field| !is_known(schema, field));
    if let Some(field) = field.filter(is_unknown) {
        *field = Value::Null;
    }
    let attempts = members.get_mut("attempts").and_then(Value::as_array_mut);
    for attempt in attempts.into_iter().flatten() {
        if let Value::Object(attempt) = attempt {
            keep_known_fields(attempt, schema);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_that_the_tool_does_not_have_is_not_named() {
        let schema = json!({
            "type": "object", "additionalProperties": false,
            "properties": {"job": {
                "type": "object", "additionalProperties": false,
                "properties": {"image": {}, "env": {"type": "object", "additionalProperties": true}},
            }},
        });
        for (field, expected) in [
            (json!("job.image"), json!("job.image")),
            (json!("job.env.A"), json!("job.env.A")),
            (json!("image"), Value::Null),
            (json!("job.command"), Value::Null),
            (Value::Null, Value::Null),
        ] {
            let said =
                |field: &Value| json!({"field": field, "attempts": [{"field": field}, null]});
            let Value::Object(mut outcome) = said(&field) else {
                unreachable!("it is an object");
            };
            keep_known_fields(&mut outcome, &schema);
            assert_eq!(Value::Object(outcome), said(&expected));
        }
    }
}
