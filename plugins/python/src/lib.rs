//! The python tool: calls the function `main` of Python source in an isolated job and returns its result.
//!
//! The tool makes decisions; the host executes them. `run` follows the data: `program` (the program of the
//! job), `report` (how the result is returned), and everything about the job from `noetl-job-tool`.
//!
//! Secrets arrive as sealed references, which are ordinary strings. They are only passed to the job's
//! secret.

#![no_std]

extern crate alloc;

mod config;
mod program;
mod report;
mod result;
mod run;

#[cfg(test)]
mod tests;

use alloc::borrow::Cow;

use noetl_job_tool::compact_json;
use noetl_tool_sdk::{Capability, Context, Error, Fields, Host, Tool, export_tool, no_std_runtime};

pub use config::Config;
pub use noetl_job_tool::Outcome;

/// The tool `python`.
#[derive(Debug)]
pub struct Python;

impl Tool for Python {
    const KIND: &'static str = "python";
    const SUMMARY: &'static str = "Calls the function `main` of Python source as an isolated job and returns what it returned.";
    const CAPABILITIES: &'static [Capability] = noetl_job_tool::CAPABILITIES;
    const FIELDS: Fields = Fields {
        objects: &[],
        jobs: &[
            ("", "job"),
            ("command[0]", "job.command"),
            ("environment", "job.env"),
            ("environment.NOETL_ARGS", "args"),
            ("script", "code"),
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

export_tool!(Python);
no_std_runtime!();
