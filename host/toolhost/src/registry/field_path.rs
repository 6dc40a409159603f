//! Whether a path of a configuration value exists in a tool's schema.

use serde_json::Value;

/// The maximum number of subschemas that are visited for one path. The schemas of the built-in tools take
/// about ten; a hostile one has endless references.
const MAX_STEPS: u32 = 4096;

/// The maximum depth of the search, which uses the stack of a thread. References and combinations in the
/// built-in schemas are about three levels deep for each name of a path.
const MAX_DEPTH: u32 = 64;

/// What a schema defines for a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KnownField<'path> {
    /// It has no such key.
    Unknown,
    /// It leads into a key that accepts any others: this part of the path is free.
    Free(&'path str),
    /// It leads to a key.
    Key,
}

/// Looks up a path in the schema of a configuration, such as `job.env.TOKEN` or `job.volumes[0].name`.
///
/// Advice should only name documented keys: the keys that a schema lists are taken to be complete, unless it
/// allows others.
pub(crate) fn find_field<'path>(schema: &Value, path: &'path str) -> KnownField<'path> {
    if path.is_empty() {
        return KnownField::Unknown;
    }
    let mut search = Search {
        root: schema,
        steps_left: MAX_STEPS,
    };
    search.find(schema, path, MAX_DEPTH)
}

struct Search<'schema> {
    root: &'schema Value,
    steps_left: u32,
}

impl Search<'_> {
    /// The same for a subschema, visiting at most `depth` levels.
    fn find<'path>(&mut self, node: &Value, path: &'path str, depth: u32) -> KnownField<'path> {
        let (Some(steps), Some(depth)) = (self.steps_left.checked_sub(1), depth.checked_sub(1))
        else {
            return KnownField::Unknown;
        };
        self.steps_left = steps;
        if path.is_empty() {
            return KnownField::Key;
        }
        let members = match node {
            Value::Bool(true) => return KnownField::Free(path),
            Value::Object(members) => members,
            _ => return KnownField::Unknown,
        };
        let mut found = KnownField::Unknown;
        let reference = members.get("$ref").and_then(Value::as_str);
        let root = self.root;
        let target = reference.and_then(|reference| root.pointer(reference.strip_prefix('#')?));
        let combined = ["allOf", "anyOf", "oneOf"].into_iter();
        let combined = combined.filter_map(|name| members.get(name)?.as_array());
        for part in target.into_iter().chain(combined.flatten()) {
            found = found.max(self.find(part, path, depth));
        }
        let (name, rest) = first_name(path);
        let is_index = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(items) = members.get("items").filter(|_| is_index) {
            return found.max(self.find(items, rest, depth));
        }
        let properties = members.get("properties").and_then(Value::as_object);
        if let Some(property) = properties.and_then(|properties| properties.get(name)) {
            return found.max(self.find(property, rest, depth));
        }
        let is_object = match members.get("type") {
            None => !["$ref", "allOf", "anyOf", "oneOf"]
                .iter()
                .any(|name| members.contains_key(*name)),
            Some(Value::Array(types)) => types.iter().any(|name| name == "object"),
            Some(name) => name == "object",
        };
        let takes_others = match members.get("additionalProperties") {
            None => properties.is_none_or(serde_json::Map::is_empty) && is_object,
            Some(others) => *others != Value::Bool(false),
        };
        if takes_others || members.contains_key("patternProperties") {
            found = found.max(KnownField::Free(path));
        }
        found
    }
}

/// The first name or index of a path, and the rest.
fn first_name(path: &str) -> (&str, &str) {
    if let Some(index) = path.strip_prefix('[') {
        let (index, rest) = index.split_once(']').unwrap_or((index, ""));
        return (index, rest.strip_prefix('.').unwrap_or(rest));
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    (name, rest.strip_prefix('.').unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn follows_keys_references_and_indices() {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "job": {"anyOf": [{"$ref": "#/$defs/Job"}, {"type": "null"}]},
                "words": {"type": ["array", "null"], "items": {"type": "string"}},
                "any": true,
            },
            "$defs": {"Job": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "image": {"type": "string"},
                    "env": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
                    "volumes": {"type": "array", "items": {"type": "object", "additionalProperties": true}},
                },
            }},
        });
        for (path, expected) in [
            ("job", KnownField::Key),
            ("job.image", KnownField::Key),
            ("job.env", KnownField::Key),
            ("job.env.A.B", KnownField::Free("A.B")),
            ("job.volumes[0].name", KnownField::Free("name")),
            ("job.volumes[0]", KnownField::Key),
            ("words.1", KnownField::Key),
            ("any.thing", KnownField::Free("thing")),
            ("", KnownField::Unknown),
            ("job.images", KnownField::Unknown),
            ("job.image.tag", KnownField::Unknown),
            ("script.interpreter", KnownField::Unknown),
            ("words.first", KnownField::Unknown),
        ] {
            assert_eq!(find_field(&schema, path), expected, "{path}");
        }
    }

    #[test]
    fn a_schema_without_end_ends() {
        let schema = json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]});
        let found = find_field(&schema, "job.image");
        assert_eq!(found, KnownField::Unknown);
    }
}
