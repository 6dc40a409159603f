use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use serde_json::Value;

use super::{CapabilityError, FileName, JobHandle, JobName, VariableName};

/// The environment variable that holds the path of the script.
pub const SCRIPT_VARIABLE: &str = "NOETL_SCRIPT";
/// The environment variable that holds the arguments as JSON, or `@` and a path.
pub const ARGUMENTS_VARIABLE: &str = "NOETL_ARGS";
/// The environment variable that holds the path of a file with the arguments.
pub const ARGUMENTS_FILE_VARIABLE: &str = "NOETL_ARGS_FILE";
/// The most bytes of arguments that are given in the environment and on the command line. Linux takes
/// 131,072 bytes for one `NAME=value` or argument with its end (`MAX_ARG_STRLEN`); 131,000 bytes were
/// seen to fail in a container, so there is room to spare.
pub const MAX_ARGUMENT_BYTES: usize = 120_000;

/// An engine that runs jobs.
#[async_trait]
pub trait JobRunner: Send + Sync + 'static {
    /// The engine's name, as users write it: `local`, `kubernetes`, `memory`.
    fn name(&self) -> &'static str;

    /// Finds what [`create`](Self::create) would refuse, without any effect: a program that is not installed, an option
    /// that makes no sense. A job may be refused later for all that.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create) would return them.
    fn check(&self, _request: &JobRequest) -> Result<(), CapabilityError> {
        Ok(())
    }

    /// Creates the job, or adopts the one of that name that already runs with the same specification.
    ///
    /// Returns when the engine has accepted the job; what happens then is told by the handle's events.
    /// Whatever attempts write goes into `logs` as it comes.
    ///
    /// An implementation follows the Kubernetes Job controller: an attempt that fails is repeated up
    /// to `backoff_limit` times after an exponential delay, `active_deadline` counts from the first
    /// start over all attempts, and the end is told by one [`Finished`](super::JobEventKind::Finished).
    ///
    /// # Errors
    ///
    /// Of the [reasons](super::Reason) `Conflict`, `InvalidRequest`, `Unsupported` (an unknown option, by name),
    /// `InterpreterMissing`, `EngineUnavailable`, `Denied`, `Quota`. Nothing is left behind then.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no job behind, or one that is ended at once.
    async fn create(
        &self,
        request: JobRequest,
        logs: Arc<dyn LogSink>,
    ) -> Result<JobHandle, CapabilityError>;
}

/// Takes what attempts write. Called from any thread, in the order of the bytes of one attempt.
pub trait LogSink: Send + Sync + 'static {
    /// Takes some bytes, at any boundary. Does not block on whoever reads the log.
    fn write(&self, attempt: u32, bytes: &[u8]);

    /// Says that the attempt writes nothing more.
    fn end(&self, attempt: u32);
}

/// What a job shall be.
///
/// `Debug` is safe: the environment is secret, and says only that it is there.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobRequest {
    /// The name.
    pub name: JobName,
    /// Whose step it is: the execution and the step, for engines that keep jobs apart by it.
    pub execution_id: String,
    /// The command. `$(NAME)` is replaced by the environment variable once and `$$` is a plain `$`, as
    /// the kubelet does it; a name that is not set stays as it is written. A host's requests expand no
    /// variable that holds a secret: a command line is not secret.
    pub command: Vec<String>,
    /// The script.
    pub script: Option<Script>,
    /// The environment in order. [`ARGUMENTS_VARIABLE`] is given as any other entry; the engine adds
    /// [`SCRIPT_VARIABLE`] and [`ARGUMENTS_FILE_VARIABLE`], and puts arguments of more than
    /// [`MAX_ARGUMENT_BYTES`] into the file alone.
    pub environment: Vec<(VariableName, SecretString)>,
    /// How often a failed attempt is repeated.
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
    /// Every other option, by its name in a Kubernetes Job, such as `image` or `namespace`. An engine
    /// refuses a name that it does not know.
    pub options: BTreeMap<String, Value>,
}

impl JobRequest {
    /// The retries of a job that does not say: what Kubernetes would do is 6; the tools of NoETL
    /// have always used 3.
    pub const DEFAULT_BACKOFF_LIMIT: u32 = 3;

    /// A job of that name that runs `command`, with defaults for everything else.
    #[must_use]
    pub const fn new(name: JobName, command: Vec<String>) -> Self {
        Self {
            name,
            execution_id: String::new(),
            command,
            script: None,
            environment: Vec::new(),
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

/// A script and the name of the file that it is put into.
#[derive(Debug, Clone)]
pub struct Script {
    /// The name of the file.
    pub file_name: FileName,
    /// The content.
    pub content: Bytes,
}
