//! Puts another version of a tool into use while a call goes on: `cargo run --example swap -- TOOL.wasm`.
//!
//! The running call ends on the version that it began with; the next one gets the new one.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use serde_json::json;
use toolhost::capability::memory::{AttemptScript, JobScript, MemoryEngine};
use toolhost::grant::Grants;
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = MemoryEngine::new();
    engine.default_script(JobScript::new(vec![AttemptScript::hold()]));
    let host = Arc::new(ToolHost::builder().jobs(Arc::new(engine.clone())).build()?);
    host.load_embedded_tools().await?;

    let config = json!({"script": {"content": "true", "interpreter": "sh"}});
    let request = CallRequest::new(
        "script".parse()?,
        config,
        ExecutionId::new("1"),
        StepName::new("hold"),
    );
    let running = tokio::spawn({
        let host = Arc::clone(&host);
        async move { host.call(request).await }
    });
    while !engine.is_held("script-hold-1") {
        tokio::task::yield_now().await;
    }

    if let Some(path) = std::env::args().nth(1) {
        // A component that is broken is refused here, and changes nothing.
        let tool = host.install(path.as_str(), Grants::all()).await?;
        println!("now in use: {tool} ({})", tool.digest());
    }
    assert!(engine.release("script-hold-1"), "the job was held");
    let outcome = running.await??;
    println!(
        "the running call ended on {} ({}): {}",
        outcome.tool(),
        outcome.digest(),
        outcome.status()
    );

    if let Some(tool) = host.registry().roll_back("script") {
        println!("back in use: {tool} ({})", tool.digest());
    }
    Ok(())
}
