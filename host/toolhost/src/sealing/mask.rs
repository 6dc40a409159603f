use std::borrow::Cow;

use serde_json::Value;

use super::redactor::Redactor;
use super::segments::{Segment, Segments};

/// What stands in the place of each byte of a secret.
const MASK: u8 = b'*';

impl Redactor {
    /// The bytes with each byte of a secret replaced, so that everything else stays where it is.
    #[must_use]
    pub fn mask<'bytes>(&self, bytes: &'bytes [u8]) -> Cow<'bytes, [u8]> {
        if !self.finds(bytes) {
            return Cow::Borrowed(bytes);
        }
        let mut masked = Vec::with_capacity(bytes.len());
        let mut pass = |segment: Segment<'_>| match segment {
            Segment::Plain(text) => masked.extend_from_slice(text),
            Segment::Secret(text) => masked.resize(masked.len() + text.len(), MASK),
        };
        let mut segments = Segments::default();
        segments.push(&self.matcher, bytes, &mut pass);
        segments.finish(&self.matcher, &mut pass);
        Cow::Owned(masked)
    }

    /// Whether a text, a name or a number of a JSON value holds a secret.
    #[must_use]
    pub fn finds_in_value(&self, value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) => false,
            Value::Number(number) => self.finds(number.to_string().as_bytes()),
            Value::String(text) => self.finds(text.as_bytes()),
            Value::Array(items) => items.iter().any(|item| self.finds_in_value(item)),
            Value::Object(members) => members
                .iter()
                .any(|(name, member)| self.finds(name.as_bytes()) || self.finds_in_value(member)),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(&[SecretString::from("hunter2-hunter2")]).unwrap()
    }

    #[test]
    fn masks_byte_for_byte() {
        let redactor = redactor();
        assert_eq!(
            *redactor.mask(b"\xffx hunter2-hunter2 y"),
            *b"\xffx *************** y"
        );
        assert_eq!(
            *redactor.mask(b"x hunter2-\n  hunter2 \x1b[hunter2-hunter2"),
            *b"x ********\n  ******* \x1b[***************"
        );
        assert!(matches!(
            redactor.mask(b"nothing"),
            Cow::Borrowed(b"nothing")
        ));
    }

    #[test]
    fn finds_a_secret_wherever_it_is_in_a_value() {
        let redactor = redactor();
        for value in [
            json!("x hunter2-hunter2"),
            json!([1, {"a": "aHVudGVyMi1odW50ZXIy"}]),
            json!({"hunter2-hunter2": 1}),
        ] {
            assert!(redactor.finds_in_value(&value), "{value}");
        }
        assert!(!redactor.finds_in_value(&json!({"a": [1, null, true, "hunter2"]})));
    }
}
