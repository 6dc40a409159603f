use std::process::ExitCode;

use toolhost::capability::Reason;
use toolhost::host::CallError;
use toolhost::outcome::{Outcome, OutcomeStatus};

/// How a command ended, as its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was done.
    Success,
    /// A tool or script failed.
    Failed,
    /// The command line or its input is wrong.
    Usage,
    /// Something was not allowed.
    Denied,
    /// An engine or a backend was unreachable.
    Unreachable,
    /// The user interrupted it.
    Interrupted,
}

impl Exit {
    /// The exit code, as the README documents it.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Denied => 3,
            Self::Unreachable => 4,
            Self::Interrupted => 130,
        }
    }

    /// How a call ended.
    pub(crate) fn of_outcome(outcome: &Outcome) -> Self {
        match outcome.status() {
            OutcomeStatus::Completed => Self::Success,
            OutcomeStatus::Cancelled => Self::Interrupted,
            _ => Self::of_code(outcome.reason()),
        }
    }

    /// How something ended whose outcome has this reason, which may be a tool's own.
    pub(crate) fn of_code(code: Option<&str>) -> Self {
        let reason = code.and_then(|code| code.parse().ok());
        reason.map_or(Self::Failed, Self::of_reason)
    }

    /// How something ended that failed for this reason.
    pub(crate) fn of_reason(reason: Reason) -> Self {
        match reason {
            Reason::Denied => Self::Denied,
            Reason::EngineUnavailable => Self::Unreachable,
            _ => Self::Failed,
        }
    }

    /// Why a call was not made.
    pub(crate) fn of_error(error: &CallError) -> Self {
        match error {
            CallError::Denied(_) => Self::Denied,
            CallError::Refused(error) => match error.reason() {
                Reason::Denied => Self::Denied,
                Reason::EngineUnavailable => Self::Unreachable,
                _ => Self::Usage,
            },
            CallError::ShuttingDown => Self::Unreachable,
            CallError::UnknownTool(_)
            | CallError::Template(_)
            | CallError::Config { .. }
            | CallError::Rejected(_)
            | CallError::TooLarge { .. } => Self::Usage,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
