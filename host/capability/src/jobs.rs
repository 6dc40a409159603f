use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use serde_json::Value;

use super::{CapabilityError, FileName, JobHandle, JobName, VariableName};

/// The environment variable with the path of the script.
pub const SCRIPT_VARIABLE: &str = "NOETL_SCRIPT";
/// The environment variable with the arguments as JSON, or `@` and a path.
pub const ARGUMENTS_VARIABLE: &str = "NOETL_ARGS";
/// The path of the program in a request, for explanations.
pub const PROGRAM_FIELD: &str = "command[0]";
/// The path of the arguments in a request, for explanations.
pub const ARGUMENTS_FIELD: &str = "environment.NOETL_ARGS";
/// The environment variable with the path of a file with the arguments.
pub const ARGUMENTS_FILE_VARIABLE: &str = "NOETL_ARGS_FILE";
/// Maximum size of arguments in the environment and on the command line. Linux accepts 131,072 bytes for one
/// `NAME=value` or argument with its end (`MAX_ARG_STRLEN`); 131,000 bytes were seen to fail in a container, so there
/// is a margin.
pub const MAX_ARGUMENT_BYTES: usize = 120_000;

/// An engine that runs jobs.
#[async_trait]
pub trait JobRunner: Send + Sync + 'static {
    /// Returns the engine's name in configurations: `local`, `kubernetes`, `memory`.
    fn name(&self) -> &'static str;

    /// Checks for what [`create`](Self::create) would refuse, without any effect: a program that is not installed, an
    /// invalid option. A job may still be refused later.
    ///
    /// # Errors
    ///
    /// Those that [`create`](Self::create) would return.
    fn check(&self, _request: &JobRequest) -> Result<(), CapabilityError> {
        Ok(())
    }

    /// Creates the job, or adopts the one of that name that already runs with the same specification.
    ///
    /// Returns when the engine has accepted the job; what happens afterwards is reported by the handle's events. The
    /// output of attempts is written to `logs` as it arrives.
    ///
    /// An implementation follows the Kubernetes Job controller: an attempt that fails is retried up to `backoff_limit`
    /// times after an exponential delay, `active_deadline` counts from the first start over all attempts, and the end
    /// is reported by one [`Finished`](super::JobEventKind::Finished).
    ///
    /// # Errors
    ///
    /// Of the [reasons](super::Reason) `Conflict`, `InvalidRequest`, `Unsupported` (an unknown option, by name),
    /// `InterpreterMissing`, `EngineUnavailable`, `Denied`, `Quota`. Nothing is left behind then.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no job behind, or one that is ended immediately.
    async fn create(
        &self,
        request: JobRequest,
        logs: Arc<dyn LogSink>,
    ) -> Result<JobHandle, CapabilityError>;
}

/// Receives the output of attempts. Called from any thread, in the order of the bytes of one attempt.
pub trait LogSink: Send + Sync + 'static {
    /// Receives some bytes, at any boundary. Does not wait for the reader of the log.
    fn write(&self, attempt: u32, bytes: &[u8]);

    /// Reports that the attempt writes nothing more.
    fn end(&self, attempt: u32);
}

/// Job specification.
///
/// `Debug` is safe: the environment is secret, and only its presence is shown.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobRequest {
    /// The name.
    pub name: JobName,
    /// The execution and the step that it belongs to, for engines that separate jobs by these.
    pub execution_id: String,
    /// The command. `$(NAME)` is replaced by the environment variable once and `$$` is a plain `$`, like in the
    /// kubelet; the name of an unset variable stays unchanged. A host's requests expand no variable with a secret: a
    /// command line is not secret.
    pub command: Vec<String>,
    /// The script.
    pub script: Option<Script>,
    /// The environment in order. [`ARGUMENTS_VARIABLE`] is an entry like any other; the engine adds [`SCRIPT_VARIABLE`]
    /// and [`ARGUMENTS_FILE_VARIABLE`], and stores arguments of more than [`MAX_ARGUMENT_BYTES`] only in the file.
    pub environment: Vec<(VariableName, SecretString)>,
    /// What is not secret. Everything else is.
    pub public: PublicValues,
    /// How often a failed attempt is retried.
    pub backoff_limit: u32,
    /// How long the job may take, over all attempts.
    pub active_deadline: Option<Duration>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// `resources.requests`, as Kubernetes quantities.
    pub requests: BTreeMap<String, String>,
    /// `resources.limits`, as Kubernetes quantities.
    pub limits: BTreeMap<String, String>,
    /// Every other option, by its name in a Kubernetes Job, such as `image` or `namespace`. An engine refuses unknown
    /// names.
    pub options: BTreeMap<String, Value>,
}

impl JobRequest {
    /// The default number of retries of a job: Kubernetes' own default is 6; the tools of NoETL have always used 3.
    pub const DEFAULT_BACKOFF_LIMIT: u32 = 3;

    /// Creates a request for a job of that name that runs `command`, with defaults for everything else.
    #[must_use]
    pub const fn new(name: JobName, command: Vec<String>) -> Self {
        Self {
            name,
            execution_id: String::new(),
            command,
            script: None,
            environment: Vec::new(),
            public: PublicValues {
                variables: BTreeSet::new(),
                script: false,
            },
            backoff_limit: Self::DEFAULT_BACKOFF_LIMIT,
            active_deadline: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            requests: BTreeMap::new(),
            limits: BTreeMap::new(),
            options: BTreeMap::new(),
        }
    }
}

/// What of a [`JobRequest`] is not secret, so that an engine may store it where anyone who may read jobs can read it.
///
/// The default is nothing: what a caller does not name is stored like a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublicValues {
    /// The variables whose values are not secret.
    pub variables: BTreeSet<VariableName>,
    /// Whether the content of the script is not secret.
    pub script: bool,
}

/// A script and the name of its file.
#[derive(Debug, Clone)]
pub struct Script {
    /// The name of the file.
    pub file_name: FileName,
    /// The content.
    pub content: Bytes,
}
