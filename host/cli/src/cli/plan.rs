use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Args;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use toolhost::capability::{CapabilityError, FieldPath};
use toolhost::host::{self, CallError, CallRequest, StepName, ToolHost};
use toolhost::outcome::{Outcome, OutcomeStatus};
use toolhost::registry::ToolRef;
use toolhost::template::{TemplateContext, TemplateProblem};
use toolhost_cli::playbook::{ExecutionId, Playbook, Step, StepTool};
use toolhost_cli::setup::PlanSources;
use toolhost_kubernetes::{KubernetesEngine, PlannedJob, Planner};

use super::exit::Exit;
use super::foreign;
use super::options::{CommonOptions, explain_cluster, folder_of};
use super::run::{PlaybookArguments, StepError, explain_step, read_playbook, workload};
use super::settings::hint_text;
use super::terminal;

#[derive(Debug, Args)]
// A plan is always for Kubernetes, and waits for nothing.
#[command(mut_arg("engine", |argument| argument.hide(true)))]
#[command(mut_arg("backoff", |argument| argument.hide(true)))]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    playbook: PlaybookArguments,
    /// Fetch nothing, and plan as if every script were empty. A step whose interpreter is only in the
    /// script's first line cannot be planned.
    #[arg(long)]
    offline: bool,
    /// Validate the objects in the cluster; none is created.
    #[arg(long)]
    server: bool,
    #[command(flatten)]
    common: CommonOptions,
}

/// Why a step has no plan.
enum NotPlanned {
    /// It needs the result of a step that did not run.
    NeedsResult { step: String },
    /// The tool was not called.
    NotCalled(StepError),
    /// The tool ended before it created a job.
    Failed(Box<Outcome>),
    /// The cluster would reject the objects.
    Refused(CapabilityError),
}

/// The context of planning.
struct Planning<'playbook> {
    playbook: &'playbook Playbook,
    host: ToolHost,
    planner: Planner,
    /// The cluster for validation, if any.
    cluster: Option<KubernetesEngine>,
    names: BTreeSet<&'playbook str>,
}

pub(crate) async fn plan(arguments: PlanArguments) -> Exit {
    match try_plan(arguments).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn try_plan(arguments: PlanArguments) -> Result<Exit, Exit> {
    let playbook = read_playbook(&arguments.playbook)?;
    terminal::show(playbook.warnings());
    let workload = workload(&playbook, &arguments.playbook)?;
    let credentials = arguments.common.credentials()?;
    let keychain = credentials.keychain(playbook.keychain_entries().to_vec());
    let sources = if arguments.offline {
        PlanSources::Empty
    } else {
        PlanSources::Fetched
    };
    let folder = folder_of(&arguments.playbook.playbook);
    let (set_up, planner) = arguments
        .common
        .set_up_plan(&folder, &credentials, sources)
        .await?;
    let cluster = if arguments.server {
        Some(connect(&arguments.common).await?)
    } else {
        None
    };
    let execution_id = arguments.playbook.execution_id;
    let execution_id = execution_id.unwrap_or_else(ExecutionId::generate);
    let context = TemplateContext::default()
        .with_execution_id(execution_id.to_string())
        .with_workload(Arc::new(workload))
        .with_secrets(credentials.secrets())
        .with_keychain(Arc::new(keychain));
    let planning = Planning {
        playbook: &playbook,
        host: set_up.host,
        planner,
        cluster,
        names: playbook
            .steps()
            .iter()
            .map(|step| step.name.as_str())
            .collect(),
    };
    Ok(planning.plan(context).await)
}

impl Planning<'_> {
    /// Plans every step that can be reached, and returns the exit of the first error.
    async fn plan(&self, mut context: TemplateContext) -> Exit {
        let mut exit = Exit::Success;
        for step in self.playbook.steps_in_order() {
            let Some(tool) = &step.tool else { continue };
            context.step.clone_from(&step.name);
            let planned = self.plan_step(step, tool, &context).await;
            let ended = match planned {
                Ok(()) => Exit::Success,
                Err(problem) => self.explain(&step.name, problem),
            };
            if exit == Exit::Success {
                exit = ended;
            }
        }
        exit
    }

    async fn plan_step(
        &self,
        step: &Step,
        tool: &StepTool,
        context: &TemplateContext,
    ) -> Result<(), NotPlanned> {
        let reference: ToolRef = tool
            .reference
            .parse()
            .map_err(|error| NotPlanned::NotCalled(StepError::Reference(error)))?;
        let request = CallRequest::new(
            reference.clone(),
            tool.config.clone(),
            host::ExecutionId::new(context.execution_id.as_str()),
            StepName::new(step.name.as_str()),
        )
        .with_templates(context.clone())
        .with_cancel(CancellationToken::new());
        let called = self.host.call(request).await;
        let jobs = self.planner.take();
        let outcome = called.map_err(|error| self.not_called(&step.name, error))?;
        if outcome.status() != OutcomeStatus::Completed && jobs.is_empty() {
            return Err(NotPlanned::Failed(Box::new(outcome)));
        }
        print_step(&step.name, outcome.tool(), &jobs);
        if let Some(cluster) = &self.cluster {
            let refused = |error: CapabilityError| {
                NotPlanned::Refused(match self.host.registry().resolve(&reference) {
                    Ok(tool) => error.map(|why| tool.explain_job(why)),
                    Err(_) => error,
                })
            };
            for job in &jobs {
                cluster.validate(job).await.map_err(refused)?;
            }
        }
        Ok(())
    }

    /// Distinguishes a step that needs values that are unknown when planning from an invalid one.
    fn not_called(&self, step: &str, error: CallError) -> NotPlanned {
        let missing = match &error {
            CallError::Template(error) => match &error.problem {
                TemplateProblem::Undefined { name, .. } => name.split(['.', '[']).next(),
                _ => None,
            },
            _ => None,
        };
        let needed = missing.filter(|name| *name != step && self.names.contains(name));
        match (needed.map(str::to_owned), error) {
            (Some(step), _) => NotPlanned::NeedsResult { step },
            (None, error) => NotPlanned::NotCalled(StepError::Call(error)),
        }
    }

    fn explain(&self, step: &str, problem: NotPlanned) -> Exit {
        match problem {
            NotPlanned::NeedsResult { step: needed } => {
                let reason = format!("it needs the result of `{needed}`, which did not run");
                terminal::tell(&format!("note: step `{step}` is not planned: {reason}"));
                say_not_planned(step, &reason);
                Exit::Success
            }
            NotPlanned::NotCalled(error) => {
                let exit = explain_step(self.playbook, step, error);
                say_not_planned(step, "its tool was not called");
                exit
            }
            NotPlanned::Refused(error) => {
                let why = error.explanation;
                let exit = Exit::of_reason(why.reason);
                let hint = why.hint.map(hint_text);
                self.complain(step, &why.message, hint, why.field.as_ref());
                terminal::print(&format!("# step `{step}`: rejected by the cluster"));
                exit
            }
            NotPlanned::Failed(outcome) => {
                let message = outcome.text("message").unwrap_or("the tool failed");
                let hint = outcome.text("hint").map(str::to_owned);
                let field = outcome.text("field").and_then(|field| field.parse().ok());
                self.complain(step, message, hint, field.as_ref());
                say_not_planned(step, "the tool failed before it created a job");
                Exit::of_code(outcome.reason())
            }
        }
    }

    /// Reports an error, at its position in the playbook if it has one.
    fn complain(&self, step: &str, message: &str, hint: Option<String>, field: Option<&FieldPath>) {
        match field {
            Some(field) => {
                let place = self.playbook.diagnose_field(step, field, message, hint);
                terminal::show(&[place]);
            }
            None => terminal::complain(message, hint),
        }
    }
}

