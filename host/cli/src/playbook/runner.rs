//! Who runs the tools of steps, what it is asked for, and what it answers.

use std::error::Error;
use std::future::Future;

use serde_json::{Map, Value};
use toolhost::sealing::ExecutionSecrets;
use toolhost::template::TemplateContext;

use super::report::StepStatus;

/// Runs the tool of a step.
pub trait StepRunner: Send + Sync {
    /// Why a step was not run.
    type Error: Error + Send + 'static;

    /// Runs one step and waits until it has finished.
    ///
    /// # Errors
    ///
    /// The step was not run. A step that ran and failed is not an error.
    fn run_step(
        &self,
        call: StepCall,
    ) -> impl Future<Output = Result<StepResult, Self::Error>> + Send;

    /// Checks a step before any step runs, without any effect. Values for its templates are not available
    /// yet.
    ///
    /// # Errors
    ///
    /// The step would not run. In this case no step runs.
    fn check_step(&self, _call: StepCall) -> impl Future<Output = Result<(), Self::Error>> + Send {
        std::future::ready(Ok(()))
    }

    /// Receives a problem of a step that cannot be reached, which does not prevent the run.
    fn note_unreachable(&self, _problem: StepProblem<Self::Error>) {}
}

/// One step to run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepCall {
    /// The step's name.
    pub step: String,
    /// The tool as the playbook names it: `script`, `script@0.1`.
    pub tool: String,
    /// The tool's configuration; its templates are not rendered yet.
    pub config: Value,
    /// The values for its templates: the workload, and the outcome of each earlier step.
    pub templates: TemplateContext,
    /// The secrets of the execution, for [`CallRequest::with_secrets`]: a step may print what an earlier one
    /// stored.
    ///
    /// [`CallRequest::with_secrets`]: toolhost::host::CallRequest::with_secrets
    pub secrets: ExecutionSecrets,
}

/// How a step ended.
#[derive(Debug, Clone)]
pub struct StepResult {
    /// The tool that was called, with its version: `script@0.1.0`.
    pub tool: String,
    /// How the step ended.
    pub status: StepStatus,
    /// The tool's outcome document, which later templates refer to by the step's name. It contains no
    /// secrets.
    pub outcome: Map<String, Value>,
}

/// Why a step would not run.
#[derive(Debug)]
#[non_exhaustive]
pub struct StepProblem<E: Error + 'static> {
    /// The step.
    pub step: String,
    /// Why.
    pub source: E,
}
