use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use serde_json::{Map, Number, Value as Json};

use super::missing::Missing;

/// The maximum size of a value or string that one template may produce.
pub(super) const MAX_OUTPUT_BYTES: usize = 8 * 1024 * 1024;
/// The maximum nesting of a value that a template produces. Each level uses stack in the conversion and in
/// later walks of the value.
const MAX_VALUE_DEPTH: usize = 128;
/// The size of an item in addition to its text: about its size in memory.
const ITEM_BYTES: usize = 32;

/// Converts a value of the template language into JSON.
///
/// The conversion counts as it goes: a value may share its parts many times, and could be endless once
/// written out.
pub(super) fn to_json(value: &Value) -> Result<Json, Error> {
    let mut left = MAX_OUTPUT_BYTES;
    convert(value, 0, &mut left)
}

fn convert(value: &Value, depth: usize, left: &mut usize) -> Result<Json, Error> {
    if depth > MAX_VALUE_DEPTH {
        return Err(problem(format!(
            "the value is nested more than {MAX_VALUE_DEPTH} levels deep"
        )));
    }
    spend(left, ITEM_BYTES)?;
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(Json::Null),
        ValueKind::Bool => Ok(Json::Bool(value.is_true())),
        ValueKind::Number => number(value).map(Json::Number),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            spend(left, text.len())?;
            Ok(Json::String(text.to_owned()))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter()?.checked() {
                items.push(convert(&item?, depth + 1, left)?);
            }
            Ok(Json::Array(items))
        }
        ValueKind::Map => {
            let mut members = Map::new();
            for key in value.try_iter()?.checked() {
                let key = key?;
                let name = key_name(&key)?;
                spend(left, name.len())?;
                let member = convert(&value.get_item(&key)?, depth + 1, left)?;
                members.insert(name, member);
            }
            Ok(Json::Object(members))
        }
        // An invalid value carries its error; accessing its items reports it.
        ValueKind::Invalid => Err(value
            .try_iter()
            .err()
            .unwrap_or_else(|| problem("the value is not valid"))),
        ValueKind::Bytes => Err(problem("bytes cannot be represented in JSON")),
        kind => {
            if let Some(missing) = Missing::of(value) {
                missing.note_use();
            }
            Err(problem(format!("{kind} cannot be represented in JSON")))
        }
    }
}

fn number(value: &Value) -> Result<Number, Error> {
    if value.is_integer() {
        if let Some(number) = value.as_i64() {
            return Ok(Number::from(number));
        }
        return u64::try_from(value.clone())
            .map(Number::from)
            .map_err(|_| problem("the number is too large"));
    }
    f64::try_from(value.clone())
        .ok()
        .and_then(Number::from_f64)
        .ok_or_else(|| problem("the number is infinite or not a number"))
}

fn key_name(key: &Value) -> Result<String, Error> {
    match key.kind() {
        ValueKind::String => Ok(key.as_str().unwrap_or_default().to_owned()),
        ValueKind::Number => Ok(key.to_string()),
        ValueKind::Bool => Ok(key.is_true().to_string()),
        ValueKind::None => Ok("null".to_owned()),
        kind => Err(problem(format!("{kind} cannot be a key in JSON"))),
    }
}

fn spend(left: &mut usize, bytes: usize) -> Result<(), Error> {
    *left = left
        .checked_sub(bytes)
        .ok_or_else(|| Error::from(ErrorKind::OutOfFuel))?;
    Ok(())
}

fn problem(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}
