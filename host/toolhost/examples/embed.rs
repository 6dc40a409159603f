//! From nothing to a call, with what an embedder meets first: `cargo run -p toolhost --example embed`.
//!
//! Needs nothing outside of this process: the engine for jobs is the one that runs nothing, and the component
//! that is installed is a built-in one.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use toolhost::capability::memory::{AttemptScript, JobScript, MemoryEngine};
use toolhost::grant::{Capability, Grants};
use toolhost::host::{CallError, CallRequest, ExecutionId, InstallError, StepName, ToolHost};
use toolhost::limits::Limits;
use toolhost::outcome::{Outcome, OutcomeStatus};
use toolhost::progress::{ProgressEvent, progress};
use toolhost::registry::{EMBEDDED_TOOLS, ToolRef};
use toolhost::sealing::ExecutionSecrets;
use toolhost::template::TemplateContext;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A host with an engine, limits, and one tool.
async fn host() -> Result<ToolHost> {
    let engine = MemoryEngine::new();
    let attempt = AttemptScript::exit(0).then_line("hello");
    engine.default_script(JobScript::new(vec![attempt]));
    let mut limits = Limits::default();
    limits.wall_time = Duration::from_mins(10);
    let host = ToolHost::builder()
        .jobs(Arc::new(engine))
        .limits(limits)
        .build()?;

    // Any component: the path of a file, or its bytes.
    let script = EMBEDDED_TOOLS.map(|(_, component)| component)[2];
    let narrow = host.install(script, Grants::none()).await;
    if let Err(InstallError::Denied(denial)) = narrow {
        println!("not installed: {denial}");
    }
    let needed = [
        Capability::Objects,
        Capability::Secrets,
        Capability::Jobs,
        Capability::Logs,
    ];
    let tool = host.install(script, Grants::of(needed)).await?;
    println!("installed {tool} ({})", tool.digest());
    Ok(host)
}

/// Calls the tool with a template in its configuration, and prints its progress.
async fn call(host: &ToolHost) -> Result<Outcome> {
    let tool: ToolRef = "script@0.1".parse()?;
    let config = json!({
        "script": {"content": "echo $NAME", "interpreter": "sh"},
        "job": {"env": {"NAME": "{{ workload.name }}"}},
    });
    let templates = TemplateContext::default().with_workload(Arc::new(json!({"name": "Ada"})));
    let (sender, mut reader) = progress();
    let request = CallRequest::new(tool, config, ExecutionId::new("7"), StepName::new("greet"))
        .with_templates(templates)
        .with_secrets(ExecutionSecrets::new())
        .with_cancel(CancellationToken::new())
        .with_progress(sender);
    let outcome = host.call(request).await?;
    while let Some(event) = reader.next().await {
        if let ProgressEvent::Log { record, .. } = event {
            println!("attempt {}: {}", record.attempt, record.text);
        }
    }
    Ok(outcome)
}

/// Calls a tool that does not exist.
async fn mistake(host: &ToolHost) -> Result<CallError> {
    let (id, step) = (ExecutionId::new("7"), StepName::new("mistake"));
    let request = CallRequest::new("skript".parse()?, json!({}), id, step);
    match host.call(request).await {
        Ok(outcome) => Err(format!("{} was called", outcome.tool()).into()),
        Err(error) => Ok(error),
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let host = host().await?;
    let outcome = call(&host).await?;
    match outcome.status() {
        OutcomeStatus::Completed => print!("output: {}", outcome.output().unwrap_or_default()),
        status => println!("{status}: {}", outcome.reason().unwrap_or_default()),
    }
    let error = mistake(&host).await?;
    println!("{error}: {}", error.help().unwrap_or_default());
    host.shutdown(Duration::from_secs(5)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn goes_from_nothing_to_a_call() {
        let host = host().await.unwrap();
        let outcome = call(&host).await.unwrap();
        assert_eq!(outcome.status(), OutcomeStatus::Completed);
        assert_eq!(
            (outcome.output(), outcome.exit_code()),
            (Some("hello\n"), Some(0))
        );
        assert_eq!((outcome.reason(), outcome.result()), (None, None));
        let error = mistake(&host).await.unwrap();
        let help = error.help().map(|hint| hint.to_string());
        assert_eq!(help.as_deref(), Some("did you mean `script`?"));
        let installed = host.registry().list();
        assert_eq!(installed.len(), 1, "{installed:?}");
    }
}
