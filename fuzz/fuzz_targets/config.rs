//! A configuration of the script tool is refused with places and reasons, or the tool takes it without a
//! trap. Nothing runs: jobs are those of the memory engine.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;
use toolhost::backend::memory::MemoryEngine;
use toolhost::diagnostic::Document;
use toolhost::host::{CallError, CallRequest, ToolHost};

struct Fixture {
    host: ToolHost,
    engine: MemoryEngine,
    runtime: Runtime,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
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
    runtime.block_on(host.load_embedded_tools()).expect("the script tool");
    Fixture {
        host,
        engine,
        runtime,
    }
});

fuzz_target!(|text: &str| {
    let Ok(document) = Document::parse("config.yaml", text) else {
        return;
    };
    let Fixture {
        host,
        engine,
        runtime,
    } = &*FIXTURE;
    let config = document.to_value();
    let tool = "script".parse().expect("a kind");
    let request = CallRequest::new(tool, config, "7", "step");
    match runtime.block_on(host.call(request)) {
        Ok(outcome) => {
            let reason = outcome.text("reason");
            assert!(
                !matches!(reason, Some("ToolFault" | "ToolLimit" | "Internal")),
                "{outcome:?}"
            );
        }
        Err(CallError::Config { problems, .. }) => {
            assert!(!problems.is_empty(), "refused without a reason");
            for problem in problems {
                let _place = document.locate_nearest(&problem.path);
                assert!(!problem.message.is_empty());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    // It remembers every job.
    drop(engine.take_requests());
});
