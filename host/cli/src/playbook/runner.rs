//! Who runs the tools of steps, what it is asked for, and what it answers.

use std::error::Error;
use std::future::Future;

use serde_json::{Map, Value};
use toolhost::sealing::ExecutionSecrets;
use toolhost::template::TemplateContext;

use super::report::StepStatus;

/// Runs the tool of a step.
pub trait StepRunner: Send + Sync {
    /// Why a step was not run at all.
    type Error: Error + Send + 'static;

    /// Runs one step and waits until it is over.
    ///
    /// # Errors
    ///
    /// The step was not run. A step that ran and failed is no error.
    fn run_step(
        &self,
        call: StepCall,
    ) -> impl Future<Output = Result<StepResult, Self::Error>> + Send;

    /// Finds what is wrong with a step before any step runs, without any effect. Its templates name nothing yet.
    ///
    /// # Errors
    ///
    /// The step would not run. Then none does.
    fn check_step(&self, _call: StepCall) -> impl Future<Output = Result<(), Self::Error>> + Send {
        std::future::ready(Ok(()))
    }

    /// Hears of what is wrong with a step that nothing leads to, which keeps none from running.
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
    /// What they can name: the workload, and the outcome of each step that ran before.
    pub templates: TemplateContext,
    /// What the execution knows to be secret, for [`CallRequest::with_secrets`]: a step may print what an earlier
    /// one wrote down.
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
    /// The tool's document, which later templates find by the step's name. It holds no secrets.
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
