use granit_parser::ScalarStyle;
use serde_json::{Number, Value};

/// Why a scalar has no JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScalarError {
    #[error("the number is too large")]
    NumberTooLarge,
    #[error("infinity and not-a-number cannot be represented in JSON")]
    NotFinite,
    #[error("the value does not match its tag")]
    TagMismatch,
    #[error("the tag is not supported")]
    UnknownTag,
}

/// The value of a scalar: by its tag if it has one, and by the core schema of YAML 1.2 if it is plain.
///
/// As in the core schema, and unlike YAML 1.1, `yes`, `no`, `on`, `off`, `1_000`, `12:30` and
/// `2024-01-01` are strings. Digits after a leading zero (`0755`, a postal code) are a string as
/// well, because parsers disagree on whether they are octal.
pub(super) fn resolve(
    text: &str,
    style: ScalarStyle,
    tag: Option<&str>,
) -> Result<Value, ScalarError> {
    match tag {
        None if style == ScalarStyle::Plain => plain(text),
        None | Some("str") => Ok(Value::String(text.to_owned())),
        Some(tag @ ("null" | "bool" | "int" | "float")) => {
            let value = plain(text)?;
            let fits = match tag {
                "null" => value.is_null(),
                "bool" => value.is_boolean(),
                "int" => value.is_i64() || value.is_u64(),
                _ => value.is_number(),
            };
            if fits {
                Ok(value)
            } else {
                Err(ScalarError::TagMismatch)
            }
        }
        Some(_) => Err(ScalarError::UnknownTag),
    }
}

fn plain(text: &str) -> Result<Value, ScalarError> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if let Some(number) = integer(text)? {
        return Ok(Value::Number(number));
    }
    if let Some(number) = float(text)? {
        return Ok(Value::Number(number));
    }
    Ok(Value::String(text.to_owned()))
}

fn integer(text: &str) -> Result<Option<Number>, ScalarError> {
    let radix_digits = [("0x", 16), ("0o", 8)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((text.strip_prefix(prefix)?, radix)));
    if let Some((digits, radix)) = radix_digits {
        if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
            return Ok(None);
        }
        return u64::from_str_radix(digits, radix)
            .map(|number| Some(Number::from(number)))
            .map_err(|_| ScalarError::NumberTooLarge);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(None);
    }
    if has_leading_zero(digits) {
        return Ok(None);
    }
    let number = text.strip_prefix('+').unwrap_or(text);
    number
        .parse::<i64>()
        .map(Number::from)
        .or_else(|_| number.parse::<u64>().map(Number::from))
        .map(Some)
        .map_err(|_| ScalarError::NumberTooLarge)
}

fn float(text: &str) -> Result<Option<Number>, ScalarError> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(ScalarError::NotFinite);
    }
    if !is_float(unsigned) {
        return Ok(None);
    }
    let number: f64 = text.parse().map_err(|_| ScalarError::NumberTooLarge)?;
    Number::from_f64(number)
        .map(Some)
        .ok_or(ScalarError::NumberTooLarge)
}

/// `( "." [0-9]+ | [0-9]+ ( "." [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, as in the core schema.
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && !has_leading_zero(whole)
        && exponent.is_none_or(|exponent| {
            let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent)
        })
}

fn has_leading_zero(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0')
}
