//! Refusals, as the API server words them.

use serde_json::{Map, Value, json};

/// A request that the API server refuses: what becomes a `Status` object.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// The machine-readable reason, such as `NotFound`.
    pub reason: String,
    /// The message for people.
    pub message: String,
    /// `details`, such as the kind, the name and the causes.
    pub details: Box<Map<String, Value>>,
}

impl Refusal {
    /// A refusal without details.
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            message: message.into(),
            details: Box::default(),
        }
    }

    /// The usual refusal of this code, with the reason that Kubernetes has for it.
    #[must_use]
    pub fn of_code(code: u16, message: &str) -> Self {
        let reason = match code {
            400 => "BadRequest",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            405 => "MethodNotAllowed",
            409 => "Conflict",
            410 => "Expired",
            413 => "RequestEntityTooLarge",
            422 => "Invalid",
            429 => "TooManyRequests",
            500 => "InternalError",
            503 => "ServiceUnavailable",
            504 => "Timeout",
            _ => "Unknown",
        };
        Self::new(code, reason, message)
    }

    /// With one more entry of `details`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        // Kubernetes leaves out what is empty, such as the name of the core group.
        if value != "" {
            self.details.insert(name.to_owned(), value);
        }
        self
    }

    /// With `details.retryAfterSeconds`, which also becomes the header `Retry-After`.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with("retryAfterSeconds", seconds)
    }

    /// The seconds of `Retry-After`.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.details.get("retryAfterSeconds")?.as_u64()
    }

    /// The `Status` object.
    #[must_use]
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        });
        if self.details.is_empty()
            && let Some(fields) = status.as_object_mut()
        {
            fields.remove("details");
        }
        status
    }

    pub(crate) fn not_found(resource: &str, group: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", qualified(resource, group));
        Self::new(404, "NotFound", message)
            .with("name", name)
            .with("group", group)
            .with("kind", resource)
    }

    pub(crate) fn already_exists(resource: &str, group: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", qualified(resource, group));
        Self::new(409, "AlreadyExists", message)
            .with("name", name)
            .with("group", group)
            .with("kind", resource)
    }

    pub(crate) fn conflict(resource: &str, group: &str, name: &str, why: &str) -> Self {
        let resource_name = qualified(resource, group);
        let message = format!("Operation cannot be fulfilled on {resource_name} \"{name}\": {why}");
        Self::new(409, "Conflict", message)
            .with("name", name)
            .with("group", group)
            .with("kind", resource)
    }

    /// `causes` are field, reason and message.
    pub(crate) fn invalid(kind: &str, group: &str, name: &str, causes: &[Cause]) -> Self {
        let qualified_kind = qualified(kind, group);
        let words: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let words = match words.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let listed: Vec<Value> = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        let message = format!("{qualified_kind} \"{name}\" is invalid: {words}");
        Self::new(422, "Invalid", message)
            .with("name", name)
            .with("group", group)
            .with("kind", kind)
            .with("causes", listed)
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn expired(asked: u64, oldest: u64) -> Self {
        let message = format!("too old resource version: {asked} ({oldest})");
        Self::new(410, "Expired", message)
    }
}

/// One fault of an object.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) field: String,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Cause {
    pub(crate) fn new(field: &str, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            reason,
            message: message.into(),
        }
    }
}

/// `jobs.batch`, or `pods`: the core group has no name.
pub(crate) fn qualified(resource: &str, group: &str) -> String {
    if group.is_empty() {
        resource.to_owned()
    } else {
        format!("{resource}.{group}")
    }
}
