//! The outcome of a call.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use crate::abi::ToolError;
use crate::capability::{Reason, UnknownReason};
use crate::digest::Digest;

/// The result of a call that was made: the tool's own document, and what the host knows about it.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub(crate) status: OutcomeStatus,
    pub(crate) document: Map<String, Value>,
    pub(crate) tool: String,
    pub(crate) digest: Digest,
    pub(crate) cpu_time: Duration,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutcomeStatus {
    /// The work was done.
    Completed,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It exceeded its time limit.
    Timeout,
}

impl Outcome {
    /// How it ended.
    #[must_use]
    pub fn status(&self) -> OutcomeStatus {
        self.status
    }

    /// Whether the work was done.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.status == OutcomeStatus::Completed
    }

    /// Why it failed, as one of the codes of `docs/reasons.md` or a code of a third-party tool. `None` if it
    /// completed.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.text("reason")
    }

    /// What went wrong, in a sentence. `None` if it completed.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.text("message")
    }

    /// How to fix it, if known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.text("hint")
    }

    /// The path of the configuration value to change, such as `job.resources.limits.memory`, if known.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.text("field")
    }

    /// The exit code of the job's last attempt. `None` if there was none: no job ran, or a signal ended it.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        let code = self.document.get("exit_code")?.as_i64()?;
        i32::try_from(code).ok()
    }

    /// The output of the job's last attempt, or its beginning and end if it is long.
    #[must_use]
    pub fn output(&self) -> Option<&str> {
        self.text("output")
    }

    /// The result that the tool returns for later steps. `None` if it has no key `result`, or if that is null.
    #[must_use]
    pub fn result(&self) -> Option<&Value> {
        self.document
            .get("result")
            .filter(|result| !result.is_null())
    }

    /// The name of the job, if there was one.
    #[must_use]
    pub fn job_name(&self) -> Option<&str> {
        self.text("job_name")
    }

    /// The tool's document, without secrets. It has the key `status`, and on failure `reason`, `message` and
    /// optionally `hint`.
    #[must_use]
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// Returns the document alone.
    #[must_use]
    pub fn into_document(self) -> Map<String, Value> {
        self.document
    }

    /// The tool that was called, as `script@0.1.0`.
    #[must_use]
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// The digest of its component.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The computation time of the tool itself, to a tick of 10 ms.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        self.cpu_time
    }

    /// A text of the document by its key; `None` if there is no such key or its value is not a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.document.get(name).and_then(Value::as_str)
    }
}

impl OutcomeStatus {
    const ALL: [Self; 4] = [
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Timeout,
    ];

    /// The status of that name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// The status of what failed for this reason. The time limit of a request ([`Reason::Timeout`]) is not that of the
    /// call.
    fn of_reason(reason: Reason) -> Self {
        match reason {
            Reason::Cancelled => Self::Cancelled,
            Reason::DeadlineExceeded => Self::Timeout,
            _ => Self::Failed,
        }
    }

    /// The status as written in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
        }
    }
}

impl fmt::Display for OutcomeStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The approximate number of keys in the outcome of the script tool.
const USUAL_MEMBERS: usize = 24;

/// A status and a document, before the host adds its own facts.
pub(crate) type Ending = (OutcomeStatus, Map<String, Value>);

/// Parses the result of a tool.
pub(crate) fn parse(text: &str) -> Result<Ending, String> {
    let Document(document) = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let status = document.get("status").and_then(Value::as_str);
    match status.and_then(OutcomeStatus::parse) {
        Some(status) => Ok((status, document)),
        None => Err(
            "its `status` is not one of `completed`, `failed`, `cancelled`, `timeout`".to_owned(),
        ),
    }
}

/// A JSON object, parsed into a map that need not grow: each growth moves all entries.
struct Document(Map<String, Value>);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DocumentVisitor).map(Self)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Map<String, Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut document = Map::with_capacity(USUAL_MEMBERS);
        while let Some((name, value)) = members.next_entry()? {
            document.insert(name, value);
        }
        Ok(document)
    }
}

/// The ending of a call whose tool returned no outcome.
pub(crate) fn failure(reason: Reason, message: impl Into<String>) -> Ending {
    let status = match reason {
        Reason::Timeout => OutcomeStatus::Timeout,
        reason => OutcomeStatus::of_reason(reason),
    };
    let document = json!({
        "status": status.as_str(),
        "reason": reason.as_str(),
        "message": message.into(),
    });
    (status, into_map(document))
}

/// The ending of a call whose tool returned an error.
pub(crate) fn refusal(error: ToolError) -> Ending {
    let status = match error.code.parse() {
        Ok(reason) => OutcomeStatus::of_reason(reason),
        // A reason of the tool's own.
        Err(UnknownReason(_)) => OutcomeStatus::Failed,
    };
    let mut document = into_map(json!({
        "status": status.as_str(),
        "reason": error.code,
        "message": error.message,
        "retryable": error.retryable,
    }));
    for (name, value) in error.details {
        // Details must not overwrite the document's own keys.
        document.entry(name).or_insert(Value::String(value));
    }
    (status, document)
}

fn into_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_with_a_known_status_is_an_outcome() {
        assert!(parse(r#"{"status": "completed", "x": 1}"#).is_ok());
        for text in ["", "[]", "{}", r#"{"status": "done"}"#, r#"{"status": 1}"#] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn details_of_an_error_cannot_change_its_verdict() {
        let (status, document) = refusal(ToolError {
            code: "FetchNotFound".to_owned(),
            message: "not there".to_owned(),
            retryable: false,
            details: vec![
                ("status".to_owned(), "completed".to_owned()),
                ("hint".to_owned(), "look".to_owned()),
            ],
        });
        assert_eq!(status, OutcomeStatus::Failed);
        assert_eq!(document.get("status"), Some(&json!("failed")));
        assert_eq!(document.get("hint"), Some(&json!("look")));
    }
}
