//! Calls a tool in a host without a compiler, which loads it from a cache that another host has filled:
//!
//! ```console
//! $ cargo run -- tool list                    # compiles the tools into ~/.cache/toolhost/compiled
//! $ cargo run -p toolhost --no-default-features --example precompiled -- ~/.cache/toolhost/compiled
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use serde_json::json;
use toolhost::capability::memory::{AttemptScript, JobScript, MemoryEngine};
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cache = std::env::args().nth(1);
    let cache = cache.ok_or("expected the folder of compiled components")?;
    let engine = MemoryEngine::new();
    engine.default_script(JobScript::new(vec![
        AttemptScript::exit(0).then_line("hello"),
    ]));
    let host = ToolHost::builder()
        .jobs(Arc::new(engine))
        .cache_directory(cache)
        .build()?;
    host.load_embedded_tools().await?;

    let config = json!({"script": {"content": "echo hello", "interpreter": "sh"}});
    let request = CallRequest::new(
        "script".parse()?,
        config,
        ExecutionId::new("522095307073519743"),
        StepName::new("greet"),
    );
    let outcome = host.call(request).await?;
    let output = outcome.output().unwrap_or_default();
    print!("{}: {output}", outcome.status());
    Ok(())
}
