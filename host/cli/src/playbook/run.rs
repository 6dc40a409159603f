use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use toolhost::capability::text::all_of;
use toolhost::credential::{KeychainProvider, SecretProvider};
use toolhost::sealing::{ExecutionSecrets, Vault};
use toolhost::template::{Renderer, TemplateContext, TemplateError};
use toolhost_diagnostic::Diagnostic;

use super::ExecutionId;
use super::model::{Condition, NextMode, Playbook, Step, StepTool};
use super::preflight;
use super::report::{Report, RunStatus, StepReport};
use super::runner::{StepCall, StepProblem, StepResult, StepRunner};

/// The inputs of a run, in addition to the playbook.
#[derive(Clone)]
pub struct RunInputs {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The workload, including values that were set from outside: see [`Playbook::workload`].
    pub workload: Value,
    /// The source of `secret.NAME`.
    pub secrets: Arc<dyn SecretProvider>,
    /// The source of `keychain.NAME.FIELD`: see [`Playbook::keychain`].
    pub keychain: Arc<dyn KeychainProvider>,
}

/// A run that did not finish, and what was done until then.
#[derive(Debug)]
pub struct RunFailure<E: Error + 'static> {
    /// The steps that ran; its status is `failed`.
    pub report: Report,
    /// Why no other step ran.
    pub error: RunError<E>,
}

/// Why a run did not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError<E: Error + 'static> {
    /// Some steps would not run, so none did.
    #[error("{}", described(problems))]
    Preflight {
        /// These steps, and why; at least one.
        problems: Vec<StepProblem<E>>,
    },
    /// A step was not run.
    #[error("the step `{step}` was not run")]
    Step {
        /// The step.
        step: String,
        /// Why.
        #[source]
        source: E,
    },
    /// The successors of a step cannot be determined, because a `when` of its `next` cannot be evaluated.
    #[error("a condition of `next` of step `{step}` cannot be evaluated")]
    Condition {
        /// The step.
        step: String,
        /// The problem at its position.
        problem: Box<Diagnostic>,
        /// Why.
        #[source]
        source: Box<TemplateError>,
    },
}

/// Runs the steps of a playbook until all of them have finished, or one did not complete.
///
/// Before the first one, the runner checks all of them, and all problems are reported together.
///
/// A step that fails, is cancelled or exceeds its time limit ends the run; this is in the report and not an
/// error.
///
/// # Errors
///
/// A step was not run, or a condition cannot be evaluated. The failure contains the report so far.
///
/// # Cancel safety
///
/// Dropping the future drops the running step and the report. To keep it, have the runner end the step with
/// [`StepStatus::Cancelled`](super::StepStatus::Cancelled) instead.
pub async fn run<R: StepRunner>(
    playbook: &Playbook,
    inputs: RunInputs,
    runner: &R,
) -> Result<Report, RunFailure<R::Error>> {
    let mut report = Report {
        status: RunStatus::Completed,
        execution_id: inputs.execution_id.to_string(),
        steps: Vec::new(),
    };
    let problems = preflight::check(playbook, &inputs.execution_id, runner).await;
    let ran = if problems.is_empty() {
        walk(playbook, inputs, runner, &mut report).await
    } else {
        Err(RunError::Preflight { problems })
    };
    match ran {
        Ok(()) => Ok(report),
        Err(error) => {
            report.status = RunStatus::Failed;
            Err(RunFailure { report, error })
        }
    }
}

fn described<E: Error>(problems: &[StepProblem<E>]) -> String {
    let steps = problems.iter().map(|problem| &problem.step);
    format!("no step was run: {} cannot run", all_of(steps))
}

async fn walk<R: StepRunner>(
    playbook: &Playbook,
    inputs: RunInputs,
    runner: &R,
    report: &mut Report,
) -> Result<(), RunError<R::Error>> {
    let renderer = Renderer::new();
    let secrets = ExecutionSecrets::new();
    let mut context = TemplateContext::default()
        .with_execution_id(inputs.execution_id.to_string())
        .with_workload(Arc::new(inputs.workload))
        .with_secrets(inputs.secrets)
        .with_keychain(inputs.keychain);
    // The order puts a step after all its predecessors, so that the arcs to it are known here.
    let mut due: BTreeSet<&str> = playbook
        .steps_in_order()
        .take(1)
        .map(|step| step.name.as_str())
        .collect();
    for step in playbook.steps_in_order() {
        if !due.remove(step.name.as_str()) {
            continue;
        }
        context.step.clone_from(&step.name);
        if let Some(tool) = &step.tool {
            let result = run_tool(step, tool, &context, &secrets, runner).await?;
            report.status = result.status.of_run();
            let outcome = Arc::new(Value::Object(result.outcome.clone()));
            context.results.insert(step.name.clone(), outcome);
            report.steps.push(StepReport {
                step: step.name.clone(),
                kind: tool.kind().to_owned(),
                tool: result.tool,
                status: result.status,
                outcome: result.outcome,
            });
            if report.status != RunStatus::Completed {
                return Ok(());
            }
        }
        due.extend(following(playbook, step, &renderer, &context, &secrets).await?);
    }
    Ok(())
}

async fn run_tool<R: StepRunner>(
    step: &Step,
    tool: &StepTool,
    context: &TemplateContext,
    secrets: &ExecutionSecrets,
    runner: &R,
) -> Result<StepResult, RunError<R::Error>> {
    let call = StepCall {
        step: step.name.clone(),
        tool: tool.reference.clone(),
        config: tool.config.clone(),
        templates: context.clone(),
        secrets: secrets.clone(),
    };
    let result = runner.run_step(call).await;
    result.map_err(|source| RunError::Step {
        step: step.name.clone(),
        source,
    })
}

/// The successors of a completed step.
async fn following<'playbook, E: Error + 'static>(
    playbook: &'playbook Playbook,
    step: &'playbook Step,
    renderer: &Renderer,
    context: &TemplateContext,
    secrets: &ExecutionSecrets,
) -> Result<Vec<&'playbook str>, RunError<E>> {
    let mut targets = Vec::new();
    for arc in &step.next.arcs {
        let holds = match &arc.when {
            Some(condition) => {
                let vault = Vault::of_execution(secrets.clone());
                evaluate(playbook, step, condition, renderer, context, &vault).await?
            }
            None => true,
        };
        if holds {
            targets.push(arc.step.as_str());
            if step.next.mode == NextMode::Exclusive {
                break;
            }
        }
    }
    Ok(targets)
}

async fn evaluate<E: Error + 'static>(
    playbook: &Playbook,
    step: &Step,
    condition: &Condition,
    renderer: &Renderer,
    context: &TemplateContext,
    vault: &Vault,
) -> Result<bool, RunError<E>> {
    let mut context = context.clone();
    context.names = arc_names();
    let holds = renderer
        .evaluate_condition(&condition.text, &context, vault)
        .await;
    holds.map_err(|source| RunError::Condition {
        step: step.name.clone(),
        problem: Box::new(playbook.diagnose_condition(condition, &source)),
        source: Box::new(source),
    })
}

/// Additional values for conditions of arcs. In NoETL an arc is followed upon an event, and conditions test
/// its name; here it is always the same, since a step that fails ends the run.
fn arc_names() -> BTreeMap<String, Arc<Value>> {
    let event = json!({"name": "step.done"});
    BTreeMap::from([("event".to_owned(), Arc::new(event))])
}

impl fmt::Debug for RunInputs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RunInputs")
            .field("execution_id", &self.execution_id)
            .finish_non_exhaustive()
    }
}
