use crate::capability::CapabilityError;
use crate::grant::GrantError;
use crate::registry::{ConfigProblem, ResolveError};
use crate::template::TemplateError;

/// Why a call was not made: its tool was not started.
///
/// A call that was made and failed is no error but an [`Outcome`](crate::outcome::Outcome), and so is one
/// that its caller cancelled or that ran out of time, however early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// There is no such tool.
    #[error(transparent)]
    UnknownTool(#[from] ResolveError),
    /// The tool needs a capability that it was not granted.
    #[error(transparent)]
    Denied(#[from] GrantError),
    /// A template cannot be rendered.
    #[error(transparent)]
    Template(Box<TemplateError>),
    /// The configuration is not what the tool takes.
    #[error(
        "the configuration does not fit the schema of `{tool}`: {}",
        first(problems)
    )]
    Config {
        /// The tool.
        tool: String,
        /// What is wrong; at least one thing.
        problems: Vec<ConfigProblem>,
    },
    /// The tool itself says that the configuration makes no sense.
    #[error("{message}")]
    Rejected {
        /// What is wrong, in a sentence.
        message: String,
        /// How to mend it.
        hint: Option<String>,
        /// The path of the value to change, such as `script.uri`.
        field: Option<String>,
    },
    /// The engine would refuse the job; [`ToolHost::check`](super::ToolHost::check) alone returns it.
    #[error("{0}")]
    Refused(CapabilityError),
    /// The configuration is too large.
    #[error("the configuration has {bytes} bytes; at most {limit} are handed to a tool")]
    TooLarge {
        /// Its size as JSON.
        bytes: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// The host is shutting down: [`ToolHost::shutdown`](super::ToolHost::shutdown) was called.
    #[error("the host is shutting down")]
    ShuttingDown,
}

/// A shutdown that waited for calls in vain, although they were cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{calls} calls have not ended although they were cancelled")]
#[non_exhaustive]
pub struct ShutdownError {
    /// How many.
    pub calls: usize,
}

impl From<TemplateError> for CallError {
    fn from(error: TemplateError) -> Self {
        Self::Template(Box::new(error))
    }
}

fn first(problems: &[ConfigProblem]) -> String {
    problems
        .first()
        .map(ToString::to_string)
        .unwrap_or_default()
}
