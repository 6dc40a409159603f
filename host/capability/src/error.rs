use super::Reason;

/// Why a capability could not do what was asked: what a tool sees of it, and what a caller reads.
///
/// A backend's own error types stay in the backend and are converted into this one at its edge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CapabilityError {
    /// What kind of failure it is.
    pub reason: Reason,
    /// One sentence that names the culprit, without secrets.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
    /// The path of the configuration value to change, such as `job.resources.limits.memory`.
    pub field: Option<String>,
    /// Whether the same request may succeed later without a change.
    pub retryable: bool,
}

impl CapabilityError {
    /// An error that will not go away by itself.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            hint: None,
            field: None,
            retryable: false,
        }
    }

    /// Adds how to mend it.
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

    /// Says that the same request may succeed later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}
