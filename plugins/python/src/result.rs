//! What may be a result: JSON that all who read an outcome take.

use alloc::boxed::Box;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

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
pub(crate) fn read(json: &str) -> Result<Box<RawValue>, serde_json::Error> {
    let result: Box<RawValue> = serde_json::from_str(json)?;
    let mut reader = serde_json::Deserializer::from_str(json);
    Readable { depth: 0 }.deserialize(&mut reader)?;
    Ok(result)
}

/// Reads a value, and keeps nothing of it.
struct Readable {
    depth: usize,
}

impl Readable {
    fn inner(&self) -> Self {
        Self {
            depth: self.depth + 1,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Readable {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth > MAX_DEPTH {
            return Err(D::Error::custom("it is nested too deep"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Readable {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.inner())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key_seed(self.inner())?.is_some() {
            members.next_value_seed(self.inner())?;
        }
        Ok(())
    }
}
