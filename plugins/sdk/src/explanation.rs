use alloc::string::String;

use serde::Serialize;

/// Why something failed, and what to do about it; empty if it did not fail.
///
/// Serialized, each part has its key; a part that is not known is null.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The reason, one word in `PascalCase` from an open set; see [`code`](crate::code).
    pub reason: Option<String>,
    /// One sentence that names the culprit, without secrets.
    pub message: Option<String>,
    /// How to fix it.
    pub hint: Option<String>,
    /// The path of the configuration value to change.
    pub field: Option<String>,
}

impl Explanation {
    /// An explanation without a hint and a field.
    #[must_use]
    pub fn new(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            reason: Some(reason.into()),
            message: Some(message.into()),
            ..Self::default()
        }
    }

    /// Adds how to fix it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the path of the configuration value to change.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Whether the reason is this code.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.reason.as_deref() == Some(code)
    }
}
