use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use toolhost::capability::text::chain;
use toolhost::capability::{CapabilityError, Explanation};
use toolhost::host::{self, CallError, CallRequest, Finding, StepName, ToolHost};
use toolhost::outcome::OutcomeStatus;
use toolhost::registry::ParseToolRefError;
use toolhost_cli::playbook::{
    self, ExecutionId, Override, Playbook, Report, RunError, RunFailure, RunInputs, RunStatus,
    StepCall, StepProblem, StepReport, StepResult, StepRunner, StepStatus, merge_payload,
};
use toolhost_cli::setup::PluginWatch;
use toolhost_diagnostic::Diagnostic;

use super::exit::Exit;
use super::foreign;
use super::options::{CommonOptions, OutputFormat, folder_of, read_document};
use super::plugins::show_change;
use super::settings::hint_text;
use super::show::{Display, cancel_on_interrupt};
use super::terminal;

/// The maximum number of characters of a result that are shown: some lines of a terminal. `--output json`
/// shows all of it.
const MAX_SHOWN_RESULT: usize = 500;
/// The same for a message: the size of a screen.
const MAX_SHOWN_TEXT: usize = 4_000;

/// The playbook and its inputs.
#[derive(Debug, Args)]
pub(crate) struct PlaybookArguments {
    /// The playbook, a YAML file; `-` is standard input.
    pub(crate) playbook: PathBuf,
    /// Set a value of the workload, such as `input.path=data.csv`.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    overrides: Vec<Override>,
    /// A YAML or JSON file that is merged over the workload, before `--set`.
    #[arg(long, value_name = "FILE")]
    payload: Option<PathBuf>,
    /// The execution id, which is part of the jobs' names [default: a generated one].
    #[arg(long, value_name = "ID")]
    pub(crate) execution_id: Option<ExecutionId>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    playbook: PlaybookArguments,
    /// How the results are printed.
    #[arg(long, value_enum, default_value = "text")]
    output: OutputFormat,
    #[command(flatten)]
    common: CommonOptions,
}

/// Runs steps on a host, and shows their progress.
struct HostRunner<'playbook> {
    playbook: &'playbook Playbook,
    host: ToolHost,
    cancel: CancellationToken,
    output: OutputFormat,
    /// The plugins, whose changes are taken up between steps.
    watch: Option<PluginWatch>,
    /// Whether the note that images have no effect was shown, or does not apply.
    noted_image: AtomicBool,
}

