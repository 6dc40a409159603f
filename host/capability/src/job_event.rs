use std::time::Duration;

use super::{Explanation, Reason};

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

impl JobEvent {
    /// Whether no event follows this one.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self.kind, JobEventKind::Finished(_))
    }
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
        /// The pod's name, or its equivalent on an engine without pods.
        pod: String,
    },
    /// A program ended.
    AttemptEnded(AttemptEnd),
    /// The next attempt follows after a delay.
    BackingOff {
        /// The delay.
        wait: Duration,
    },
    /// Something that the user should know, and that is not a failure.
    Warning {
        /// A sentence about it.
        message: String,
    },
    /// The job is over.
    Finished(JobEnd),
}

impl JobEventKind {
    /// Its sentence, which may contain output of a program: it must be redacted before it is passed on.
    pub fn message_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Waiting { message, .. } | Self::Warning { message } => Some(message),
            Self::AttemptStarted { .. }
            | Self::AttemptEnded(_)
            | Self::BackingOff { .. }
            | Self::Finished(_) => None,
        }
    }

    /// Its explanation, of which the same holds.
    pub fn explanation_mut(&mut self) -> Option<&mut Explanation> {
        match self {
            Self::AttemptEnded(end) => end.explanation.as_mut(),
            Self::Finished(end) => end.explanation.as_mut(),
            Self::Waiting { .. }
            | Self::AttemptStarted { .. }
            | Self::BackingOff { .. }
            | Self::Warning { .. } => None,
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttemptEnd {
    /// The exit code, if the program exited.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Why it failed; `None` if it succeeded. The message is a predicate: "exited with code 3".
    pub explanation: Option<Explanation>,
    /// How long it ran.
    pub duration: Duration,
}

impl AttemptEnd {
    /// The kind of failure; `None` if it succeeded.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.explanation.as_ref().map(|why| why.reason)
    }

    /// Replaces the reason, such as by one that became known later.
    #[must_use]
    pub fn because(mut self, explanation: Explanation) -> Self {
        self.explanation = Some(explanation);
        self
    }
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
    /// Why the job as a whole failed; `None` if it succeeded. For a job that was ended before any of it could start, what it
    /// waited for.
    pub explanation: Option<Explanation>,
}

impl JobEnd {
    /// The kind of failure; `None` if it succeeded.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.explanation.as_ref().map(|why| why.reason)
    }
}

/// The verdict on a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// An attempt succeeded.
    Succeeded,
    /// It failed for good.
    Failed,
    /// It was ended at its deadline.
    TimedOut,
    /// It was cancelled.
    Cancelled,
}
