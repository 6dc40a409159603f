use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::Value;
use toolhost::host::{self, CallError, CallRequest, Finding, StepName};
use toolhost::registry::ToolRef;
use toolhost::template::TemplateContext;
use toolhost_cli::playbook::ExecutionId;
use toolhost_diagnostic::{Diagnostic, Document};

use super::exit::Exit;
use super::options::{CommonOptions, OutputFormat, folder_of, read_document};
use super::settings::hint_text;
use super::show::{Display, cancel_on_interrupt};
use super::terminal;

#[derive(Debug, Args)]
pub(crate) struct CallArguments {
    /// The tool: KIND, KIND@1, KIND@1.2, KIND@1.2.3 or KIND@sha256:DIGEST.
    tool: ToolRef,
    /// The configuration under `tool` in a playbook, without `kind`, as YAML or JSON; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A file with the values for templates: `execution_id`, `step`, `workload`, and `results` by step.
    #[arg(long, value_name = "FILE")]
    context: Option<PathBuf>,
    /// The execution that the call belongs to; it is part of the job's name [default: that of the context, or
    /// a generated one].
    #[arg(long, value_name = "ID")]
    execution_id: Option<ExecutionId>,
    #[command(flatten)]
    common: CommonOptions,
}

/// The default step of a call.
const DEFAULT_STEP: &str = "call";
/// The keys of a context.
const CONTEXT_KEYS: [&str; 4] = ["execution_id", "step", "workload", "results"];

pub(crate) async fn call(arguments: CallArguments) -> Exit {
    match try_call(arguments).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn try_call(arguments: CallArguments) -> Result<Exit, Exit> {
    let document = read_document(&arguments.config)?;
    let mut context = match &arguments.context {
        Some(path) => read_context(&read_document(path)?)?,
        None => TemplateContext::default(),
    };
    if let Some(id) = arguments.execution_id {
        context.execution_id = id.to_string();
    }
    if context.execution_id.is_empty() {
        context.execution_id = ExecutionId::generate().to_string();
    }
    if context.step.is_empty() {
        DEFAULT_STEP.clone_into(&mut context.step);
    }
    let credentials = arguments.common.credentials()?;
    context.secrets = credentials.secrets();
    context.keychain = Arc::new(credentials.keychain(Vec::new()));
    let set_up = arguments
        .common
        .set_up(&folder_of(&arguments.config), Some(&credentials))
        .await?;
    let cancel = cancel_on_interrupt();
    let (display, sender) = Display::start(OutputFormat::Json);
    let (execution_id, step) = (context.execution_id.clone(), context.step.clone());
    let request = CallRequest::new(
        arguments.tool,
        document.to_value(),
        host::ExecutionId::new(execution_id),
        StepName::new(step),
    )
    .with_templates(context)
    .with_cancel(cancel)
    .with_progress(sender);
    let called = set_up.host.call(request).await;
    display.finish().await;
    match called {
        Ok(outcome) => {
            let exit = Exit::of_outcome(&outcome);
            terminal::print_json(&format!("{:#}", Value::Object(outcome.into_document())));
            Ok(exit)
        }
        // The tool is named on the command line, so there is no position to point at.
        Err(error @ (CallError::UnknownTool(_) | CallError::Denied(_))) => {
            terminal::complain(&error.to_string(), error.help().map(hint_text));
            Err(Exit::of_error(&error))
        }
        Err(error) => {
            terminal::show(&diagnostics(&error, &document));
            Err(Exit::of_error(&error))
        }
    }
}

fn read_context(document: &Document) -> Result<TemplateContext, Exit> {
    let mut context = TemplateContext::default();
    let mut problems = Vec::new();
    for entry in document.root().entries().unwrap_or_default() {
        let value = entry.value.to_value();
        let wrong = |expected: &str| {
            let message = format!("`{}` is not {expected}", entry.key.text);
            Diagnostic::error(message).at(document.source(), entry.value.span)
        };
        match (entry.key.text.as_str(), value) {
            ("execution_id", Value::String(id)) => context.execution_id = id,
            ("execution_id", Value::Number(id)) => context.execution_id = id.to_string(),
            ("step", Value::String(step)) => context.step = step,
            ("workload", workload @ Value::Object(_)) => context.workload = Arc::new(workload),
            ("results", Value::Object(results)) => {
                let results = results
                    .into_iter()
                    .map(|(step, result)| (step, Arc::new(result)));
                context.results = results.collect::<BTreeMap<_, _>>();
            }
            ("execution_id" | "step", _) => problems.push(wrong("a string")),
            ("workload" | "results", _) => problems.push(wrong("a map")),
            _ => problems.push(document.unknown_key(&entry.key, &CONTEXT_KEYS)),
        }
    }
    if problems.is_empty() {
        return Ok(context);
    }
    terminal::show(&problems);
    Err(Exit::Usage)
}

/// An error at its positions in the document with the configuration.
fn diagnostics(error: &CallError, document: &Document) -> Vec<Diagnostic> {
    if let CallError::Template(error) = error {
        return vec![error.diagnostic(document, &[] as &[&str])];
    }
    let findings = error.findings().into_iter();
    findings.map(|finding| at(document, finding)).collect()
}

fn at(document: &Document, finding: Finding) -> Diagnostic {
    let place = document.locate_nearest(&finding.path);
    let text = document.source().text();
    // A value of several lines is better identified by its key.
    let is_block = place.value.slice(text).trim_end().contains('\n');
    let span = place
        .key
        .filter(|_| finding.is_key || is_block)
        .unwrap_or(place.value);
    let diagnostic = Diagnostic::error(finding.message).at(document.source(), span);
    match finding.help {
        Some(help) => diagnostic.help(hint_text(help)),
        None => diagnostic,
    }
}