/// Why a step was not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// The playbook names no tool.
    #[error(transparent)]
    Reference(#[from] ParseToolRefError),
    /// The tool was not called.
    #[error(transparent)]
    Call(#[from] CallError),
}

pub(crate) async fn run(arguments: RunArguments) -> Exit {
    match try_run(arguments).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn try_run(arguments: RunArguments) -> Result<Exit, Exit> {
    let playbook = read_playbook(&arguments.playbook)?;
    terminal::show(playbook.warnings());
    let workload = workload(&playbook, &arguments.playbook)?;
    let credentials = arguments.common.credentials()?;
    let keychain = credentials.keychain(playbook.keychain_entries().to_vec());
    let inputs = RunInputs {
        execution_id: arguments
            .playbook
            .execution_id
            .unwrap_or_else(ExecutionId::generate),
        workload,
        secrets: credentials.secrets(),
        keychain: Arc::new(keychain),
    };
    let is_local = arguments.common.is_local();
    let set_up = arguments
        .common
        .set_up(&folder_of(&arguments.playbook.playbook), Some(&credentials))
        .await?;
    let runner = HostRunner {
        playbook: &playbook,
        host: set_up.host,
        watch: set_up.watch,
        cancel: cancel_on_interrupt(),
        output: arguments.output,
        noted_image: AtomicBool::new(!is_local),
    };
    match playbook::run(&playbook, inputs, &runner).await {
        Ok(report) => {
            print_report(&report, arguments.output);
            Ok(exit_of(&report))
        }
        Err(RunFailure { report, error }) => {
            print_report(&report, arguments.output);
            Err(explain(&playbook, error))
        }
    }
}

impl StepRunner for HostRunner<'_> {
    type Error = StepError;

    async fn run_step(&self, call: StepCall) -> Result<StepResult, StepError> {
        self.refresh_plugins().await;
        self.note_image(&call.config);
        if self.output == OutputFormat::Text {
            terminal::tell(&format!("{}: {}", call.step, call.tool));
        }
        let (display, sender) = Display::start(self.output);
        let execution_id = call.templates.execution_id.clone();
        let request = CallRequest::new(
            call.tool.parse()?,
            call.config,
            host::ExecutionId::new(execution_id),
            StepName::new(call.step),
        )
        .with_templates(call.templates)
        .with_secrets(call.secrets)
        .with_cancel(self.cancel.clone())
        .with_progress(sender);
        let called = self.host.call(request).await;
        display.finish().await;
        let outcome = called?;
        Ok(StepResult {
            status: match outcome.status() {
                OutcomeStatus::Completed => StepStatus::Completed,
                OutcomeStatus::Cancelled => StepStatus::Cancelled,
                OutcomeStatus::Timeout => StepStatus::Timeout,
                // A status that a later version adds is not a success.
                _ => StepStatus::Failed,
            },
            tool: outcome.tool().to_owned(),
            outcome: outcome.into_document(),
        })
    }

    async fn check_step(&self, call: StepCall) -> Result<(), StepError> {
        let execution_id = call.templates.execution_id;
        let request = CallRequest::new(
            call.tool.parse()?,
            call.config,
            host::ExecutionId::new(execution_id),
            StepName::new(call.step),
        )
        .with_cancel(self.cancel.clone());
        Ok(self.host.check(&request).await?)
    }

    fn note_unreachable(&self, problem: StepProblem<StepError>) {
        let (_, diagnostics) = diagnose_step(self.playbook, &problem.step, problem.source);
        let warnings: Vec<_> = diagnostics
            .into_iter()
            .map(Diagnostic::as_warning)
            .collect();
        terminal::show(&warnings);
    }
}

impl HostRunner<'_> {
    async fn refresh_plugins(&self) {
        let Some(watch) = &self.watch else {
            return;
        };
        for change in watch.refresh(&self.host).await {
            show_change(&change);
        }
    }

    /// A container image has no effect for a process on this machine, which users who set one should know.
    fn note_image(&self, config: &Value) {
        let has_image = config.pointer("/job/image").is_some();
        if has_image && !self.noted_image.swap(true, Ordering::Relaxed) {
            terminal::tell(
                "note: the local engine runs processes on this machine; `job.image` has no effect",
            );
        }
    }
}

pub(crate) fn read_playbook(arguments: &PlaybookArguments) -> Result<Playbook, Exit> {
    let document = read_document(&arguments.playbook)?;
    Playbook::parse(document).map_err(|problems| {
        terminal::show(&problems);
        Exit::Usage
    })
}

pub(crate) fn workload(playbook: &Playbook, arguments: &PlaybookArguments) -> Result<Value, Exit> {
    let mut workload = playbook.workload().clone();
    if let Some(path) = &arguments.payload {
        merge_payload(&mut workload, &read_document(path)?).map_err(|problem| {
            terminal::show(&[problem]);
            Exit::Usage
        })?;
    }
    for change in &arguments.overrides {
        let warning = change.apply(&mut workload).map_err(|error| {
            terminal::complain(&error.to_string(), None);
            Exit::Usage
        })?;
        terminal::show(warning.as_slice());
    }
    Ok(workload)
}

fn print_report(report: &Report, output: OutputFormat) {
    match output {
        OutputFormat::Json => match serde_json::to_string_pretty(report) {
            Ok(document) => terminal::print_json(&document),
            Err(error) => terminal::complain(&format!("cannot write the report: {error}"), None),
        },
        OutputFormat::Text => {
            for step in &report.steps {
                print_step(step);
            }
            terminal::print(&format!(
                "{} (execution {})",
                report.status, report.execution_id
            ));
        }
    }
}

