use alloc::string::String;
use core::time::Duration;

use crate::{Details, Explanation};

/// Something that happened to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEvent {
    /// Time since the job was created, by the engine's clock.
    pub elapsed: Duration,
    /// The attempt that it belongs to, from 1; 0 for the job as a whole.
    pub attempt: u32,
    /// What happened.
    pub kind: JobEventKind,
}

/// What can happen to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEventKind {
    /// It cannot start yet.
    Waiting {
        /// A word for the cause, such as `Unschedulable`.
        reason: String,
        /// A sentence about it.
        message: String,
    },
    /// A program was started.
    AttemptStarted {
        /// The name of the pod, or its equivalent.
        pod: Option<String>,
    },
    /// A program ended.
    AttemptEnded(AttemptEnd),
    /// The next attempt follows after a delay.
    BackingOff {
        /// The delay.
        wait: Duration,
    },
    /// A warning for the user.
    Warning {
        /// A sentence about it.
        message: String,
    },
    /// The job has finished, and no event follows.
    Finished(JobEnd),
    /// An event that this version of the SDK does not know. Ignore it.
    Other {
        /// The kind's name.
        kind: String,
        /// Its details.
        details: Details,
    },
}

/// How an attempt ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttemptEnd {
    /// The exit code, if the program exited.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Why it failed; empty if it succeeded.
    pub explanation: Explanation,
    /// How long it ran.
    pub duration: Duration,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// The verdict.
    pub status: JobStatus,
    /// Attempts that succeeded: 0 or 1.
    pub succeeded: u32,
    /// Attempts that failed.
    pub failed: u32,
    /// Why the job as a whole failed; empty if it succeeded.
    pub explanation: Explanation,
}

/// The verdict on a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobStatus {
    /// An attempt succeeded.
    Succeeded,
    /// It failed permanently, or ended in a way that this version of the SDK does not know.
    Failed,
    /// It was ended at its deadline.
    TimedOut,
    /// It was cancelled.
    Cancelled,
}

impl JobEvent {
    /// Converts an event from its kind and details. A missing or invalid value gets the most conservative
    /// default, since a host of another version may report less or more.
    #[must_use]
    pub fn from_details(
        kind: String,
        attempt: u32,
        elapsed: Duration,
        mut details: Details,
    ) -> Self {
        let kind = match kind.as_str() {
            "waiting" => JobEventKind::Waiting {
                reason: details.take("reason").unwrap_or_default(),
                message: details.take("message").unwrap_or_default(),
            },
            "attempt-started" => JobEventKind::AttemptStarted {
                pod: details.take("pod"),
            },
            "attempt-ended" => JobEventKind::AttemptEnded(AttemptEnd {
                exit_code: details.parse("exit-code"),
                signal: details.parse("signal"),
                duration: milliseconds(&details, "duration-ms"),
                explanation: explanation(&mut details),
            }),
            "backing-off" => JobEventKind::BackingOff {
                wait: milliseconds(&details, "wait-ms"),
            },
            "warning" => JobEventKind::Warning {
                message: details.take("message").unwrap_or_default(),
            },
            "finished" => JobEventKind::Finished(JobEnd {
                status: match details.get("status") {
                    Some("succeeded") => JobStatus::Succeeded,
                    Some("timed-out") => JobStatus::TimedOut,
                    Some("cancelled") => JobStatus::Cancelled,
                    _ => JobStatus::Failed,
                },
                succeeded: details.parse("succeeded").unwrap_or_default(),
                failed: details.parse("failed").unwrap_or_default(),
                explanation: explanation(&mut details),
            }),
            _ => JobEventKind::Other { kind, details },
        };
        Self {
            elapsed,
            attempt,
            kind,
        }
    }
}

fn explanation(details: &mut Details) -> Explanation {
    Explanation {
        reason: details.take("reason"),
        message: details.take("message"),
        hint: details.take("hint"),
        field: details.take("field"),
    }
}

fn milliseconds(details: &Details, name: &str) -> Duration {
    Duration::from_millis(details.parse(name).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, details: &[(&str, &str)]) -> JobEventKind {
        let details = details.iter().copied().collect();
        JobEvent::from_details(kind.into(), 1, Duration::ZERO, details).kind
    }

    #[test]
    fn reads_how_an_attempt_ended() {
        let details = [
            ("exit-code", "3"),
            ("reason", "ScriptError"),
            ("duration-ms", "1500"),
        ];
        let expected = AttemptEnd {
            exit_code: Some(3),
            explanation: Explanation {
                reason: Some("ScriptError".into()),
                ..Explanation::default()
            },
            duration: Duration::from_millis(1500),
            ..AttemptEnd::default()
        };
        assert_eq!(
            event("attempt-ended", &details),
            JobEventKind::AttemptEnded(expected)
        );
    }

    #[test]
    fn keeps_a_kind_that_it_does_not_know() {
        let JobEventKind::Other { kind, details } = event("resized", &[("to", "2Gi")]) else {
            panic!("a kind of its own");
        };
        assert_eq!((kind.as_str(), details.get("to")), ("resized", Some("2Gi")));
    }

    #[test]
    fn takes_an_unknown_verdict_for_a_failure() {
        let JobEventKind::Finished(end) = event("finished", &[("status", "evaporated")]) else {
            panic!("an end");
        };
        assert_eq!(end.status, JobStatus::Failed);
    }
}
