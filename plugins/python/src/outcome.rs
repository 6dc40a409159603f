//! What the tool returns.

use alloc::boxed::Box;

use noetl_job_tool::Outcome as JobOutcome;
use serde::Serialize;
use serde_json::value::RawValue;

/// The result of a step. Every member is always there; what does not apply is null.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// How its job ended.
    #[serde(flatten)]
    pub job: JobOutcome,
    /// What `main` returned.
    pub result: Option<Box<RawValue>>,
}
