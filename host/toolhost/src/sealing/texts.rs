//! Redacts whole texts and JSON values.

use std::borrow::Cow;

use serde_json::Value;

use super::redactor::{REDACTED, Redactor};
use super::stream::StreamRedaction;

impl Redactor {
    /// The text with every secret replaced.
    #[must_use]
    pub fn redact<'text>(&self, text: &'text str) -> Cow<'text, str> {
        if !self.finds(text.as_bytes()) {
            return Cow::Borrowed(text);
        }
        let mut redacted = Vec::with_capacity(text.len());
        let mut stream = StreamRedaction::default();
        let mut pass = |bytes: &[u8]| redacted.extend_from_slice(bytes);
        stream.push(self, text.as_bytes(), &mut pass);
        stream.finish(self, &mut pass);
        // Patterns are whole characters, and so is what stands between them.
        let redacted = String::from_utf8(redacted);
        Cow::Owned(
            redacted.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        )
    }

    /// Replaces every secret in the texts and names of a JSON value.
    pub fn redact_value(&self, value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                let text = number.to_string();
                if self.finds(text.as_bytes()) {
                    *value = Value::String(REDACTED.to_owned());
                }
            }
            Value::String(text) => {
                if let Cow::Owned(redacted) = self.redact(text) {
                    *text = redacted;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_value(item)),
            Value::Object(members) => {
                if members.keys().any(|name| self.finds(name.as_bytes())) {
                    *members = std::mem::take(members)
                        .into_iter()
                        .map(|(name, member)| (self.redact(&name).into_owned(), member))
                        .collect();
                }
                members
                    .values_mut()
                    .for_each(|member| self.redact_value(member));
            }
        }
    }
}
