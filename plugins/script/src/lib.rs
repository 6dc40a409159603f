//! The script tool: fetches a script, runs it as an isolated job and returns one result.
//!
//! The tool makes decisions; the host executes them. `run` follows the data: `source` (where the script comes
//! from), `interpreter` (what runs it), and everything about the job from `noetl-job-tool`.
//!
//! Secrets arrive as sealed references, which are ordinary strings. They are only passed to the job's
//! secret.

#![no_std]

extern crate alloc;

mod config;
mod file_name;
mod interpreter;
mod run;
mod source;

#[cfg(test)]
mod tests;

use alloc::borrow::Cow;

use noetl_job_tool::compact_json;
use noetl_tool_sdk::{Capability, Context, Error, Fields, Host, Tool, export_tool, no_std_runtime};

pub use config::Config;
pub use noetl_job_tool::Outcome;

/// The tool `script`.
#[derive(Debug)]
pub struct Script;

impl Tool for Script {
    const KIND: &'static str = "script";
    const SUMMARY: &'static str =
        "Runs a script from GCS, S3, HTTP or a file as an isolated job and returns its result.";
    const CAPABILITIES: &'static [Capability] = noetl_job_tool::CAPABILITIES;
    const FIELDS: Fields = Fields {
        objects: &[
            ("", "script.source"),
            ("sha256", "script.sha256"),
            ("timeout-ms", "script.source.timeout"),
            ("uri", "script.uri"),
        ],
        jobs: &[
            ("", "job"),
            ("command[0]", "script.interpreter"),
            ("environment", "job.env"),
            ("environment.NOETL_ARGS", "args"),
            ("script", "script.uri"),
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

export_tool!(Script);
no_std_runtime!();
