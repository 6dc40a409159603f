use serde_json::{Map, Value};

/// The largest number of characters of a reference that a message shows.
const SHOWN_CHARACTERS: usize = 100;

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::registry) enum SchemaError {
    /// It is not a JSON Schema.
    #[error("it is not a JSON Schema: {0}")]
    Invalid(String),
    /// Checking a configuration against it would take too much.
    #[error("it has {what}; at most {limit} are allowed")]
    TooMuch {
        /// What exceeds the limit, as a plural.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Checking would not end.
    #[error("a `$ref` in it refers to itself without descending into the configuration")]
    Endless,
    /// It uses a feature whose cost cannot be limited.
    #[error("it uses {0}, which this host does not support")]
    Unsupported(String),
}

/// What a subschema is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies {
    /// What the schema itself is applied to.
    InPlace,
    /// As above, for alternatives.
    Alternative,
    /// Its properties or items.
    ToChildren,
}

/// The keywords whose value is a schema, or schemas.
///
/// From the core and applicator vocabularies of draft 2020-12, and their names in earlier drafts.
const APPLICATORS: [(&str, Applies); 20] = [
    ("allOf", Applies::InPlace),
    ("anyOf", Applies::Alternative),
    ("oneOf", Applies::Alternative),
    ("not", Applies::InPlace),
    ("if", Applies::InPlace),
    ("then", Applies::InPlace),
    ("else", Applies::InPlace),
    ("dependentSchemas", Applies::InPlace),
    ("dependencies", Applies::InPlace),
    ("properties", Applies::ToChildren),
    ("patternProperties", Applies::ToChildren),
    ("additionalProperties", Applies::ToChildren),
    ("unevaluatedProperties", Applies::ToChildren),
    ("propertyNames", Applies::ToChildren),
    ("prefixItems", Applies::ToChildren),
    ("items", Applies::ToChildren),
    ("additionalItems", Applies::ToChildren),
    ("unevaluatedItems", Applies::ToChildren),
    ("contains", Applies::ToChildren),
    ("contentSchema", Applies::ToChildren),
];
/// Those of them whose value is a map of schemas by name.
const MAPS: [&str; 4] = [
    "dependentSchemas",
    "dependencies",
    "properties",
    "patternProperties",
];
/// References whose target depends on the path to them.
const DYNAMIC_REFERENCES: [&str; 2] = ["$dynamicRef", "$recursiveRef"];

/// The subschemas of a schema, references followed.
pub(super) fn subschemas<'schema>(
    root: &'schema Value,
    schema: &'schema Map<String, Value>,
) -> Result<Vec<(Applies, &'schema Value)>, SchemaError> {
    let mut found = Vec::new();
    for keyword in DYNAMIC_REFERENCES {
        if schema.contains_key(keyword) {
            return Err(SchemaError::Unsupported(format!("`{keyword}`")));
        }
    }
    if let Some(reference) = schema.get("$ref") {
        found.push((Applies::InPlace, target(root, reference)?));
    }
    for (keyword, applies) in APPLICATORS {
        let Some(value) = schema.get(keyword) else {
            continue;
        };
        match value {
            Value::Object(map) if MAPS.contains(&keyword) => {
                found.extend(map.values().map(|value| (applies, value)));
            }
            Value::Array(list) => found.extend(list.iter().map(|value| (applies, value))),
            value => found.push((applies, value)),
        }
    }
    found.retain(|(_, value)| value.is_object() || value.is_boolean());
    Ok(found)
}

/// The target of a reference within the document.
pub(super) fn target<'schema>(
    root: &'schema Value,
    reference: &Value,
) -> Result<&'schema Value, SchemaError> {
    let unsupported = || {
        let shown: String = reference
            .to_string()
            .chars()
            .take(SHOWN_CHARACTERS)
            .collect();
        SchemaError::Unsupported(format!("the reference {shown}"))
    };
    let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
    let pointer = pointer.ok_or_else(unsupported)?;
    let pointer = percent_encoding::percent_decode_str(pointer);
    let pointer = pointer.decode_utf8().map_err(|_| unsupported())?;
    // An anchor begins with no slash, and is not found.
    root.pointer(&pointer).ok_or_else(unsupported)
}
