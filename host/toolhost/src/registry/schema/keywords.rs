use serde_json::{Map, Value};

/// The largest number of characters of a reference that a message shows.
const SHOWN_CHARACTERS: usize = 100;

/// Why a schema is not used.
#[derive(Debug, thiserror::Error)]
pub(in crate::registry) enum SchemaError {
    /// It is no JSON Schema.
    #[error("it is not a JSON Schema: {0}")]
    Invalid(String),
    /// Checking a configuration against it would take too much.
    #[error("it has {what}; at most {limit} are allowed")]
    TooMuch {
        /// What there is too much of, as a plural.
        what: &'static str,
        /// The most that is allowed.
        limit: u64,
    },
    /// It would be checked without end.
    #[error("a `$ref` in it leads back to itself without going into the configuration")]
    Endless,
    /// It uses what this host cannot bound.
    #[error("it uses {0}, which this host does not support")]
    Unsupported(String),
}

/// What a subschema is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies {
    /// What the schema itself is applied to.
    InPlace,
    /// As above, of which one of several may hold.
    Alternative,
    /// Members or items of that.
    ToChildren,
}

/// The keywords whose value is a schema, or schemas.
///
/// From the core and applicator vocabularies of draft 2020-12 and what earlier drafts called the same.
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
/// References whose target depends on how one got there.
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

/// Where a reference leads within the document.
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
