use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// The result of a run. It serializes to the one document that `toolhost run --output json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// How the run ended.
    pub status: RunStatus,
    /// The execution.
    pub execution_id: String,
    /// The steps that ran, in order; steps without a tool are not included.
    pub steps: Vec<StepReport>,
}

/// The result of one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StepReport {
    /// The step's name.
    pub step: String,
    /// The kind of its tool.
    pub kind: String,
    /// The tool that was called, with its version: `script@0.1.0`.
    pub tool: String,
    /// How the step ended.
    pub status: StepStatus,
    /// The tool's outcome document.
    pub outcome: Map<String, Value>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Every step that had to run completed.
    Completed,
    /// A step failed.
    Failed,
    /// A step was cancelled.
    Cancelled,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepStatus {
    /// The work was done.
    Completed,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It exceeded its time limit.
    Timeout,
}

impl StepStatus {
    /// How a run ends whose last step ended with this status.
    pub(super) const fn of_run(self) -> RunStatus {
        match self {
            Self::Completed => RunStatus::Completed,
            Self::Failed | Self::Timeout => RunStatus::Failed,
            Self::Cancelled => RunStatus::Cancelled,
        }
    }
}

impl RunStatus {
    /// The status as written in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
