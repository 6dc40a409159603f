use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::Value;
use toolhost::capability::{JobRunner, ObjectSource};
use toolhost::credential::{CredentialError, SecretProvider, SecretValue};
use toolhost::host::{CallError, CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::outcome::Outcome;
use toolhost::template::TemplateContext;
use toolhost_diagnostic::{Diagnostic, Node};

use super::compare::differences;
use super::file::{Case, CaseFile};
use super::world::{Recorded, World};

/// Runs cases, one after the other.
///
/// Its backends are those of a host, which it is then given to call.
#[derive(Debug, Clone, Default)]
pub struct CaseRunner {
    world: World,
}

/// What became of a case.
#[derive(Debug)]
pub struct CaseResult {
    /// The name of the case.
    pub name: String,
    /// How long it took.
    pub duration: Duration,
    /// What is not as expected; nothing if it passed.
    pub problems: Vec<Diagnostic>,
    /// What the tool did and returned.
    pub(super) found: Found,
}

/// What a tool did and returned.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) calls: Value,
    /// The outcome, or why the tool was not called.
    pub(super) end: Result<Value, String>,
}

/// The execution of a case that does not name one.
const DEFAULT_EXECUTION: &str = "1";
/// The step of a case that does not name one.
const DEFAULT_STEP: &str = "step";

impl CaseRunner {
    /// A runner without a case.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The engine for the jobs of the cases.
    #[must_use]
    pub fn jobs(&self) -> Arc<dyn JobRunner> {
        Arc::new(self.world.clone())
    }

    /// The source of the objects of the cases.
    #[must_use]
    pub fn objects(&self) -> Arc<dyn ObjectSource> {
        Arc::new(self.world.clone())
    }

    /// Runs a case on a host with these backends. Only one case may run at once.
    pub async fn run(&self, host: &ToolHost, file: &CaseFile, case: &Case) -> CaseResult {
        let start = Instant::now();
        self.world.set(case);
        let called = host.call(request(case)).await;
        let Recorded { calls, jobs_left } = self.world.take();
        let calls = Value::Array(calls);
        let mut problems = Vec::new();
        let source = file.document.source();
        if case.expected.is_empty() {
            let problem = Diagnostic::error(format!("the case `{}` expects nothing", case.name));
            problems.push(problem.at(source, case.span).help(
                "add `expect` with `outcome`, `error` or `calls`; `--update` writes what the tool does now",
            ));
        }
        if let Some(expected) = &case.expected.calls {
            problems.extend(differences("calls", expected, &calls, source));
        }
        if jobs_left > 0 {
            let message = format!("the tool created {jobs_left} jobs less than the case has");
            problems.push(Diagnostic::error(message).at(source, case.span));
        }
        let message = called.as_ref().ok().and_then(Outcome::message);
        let message = message.map(|message| format!("the outcome's message is: {message}"));
        let end = called.map(Outcome::into_document).map(Value::Object);
        match (&case.expected.outcome, &case.expected.error, &end) {
            (Some(expected), _, Ok(outcome)) => {
                problems.extend(differences("outcome", expected, outcome, source));
            }
            (Some(expected), _, Err(error)) => {
                let problem = Diagnostic::error("the tool was not called, expected an outcome");
                let problem = problem.label(source, expected.span, "expected");
                problems.push(problem.help(said(error)));
            }
            (_, Some(expected), Ok(outcome)) => {
                let problem = Diagnostic::error("the tool was called, expected an error");
                let problem = problem.label(source, expected.span, "expected");
                problems.push(problem.help(format!("its outcome is {outcome}")));
            }
            (_, Some(expected), Err(error)) => {
                problems.extend(differing_error(expected, error, file));
            }
            (None, None, _) => {}
        }
        if !problems.is_empty() {
            problems.extend(message.map(Diagnostic::warning));
        }
        CaseResult {
            name: case.name.clone(),
            duration: start.elapsed(),
            problems,
            found: Found {
                calls,
                end: end.map_err(|error| error.to_string()),
            },
        }
    }
}

fn request(case: &Case) -> CallRequest {
    let context = &case.context;
    let text = |text: &Option<String>, default: &str| text.as_deref().unwrap_or(default).to_owned();
    let execution_id = text(&context.execution_id, DEFAULT_EXECUTION);
    let step = text(&context.step, DEFAULT_STEP);
    let workload = context.workload.clone().unwrap_or_default();
    let results = context.results.iter();
    let results = results.map(|(step, result)| (step.clone(), Arc::new(result.clone())));
    let templates = TemplateContext::default()
        .with_execution_id(execution_id.clone())
        .with_step(step.clone())
        .with_workload(Arc::new(Value::Object(workload)))
        .with_results(results.collect())
        .with_secrets(Arc::new(Secrets(case.secrets.clone())));
    CallRequest::new(
        case.tool.clone(),
        case.config.clone(),
        ExecutionId::new(execution_id),
        StepName::new(step),
    )
    .with_templates(templates)
}

fn differing_error(expected: &Node, error: &CallError, file: &CaseFile) -> Option<Diagnostic> {
    let found = error.to_string();
    let is_found = |text: &str| found.contains(text);
    if expected.as_str().is_some_and(is_found) {
        return None;
    }
    let problem = Diagnostic::error("the error differs from what is expected");
    let problem = problem.label(file.document.source(), expected.span, "expected");
    Some(problem.help(said(error)))
}

fn said(error: &CallError) -> String {
    format!("found `{error}`")
}

/// The secrets of a case.
struct Secrets(BTreeMap<String, Value>);

#[async_trait]
impl SecretProvider for Secrets {
    async fn secret(&self, name: &str) -> Result<Option<SecretValue>, CredentialError> {
        Ok(self.0.get(name).cloned().map(SecretValue::new))
    }

    fn secret_names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}
