//! The script tool: takes a script from where it is kept, runs it as an isolated job and returns one
//! result.
//!
//! It decides; the host does. [`run`] reads as the data flows, and each decision is a module that knows
//! of no host: [`name`] (what the job is called), [`source`] (where the script comes from),
//! [`interpreter`] (what runs it), [`environment`] (what it finds), [`options`] (what the engine shall
//! provide), [`watch`] (what happened), [`explanation`] and [`hint`] (why, and how to mend it).
//!
//! What is secret arrives as sealed references, texts like any other. They go into the job's secret and
//! nowhere else.

#![no_std]

extern crate alloc;

mod config;
mod environment;
mod explanation;
mod file_name;
mod hash;
mod hint;
mod interpreter;
mod name;
mod options;
mod outcome;
mod output;
mod quantity;
mod resources;
mod run;
mod schema;
mod source;
mod watch;

#[cfg(test)]
mod tests;

use alloc::borrow::Cow;

use noetl_tool_sdk::{Capability, Context, Error, Host, Tool, export_tool, no_std_runtime};

pub use config::Config;
pub use outcome::Outcome;

/// The tool `script`.
#[derive(Debug)]
pub struct Script;

impl Tool for Script {
    const KIND: &'static str = "script";
    const SUMMARY: &'static str =
        "Runs a script from GCS, S3, HTTP or a file as an isolated job and returns its result.";
    const CAPABILITIES: &'static [Capability] = &[
        Capability::Objects,
        Capability::Secrets,
        Capability::Jobs,
        Capability::Logs,
        Capability::Progress,
    ];

    type Config = Config;
    type Outcome = Outcome;

    fn schema() -> Cow<'static, str> {
        schema::SCHEMA.into()
    }

    fn run(host: &impl Host, config: Config, context: &Context) -> Result<Outcome, Error> {
        run::run(host, config, context)
    }
}

export_tool!(Script);
no_std_runtime!();
