//! The tools that the host embeds, called by targets. Nothing runs: jobs are those of the memory engine.

use std::sync::Arc;

use serde_json::Value;
use tokio::runtime::Runtime;
use toolhost::capability::JobRequest;
use toolhost::capability::memory::MemoryEngine;
use toolhost::host::{CallError, CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::outcome::Outcome;

pub struct Tools {
    pub engine: MemoryEngine,
    host: ToolHost,
    runtime: Runtime,
}

impl Tools {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let engine = MemoryEngine::new();
        let host = ToolHost::builder()
            .jobs(Arc::new(engine.clone()))
            .max_calls(1)
            .build()
            .expect("a host");
        runtime
            .block_on(host.load_embedded_tools())
            .expect("the tools");
        Self {
            engine,
            host,
            runtime,
        }
    }

    /// Calls a tool, and gives the job that it made, if it made one.
    pub fn call(
        &self,
        kind: &str,
        config: Value,
    ) -> (Result<Outcome, CallError>, Option<Arc<JobRequest>>) {
        let request = CallRequest::new(
            kind.parse().expect("a kind"),
            config,
            ExecutionId::new("7"),
            StepName::new("step"),
        );
        let answer = self.runtime.block_on(self.host.call(request));
        if let Ok(outcome) = &answer {
            let reason = outcome.text("reason");
            assert!(
                !matches!(reason, Some("ToolFault" | "ToolLimit" | "Internal")),
                "{outcome:?}"
            );
        }
        // The engine remembers every job.
        (answer, self.engine.take_requests().pop())
    }
}
