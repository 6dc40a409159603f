//! What the world of a case is made of, as it is written in the file.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use toolhost::capability::memory::{AttemptScript, Exit, JobScript, Step};
use toolhost::capability::{CapabilityError, Reason};

/// What templates of the configuration refer to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ContextScript {
    pub(super) execution_id: Option<String>,
    pub(super) step: Option<String>,
    pub(super) workload: Option<serde_json::Map<String, Value>>,
    pub(super) results: BTreeMap<String, Value>,
}

/// An object that the tool may fetch.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum ObjectScript {
    /// Its content.
    Text(String),
    /// Why it cannot be fetched.
    Fails(FailureScript),
}

/// An error of a capability.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FailureScript {
    reason: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    retryable: bool,
}

/// A job that the tool creates.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct JobPlay {
    /// Its attempts in turn; the last one is repeated.
    #[serde(default)]
    attempts: Vec<AttemptPlay>,
    /// Why it is not created.
    #[serde(default)]
    fails: Option<FailureScript>,
    /// Why it does not start until its deadline.
    #[serde(default)]
    cannot_start: Option<FailureScript>,
}

/// An attempt of a job. Without an end it succeeds.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AttemptPlay {
    #[serde(default)]
    prints: String,
    #[serde(default)]
    warns: Vec<String>,
    #[serde(default)]
    takes_ms: u64,
    #[serde(default)]
    exit: Option<i32>,
    #[serde(default)]
    signal: Option<i32>,
    #[serde(default)]
    out_of_memory: bool,
}

impl ObjectScript {
    /// What a source returns.
    pub(super) fn played(&self) -> Result<Result<Bytes, CapabilityError>, String> {
        Ok(match self {
            Self::Text(text) => Ok(Bytes::from(text.clone())),
            Self::Fails(failure) => Err(failure.error()?),
        })
    }
}

impl FailureScript {
    fn error(&self) -> Result<CapabilityError, String> {
        let error = CapabilityError::new(self.reason()?, self.message());
        Ok(if self.retryable {
            error.retryable()
        } else {
            error
        })
    }

    fn reason(&self) -> Result<Reason, String> {
        let unknown = |_| format!("unknown reason `{}`: see docs/reasons.md", self.reason);
        self.reason.parse().map_err(unknown)
    }

    fn message(&self) -> &str {
        self.message.as_deref().unwrap_or("as the case says")
    }
}

impl JobPlay {
    /// The script of the memory engine.
    pub(super) fn script(&self) -> Result<JobScript, String> {
        if let Some(failure) = &self.fails {
            return Ok(JobScript::refuse(failure.error()?));
        }
        let attempts: Result<Vec<_>, _> = self.attempts.iter().map(AttemptPlay::script).collect();
        let script = JobScript::new(attempts?);
        Ok(match &self.cannot_start {
            Some(wait) => script.cannot_start(wait.reason()?, wait.message()),
            None => script,
        })
    }
}

impl AttemptPlay {
    fn script(&self) -> Result<AttemptScript, String> {
        let mut steps: Vec<_> = self.warns.iter().cloned().map(Step::Warning).collect();
        if !self.prints.is_empty() {
            steps.push(Step::Write(Bytes::from(self.prints.clone())));
        }
        if self.takes_ms > 0 {
            steps.push(Step::Wait(Duration::from_millis(self.takes_ms)));
        }
        let exit = match (self.exit, self.signal, self.out_of_memory) {
            (code, None, false) => Exit::Code(code.unwrap_or(0)),
            (None, Some(signal), false) => Exit::Signal(signal),
            (None, None, true) => Exit::OutOfMemory,
            _ => {
                return Err(
                    "an attempt ends by one of `exit`, `signal` and `out-of-memory`".to_owned(),
                );
            }
        };
        Ok(AttemptScript::new(steps, exit))
    }
}
