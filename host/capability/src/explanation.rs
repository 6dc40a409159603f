use super::{FieldPath, Hint, Reason};

/// Why something failed or waits, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The kind of failure.
    pub reason: Reason,
    /// One sentence that names the culprit, without secrets.
    pub message: String,
    /// How to fix it.
    pub hint: Option<Hint>,
    /// The value of the request to change; a host replaces it with the key of the tool that made the request.
    pub field: Option<FieldPath>,
}

impl Explanation {
    /// An explanation without a hint and a field.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            hint: None,
            field: None,
        }
    }

    /// Adds how to fix it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the path of the value to change.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<FieldPath>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The hint as text, for people and other programs.
    #[must_use]
    pub fn hint_text(&self) -> Option<String> {
        self.hint.as_ref().map(ToString::to_string)
    }

    /// The field as text, for people and other programs.
    #[must_use]
    pub fn field_text(&self) -> Option<String> {
        self.field.as_ref().map(ToString::to_string)
    }
}
