//! Follows a call while it goes on, and ends it early: `cargo run --example progress`.
//!
//! The script writes a line every 100 ms for a minute; after three lines the call is cancelled, and the
//! outcome says so.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use toolhost::backend::local::{LocalEngine, LocalSettings};
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::progress::{ProgressEvent, progress};

const SCRIPT: &str = "for i in $(seq 600); do echo \"line $i\"; sleep 0.1; done";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = ToolHost::builder()
        .jobs(Arc::new(LocalEngine::new(LocalSettings::default())))
        .build()?;
    host.load_embedded_tools().await?;

    let config = json!({"script": {"content": SCRIPT, "interpreter": "sh"}});
    let (sender, mut reader) = progress();
    let cancel = CancellationToken::new();
    let request = CallRequest::new(
        "script@0.1".parse()?,
        config,
        ExecutionId::new("1"),
        StepName::new("count"),
    )
    .with_progress(sender)
    .with_cancel(cancel.clone());

    let following = tokio::spawn(async move {
        let mut lines = 0;
        while let Some(event) = reader.next().await {
            match event {
                ProgressEvent::Log { record, .. } => {
                    lines += 1;
                    println!("attempt {}: {}", record.attempt, record.text);
                    if lines == 3 {
                        cancel.cancel();
                    }
                }
                other => println!("{other:?}"),
            }
        }
    });
    let outcome = host.call(request).await?;
    following.await?;
    println!("{}", outcome.status());
    Ok(())
}
