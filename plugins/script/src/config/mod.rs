//! The configuration, as it stands in playbooks.

mod script;

use alloc::boxed::Box;

use noetl_job_tool::config::{JobConfig, accept_input, name_environment};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use script::{ScriptConfig, Source, SourceType};

/// What stands under `tool` besides `kind`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = accept_input, transform = name_environment)]
pub struct Config {
    /// The script.
    pub script: ScriptConfig,
    /// What the script gets, as JSON in its first argument. Any JSON; else `{}`.
    #[serde(alias = "input")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub args: Option<Box<RawValue>>,
    /// The job that runs the script.
    pub job: Option<JobConfig>,
}
