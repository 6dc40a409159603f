use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use zeroize::Zeroizing;

use super::execution::{ExecutionSecrets, SecretOrigin};
use super::redactor::Redactor;
use crate::capability::sync::lock;

/// The prefix of every sealed reference. It contains no character that JSON, URLs or shells would escape.
const PREFIX: &str = "sealed.";
/// 128 random bits: a tool cannot guess a reference that it was not given.
const TOKEN_BYTES: usize = 16;
/// The digits after the prefix.
const TOKEN_DIGITS: usize = TOKEN_BYTES * 2;

/// The sealed values of one call, and the secrets of its execution.
///
/// References end with the call; secrets are kept for the whole execution.
#[derive(Default)]
pub struct Vault {
    /// Values by the digits of their reference, each as its JSON document.
    values: Mutex<HashMap<String, SecretString>>,
    /// Created with the first one, if the call is not given those of an execution.
    execution: OnceLock<ExecutionSecrets>,
}

/// Why references could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It looks like a reference, but is not from this call.
    #[error("a sealed reference does not belong to this call")]
    UnknownReference,
    /// The system's random numbers failed.
    #[error("cannot generate random numbers for a sealed reference: {0}")]
    Random(String),
}

impl Vault {
    /// A vault without values, of a call that is an execution of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A vault without values, of a call that belongs to an execution.
    #[must_use]
    pub fn of_execution(secrets: ExecutionSecrets) -> Self {
        Self {
            values: Mutex::default(),
            execution: OnceLock::from(secrets),
        }
    }

    /// The secrets of the execution.
    pub fn execution(&self) -> &ExecutionSecrets {
        self.execution.get_or_init(ExecutionSecrets::new)
    }

    /// Seals a value, and returns its reference.
    ///
    /// # Errors
    ///
    /// [`OpenError::Random`] where the system has no random numbers.
    pub fn seal(&self, value: &Value) -> Result<String, OpenError> {
        let reference = self.seal_unsearched(value)?;
        self.remember_value(value);
        Ok(reference)
    }

    /// As [`seal`](Self::seal), of a value that accompanies secrets and is not secret, such as the
    /// name of a database: a tool cannot read it, but it stays where it appears in logs and
    /// outcomes.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal).
    pub fn seal_unsearched(&self, value: &Value) -> Result<String, OpenError> {
        let mut token = [0_u8; TOKEN_BYTES];
        getrandom::fill(&mut token).map_err(|error| OpenError::Random(error.to_string()))?;
        let digits = format!("{:032x}", u128::from_ne_bytes(token));
        let reference = format!("{PREFIX}{digits}");
        let document = SecretString::from(value.to_string());
        self.values().insert(digits, document);
        Ok(reference)
    }

    /// Remembers a text that must be redacted from what leaves the call, although no reference stands
    /// for it: a secret that a template used as a part of something larger.
    pub fn remember(&self, text: &str) {
        self.execution().remember(text, SecretOrigin::Configuration);
    }

    /// Adds every string and number of a value, as [`remember`](Self::remember) does a text.
    pub fn remember_value(&self, value: &Value) {
        self.execution()
            .remember_value(value, SecretOrigin::Configuration);
    }

