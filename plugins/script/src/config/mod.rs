//! The configuration, as it stands in playbooks.
//!
//! The host checks it against the JSON Schema that is derived from these types, and reports the line of
//! a mistake; what a schema cannot say is checked by the modules that use the values. A value that is
//! null counts as absent, as a key without a value in YAML does.

mod job;
mod scalar;
mod schema;
mod script;

use alloc::boxed::Box;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use job::{JobConfig, PullPolicy, Resources};
pub(crate) use scalar::{Seconds, Text, Whole, Words};
#[cfg(test)]
pub(crate) use schema::snake_case;
pub(crate) use script::{ScriptConfig, Source, SourceType};

/// What stands under `tool` besides `kind`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = schema::accept_input, transform = schema::name_environment)]
pub struct Config {
    /// The script.
    pub script: ScriptConfig,
    /// What the script gets, as JSON in its first argument. Any JSON value; `{}` where it is absent.
    #[serde(alias = "input")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub args: Option<Box<RawValue>>,
    /// The job that runs the script.
    pub job: Option<JobConfig>,
}
