//! Values with several spellings. NoETL's server turns quoted scalars into numbers, and templates yield
//! strings, so a number and its text are equivalent everywhere.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;

/// A string; a number or a boolean is converted as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text(pub String);

/// A whole number that is not negative, or its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Whole(pub u64);

/// A positive number of seconds, or its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Duration);

/// Words: a list of strings, or a string that is split at white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(TextVisitor)?;
        let digits = text.strip_suffix(".0").unwrap_or(&text);
        digits.parse().map(Self).map_err(|_| {
            let unexpected = de::Unexpected::Str(&text);
            de::Error::invalid_value(unexpected, &"a whole number that is not negative")
        })
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor).map(Self)
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor).map(Self)
    }
}

/// Accepts any scalar as its JSON text.
struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, a number, `true` or `false`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_string())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<String, E> {
        let number = Number::from_f64(value);
        let number = number.ok_or_else(|| E::custom("the number has no value"))?;
        Ok(number.to_string())
    }
}

struct SecondsVisitor;

impl Visitor<'_> for SecondsVisitor {
    type Value = Duration;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a positive number of seconds")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        let seconds = decimal_seconds(text).filter(|seconds| !seconds.is_zero());
        seconds.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Duration, E> {
        let seconds = Some(Duration::from_secs(value)).filter(|seconds| !seconds.is_zero());
        seconds.ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Duration, E> {
        let seconds = Duration::try_from_secs_f64(value).ok();
        let seconds = seconds.filter(|seconds| !seconds.is_zero());
        seconds.ok_or_else(|| E::invalid_value(de::Unexpected::Float(value), &self))
    }
}

/// Parses digits with an optional decimal fraction; digits beyond a billionth are truncated. The standard
/// library's floating-point parser adds tables of 12 KB.
fn decimal_seconds(text: &str) -> Option<Duration> {
    const NANOSECOND_DIGITS: usize = 9;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let nanoseconds = fraction
        .bytes()
        .chain(core::iter::repeat(b'0'))
        .take(NANOSECOND_DIGITS)
        .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    Some(Duration::new(whole.parse().ok()?, nanoseconds))
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Vec<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a list of strings")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(text.split_whitespace().map(ToString::to_string).collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut words = Vec::new();
        while let Some(Text(word)) = items.next_element()? {
            words.push(word);
        }
        Ok(words)
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

impl JsonSchema for Whole {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Whole".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+$"})
    }
}

impl JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["number", "string"],
            "exclusiveMinimum": 0,
            "pattern": "^[0-9]+([.][0-9]+)?$",
        })
    }
}

impl JsonSchema for Words {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Words".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "array"],
            "items": {"type": ["string", "number", "boolean"]},
            "minLength": 1,
            "minItems": 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Option<String> {
        serde_json::from_str(json).ok().map(|Text(text)| text)
    }

    #[test]
    fn takes_scalars_as_they_are_written() {
        let cases = [
            ("\"a b\"", "a b"),
            ("1", "1"),
            ("-7", "-7"),
            ("1.5", "1.5"),
            ("1.0", "1.0"),
            ("true", "true"),
            ("false", "false"),
            ("18446744073709551615", "18446744073709551615"),
        ];
        for (json, expected) in cases {
            assert_eq!(text(json).as_deref(), Some(expected), "{json}");
        }
        for json in ["null", "[]", "{}"] {
            assert_eq!(text(json), None, "{json}");
        }
    }

    #[test]
    fn reads_whole_numbers_from_numbers_and_texts() {
        for json in ["3", "3.0", "\"3\""] {
            assert_eq!(serde_json::from_str::<Whole>(json).unwrap(), Whole(3));
        }
        for json in ["-1", "\"-1\"", "1.5", "\"three\"", "true", "null"] {
            assert!(serde_json::from_str::<Whole>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn reads_seconds_with_fractions() {
        let cases = [
            ("30", 30_000),
            ("\"30\"", 30_000),
            ("\"1.5\"", 1500),
            ("\"0.0010000009\"", 1),
            ("0.25", 250),
        ];
        for (json, milliseconds) in cases {
            let Seconds(duration) = serde_json::from_str(json).unwrap();
            assert_eq!(duration, Duration::from_millis(milliseconds), "{json}");
        }
        for json in [
            "0",
            "0.0",
            "-1",
            "\"-1\"",
            "\"+1\"",
            "\"0\"",
            "\"1.\"",
            "\".5\"",
            "\"1.5.0\"",
            "\"\"",
            "\"inf\"",
            "\"NaN\"",
            "\"soon\"",
            "\"99999999999999999999\"",
            "1e300",
        ] {
            assert!(serde_json::from_str::<Seconds>(json).is_err(), "{json}");
        }
    }
}
