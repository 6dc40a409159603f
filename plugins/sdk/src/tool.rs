use alloc::borrow::Cow;
use alloc::string::String;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::{Error, code};
use crate::{Details, Host, JobStatus};

/// A tool, which playbooks call by its kind. Export it with [`export_tool!`](crate::export_tool).
pub trait Tool {
    /// The name that playbooks use.
    const KIND: &'static str;
    /// What it does, in one sentence.
    const SUMMARY: &'static str;
    /// The capabilities that it requests; they must include everything that it calls.
    const CAPABILITIES: &'static [Capability];

    /// Its keys for the values of its requests: an error of the host then names the key that the user wrote, and not the
    /// option of the request.
    const FIELDS: Fields = Fields::NONE;

    /// Its configuration: the keys under `tool` in the playbook, except `kind`. The JSON Schema that is
    /// derived from this type is checked before [`Tool::run`], and errors are reported with their line.
    type Config: DeserializeOwned + JsonSchema;
    /// Its result: an object with a key `status`; see [`Status`].
    type Outcome: Serialize;

    /// The JSON Schema (draft 2020-12) of the configuration, as JSON.
    ///
    /// It is derived from [`Tool::Config`]. The code that derives it is a third of a small component, so a
    /// tool that has to compile quickly returns the text of a file, and a test compares that with
    /// [`derived_schema`].
    #[must_use]
    fn schema() -> Cow<'static, str> {
        derived_schema::<Self>().into()
    }

    /// Does the work once.
    ///
    /// # Errors
    ///
    /// The reason why the tool could not do it, such as an invalid configuration or a capability that failed.
    /// Work that was done and failed is an outcome.
    fn run(
        host: &impl Host,
        config: Self::Config,
        context: &Context,
    ) -> Result<Self::Outcome, Error>;
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
    /// [`Host::create_job`], and everything of [`Job`](crate::Job) except its logs.
    Jobs,
    /// [`Job::read_logs`](crate::Job::read_logs) and
    /// [`Job::read_excerpt`](crate::Job::read_excerpt).
    Logs,
    /// [`Host::report`] and [`Host::log`].
    Progress,
}

/// A tool's keys for the values of its requests, as pairs: the path of a value in the request (`image`, `environment`),
/// and the path of the key (`job.image`). An empty path stands for all values that no other pair is for,
/// and as a key for that of the same path: `("", "")` is for a tool whose keys are those of the request.
///
/// ```
/// use noetl_tool_sdk::Fields;
///
/// /// A tool with the keys `url` and `job`, which has the options of the job and `env`.
/// const FIELDS: Fields = Fields {
///     objects: &[("uri", "url")],
///     jobs: &[("", "job"), ("environment", "job.env")],
/// };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fields {
    /// Keys for `uri` and the options of [`Host::fetch_object`].
    #[serde(serialize_with = "as_map")]
    pub objects: &'static [(&'static str, &'static str)],
    /// Keys for the options of [`Host::create_job`], the `script` and the variables of the `environment`, of which
    /// `environment.NOETL_ARGS` are the arguments.
    #[serde(serialize_with = "as_map")]
    pub jobs: &'static [(&'static str, &'static str)],
}

impl Fields {
    /// No keys: hints that name a value of a request are left out.
    pub const NONE: Self = Self {
        objects: &[],
        jobs: &[],
    };
}

fn as_map<S: Serializer>(pairs: &[(&str, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (path, key) in pairs {
        map.serialize_entry(path, key)?;
    }
    map.end()
}

/// How a tool's work ended: the key `status` of its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was done.
    Completed,
    /// It could not be done.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It exceeded its time limit.
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

/// The context of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(Details);

impl Context {
    /// The execution that the call belongs to.
    #[must_use]
    pub fn execution_id(&self) -> Option<&str> {
        self.get("execution-id")
    }

    /// The step that the call executes.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        self.get("step")
    }

    /// The engine that runs jobs: `local`, `kubernetes`, …
    #[must_use]
    pub fn engine(&self) -> Option<&str> {
        self.get("engine")
    }

    /// Any other entry.
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

/// The description of the tool, as the JSON object that the host expects.
#[must_use]
pub fn describe<T: Tool>(version: &str) -> String {
    let schema = T::schema();
    let description = Description {
        kind: T::KIND,
        version,
        summary: T::SUMMARY,
        schema: serde_json::from_str(&schema).unwrap_or(RawValue::NULL),
        capabilities: T::CAPABILITIES,
        fields: T::FIELDS,
    };
    // Strings and JSON can always be written as JSON. The host rejects an empty description like any other
    // that is not JSON.
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
    fields: Fields,
}

/// Runs the tool on a configuration in JSON, and returns its outcome in JSON.
///
/// # Errors
///
/// `InvalidRequest` if the configuration does not fit this tool, and the tool's own errors.
pub fn invoke<T: Tool>(host: &impl Host, config: &str, context: &Context) -> Result<String, Error> {
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
