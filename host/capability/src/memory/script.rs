use std::time::Duration;

use bytes::Bytes;

use crate::{CapabilityError, Explanation, Reason};

/// The behavior of a job: its attempts, one after the other.
#[derive(Debug, Clone)]
pub struct JobScript {
    pub(super) attempts: Vec<AttemptScript>,
    pub(super) hold_in_backoff: bool,
    pub(super) refusal: Option<CapabilityError>,
    pub(super) wait: Option<Explanation>,
}

/// The behavior of one attempt.
#[derive(Debug, Clone)]
pub struct AttemptScript {
    pub(super) steps: Vec<Step>,
    pub(super) exit: Exit,
}

/// A step of an attempt.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Step {
    /// Writes bytes.
    Write(Bytes),
    /// Writes the value of an environment variable; nothing where it is not set.
    WriteVariable(String),
    /// Writes a part of the command as the program gets it; 0 is the program. Nothing where there is none.
    WriteArgument(usize),
    /// Writes the content of the file that `NOETL_ARGS_FILE` names.
    WriteArgumentsFile,
    /// Takes some virtual time.
    Wait(Duration),
    /// Uses memory: if it is more bytes than `limits.memory`, the attempt ends for lack of memory.
    Allocate(u64),
    /// Cannot continue yet, like a pod that is not scheduled. Reports `Waiting`.
    Waiting {
        /// The reason.
        reason: String,
        /// The message.
        message: String,
    },
    /// Reports a `Warning`.
    Warning(String),
    /// Continues when the job is released, and not at all where a deadline ends it: that passes immediately.
    Hold,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By a signal from outside.
    Signal(i32),
    /// For lack of memory.
    OutOfMemory,
}

impl JobScript {
    /// Creates a job with these attempts in turn; the last one is repeated. Without any, a job succeeds.
    #[must_use]
    pub fn new(attempts: impl IntoIterator<Item = AttemptScript>) -> Self {
        Self {
            attempts: attempts.into_iter().collect(),
            hold_in_backoff: false,
            refusal: None,
            wait: None,
        }
    }

    /// Creates a job that succeeds immediately.
    #[must_use]
    pub fn succeed() -> Self {
        Self::new([])
    }

    /// Creates a job that is not created: the engine returns the error.
    #[must_use]
    pub fn refuse(error: CapabilityError) -> Self {
        Self {
            refusal: Some(error),
            ..Self::new([])
        }
    }

    /// Waits before its first attempt, like a job that no node has capacity for: until it is released, cancelled, or
    /// past its deadline, which passes immediately. Reports `Waiting`.
    #[must_use]
    pub fn cannot_start(mut self, reason: Reason, message: impl Into<String>) -> Self {
        self.wait = Some(Explanation::new(reason, message));
        self
    }

    /// Stays in each delay between two attempts until it is released.
    #[must_use]
    pub fn hold_in_backoff(mut self) -> Self {
        self.hold_in_backoff = true;
        self
    }

    /// Returns the script of the attempt, counted from 1.
    pub(super) fn attempt(&self, attempt: u32) -> Option<&AttemptScript> {
        let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        self.attempts.get(index).or_else(|| self.attempts.last())
    }
}

impl AttemptScript {
    /// Creates an attempt with these steps and this end.
    #[must_use]
    pub fn new(steps: impl IntoIterator<Item = Step>, exit: Exit) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            exit,
        }
    }

    /// Creates an attempt that exits with this code immediately.
    #[must_use]
    pub fn exit(code: i32) -> Self {
        Self::new([], Exit::Code(code))
    }

    /// Creates an attempt that runs until the job is released, and succeeds then.
    #[must_use]
    pub fn hold() -> Self {
        Self::new([Step::Hold], Exit::Code(0))
    }

    /// Writes a line as its last step.
    #[must_use]
    pub fn then_line(mut self, line: &str) -> Self {
        let line = Bytes::from(format!("{line}\n"));
        self.steps.push(Step::Write(line));
        self
    }
}
