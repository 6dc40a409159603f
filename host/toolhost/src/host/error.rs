use crate::capability::{CapabilityError, Explanation};
use crate::grant::GrantError;
use crate::registry::{ConfigProblem, ResolveError};
use crate::template::TemplateError;

/// Why a call was not made: its tool was not started.
///
/// A call that was made and failed is not an error but an [`Outcome`](crate::outcome::Outcome), and so is one
/// that its caller cancelled or that ran out of time, however early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The tool does not exist.
    #[error(transparent)]
    UnknownTool(#[from] ResolveError),
    /// The tool needs a capability that it was not granted.
    #[error(transparent)]
    Denied(#[from] GrantError),
    /// A template cannot be rendered.
    #[error(transparent)]
    Template(Box<TemplateError>),
    /// The configuration does not fit the tool's schema.
    #[error(
        "the configuration does not fit the schema of `{tool}`: {}",
        first(problems)
    )]
    Config {
        /// The tool.
        tool: String,
        /// The problems; at least one.
        problems: Vec<ConfigProblem>,
    },
    /// The tool itself rejected the configuration.
    #[error("{}", .0.message)]
    Rejected(Explanation),
    /// The engine would reject the job; only [`ToolHost::check`](super::ToolHost::check) returns it.
    #[error("{0}")]
    Refused(CapabilityError),
    /// The configuration is too large.
    #[error("the configuration has {bytes} bytes; at most {limit} are passed to a tool")]
    TooLarge {
        /// Its size as JSON.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The host is shutting down: [`ToolHost::shutdown`](super::ToolHost::shutdown) was called.
    #[error("the host is shutting down")]
    ShuttingDown,
}

/// Calls did not end during a shutdown, although they were cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{calls} calls did not end after they were cancelled")]
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