async fn connect(options: &CommonOptions) -> Result<KubernetesEngine, Exit> {
    let connected = KubernetesEngine::new(options.cluster_settings()).await;
    connected.map_err(|error| explain_cluster(&error))
}

fn say_not_planned(step: &str, reason: &str) {
    terminal::print(&format!("# step `{step}`: not planned: {reason}"));
}

fn print_step(step: &str, tool: &str, jobs: &[PlannedJob]) {
    if jobs.is_empty() {
        terminal::print(&format!("# step `{step}` ({tool}): creates nothing"));
    }
    for job in jobs {
        terminal::print(&format!("# step `{step}` ({tool}): {}", job.explanation));
        if let Some(warning) = &job.warning {
            terminal::tell(&format!("warning: {warning}"));
        }
        for object in &job.objects {
            terminal::print_lines(&format!("---\n{}", yaml(object).trim_end()));
        }
    }
}

/// An object as YAML. The writer quotes every string that YAML 1.1, which `kubectl` reads, would parse as
/// another type.
///
/// It does not quote control characters, and YAML only has escapes in quoted strings. JSON, which is also
/// YAML, has escapes for everything.
fn yaml(object: &Value) -> String {
    let text = serde_saphyr::to_string(object)
        .unwrap_or_else(|error| format!("# cannot be shown: {error}"));
    if foreign::lines(&text) == text {
        text
    } else {
        foreign::json(&format!("{object:#}")).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use toolhost_diagnostic::Document;

    use super::*;

    #[test]
    fn writes_yaml_that_reads_as_it_was() {
        let texts = [
            "",
            " ",
            "yes",
            "no",
            "on",
            "y",
            "null",
            "~",
            "1",
            "1_000",
            "0o17",
            "0x1f",
            "1e3",
            ".5",
            "12:30:45",
            "2024-01-01",
            "true",
            "- a",
            "a: b",
            "#",
            "a #b",
            "'",
            "\"",
            "\\",
            "@x",
            "%x",
            "!x",
            "&x",
            "*x",
            "|",
            ">",
            "<TOKEN>",
            "{}",
            "[]",
            "a\nb\n",
            "\n a\n\n",
            "tab\there",
            "\u{1}\u{7f}",
            "ü€😀",
            "$(NOETL_ARGS)",
            "trailing ",
            "a\r\nb",
            "=",
            "<<",
            "---",
        ];
        let long = "word ".repeat(60);
        let mut texts: Vec<_> = texts.map(Value::from).into();
        texts.push(json!(long));
        let object = json!({
            "list": texts,
            "keys": {"1": 1, "yes": true, "a b": null, "x/y.z": {}, "": []},
            "numbers": [0, -1, 365, 1.5, 9_007_199_254_740_993_u64],
            "nested": [[1, [2]], [{"a": [{"b": "c"}]}]],
        });
        let text = yaml(&object);
        let read = Document::parse("plan", &text).unwrap().to_value();
        assert_eq!(read, object, "\n{text}");
        assert!(text.contains("\"yes\"") || text.contains("'yes'"), "{text}");
    }

    #[test]
    fn what_a_terminal_acts_upon_is_escaped_and_reads_as_it_was() {
        for text in ["\u{feff}a", "\u{202e}b", "\u{9b}c", "d\u{2028}", "\u{7f}"] {
            let object = json!({text: [text]});
            let shown = yaml(&object);
            assert_eq!(foreign::lines(&shown), shown);
            let read = Document::parse("plan", &shown).unwrap().to_value();
            assert_eq!(read, object, "\n{shown}");
        }
    }
}
