use alloc::string::String;
use core::fmt;

use crate::Details;

/// Why a capability, or the tool itself, could not do what was requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// One word in `PascalCase`, from an open set; see [`code`].
    pub code: String,
    /// One sentence for a person that names the culprit, without secrets.
    pub message: String,
    /// Whether the same request may succeed later without a change.
    pub retryable: bool,
    /// Further details: `hint` (how to fix it), `field` (the path of the configuration value to
    /// change), `grant` (the grant that is missing), and whatever the host adds.
    pub details: Details,
}

/// A result whose error is [`Error`].
pub(crate) type Result<T, E = Error> = core::result::Result<T, E>;

impl Error {
    /// A permanent error.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            retryable: false,
            details: Details::default(),
        }
    }

    /// An invalid configuration value: `field` is its path, such as `job.image`.
    #[must_use]
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(code::INVALID_REQUEST, message).with_field(field)
    }

    /// Adds a hint on how to fix it.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        self.with_detail("hint", hint)
    }

    /// Adds the path of the configuration value to change.
    #[must_use]
    pub fn with_field(self, field: impl Into<String>) -> Self {
        self.with_detail("field", field)
    }

    /// Adds a detail of any name.
    #[must_use]
    pub fn with_detail(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.details.push(name, text);
        self
    }

    /// Marks the error as retryable: the same request may succeed later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// How to fix it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.details.get("hint")
    }

    /// The path of the configuration value to change.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.details.get("field")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl core::error::Error for Error {}

/// Codes that the host uses, as far as a tool has a reason to distinguish them or to use them itself.
pub mod code {
    /// Every attempt that `backoffLimit` permits has failed. The reasons of the attempts are more specific.
    pub const BACKOFF_LIMIT_EXCEEDED: &str = "BackoffLimitExceeded";
    /// The caller, or the tool, cancelled it.
    pub const CANCELLED: &str = "Cancelled";
    /// The object's bytes do not match the pinned digest.
    pub const CHECKSUM_MISMATCH: &str = "ChecksumMismatch";
    /// Something else with that name exists.
    pub const CONFLICT: &str = "Conflict";
    /// The job exceeded its deadline.
    pub const DEADLINE_EXCEEDED: &str = "DeadlineExceeded";
    /// The tool was not granted this.
    pub const DENIED: &str = "Denied";
    /// The engine does not respond.
    pub const ENGINE_UNAVAILABLE: &str = "EngineUnavailable";
    /// Reading the object, or its location, is not permitted.
    pub const FETCH_DENIED: &str = "FetchDenied";
    /// The object could not be read for another reason.
    pub const FETCH_FAILED: &str = "FetchFailed";
    /// The object does not exist.
    pub const FETCH_NOT_FOUND: &str = "FetchNotFound";
    /// The tool or the host failed in a way that is not the caller's fault.
    pub const INTERNAL: &str = "Internal";
    /// The program that runs the script is unknown or not installed.
    pub const INTERPRETER_MISSING: &str = "InterpreterMissing";
    /// The request is invalid.
    pub const INVALID_REQUEST: &str = "InvalidRequest";
    /// A quota of the engine is exhausted.
    pub const QUOTA: &str = "Quota";
    /// The program exited with a code other than 0.
    pub const SCRIPT_ERROR: &str = "ScriptError";
    /// It took longer than its time limit.
    pub const TIMEOUT: &str = "Timeout";
    /// Something exceeds its limit.
    pub const TOO_LARGE: &str = "TooLarge";
    /// The host, or its engine, does not support this option or operation.
    pub const UNSUPPORTED: &str = "Unsupported";
}
