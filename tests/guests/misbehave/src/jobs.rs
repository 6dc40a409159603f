//! Too many jobs, jobs that are not waited for, and endless waits.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use noetl_tool_sdk::bindings::noetl::tool::jobs::{Job, JobSpec, create_job, watch_job};
use noetl_tool_sdk::bindings::noetl::tool::logs::read_logs;
use noetl_tool_sdk::bindings::noetl::tool::secrets::Secret;
use noetl_tool_sdk::bindings::noetl::tool::types::Error;

/// How long `hold` waits for one event.
pub(crate) const WAIT_MS: u32 = 1000;
/// A cursor that no page of this test names.
const BAD_CURSOR: u64 = 0x1234_5678_9abc_def0;

type Context = [(String, String)];

/// Creates a job that sleeps, and waits until it is over.
pub(crate) fn wait(context: &Context, max_wait_ms: u32) -> Result<String, Error> {
    let job = sleeping(context, 0)?;
    loop {
        if let Some(event) = watch_job(&job, max_wait_ms)?
            && event.kind == "finished"
        {
            let version = env!("CARGO_PKG_VERSION");
            return Ok(format!(r#"{{"status":"completed","version":"{version}"}}"#));
        }
    }
}

/// Creates a job that sleeps, and does not wait.
pub(crate) fn leave(context: &Context) -> Result<String, Error> {
    let name = sleeping(context, 0)?.name();
    Ok(format!(r#"{{"status":"completed","job_name":"{name}"}}"#))
}

/// Creates jobs until the host has enough of it.
pub(crate) fn many(context: &Context) -> String {
    let mut held = Vec::new();
    loop {
        match sleeping(context, held.len()) {
            Ok(job) => held.push(job),
            Err(error) => {
                let (count, code) = (held.len(), error.code);
                return format!(r#"{{"status":"completed","created":{count},"code":"{code}"}}"#);
            }
        }
    }
}

/// Reads a log from a place that it made up.
pub(crate) fn bad_cursor(context: &Context) -> Result<String, Error> {
    let job = sleeping(context, 0)?;
    let page = read_logs(&job, BAD_CURSOR, 10, 0)?;
    let records = page.records.len();
    Ok(format!(r#"{{"status":"completed","records":{records}}}"#))
}

/// Creates a job that prints its environment, and returns what it printed.
pub(crate) fn print_environment(context: &Context, secret: &Secret) -> Result<String, Error> {
    let spec = JobSpec::new(&name(context, 0));
    spec.set(&[("command", r#"["env"]"#)])?;
    spec.set_environment(secret)?;
    let job = create_job(spec)?;
    while watch_job(&job, WAIT_MS)?.is_none_or(|event| event.kind != "finished") {}
    let page = read_logs(&job, 0, 100, 0)?;
    let lines: Vec<_> = page.records.into_iter().map(|record| record.text).collect();
    Ok(serde_json::json!({"status": "completed", "lines": lines}).to_string())
}

fn sleeping(context: &Context, number: usize) -> Result<Job, Error> {
    let spec = JobSpec::new(&name(context, number));
    spec.set(&[("command", r#"["sleep", "3600"]"#)])?;
    create_job(spec)
}

fn name(context: &Context, number: usize) -> String {
    let execution_id = context.iter().find(|(name, _)| name == "execution-id");
    let execution_id = execution_id.map_or("0", |(_, id)| id.as_str());
    format!("misbehave-{number}-{execution_id}")
}