    /// Whether nothing was sealed or remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values().is_empty() && self.execution.get().is_none_or(ExecutionSecrets::is_empty)
    }

    /// Every text that must be redacted from what leaves the call, in no order.
    #[must_use]
    pub fn texts(&self) -> Vec<SecretString> {
        let known = self.execution.get();
        known.map_or_else(Vec::new, ExecutionSecrets::texts_by_now)
    }

    /// What removes everything that the execution knows by now; none where it knows nothing.
    #[must_use]
    pub fn redactor(&self) -> Option<Arc<Redactor>> {
        self.execution.get()?.redactor()
    }

    /// Whether the text holds something that looks like a sealed reference, of this call or not.
    #[must_use]
    pub fn has_reference(text: &str) -> bool {
        next_reference(text, 0).is_some()
    }

    /// The maximum size of a text after opening it, without opening it.
    #[must_use]
    pub fn opened_bytes(&self, template: &str) -> u64 {
        let values = self.values();
        let mut bytes = template.len() as u64;
        let mut position = 0;
        while let Some((start, end)) = next_reference(template, position) {
            let digits = template.get(start + PREFIX.len()..end).unwrap_or_default();
            let document = values.get(digits);
            let length = document.map_or(0, |document| document.expose_secret().len() as u64);
            // Within a JSON text, each byte of the document has at most one `\` before it.
            bytes = bytes.saturating_add(length.saturating_mul(2));
            position = end;
        }
        bytes
    }

    /// Replaces each reference with the value's text: a string itself, anything else as JSON.
    ///
    /// # Errors
    ///
    /// [`OpenError::UnknownReference`].
    pub fn open_text(&self, template: &str) -> Result<SecretString, OpenError> {
        self.replace(template, |document, _| match document {
            Value::String(text) => (Zeroizing::new(text.clone()), false),
            other => (Zeroizing::new(other.to_string()), false),
        })
    }

    /// Replaces each reference in a JSON document: with a value of any type if the reference is a whole
    /// string, and with its escaped text if it is part of one. All other bytes are unchanged.
    ///
    /// # Errors
    ///
    /// [`OpenError::UnknownReference`].
    pub fn open_json(&self, template: &str) -> Result<SecretString, OpenError> {
        self.replace(template, |document, place| match (place, document) {
            (Place::WholeValue, value) => (Zeroizing::new(value.to_string()), true),
            (Place::Inside, Value::String(text)) => (escaped(text), false),
            (Place::Inside, other) => (escaped(&other.to_string()), false),
        })
    }

    fn replace(
        &self,
        template: &str,
        render: impl Fn(&Value, Place) -> (Zeroizing<String>, bool),
    ) -> Result<SecretString, OpenError> {
        let values = self.values();
        let mut result = Zeroizing::new(String::with_capacity(template.len()));
        let mut position = 0;
        while let Some((start, end)) = next_reference(template, position) {
            let digits = template.get(start + PREFIX.len()..end).unwrap_or_default();
            let document = values.get(digits).ok_or(OpenError::UnknownReference)?;
            let value = serde_json::from_str(document.expose_secret())
                .map_err(|_| OpenError::UnknownReference)?;
            let place = place_of(template, start, end);
            let (text, with_quotes) = render(&value, place);
            let quote = usize::from(with_quotes);
            result.push_str(template.get(position..start - quote).unwrap_or_default());
            result.push_str(&text);
            position = end + quote;
        }
        result.push_str(template.get(position..).unwrap_or_default());
        Ok(SecretString::from(result.as_str().to_owned()))
    }

    fn values(&self) -> MutexGuard<'_, HashMap<String, SecretString>> {
        lock(&self.values)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sealed = self.values().len();
        formatter
            .debug_struct("Vault")
            .field("sealed", &sealed)
            .finish_non_exhaustive()
    }
}

/// The position of a reference in a JSON document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is a whole string, with quotes around it, and not an object's key.
    WholeValue,
    /// It is a part of a string, or a key.
    Inside,
}

fn place_of(document: &str, start: usize, end: usize) -> Place {
    let bytes = document.as_bytes();
    let before = bytes.get(..start).unwrap_or_default();
    let after = bytes.get(end..).unwrap_or_default();
    let opens = matches!(before, [rest @ .., b'"'] if trailing_backslashes(rest).is_multiple_of(2));
    let closes = matches!(after, [b'"', rest @ ..] if !is_key(rest));
    if opens && closes {
        Place::WholeValue
    } else {
        Place::Inside
    }
}

fn trailing_backslashes(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rev()
        .take_while(|byte| **byte == b'\\')
        .count()
}

