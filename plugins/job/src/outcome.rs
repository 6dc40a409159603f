//! The outcome of the tool.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use noetl_tool_sdk::{Details, Explanation, JobStatus, Object, Status, code};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::explanation::{self, Settings};
use crate::output::Output;
use crate::watch::{Attempt, MAX_ATTEMPTS, Record};

/// The result of a job. Every key is always present; values that do not apply are null.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// `completed`, `failed`, `cancelled`, or `timeout` if the job's deadline passed.
    pub status: Status,
    /// The step.
    pub step: Option<String>,
    /// The job.
    pub job_name: String,
    /// Its namespace, if the engine has them.
    pub namespace: Option<String>,
    /// Whether the job was already running, and not created by this call.
    pub adopted: bool,
    /// The pod of the last attempt, or its equivalent.
    pub pod_name: Option<String>,
    /// Seconds from the start of the first attempt to the end; 0 if nothing was started.
    pub execution_time: f64,
    /// The output of the last attempt.
    pub output: String,
    /// Attempts that succeeded: 0 or 1.
    pub succeeded: u32,
    /// Attempts that failed.
    pub failed: u32,
    /// The exit code of the last attempt.
    pub exit_code: Option<i32>,
    /// Why it failed; each part has its key in the outcome.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// Every attempt in order; of many the last ones.
    pub attempts: Vec<AttemptOutcome>,
    /// The script that ran, if the tool has scripts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<ScriptOutcome>,
    /// The return value, if the programs of the tool have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// One attempt.
#[derive(Debug, Serialize)]
pub struct AttemptOutcome {
    /// Its number, from 1.
    pub attempt: u32,
    /// Its pod, or its equivalent.
    pub pod_name: Option<String>,
    /// How it exited, if it did.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Why it failed; each part has its key in the outcome.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// Seconds that it ran; null if its end was not observed.
    pub duration: Option<f64>,
    /// Its output.
    pub output: String,
    /// The total size of the output in bytes.
    pub output_bytes: u64,
    /// The number of bytes omitted from `output`.
    pub omitted_bytes: u64,
    /// The location of the whole log, if something was omitted.
    pub log: Option<String>,
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

/// The job as the host knows it.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Its name.
    pub name: String,
    /// The step that it belongs to.
    pub step: Option<String>,
    /// Further metadata.
    pub metadata: Details,
    /// The script that it ran.
    pub script: Option<ScriptOutcome>,
}

impl Outcome {
    /// The outcome of a finished job. `outputs` belong to the attempts of the record, in order.
    pub(crate) fn new(
        identity: Identity,
        record: Record,
        outputs: Vec<Output>,
        settings: &Settings,
    ) -> Self {
        let explanation = explanation::of_job(&record, outputs.last(), settings);
        let status = match record.status() {
            JobStatus::Failed if explanation.is(code::DEADLINE_EXCEEDED) => Status::Timeout,
            status => status.into(),
        };
        let attempts: Vec<_> = record
            .attempts
            .into_iter()
            .zip(outputs)
            .map(|(attempt, output)| AttemptOutcome::new(attempt, output, settings))
            .collect();
        let mut warnings = record.warnings;
        if record.has_earlier_attempts {
            warnings.push(format!("only the last {MAX_ATTEMPTS} attempts are listed"));
        }
        let last = attempts.last();
        Self {
            status,
            step: identity.step,
            job_name: identity.name,
            namespace: identity.metadata.get("namespace").map(ToString::to_string),
            adopted: identity.metadata.get("adopted") == Some("true"),
            pod_name: last.and_then(|attempt| attempt.pod_name.clone()),
            execution_time: seconds(record.execution_time),
            output: last
                .map(|attempt| attempt.output.clone())
                .unwrap_or_default(),
            succeeded: record.end.as_ref().map_or(0, |end| end.succeeded),
            failed: record.end.as_ref().map_or(0, |end| end.failed),
            exit_code: last.and_then(|attempt| attempt.exit_code),
            explanation,
            attempts,
            script: identity.script,
            result: None,
            warnings,
        }
    }
}

impl ScriptOutcome {
    pub(crate) fn new(script: &impl Object) -> Self {
        let metadata = script.metadata();
        let text = |name| metadata.get(name).map(ToString::to_string);
        Self {
            uri: text("uri"),
            bytes: script.size_bytes(),
            sha256: text("sha256").unwrap_or_default(),
            etag: text("etag"),
            version: text("version"),
        }
    }
}

impl AttemptOutcome {
    fn new(attempt: Attempt, output: Output, settings: &Settings) -> Self {
        let end = attempt.end.as_ref();
        let explanation = end
            .map(|end| explanation::of_attempt(end, &output, settings))
            .unwrap_or_default();
        Self {
            attempt: attempt.number,
            pod_name: attempt.pod,
            exit_code: end.and_then(|end| end.exit_code),
            signal: end.and_then(|end| end.signal),
            explanation,
            duration: end.map(|end| seconds(end.duration)),
            output: output.text,
            output_bytes: output.total_bytes,
            omitted_bytes: output.omitted_bytes,
            log: output.location,
        }
    }
}

/// Seconds with three decimals. 32 bits hold seven weeks of milliseconds; a longer time is cut to that.
fn seconds(duration: Duration) -> f64 {
    let milliseconds = u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
    f64::from(milliseconds) / 1000.0
}
