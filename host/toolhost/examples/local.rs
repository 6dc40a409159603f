//! The least that runs a script, as a process of this machine: `cargo run -p toolhost --example local`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use serde_json::json;
use toolhost::backend::local::{LocalEngine, LocalSettings};
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = LocalEngine::new(LocalSettings::default());
    let host = ToolHost::builder().jobs(Arc::new(engine)).build()?;
    host.load_embedded_tools().await?;
    let config = json!({"script": {"content": "echo packaged", "interpreter": "sh"}});
    let (id, step) = (
        ExecutionId::new("522095307073519743"),
        StepName::new("greet"),
    );
    let request = CallRequest::new("script".parse()?, config, id, step);
    let outcome = host.call(request).await?;
    print!(
        "{}: {}",
        outcome.status(),
        outcome.output().unwrap_or_default()
    );
    Ok(())
}
