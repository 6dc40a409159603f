//! Parts of the JSON Schema that do not follow from the types: keys with two spellings. A value that is given
//! twice is the deserializer's error about a duplicate.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use schemars::Schema;
use serde_json::{Map, Value, json};

/// Adds the `snake_case` spelling of every camelCase key.
pub fn accept_snake_case(schema: &mut Schema) {
    let Some(properties) = properties(schema) else {
        return;
    };
    let spellings: Vec<_> = properties
        .keys()
        .map(|camel| (snake_case(camel), camel.clone()))
        .filter(|(snake, camel)| snake != camel)
        .collect();
    for (snake, camel) in spellings {
        add_spelling(properties, snake, &camel);
    }
}

/// Adds `input`, the name of `args` in newer NoETL playbooks.
pub fn accept_input(schema: &mut Schema) {
    if let Some(properties) = properties(schema) {
        add_spelling(properties, "input".into(), "args");
    }
}

/// Adds another name of a key.
pub fn accept_spelling(schema: &mut Schema, spelling: &str, of: &str) {
    if let Some(properties) = properties(schema) {
        add_spelling(properties, spelling.into(), of);
    }
}

/// Tells the host to put the variables of the credential that `job.auth` names into `job.env`.
pub fn name_environment(schema: &mut Schema) {
    put_environment(schema, "/job/auth", "/job/env");
}

/// Tells the host to put the variables of the credential that one key names into another; both are JSON Pointers.
pub fn put_environment(schema: &mut Schema, credential: &str, into: &str) {
    let places = json!([{"credential": credential, "into": into}]);
    schema.insert("x-noetl-environment".into(), places);
}

fn properties(schema: &mut Schema) -> Option<&mut Map<String, Value>> {
    schema.get_mut("properties")?.as_object_mut()
}

fn add_spelling(properties: &mut Map<String, Value>, spelling: String, of: &str) {
    let Some(original) = properties.get(of) else {
        return;
    };
    let mut copy = match original {
        Value::Object(_) => original.clone(),
        // A schema that accepts anything is `true`.
        _ => json!({}),
    };
    if let Value::Object(members) = &mut copy {
        // Each word is in the memory of every call.
        let description = format!("As `{of}`.");
        members.insert("description".into(), description.into());
    }
    properties.insert(spelling, copy);
}

/// The `snake_case` spelling of a camelCase key.
#[must_use]
pub fn snake_case(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for character in camel.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
