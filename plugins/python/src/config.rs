//! The configuration in playbooks.

use alloc::boxed::Box;
use alloc::string::String;

use noetl_job_tool::config::{JobConfig, accept_input, name_environment};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The keys under `tool`, except `kind`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = accept_input, transform = name_environment)]
pub struct Config {
    /// Python source that defines a function `main`. Its return value is the result.
    #[schemars(length(min = 1))]
    pub code: String,
    /// The arguments of `main`, by the names of its parameters.
    #[serde(alias = "input")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub args: Option<Box<RawValue>>,
    /// The job that runs it.
    pub job: Option<JobConfig>,
}
