use serde_json::{Map, Value};

use super::keywords::{Applies, subschemas};

/// The number of bytes of text that count as one value: a regular expression reads that many while a keyword
/// is checked.
const BYTES_PER_VISIT: usize = 64;
/// The maximum recursion depth of checking: some 300 bytes of stack for each level, of the 2 MiB that a
/// thread has.
const MAX_DEPTH: usize = 512;

/// The number of values in a configuration, with strings counted by their length.
pub(super) fn size(value: &Value) -> u64 {
    let below: u64 = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| text(name).saturating_add(size(value)))
            .sum(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::String(content) => text(content),
        _ => 0,
    };
    below.saturating_add(1)
}

fn text(content: &str) -> u64 {
    u64::try_from(content.len() / BYTES_PER_VISIT).unwrap_or(u64::MAX)
}

/// How often a subschema is applied to a value when `config` is checked against the schema; `None` if that is
/// more than `limit` times, or too deep.
///
/// Every alternative is counted as if it were tried, and every pattern as if it matched.
pub(super) fn visits(schema: &Value, config: &Value, limit: u64) -> Option<u64> {
    let mut count = Count {
        root: schema,
        left: limit,
    };
    count.visit(schema, config, 0, 0)?;
    Some(limit - count.left)
}

struct Count<'schema> {
    root: &'schema Value,
    left: u64,
}

impl<'schema> Count<'schema> {
    fn spend(&mut self, visits: u64) -> Option<()> {
        self.left = self.left.checked_sub(visits)?;
        Some(())
    }

    /// `alternatives` is the number of enclosing `anyOf` and `oneOf`: each is checked once more for the
    /// message if none of its alternatives matches.
    fn visit(
        &mut self,
        schema: &'schema Value,
        config: &Value,
        depth: usize,
        alternatives: u64,
    ) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.spend(1 + alternatives)?;
        let Value::Object(keywords) = schema else {
            return Some(());
        };
        if let Some(options) = keywords.get("enum").and_then(Value::as_array) {
            self.spend(options.len().try_into().ok()?)?;
        }
        if let Value::String(content) = config {
            self.spend(text(content))?;
        }
        let before = self.left;
        for (applies, subschema) in subschemas(self.root, keywords).ok()? {
            let alternatives = match applies {
                Applies::InPlace => alternatives,
                Applies::Alternative => alternatives + 1,
                Applies::ToChildren => continue,
            };
            self.visit(subschema, config, depth + 1, alternatives)?;
        }
        let in_place = before - self.left;
        match config {
            Value::Object(members) => {
                if keywords.contains_key("unevaluatedProperties") {
                    self.again(in_place, members.len())?;
                }
                self.members(keywords, members, depth + 1, alternatives)
            }
            Value::Array(items) => {
                if keywords.contains_key("unevaluatedItems") {
                    self.again(in_place, items.len())?;
                }
                self.items(keywords, items, depth + 1, alternatives)
            }
            _ => Some(()),
        }
    }

    /// Evaluated properties are determined by evaluating again for each child.
    fn again(&mut self, in_place: u64, children: usize) -> Option<()> {
        self.spend(in_place.saturating_mul(children.try_into().ok()?))
    }

    fn members(
        &mut self,
        keywords: &'schema Map<String, Value>,
        members: &Map<String, Value>,
        depth: usize,
        alternatives: u64,
    ) -> Option<()> {
        let named = keywords.get("properties").and_then(Value::as_object);
        let by_pattern = keywords.get("patternProperties").and_then(Value::as_object);
        for (name, value) in members {
            self.spend(1 + text(name))?;
            let named = named.and_then(|properties| properties.get(name));
            if let Some(schema) = named {
                self.visit(schema, value, depth, alternatives)?;
            }
            for schema in by_pattern.into_iter().flat_map(Map::values) {
                self.visit(schema, value, depth, alternatives)?;
            }
            let others = ["additionalProperties", "unevaluatedProperties"];
            for schema in others.iter().filter_map(|keyword| keywords.get(*keyword)) {
                if named.is_none() {
                    self.visit(schema, value, depth, alternatives)?;
                }
            }
            if let Some(schema) = keywords.get("propertyNames") {
                self.visit(schema, &Value::Null, depth, alternatives)?;
            }
        }
        Some(())
    }

    fn items(
        &mut self,
        keywords: &'schema Map<String, Value>,
        items: &[Value],
        depth: usize,
        alternatives: u64,
    ) -> Option<()> {
        for keyword in ["prefixItems", "items"] {
            let schemas = keywords.get(keyword).and_then(Value::as_array);
            for (schema, value) in schemas.into_iter().flatten().zip(items) {
                self.visit(schema, value, depth, alternatives)?;
            }
        }
        let each = ["items", "contains", "additionalItems", "unevaluatedItems"];
        let each = each.iter().filter_map(|keyword| keywords.get(*keyword));
        for schema in each.filter(|schema| !schema.is_array()) {
            for value in items {
                self.visit(schema, value, depth, alternatives)?;
            }
        }
        Some(())
    }
}
