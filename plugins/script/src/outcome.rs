//! What the tool returns.

use alloc::string::String;

use noetl_job_tool::Outcome as JobOutcome;
use serde::Serialize;

/// The result of a script. Every member is always there; what does not apply is null.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// How its job ended.
    #[serde(flatten)]
    pub job: JobOutcome,
    /// The script that ran.
    pub script: ScriptOutcome,
}

/// The script that ran.
#[derive(Debug, Clone, Serialize)]
pub struct ScriptOutcome {
    /// Where it came from.
    pub uri: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, as hexadecimal digits.
    pub sha256: String,
    /// The entity tag that the server gave.
    pub etag: Option<String>,
    /// The version or generation that the server gave.
    pub version: Option<String>,
}
