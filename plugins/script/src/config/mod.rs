//! The configuration in playbooks.

mod script;

use alloc::boxed::Box;

use noetl_job_tool::config::{JobConfig, accept_input, name_environment};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use script::{ScriptConfig, Source, SourceType};

/// The keys under `tool`, except `kind`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = accept_input, transform = name_environment)]
pub struct Config {
    /// The script.
    pub script: ScriptConfig,
    /// The arguments of the script, as JSON in its first argument. Any JSON; default `{}`.
    #[serde(alias = "input")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub args: Option<Box<RawValue>>,
    /// The job that runs the script.
    pub job: Option<JobConfig>,
}
