//! Valid results: JSON that every reader of an outcome accepts.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;

use serde::de::Error as _;
use serde_json::value::RawValue;
use serde_json::{Error, Value};

/// The maximum depth of lists and objects. JSON readers accept 128 levels, and a result is embedded in other
/// documents.
pub(crate) const MAX_DEPTH: usize = 64;

/// Validates a result, and keeps its text.
///
/// Code that writes the report itself can write anything. Without validation, readers of the outcome could
/// find a number that is too large, half a character, or endless lists.
///
/// # Errors
///
/// If it is not JSON that every reader accepts.
pub(crate) fn read(json: &str) -> Result<Box<RawValue>, Error> {
    let value: Value = serde_json::from_str(json)?;
    if !is_within(&value, MAX_DEPTH) {
        return Err(Error::custom("it is nested too deeply"));
    }
    RawValue::from_string(json.to_owned())
}

/// Whether no value is deeper. The parser that read the value limits the depth of this recursion.
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
