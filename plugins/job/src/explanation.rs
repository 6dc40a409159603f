//! The reason why a job or an attempt failed, chosen from the reports of the engine and completed with this
//! tool's hints.

use alloc::string::{String, ToString};

use noetl_tool_sdk::{AttemptEnd, JobStatus};

use crate::config::JobConfig;
use crate::hint::{Failure, hint};
use crate::options::DEFAULT_IMAGE;
use crate::output::Output;
use crate::watch::Record;

/// The reason of a job that exceeded its deadline.
const DEADLINE_EXCEEDED: &str = "DeadlineExceeded";
/// The reason of a job whose attempts all failed. Their own reasons are more specific.
const BACKOFF_LIMIT_EXCEEDED: &str = "BackoffLimitExceeded";

/// Why something failed; empty if it did not.
#[derive(Debug, Default)]
pub(crate) struct Explanation {
    /// A code.
    pub reason: Option<String>,
    /// A sentence.
    pub message: Option<String>,
    /// How to fix it.
    pub hint: Option<String>,
    /// The path of the configuration value to change.
    pub field: Option<String>,
}

/// The parts of the configuration that hints use.
#[derive(Debug)]
pub(crate) struct Settings {
    image: String,
}

impl Settings {
    /// Copies the relevant parts of the job's configuration.
    pub(crate) fn new(job: &JobConfig) -> Self {
        Self {
            image: job.image.as_deref().unwrap_or(DEFAULT_IMAGE).to_string(),
        }
    }
}

impl Explanation {
    /// Why the job failed: the reason of its last attempt, if the job only reports that every attempt failed.
    /// `output` is that of the last attempt.
    pub(crate) fn of_job(record: &Record, output: Option<&Output>, settings: &Settings) -> Self {
        if record.status() == JobStatus::Succeeded {
            return Self::default();
        }
        let last = record
            .attempts
            .last()
            .and_then(|attempt| attempt.end.as_ref());
        let said = record.end.as_ref().map(|end| Self {
            reason: end.reason.clone(),
            message: end.message.clone(),
            hint: end.hint.clone(),
            field: end.field.clone(),
        });
        let said = said.unwrap_or_default();
        let says_little = matches!(said.reason.as_deref(), None | Some(BACKOFF_LIMIT_EXCEEDED));
        let explanation = match last {
            Some(end) if says_little && end.reason.is_some() => Self::said(end),
            _ => said,
        };
        explanation.completed(output, settings)
    }

    /// Why the attempt failed.
    pub(crate) fn of_attempt(end: &AttemptEnd, output: &Output, settings: &Settings) -> Self {
        Self::said(end).completed(Some(output), settings)
    }

    /// Whether a deadline passed.
    pub(crate) fn is_deadline(&self) -> bool {
        self.reason.as_deref() == Some(DEADLINE_EXCEEDED)
    }

    fn said(end: &AttemptEnd) -> Self {
        Self {
            reason: end.reason.clone(),
            message: end.message.clone(),
            hint: end.hint.clone(),
            field: end.field.clone(),
        }
    }

    /// Adds this tool's hint if the engine gave none.
    fn completed(mut self, output: Option<&Output>, settings: &Settings) -> Self {
        let (Some(reason), None) = (&self.reason, &self.hint) else {
            return self;
        };
        let failure = Failure {
            reason,
            output: output.map_or("", |output| &output.text),
            image: &settings.image,
        };
        if let Some((hint, field)) = hint(&failure) {
            self.hint = Some(hint);
            self.field = self.field.or_else(|| Some(field.to_string()));
        }
        self
    }
}
