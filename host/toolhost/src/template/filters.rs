use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Kwargs, Rest, Serde, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use serde::Serialize as _;

use super::json;
use super::missing::Missing;

/// The widest indentation of `tojson`.
const MAX_INDENT: usize = 16;

/// `default(value, fallback="", also_if_false=false)`, which also accepts paths that are missing several
/// names deep.
pub(super) fn default(state: &State, value: &Value, args: Rest<Value>) -> Result<Value, Error> {
    let value = if Missing::of(value).is_some() {
        &Value::UNDEFINED
    } else {
        value
    };
    minijinja::filters::default(state, value, args)
}

/// `int(default, base=10)`; white space around a number is ignored, as in Python: the output of a step ends
/// with a line break.
pub(super) fn int(
    state: &State,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    minijinja::filters::int(state, &trimmed(value), default, base, kwargs)
}

/// `float(default)`; as for [`int`].
pub(super) fn float(
    state: &State,
    value: &Value,
    default: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    minijinja::filters::float(state, &trimmed(value), default, kwargs)
}

fn trimmed(value: &Value) -> Value {
    match value.as_str() {
        Some(text) => Value::from(text.trim()),
        None => value.clone(),
    }
}

/// `is defined`.
pub(super) fn is_defined(value: &Value) -> bool {
    !is_undefined(value)
}

/// `is undefined`.
pub(super) fn is_undefined(value: &Value) -> bool {
    value.is_undefined() || Missing::of(value).is_some()
}

/// `tojson(indent=none)`: compact JSON, or with each level indented; nothing is escaped for HTML.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the template language passes keyword arguments by value"
)]
pub(super) fn tojson(
    value: &Value,
    indent: Option<usize>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    defined(value)?;
    let indent = match indent {
        Some(indent) => Some(indent),
        None => kwargs.get::<Option<usize>>("indent")?,
    };
    kwargs.assert_all_used()?;
    let value = json::to_json(value)?;
    let Some(indent) = indent.filter(|indent| *indent > 0) else {
        return Ok(value.to_string());
    };
    let indentation = " ".repeat(indent.min(MAX_INDENT));
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indentation.as_bytes());
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    value
        .serialize(&mut serializer)
        .map_err(|_| problem("the value cannot be represented in JSON"))?;
    String::from_utf8(bytes).map_err(|_| problem("the value cannot be represented in JSON"))
}

/// `fromjson`: the value of a JSON document.
pub(super) fn fromjson(text: &str) -> Result<Value, Error> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| problem(format!("not JSON: {error}")))?;
    Ok(Value::from(Serde(&value)))
}

/// `b64encode`: standard Base64 of a string.
pub(super) fn b64encode(text: &str) -> String {
    STANDARD.encode(text)
}

/// `b64decode`: the decoded text of standard Base64.
pub(super) fn b64decode(text: &str) -> Result<String, Error> {
    let bytes = STANDARD
        .decode(text.trim())
        .map_err(|_| problem("not Base64"))?;
    String::from_utf8(bytes).map_err(|_| problem("the decoded bytes are not text"))
}

/// `len`, which Python users write for `length`.
pub(super) fn len(value: &Value) -> Result<usize, Error> {
    defined(value)?;
    value
        .len()
        .ok_or_else(|| problem(format!("{} has no length", value.kind())))
}

/// `keys`: the keys of a mapping.
pub(super) fn keys(value: &Value) -> Result<Vec<Value>, Error> {
    mapping(value)?;
    value.try_iter()?.checked().collect()
}

/// `values`: the values of a mapping.
pub(super) fn values(value: &Value) -> Result<Vec<Value>, Error> {
    keys(value)?.iter().map(|key| value.get_item(key)).collect()
}

/// `string`: a value as rendered in a text.
pub(super) fn string(value: &Value) -> Result<Value, Error> {
    defined(value)?;
    if value.kind() == ValueKind::String {
        return Ok(value.clone());
    }
    let mut text = BoundedText::default();
    match std::fmt::write(&mut text, format_args!("{value}")) {
        Ok(()) => Ok(Value::from(text.0)),
        Err(_) => Err(Error::from(ErrorKind::OutOfFuel)),
    }
}

/// A string with a size limit, however often a value repeats its parts.
#[derive(Default)]
struct BoundedText(String);

impl std::fmt::Write for BoundedText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len().saturating_add(text.len()) > json::MAX_OUTPUT_BYTES {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

fn mapping(value: &Value) -> Result<(), Error> {
    defined(value)?;
    match value.kind() {
        ValueKind::Map => Ok(()),
        kind => Err(problem(format!("{kind} is not a mapping"))),
    }
}

fn defined(value: &Value) -> Result<(), Error> {
    if let Some(missing) = Missing::of(value) {
        missing.note_use();
    }
    if is_undefined(value) {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    Ok(())
}

fn problem(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}
