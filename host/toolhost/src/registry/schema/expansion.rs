use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::keywords::{Applies, SchemaError, subschemas};

/// The maximum number of subschemas after each reference is replaced with its target. The script tool has
/// 300 and a whole Kubernetes pod some 5,000; a chain of definitions that refer to the one before twice has
/// 2 to the power of its length.
const MAX_SUBSCHEMAS: u64 = 50_000;
/// The maximum nesting of schemas, including references. Checking recurses; the script tool has 12.
const MAX_DEPTH: u64 = 64;
/// The maximum number of regular expressions. Each may use `PATTERN_BYTES` of memory.
const MAX_PATTERNS: u64 = 64;

/// The size of a schema after its references are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expansion {
    /// The number of subschemas. Each is applied to each value of a configuration at most once, unless the
    /// schema is irregular.
    pub(super) subschemas: u64,
    /// Whether it refers to itself, or has `unevaluatedProperties` or `unevaluatedItems`: then the work
    /// depends on more than the size of the configuration.
    pub(super) is_irregular: bool,
}

/// Follows every reference, once, and rejects a schema that becomes too large.
///
/// # Errors
///
/// [`SchemaError`].
pub(super) fn expand(root: &Value) -> Result<Expansion, SchemaError> {
    let mut walk = Walk {
        root,
        known: HashMap::new(),
        open: HashSet::new(),
        patterns: 0,
        is_irregular: false,
    };
    let size = walk.measure(root, 0)?;
    let seen: Vec<&Value> = walk.known.values().map(|(schema, _)| *schema).collect();
    find_endless(root, &seen)?;
    Ok(Expansion {
        subschemas: size.subschemas,
        is_irregular: walk.is_irregular,
    })
}

/// The children of a schema.
#[derive(Debug, Clone, Copy)]
struct Size {
    subschemas: u64,
    depth: u64,
}

struct Walk<'schema> {
    root: &'schema Value,
    /// The measured schemas, by address.
    known: HashMap<*const Value, (&'schema Value, Size)>,
    /// The schemas that are being measured.
    open: HashSet<*const Value>,
    patterns: u64,
    is_irregular: bool,
}

impl<'schema> Walk<'schema> {
    fn measure(&mut self, schema: &'schema Value, level: u64) -> Result<Size, SchemaError> {
        let key = std::ptr::from_ref(schema);
        if let Some((_, size)) = self.known.get(&key) {
            let size = *size;
            within_depth(level.saturating_add(size.depth))?;
            return Ok(size);
        }
        within_depth(level)?;
        if !self.open.insert(key) {
            self.is_irregular = true;
            return Ok(Size {
                subschemas: 1,
                depth: 1,
            });
        }
        let mut size = Size {
            subschemas: 1 + self.own(schema, level)?,
            depth: 1,
        };
        if let Value::Object(keywords) = schema {
            for (_, subschema) in subschemas(self.root, keywords)? {
                let below = self.measure(subschema, level + 1)?;
                size.subschemas = size.subschemas.saturating_add(below.subschemas);
                size.depth = size.depth.max(below.depth.saturating_add(1));
            }
        }
        if size.subschemas > MAX_SUBSCHEMAS {
            return Err(SchemaError::TooMuch {
                what: "too many subschemas when its references are followed",
                limit: MAX_SUBSCHEMAS,
            });
        }
        self.open.remove(&key);
        self.known.insert(key, (schema, size));
        Ok(size)
    }

    /// The size of a schema itself, without its children.
    fn own(&mut self, schema: &Value, level: u64) -> Result<u64, SchemaError> {
        let Value::Object(keywords) = schema else {
            return Ok(0);
        };
        if level > 0 && keywords.get("$id").is_some_and(Value::is_string) {
            return Err(SchemaError::Unsupported("`$id` in a subschema".to_owned()));
        }
        let is_unevaluated = ["unevaluatedProperties", "unevaluatedItems"]
            .iter()
            .any(|keyword| keywords.contains_key(*keyword));
        self.is_irregular |= is_unevaluated;
        let by_pattern = keywords.get("patternProperties").and_then(Value::as_object);
        let by_pattern = by_pattern.map_or(0, |patterns| count(patterns.len()));
        self.patterns += by_pattern + u64::from(keywords.contains_key("pattern"));
        if self.patterns > MAX_PATTERNS {
            return Err(SchemaError::TooMuch {
                what: "too many regular expressions",
                limit: MAX_PATTERNS,
            });
        }
        let lists = ["enum", "required"].iter().filter_map(|keyword| {
            let list = keywords.get(*keyword)?.as_array()?;
            Some(count(list.len()))
        });
        Ok(lists.sum())
    }
}

fn within_depth(depth: u64) -> Result<(), SchemaError> {
    if depth > MAX_DEPTH {
        return Err(SchemaError::TooMuch {
            what: "too many nested subschemas, including references",
            limit: MAX_DEPTH,
        });
    }
    Ok(())
}

/// Rejects a schema that applies itself to the same value again. `schemas` are all reachable schemas.
fn find_endless(root: &Value, schemas: &[&Value]) -> Result<(), SchemaError> {
    let mut done = HashSet::new();
    for schema in schemas {
        follow_in_place(root, schema, &mut HashSet::new(), &mut done)?;
    }
    Ok(())
}

/// The recursion is at most as deep as the walk of [`Walk::measure`]: every in-place path ends or repeats
/// within it.
fn follow_in_place<'schema>(
    root: &'schema Value,
    schema: &'schema Value,
    open: &mut HashSet<*const Value>,
    done: &mut HashSet<*const Value>,
) -> Result<(), SchemaError> {
    let key = std::ptr::from_ref(schema);
    if done.contains(&key) {
        return Ok(());
    }
    if !open.insert(key) {
        return Err(SchemaError::Endless);
    }
    within_depth(count(open.len()))?;
    if let Value::Object(keywords) = schema {
        for (applies, subschema) in subschemas(root, keywords)? {
            if applies != Applies::ToChildren {
                follow_in_place(root, subschema, open, done)?;
            }
        }
    }
    open.remove(&key);
    done.insert(key);
    Ok(())
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
