use std::fmt;

use secrecy::SecretString;
use serde_json::Value;
use zeroize::Zeroize;

/// A secret of any type. Its texts are overwritten when it is dropped, and its `Debug` form shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Value);

impl SecretValue {
    /// Treats a value as a secret.
    #[must_use]
    pub fn new(value: Value) -> Self {
        Self(value)
    }

    /// Returns the value itself, for the few places that need it.
    #[must_use]
    pub fn expose(&self) -> &Value {
        &self.0
    }

    /// Returns the value as a text: a text itself, anything else as JSON.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        match &self.0 {
            Value::String(text) => SecretString::from(text.clone()),
            other => SecretString::from(other.to_string()),
        }
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretValue([REDACTED])")
    }
}

impl Drop for SecretValue {
    fn drop(&mut self) {
        overwrite(&mut self.0);
    }
}

fn overwrite(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(overwrite),
        Value::Object(members) => members.values_mut().for_each(overwrite),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
