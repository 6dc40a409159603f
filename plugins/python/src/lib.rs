//! The python tool: calls the function `main` of Python source as an isolated job and returns what that
//! returned.
//!
//! It decides; the host does. `run` reads as the data flows: `program` (what the job runs), `report` (how
//! the result comes back), and everything about the job from `noetl-job-tool`.
//!
//! What is secret arrives as sealed references, texts like any other. They go into the job's secret and
//! nowhere else.

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
use noetl_tool_sdk::{Capability, Context, Error, Host, Tool, export_tool, no_std_runtime};

pub use config::Config;
pub use noetl_job_tool::Outcome;

/// The tool `python`.
#[derive(Debug)]
pub struct Python;

impl Tool for Python {
    const KIND: &'static str = "python";
    const SUMMARY: &'static str = "Calls the function `main` of Python source as an isolated job and returns what it returned.";
    const CAPABILITIES: &'static [Capability] = noetl_job_tool::CAPABILITIES;

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
