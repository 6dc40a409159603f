use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::model::{NextMode, Playbook, Step, ToolCall};
use crate::sealing::Vault;
use crate::template::{Renderer, TemplateContext, TemplateError};

/// Runs one step's tool: what the host supplies.
#[async_trait]
pub trait StepRunner: Send + Sync {
    /// Why a step cannot be run at all, such as a configuration that is not valid. A tool that ran and
    /// failed is a [`StepResult`].
    type Error: Send;

    /// Runs the tool of a step. Its configuration still has its templates; `context` is what they can
    /// name.
    ///
    /// # Errors
    ///
    /// The step cannot be run; the playbook ends.
    async fn run_step(
        &self,
        step: &Step,
        tool: &ToolCall,
        context: &TemplateContext,
    ) -> Result<StepResult, Self::Error>;
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepResult {
    /// In a word.
    pub status: StepStatus,
    /// The tool that ran, such as `script@0.1.0`.
    pub tool: String,
    /// What the tool returned; later steps ask for it by the step's name.
    pub outcome: Value,
}

/// How a step or a playbook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepStatus {
    /// It did what it should.
    Completed,
    /// It did not.
    Failed,
    /// Somebody ended it.
    Cancelled,
    /// It took longer than it may.
    Timeout,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunReport {
    /// How it ended: as its last step did.
    pub status: StepStatus,
    /// Its execution.
    pub execution_id: String,
    /// The steps that ran a tool, in order.
    pub steps: Vec<StepReport>,
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReport {
    /// The step's name.
    pub step: String,
    /// The kind of its tool, without a version.
    pub kind: String,
    /// How it ended.
    pub result: StepResult,
}

/// A run that could not go on.
#[derive(Debug)]
pub struct RunFailure<E> {
    /// What was done before.
    pub report: RunReport,
    /// The step at which it ended.
    pub step: String,
    /// Why.
    pub problem: RunProblem<E>,
}

/// Why a run could not go on.
#[derive(Debug)]
pub enum RunProblem<E> {
    /// The step could not be run.
    Step(E),
    /// A condition of the step's `next` could not be evaluated. The path leads to it in the document,
    /// for [`TemplateError::diagnostic_at`].
    Condition {
        /// What is wrong with it.
        error: TemplateError,
        /// Where it stands.
        path: Vec<String>,
    },
}

/// Runs the steps of a playbook, one after another.
///
/// `context` holds the workload after overrides, the secrets and the keychain; its step and results are
/// set for each step. The first step that does not complete is the last one.
///
/// # Errors
///
/// [`RunFailure`] where a step or condition makes no sense; a tool that failed is in the report.
///
/// # Cancel safety
///
/// Dropping the future drops that of the running step.
pub async fn run<R: StepRunner>(
    playbook: &Playbook,
    context: TemplateContext,
    renderer: &Renderer,
    runner: &R,
) -> Result<RunReport, RunFailure<R::Error>> {
    let mut run = Run {
        context: TemplateContext {
            results: BTreeMap::new(),
            ..context
        },
        report: RunReport {
            status: StepStatus::Completed,
            execution_id: String::new(),
            steps: Vec::new(),
        },
    };
    run.report
        .execution_id
        .clone_from(&run.context.execution_id);
    let in_order = playbook.steps.iter().all(|step| step.arcs.is_empty());
    let mut reached: HashSet<&str> = HashSet::new();
    reached.extend(playbook.start().map(|step| step.name.as_str()));
    for step in playbook.steps_in_order() {
        if !in_order && !reached.contains(step.name.as_str()) {
            continue;
        }
        run.context.step.clone_from(&step.name);
        let outcome = match run.step(step, runner).await {
            Ok(StepStatus::Completed) => run.follow(step, renderer).await,
            Ok(status) => {
                run.report.status = status;
                return Ok(run.report);
            }
            Err(problem) => Err(problem),
        };
        match outcome {
            Ok(names) => reached.extend(names),
            Err(problem) => {
                run.report.status = StepStatus::Failed;
                return Err(RunFailure {
                    report: run.report,
                    step: step.name.clone(),
                    problem,
                });
            }
        }
    }
    Ok(run.report)
}

struct Run {
    context: TemplateContext,
    report: RunReport,
}

impl Run {
    async fn step<R: StepRunner>(
        &mut self,
        step: &Step,
        runner: &R,
    ) -> Result<StepStatus, RunProblem<R::Error>> {
        let Some(tool) = &step.tool else {
            return Ok(StepStatus::Completed);
        };
        let result = runner
            .run_step(step, tool, &self.context)
            .await
            .map_err(RunProblem::Step)?;
        let status = result.status;
        let outcome = Arc::new(result.outcome.clone());
        self.context.results.insert(step.name.clone(), outcome);
        self.report.steps.push(StepReport {
            step: step.name.clone(),
            kind: tool.kind.clone(),
            result,
        });
        Ok(status)
    }

    /// The steps that follow, by the conditions of the arcs.
    async fn follow<'step, E>(
        &self,
        step: &'step Step,
        renderer: &Renderer,
    ) -> Result<Vec<&'step str>, RunProblem<E>> {
        let mut names = Vec::new();
        for arc in &step.arcs {
            let holds = match &arc.condition {
                None => true,
                Some(condition) => {
                    // What a condition learns of a secret goes no further than its answer.
                    let vault = Vault::new();
                    renderer
                        .evaluate_condition(condition, &self.context, &vault)
                        .await
                        .map_err(|error| RunProblem::Condition {
                            error,
                            path: arc.condition_path.clone(),
                        })?
                }
            };
            if holds {
                names.push(arc.step.as_str());
                if step.mode == NextMode::Exclusive {
                    break;
                }
            }
        }
        Ok(names)
    }
}

impl StepStatus {
    /// The word for it in outcomes and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
        }
    }

    /// The status of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Completed,
            Self::Failed,
            Self::Cancelled,
            Self::Timeout,
        ]
        .into_iter()
        .find(|status| status.as_str() == name)
    }
}

impl RunReport {
    /// The report as `run --output json` prints it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|step| {
                json!({
                    "step": step.step,
                    "kind": step.kind,
                    "tool": step.result.tool,
                    "status": step.result.status.as_str(),
                    "outcome": step.result.outcome,
                })
            })
            .collect();
        json!({
            "status": self.status.as_str(),
            "execution_id": self.execution_id,
            "steps": steps,
        })
    }
}
