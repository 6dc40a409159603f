use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::forms::{self, Patterns};
use super::gaps::{GapState, Joined, Reading, has_escape};
use super::matcher::Matcher;
use super::stream::StreamRedaction;

/// What stands where a secret was; secrets that overlap or adjoin are one.
pub const REDACTED: &str = "***";

/// Finds secrets in the forms that the [module](super) lists, and replaces them.
#[derive(Debug)]
pub struct Redactor {
    pub(super) matcher: Matcher,
}

impl Redactor {
    /// A redactor of these texts; none where there is nothing to search for.
    #[must_use]
    pub fn new(texts: &[SecretString]) -> Option<Self> {
        let mut patterns = Patterns::new();
        for text in texts {
            forms::add(text.expose_secret(), &mut patterns);
        }
        let matcher = Matcher::new(patterns)?;
        Some(Self { matcher })
    }

    /// Whether the text holds a secret.
    #[must_use]
    pub fn finds(&self, text: &[u8]) -> bool {
        let mut joined = Joined::default();
        let mut finds = |reading| {
            joined.join(reading, text, GapState::default(), true);
            self.matcher.is_match(joined.bytes(text))
        };
        finds(Reading::Shown) || (has_escape(text) && finds(Reading::Written))
    }

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
