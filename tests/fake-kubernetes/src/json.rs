//! Paths into JSON, where what is missing reads as nothing.

use serde_json::{Map, Value};

/// The text at a path such as `/metadata/name`, or nothing.
pub(crate) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("")
}

pub(crate) fn number(value: &Value, path: &str) -> Option<i64> {
    value.pointer(path).and_then(Value::as_i64)
}

pub(crate) fn flag(value: &Value, path: &str) -> bool {
    value
        .pointer(path)
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// The list at a path, or an empty one.
pub(crate) fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value
        .pointer(path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The object under a name, made where it is missing.
pub(crate) fn object<'a>(value: &'a mut Value, name: &str) -> &'a mut Map<String, Value> {
    let entry = entry(value, name);
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    match entry {
        Value::Object(map) => map,
        _ => unreachable!("it was made an object"),
    }
}

/// The value under a name, made null where it is missing. The value becomes an object.
pub(crate) fn entry<'a>(value: &'a mut Value, name: &str) -> &'a mut Value {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map.entry(name.to_owned()).or_insert(Value::Null),
        _ => unreachable!("it was made an object"),
    }
}

/// The list under a name of an object, made where it is missing.
pub(crate) fn array<'a>(map: &'a mut Map<String, Value>, name: &str) -> &'a mut Vec<Value> {
    let entry = map.entry(name.to_owned()).or_insert(Value::Null);
    if !entry.is_array() {
        *entry = Value::Array(Vec::new());
    }
    match entry {
        Value::Array(list) => list,
        _ => unreachable!("it was made a list"),
    }
}

/// Sets what is not there.
pub(crate) fn default(map: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    map.entry(name.to_owned()).or_insert_with(|| value.into());
}

pub(crate) fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    list(object, "/metadata/finalizers")
        .iter()
        .any(|entry| entry == finalizer)
}

pub(crate) fn remove_finalizer(object: &mut Value, finalizer: &str) {
    let metadata = self::object(object, "metadata");
    array(metadata, "finalizers").retain(|entry| entry != finalizer);
    if array(metadata, "finalizers").is_empty() {
        metadata.remove("finalizers");
    }
}

pub(crate) fn add_finalizer(object: &mut Value, finalizer: &str) {
    if !has_finalizer(object, finalizer) {
        array(self::object(object, "metadata"), "finalizers").push(finalizer.into());
    }
}

pub(crate) fn is_deleted(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}
