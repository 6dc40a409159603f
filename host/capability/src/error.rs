use super::{Explanation, FieldPath, Hint, Reason};

/// Why a capability failed, as a tool and its caller see it.
///
/// A backend's own error types stay in the backend and are converted into this one at its edge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", explanation.message)]
pub struct CapabilityError {
    /// What is wrong, and how to fix it.
    pub explanation: Explanation,
    /// Whether the same request may succeed later without a change.
    pub retryable: bool,
}

impl CapabilityError {
    /// An error that does not go away by itself.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self::from(Explanation::new(reason, message))
    }

    /// The kind of failure.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.explanation.reason
    }

    /// Replaces the explanation.
    #[must_use]
    pub fn map(mut self, map: impl FnOnce(Explanation) -> Explanation) -> Self {
        self.explanation = map(self.explanation);
        self
    }

    /// Replaces the message, which may contain the previous one.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.explanation.message = message.into();
        self
    }

    /// Adds how to fix it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Hint>) -> Self {
        self.explanation = self.explanation.with_hint(hint);
        self
    }

    /// Adds the path of the value of the request to change.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<FieldPath>) -> Self {
        self.explanation = self.explanation.with_field(field);
        self
    }

    /// Marks the error as one after which the same request may succeed later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

/// An error that does not go away by itself.
impl From<Explanation> for CapabilityError {
    fn from(explanation: Explanation) -> Self {
        Self {
            explanation,
            retryable: false,
        }
    }
}