fn print_step(step: &StepReport) {
    let outcome = &step.outcome;
    let status = outcome
        .get("status")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let time = outcome.get("execution_time").and_then(Value::as_f64);
    let time = time
        .map(|seconds| format!(" in {seconds:.1} s"))
        .unwrap_or_default();
    terminal::print(&format!("{}: {status}{time} ({})", step.step, step.tool));
    let number = |name: &str| outcome.get(name).and_then(Value::as_u64).unwrap_or(0);
    if number("failed") > 0 {
        let (succeeded, failed) = (number("succeeded"), number("failed"));
        terminal::print(&format!(
            "  attempts: {succeeded} succeeded, {failed} failed"
        ));
    }
    for name in ["job_name", "reason", "message", "hint", "field"] {
        if let Some(text) = outcome.get(name).and_then(Value::as_str) {
            print_text(name, text);
        }
    }
    let result = outcome.get("result").filter(|result| !result.is_null());
    if let Some(result) = result {
        let text = result.to_string();
        let text = foreign::json(&text);
        let result = shortened(&text, MAX_SHOWN_RESULT);
        terminal::print(&format!("  result: {result}"));
    }
    let attempts = outcome
        .get("attempts")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for log in attempts.filter_map(|attempt| attempt.get("log").and_then(Value::as_str)) {
        terminal::print(&format!("  whole log: {log}"));
    }
    let warnings = outcome
        .get("warnings")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for warning in warnings.filter_map(Value::as_str) {
        print_text("warning", warning);
    }
}

/// A text of an outcome below its step. All its lines are indented more than the steps, so that none can be
/// mistaken for one.
fn print_text(name: &str, text: &str) {
    let text = shortened(text, MAX_SHOWN_TEXT);
    let mut lines = text.lines();
    terminal::print(&format!("  {name}: {}", lines.next().unwrap_or_default()));
    for line in lines {
        terminal::print(&format!("    {line}"));
    }
}

/// A text, truncated for people.
fn shortened(text: &str, max_characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max_characters) {
        Some((end, _)) => {
            let shown = text.get(..end).unwrap_or_default();
            format!("{shown}… (`--output json` shows all of it)").into()
        }
        None => text.into(),
    }
}

fn exit_of(report: &Report) -> Exit {
    let reason = report
        .steps
        .last()
        .and_then(|step| step.outcome.get("reason")?.as_str());
    match (report.status, reason) {
        (RunStatus::Completed, _) => Exit::Success,
        (RunStatus::Cancelled, _) => Exit::Interrupted,
        (RunStatus::Failed, reason) => Exit::of_code(reason),
    }
}

fn explain(playbook: &Playbook, error: RunError<StepError>) -> Exit {
    match error {
        RunError::Preflight { problems } => {
            let exits = problems
                .into_iter()
                .map(|StepProblem { step, source, .. }| explain_step(playbook, &step, source));
            // All of them are shown, and the first one determines the exit code.
            let exits: Vec<_> = exits.collect();
            exits.first().copied().unwrap_or(Exit::Failed)
        }
        RunError::Step { step, source } => explain_step(playbook, &step, source),
        RunError::Condition { problem, .. } => {
            terminal::show(&[*problem]);
            Exit::Usage
        }
        other => {
            terminal::complain(&chain(&other), None);
            Exit::Failed
        }
    }
}

pub(crate) fn explain_step(playbook: &Playbook, step: &str, error: StepError) -> Exit {
    let (exit, diagnostics) = diagnose_step(playbook, step, error);
    terminal::show(&diagnostics);
    exit
}

fn diagnose_step(playbook: &Playbook, step: &str, error: StepError) -> (Exit, Vec<Diagnostic>) {
    match error {
        StepError::Reference(error) => {
            let nowhere: [&str; 0] = [];
            let diagnostic = playbook.diagnose(step, &nowhere, false, error.to_string(), None);
            (Exit::Usage, vec![diagnostic])
        }
        StepError::Call(error) => (Exit::of_error(&error), explain_call(playbook, step, error)),
    }
}

fn explain_call(playbook: &Playbook, step: &str, error: CallError) -> Vec<Diagnostic> {
    match error {
        CallError::Template(error) => vec![playbook.diagnose_template(step, *error)],
        CallError::Rejected(Explanation {
            message,
            hint,
            field: Some(field),
            ..
        })
        | CallError::Refused(CapabilityError {
            explanation:
                Explanation {
                    message,
                    hint,
                    field: Some(field),
                    ..
                },
            ..
        }) => vec![playbook.diagnose_field(step, &field, message, hint.map(hint_text))],
        error => {
            let place = |Finding {
                             path,
                             is_key,
                             message,
                             help,
                             ..
                         }| {
                playbook.diagnose(step, &path, is_key, message, help.map(hint_text))
            };
            error.findings().into_iter().map(place).collect()
        }
    }
}
