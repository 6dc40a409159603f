use alloc::borrow::Cow;
use alloc::string::String;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{Error, Result, code};
use crate::{Details, Host, JobStatus};

/// A tool: what playbooks call by its kind. Export it with [`export_tool!`](crate::export_tool).
pub trait Tool {
    /// The name that playbooks use.
    const KIND: &'static str;
    /// What it does, in one sentence.
    const SUMMARY: &'static str;
    /// What it asks of its host; whatever it calls must be among it.
    const CAPABILITIES: &'static [Capability];

    /// Its configuration: what stands in the playbook under `tool` besides `kind`. The JSON Schema
    /// that is derived from this type is checked before [`Tool::run`], with the line of the mistake.
    type Config: DeserializeOwned + JsonSchema;
    /// What it returns: an object with a member `status`; see [`Status`].
    type Outcome: Serialize;

    /// The JSON Schema (draft 2020-12) of the configuration, as JSON.
    ///
    /// It is derived from [`Tool::Config`]. The code that derives it is a third of a small component, so
    /// a tool that shall be compiled quickly returns the text of a file, and a test of its own compares
    /// that with [`derived_schema`].
    #[must_use]
    fn schema() -> Cow<'static, str> {
        derived_schema::<Self>().into()
    }

    /// Does the work once.
    ///
    /// # Errors
    ///
    /// What kept the tool from doing it, such as a configuration that makes no sense or a capability
    /// that failed. Work that was done and failed is an outcome.
    fn run(host: &impl Host, config: Self::Config, context: &Context) -> Result<Self::Outcome>;
}

/// An interface of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Capability {
    /// [`Host::fetch_object`] and [`Host::create_object`].
    Objects,
    /// [`Host::create_secret`].
    Secrets,
    /// [`Host::create_job`], and everything of [`Job`](crate::Job) but its logs.
    Jobs,
    /// [`Job::read_logs`](crate::Job::read_logs) and
    /// [`Job::read_excerpt`](crate::Job::read_excerpt).
    Logs,
    /// [`Host::report`] and [`Host::log`].
    Progress,
}

/// How a tool's work ended: the member `status` of its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was done.
    Completed,
    /// It could not be done.
    Failed,
    /// Somebody ended it.
    Cancelled,
    /// It took longer than it may.
    Timeout,
}

impl From<JobStatus> for Status {
    fn from(status: JobStatus) -> Self {
        match status {
            JobStatus::Succeeded => Self::Completed,
            JobStatus::Failed => Self::Failed,
            JobStatus::TimedOut => Self::Timeout,
            JobStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// What a call knows about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(Details);

impl Context {
    /// The execution that the call belongs to.
    #[must_use]
    pub fn execution_id(&self) -> Option<&str> {
        self.get("execution-id")
    }

    /// The step that the call does.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        self.get("step")
    }

    /// The engine that runs jobs: `local`, `kubernetes`, …
    #[must_use]
    pub fn engine(&self) -> Option<&str> {
        self.get("engine")
    }

    /// Whatever else the host tells.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }
}

impl From<Details> for Context {
    fn from(details: Details) -> Self {
        Self(details)
    }
}

/// What the tool says of itself, as the JSON object that the host expects.
#[must_use]
pub fn describe<T: Tool>(version: &str) -> String {
    let schema = T::schema();
    let description = Description {
        kind: T::KIND,
        version,
        summary: T::SUMMARY,
        schema: serde_json::from_str(&schema).unwrap_or(RawValue::NULL),
        capabilities: T::CAPABILITIES,
    };
    // Texts and JSON: there is nothing here that JSON cannot hold. The host refuses an empty description
    // as it refuses any other that is not JSON.
    serde_json::to_string(&description).unwrap_or_default()
}

/// The JSON Schema of a tool's configuration, as it follows from the type.
#[must_use]
pub fn derived_schema<T: Tool + ?Sized>() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let schema = generator.into_root_schema_for::<T::Config>();
    serde_json::to_string(&schema).unwrap_or_default()
}

#[derive(Serialize)]
struct Description<'tool> {
    kind: &'tool str,
    version: &'tool str,
    summary: &'tool str,
    schema: &'tool RawValue,
    capabilities: &'tool [Capability],
}

/// Runs the tool on a configuration in JSON, and returns its outcome in JSON.
///
/// # Errors
///
/// `InvalidRequest` where the configuration is not one of this tool's, and the tool's own errors.
pub fn invoke<T: Tool>(host: &impl Host, config: &str, context: &Context) -> Result<String> {
    let config = serde_json::from_str(config).map_err(|error| {
        let message = alloc::format!("the configuration of `{}` is invalid: {error}", T::KIND);
        Error::new(code::INVALID_REQUEST, message)
    })?;
    let outcome = T::run(host, config, context)?;
    serde_json::to_string(&outcome).map_err(|error| {
        let message = alloc::format!("the outcome of `{}` is not JSON: {error}", T::KIND);
        Error::new(code::INTERNAL, message)
    })
}
