use serde_json::Value;
use tokio::time::Instant;

use super::Controller;
use super::census::Census;
use super::conditions::{self, Cause};
use super::sync::Memory;
use crate::json::{number, object, text};
use crate::store::{Deletion, Key, Propagation};
use crate::time;

/// How a Job ends.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) is_failure: bool,
    pub(super) cause: Cause,
}

impl Ending {
    fn failure(reason: &str, message: &str) -> Self {
        Self {
            is_failure: true,
            cause: Cause::new(reason, message),
        }
    }

    /// The condition that says how the Job will end.
    pub(super) fn soon(&self) -> &'static str {
        if self.is_failure {
            "FailureTarget"
        } else {
            "SuccessCriteriaMet"
        }
    }

    /// Writes that it ended, when no pod is left.
    pub(super) fn finish(&self, job: &mut Value) {
        let condition = if self.is_failure {
            "Failed"
        } else {
            "Complete"
        };
        conditions::set(job, condition, true, &self.cause);
        if !self.is_failure {
            object(job, "status").insert("completionTime".to_owned(), time::now().into());
        }
    }
}

impl Controller {
    /// How the Job has to end by now, if it has to.
    pub(super) fn ending(&self, job: &Value, census: &Census, memory: &Memory) -> Option<Ending> {
        if let Some(condition) = conditions::find(job, "FailureTarget") {
            let (reason, message) = (text(condition, "/reason"), text(condition, "/message"));
            return Some(Ending::failure(reason, message));
        }
        if let Some(message) = &memory.fail_job {
            return Some(Ending::failure("PodFailurePolicy", message));
        }
        if census.total_failed(job) > number(job, "/spec/backoffLimit").unwrap_or(6) {
            let message = "Job has reached the specified backoff limit";
            return Some(Ending::failure("BackoffLimitExceeded", message));
        }
        if census.total_succeeded(job) >= number(job, "/spec/completions").unwrap_or(1) {
            let message = "Reached expected number of succeeded pods";
            return Some(Ending {
                is_failure: false,
                cause: Cause::new("CompletionsReached", message),
            });
        }
        let deadline = self.deadline(job, memory)?;
        (deadline <= Instant::now()).then(|| {
            let message = "Job was active longer than specified deadline";
            Ending::failure("DeadlineExceeded", message)
        })
    }

    /// When the time of a Job is over. Kubernetes counts from whole seconds, and may be up to one early.
    pub(super) fn deadline(&self, job: &Value, memory: &Memory) -> Option<Instant> {
        let seconds = number(job, "/spec/activeDeadlineSeconds")?;
        let seconds = u32::try_from(seconds).ok()?;
        Some(memory.started + self.settings.deadline_second * seconds)
    }

    pub(super) fn tell_end(&self, job: &Value, ending: &Ending) {
        if ending.is_failure {
            self.tell(job, true, &ending.cause.reason, &ending.cause.message);
        } else {
            self.tell(job, false, "Completed", "Job completed");
        }
    }

    /// Deletes a Job that ended long enough ago, in the foreground.
    pub(super) fn expire(&self, key: &Key, job: &Value, memory: &Memory) -> Option<Instant> {
        let seconds = u32::try_from(number(job, "/spec/ttlSecondsAfterFinished")?).ok()?;
        let end = memory.finished? + self.settings.ttl_second * seconds;
        if end > Instant::now() {
            return Some(end);
        }
        let deletion = Deletion {
            propagation: Some(Propagation::Foreground),
            uid: Some(text(job, "/metadata/uid").to_owned()),
            ..Deletion::default()
        };
        // It may be gone by now.
        let _ = self.store.delete(key, &deletion);
        None
    }
}