fn is_key(after_quote: &[u8]) -> bool {
    after_quote.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

/// The first reference at or after `from`, as the range of its bytes.
fn next_reference(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut position = from;
    loop {
        let rest = text.get(position..)?;
        // Most texts are too short, and starting a search costs more than checking that.
        if rest.len() < PREFIX.len() + TOKEN_DIGITS {
            return None;
        }
        let start = position + rest.find(PREFIX)?;
        let end = start + PREFIX.len() + TOKEN_DIGITS;
        let digits = text.as_bytes().get(start + PREFIX.len()..end);
        if digits.is_some_and(|digits| digits.iter().all(|digit| is_digit(*digit))) {
            return Some((start, end));
        }
        position = start + PREFIX.len();
    }
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn escaped(text: &str) -> Zeroizing<String> {
    let quoted = Zeroizing::new(Value::String(text.to_owned()).to_string());
    let inner = quoted
        .get(1..quoted.len().saturating_sub(1))
        .unwrap_or_default();
    Zeroizing::new(inner.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sealed(value: &Value) -> (Vault, String) {
        let vault = Vault::new();
        let reference = vault.seal(value).unwrap();
        (vault, reference)
    }

    #[test]
    fn opens_a_reference_in_a_text() {
        let (vault, reference) = sealed(&json!("s3cr\"et"));
        let opened = vault.open_text(&format!("Bearer {reference}!")).unwrap();
        assert_eq!(opened.expose_secret(), "Bearer s3cr\"et!");
    }

    #[test]
    fn keeps_the_type_of_a_whole_json_value() {
        let (vault, reference) = sealed(&json!({"a": [1, true]}));
        let opened = vault
            .open_json(&format!("{{\"x\": \"{reference}\"}}"))
            .unwrap();
        assert_eq!(opened.expose_secret(), r#"{"x": {"a":[1,true]}}"#);
    }

    #[test]
    fn escapes_inside_a_json_string_and_in_a_key() {
        let (vault, reference) = sealed(&json!("a\"b\n"));
        let document = format!("{{\"{reference}\" : \"say \\\"{reference}\\\" now\"}}");
        let opened = vault.open_json(&document).unwrap();
        let parsed: Value = serde_json::from_str(opened.expose_secret()).unwrap();
        assert_eq!(parsed, json!({"a\"b\n": "say \"a\"b\n\" now"}));
    }

    #[test]
    fn what_comes_of_opening_is_known_before_it_is_opened() {
        let values = [
            json!("x".repeat(1_000)),
            json!("\"\\\n\u{1}".repeat(100)),
            json!({"a\"": ["\\\"", 1, null]}),
        ];
        for value in values {
            let (vault, reference) = sealed(&value);
            for template in [
                reference.clone(),
                format!("\"{reference}\""),
                format!("{{\"{reference}\": \"is {reference}\"}}"),
                format!("\"{reference}\",").repeat(100),
            ] {
                let bound = vault.opened_bytes(&template);
                let text = vault.open_text(&template).unwrap();
                let json = vault.open_json(&template).unwrap();
                for opened in [text, json] {
                    let bytes = opened.expose_secret().len() as u64;
                    assert!(bytes <= bound, "{bytes} of {bound}");
                    // JSON has up to six bytes for one, and each may be escaped once more.
                    assert!(bound <= 12 * bytes + 200, "{bytes} of {bound}");
                }
            }
        }
    }

    #[test]
    fn refuses_a_forged_reference() {
        let (vault, _) = sealed(&json!("x"));
        let forged = format!("{PREFIX}{}", "0".repeat(TOKEN_DIGITS));
        assert_eq!(
            vault.open_text(&forged).unwrap_err(),
            OpenError::UnknownReference
        );
    }

    #[test]
    fn leaves_text_that_only_begins_like_a_reference() {
        let (vault, reference) = sealed(&json!("x"));
        let opened = vault
            .open_text(&format!("sealed.nothing {reference} sealed."))
            .unwrap();
        assert_eq!(opened.expose_secret(), "sealed.nothing x sealed.");
    }

    #[test]
    fn shows_no_value_in_debug() {
        let (vault, _) = sealed(&json!("hunter2-hunter2"));
        assert!(!format!("{vault:?}").contains("hunter2"));
    }
}
