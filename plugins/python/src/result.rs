//! What may be a result: JSON that all who read an outcome take.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;

use serde::de::Error as _;
use serde_json::value::RawValue;
use serde_json::{Error, Value};

/// How many lists and objects a value may be within. Readers of JSON take 128 levels, and a result is put into
/// other documents.
pub(crate) const MAX_DEPTH: usize = 64;

/// Reads a result, and keeps it as it is written.
///
/// Code that writes the report itself can write anything. A text alone would be taken for JSON where a
/// reader finds a number too large, half a character, or lists without end.
///
/// # Errors
///
/// Where it is no JSON that everyone reads.
pub(crate) fn read(json: &str) -> Result<Box<RawValue>, Error> {
    let value: Value = serde_json::from_str(json)?;
    if !is_within(&value, MAX_DEPTH) {
        return Err(Error::custom("it is nested too deep"));
    }
    RawValue::from_string(json.to_owned())
}

/// Whether there are no values that lie deeper. Whoever read the value bounds how deep this goes.
fn is_within(value: &Value, depth: usize) -> bool {
    let is_inner_within = |inner| {
        let depth = depth.checked_sub(1);
        depth.is_some_and(|depth| is_within(inner, depth))
    };
    match value {
        Value::Array(items) => items.iter().all(is_inner_within),
        Value::Object(members) => members.values().all(is_inner_within),
        _ => true,
    }
}
