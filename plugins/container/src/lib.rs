//! The container tool: runs a program of a container image as an isolated job and returns its outcome.
//!
//! The tool makes decisions; the host executes them. `run` follows the data: `environment` and `files` (what the
//! program gets), `spelling` (NoETL's own names of Kubernetes' keys), and everything about the job from
//! `noetl-job-tool`.
//!
//! Secrets arrive as sealed references, which are ordinary strings. They are only passed to the job's
//! secret.

#![no_std]

extern crate alloc;

mod config;
mod environment;
mod files;
mod run;
mod spelling;

#[cfg(test)]
mod tests;

use alloc::borrow::Cow;

use noetl_job_tool::compact_json;
use noetl_tool_sdk::{Capability, Context, Error, Fields, Host, Tool, export_tool, no_std_runtime};

pub use config::Config;
pub use noetl_job_tool::Outcome;

/// The tool `container`.
#[derive(Debug)]
pub struct Container;

impl Tool for Container {
    const KIND: &'static str = "container";
    const SUMMARY: &'static str =
        "Runs a program of a container image as an isolated job and returns its outcome.";
    const CAPABILITIES: &'static [Capability] = &[
        Capability::Secrets,
        Capability::Jobs,
        Capability::Logs,
        Capability::Progress,
    ];
    const FIELDS: Fields = Fields {
        objects: &[],
        jobs: &[
            // The keys are those of the request.
            ("", ""),
            ("environment", "env"),
            ("environment.NOETL_ARGS", "input"),
        ],
    };

    type Config = Config;
    type Outcome = Outcome;

    fn schema() -> Cow<'static, str> {
        compact_json!(include_bytes!("../schema.json")).into()
    }

    fn run(host: &impl Host, config: Config, context: &Context) -> Result<Outcome, Error> {
        run::run(host, config, context)
    }
}

export_tool!(Container);
no_std_runtime!();
