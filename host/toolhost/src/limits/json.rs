use std::fmt;
use std::mem::size_of;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The memory of a value.
const VALUE_BYTES: u64 = size_of::<Value>() as u64;
/// The memory of an entry of an object, in addition to its value and the characters of its name: the name,
/// its hash, and its index entry.
const MEMBER_BYTES: u64 = size_of::<String>() as u64 + 4 * size_of::<usize>() as u64;
/// Documents up to this length are not measured: most options of a job have fewer bytes.
const SHORT_BYTES: usize = 256;
/// The maximum memory per byte of a short document: `0,` is a value, and as much again of spare capacity.
const MOST_BYTES_A_BYTE: u64 = VALUE_BYTES + MEMBER_BYTES;

/// The maximum memory of a JSON document once it is parsed: `[0,0,0]` becomes dozens of times as large.
/// Measuring allocates nothing.
///
/// # Errors
///
/// The syntax error, if it is not JSON; a document of a few bytes is not checked.
pub(crate) fn json_memory_bytes(text: &str) -> Result<u64, serde_json::Error> {
    if text.len() <= SHORT_BYTES {
        return Ok(text.len() as u64 * MOST_BYTES_A_BYTE);
    }
    serde_json::from_str(text).map(|Memory(bytes)| bytes)
}

/// The memory of a value, including the spare capacity of vectors.
struct Memory(u64);

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemoryVisitor)
    }
}

struct MemoryVisitor;

impl<'de> Visitor<'de> for MemoryVisitor {
    type Value = Memory;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Memory, E> {
        Ok(Memory(VALUE_BYTES))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Memory, E> {
        Ok(Memory(VALUE_BYTES))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Memory, E> {
        Ok(Memory(VALUE_BYTES))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Memory, E> {
        Ok(Memory(VALUE_BYTES))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Memory, E> {
        Ok(Memory(VALUE_BYTES))
    }

    fn visit_str<E>(self, text: &str) -> Result<Memory, E> {
        Ok(Memory(VALUE_BYTES + text.len() as u64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Memory, A::Error> {
        let mut bytes = VALUE_BYTES;
        let mut count = 0;
        while let Some(Memory(item)) = items.next_element()? {
            bytes += item;
            count += 1;
        }
        Ok(Memory(bytes + spare_capacity(count) * VALUE_BYTES))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Memory, A::Error> {
        let mut bytes = VALUE_BYTES;
        let mut count = 0;
        while let Some(Name(name)) = members.next_key()? {
            let Memory(value) = members.next_value()?;
            bytes += name + MEMBER_BYTES + value;
            count += 1;
        }
        let spare = spare_capacity(count) * (VALUE_BYTES + MEMBER_BYTES);
        Ok(Memory(bytes + spare))
    }
}

/// The maximum spare capacity of a vector of this length: it starts with capacity for four, and doubles.
fn spare_capacity(count: u64) -> u64 {
    match count {
        0 => 0,
        count => count.max(4_u64.saturating_sub(count)),
    }
}

/// The length of a name.
struct Name(u64);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Name(name.len() as u64))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The actual memory of a document's values, without rounding by the allocator.
    fn measured(value: &Value) -> u64 {
        let own = size_of::<Value>() as u64;
        own + match value {
            Value::String(text) => text.capacity() as u64,
            Value::Array(items) => {
                let spare = (items.capacity() - items.len()) as u64 * own;
                spare + items.iter().map(measured).sum::<u64>()
            }
            Value::Object(members) => {
                let member = (size_of::<String>() + 2 * size_of::<usize>()) as u64;
                let sum = |(name, value): (&String, &Value)| {
                    name.capacity() as u64 + member + measured(value)
                };
                members.iter().map(sum).sum()
            }
            _ => 0,
        }
    }

    #[test]
    fn no_text_takes_more_than_is_counted_nor_far_less() {
        let many = |item: &str| format!("[{}0]", format!("{item},").repeat(1_000));
        let members: Vec<_> = (0..1_000).map(|index| format!("\"{index}\":0")).collect();
        let cases = [
            many("0"),
            many("\"\""),
            many("{}"),
            many("[]"),
            many("[[0]]"),
            many("\"a text of some length, as they are\""),
            format!("{{{}}}", members.join(",")),
            format!("\"{}\"", "x".repeat(10_000)),
        ];
        for text in cases {
            let counted = json_memory_bytes(&text).unwrap();
            let measured = measured(&serde_json::from_str(&text).unwrap());
            let shown = text.get(..20).unwrap();
            assert!(counted >= measured, "{shown}: {counted} for {measured}");
            assert!(counted <= 3 * measured, "{shown}: {counted} for {measured}");
        }
    }

    #[test]
    fn a_short_text_counts_for_no_less_than_it_takes() {
        for text in [
            "0",
            "[0,0,0,0,0,0,0,0,0,0]",
            "{\"\":{\"\":{}}}",
            "[[],[],[],[]]",
        ] {
            let counted = json_memory_bytes(text).unwrap();
            assert!(
                counted >= measured(&serde_json::from_str(text).unwrap()),
                "{text}"
            );
        }
    }

    #[test]
    fn invalid_json_is_an_error_and_deep_nesting_as_well() {
        for text in [
            "x".repeat(1_000),
            "[".repeat(10_000),
            format!("{{\"a\"{}", " ".repeat(300)),
        ] {
            assert!(json_memory_bytes(&text).is_err());
        }
    }
}
