use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{CapabilityError, Reason};

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

    /// Creates the job, or adopts the one of that name that already runs with the same specification.
    ///
    /// Returns when the engine has accepted the job; what happens then is told by the handle's events.
    /// Whatever attempts write goes into `logs` as it comes.
    ///
    /// An implementation follows the Kubernetes Job controller: an attempt that fails is repeated up
    /// to `backoff_limit` times after an exponential delay, `active_deadline` counts from the first
    /// start over all attempts, and the end is told by one [`JobEventKind::Finished`].
    ///
    /// # Errors
    ///
    /// [`Reason::Conflict`], [`Reason::InvalidRequest`], [`Reason::Unsupported`] (an unknown option, by
    /// name), [`Reason::InterpreterMissing`], [`Reason::EngineUnavailable`], [`Reason::Denied`],
    /// [`Reason::Quota`]. Nothing is left behind then.
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
    /// The name: a DNS label of at most 52 characters.
    pub name: String,
    /// Whose step it is: the execution and the step, for engines that keep jobs apart by it.
    pub execution_id: String,
    /// The command. `$(NAME)` is replaced by the environment variable once and `$$` is a plain `$`, as
    /// the kubelet does it; a name that is not set stays as it is written.
    pub command: Vec<String>,
    /// The script.
    pub script: Option<Script>,
    /// The environment in order. [`ARGUMENTS_VARIABLE`] is given as any other entry; the engine adds
    /// [`SCRIPT_VARIABLE`] and [`ARGUMENTS_FILE_VARIABLE`], and puts arguments of more than
    /// [`MAX_ARGUMENT_BYTES`] into the file alone.
    pub environment: Vec<(String, SecretString)>,
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
    pub fn new(name: impl Into<String>, command: Vec<String>) -> Self {
        Self {
            name: name.into(),
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
    /// A file name without a path.
    pub file_name: String,
    /// The content.
    pub content: Bytes,
}

/// Which job it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobIdentity {
    /// The job's name.
    pub name: String,
    /// The namespace, where the engine has them.
    pub namespace: Option<String>,
    /// The engine's own identifier.
    pub uid: Option<String>,
    /// Whether it was found running rather than created.
    pub adopted: bool,
}

impl JobIdentity {
    /// A job that was created under this name.
    #[must_use]
    pub fn created(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// Something that happened to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEvent {
    /// Time since the job was created, by the engine's clock.
    pub elapsed: Duration,
    /// The attempt that it belongs to, from 1; 0 for the job as a whole.
    pub attempt: u32,
    /// What happened.
    pub kind: JobEventKind,
}

impl JobEvent {
    /// Whether no event follows this one.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self.kind, JobEventKind::Finished(_))
    }
}

/// What can happen to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEventKind {
    /// It cannot start yet.
    Waiting {
        /// A word for the cause, such as `Unschedulable`.
        reason: String,
        /// A sentence about it.
        message: String,
    },
    /// A program was started.
    AttemptStarted {
        /// The pod's name, or what stands for it.
        pod: String,
    },
    /// A program ended.
    AttemptEnded(AttemptEnd),
    /// The next attempt follows after a delay.
    BackingOff {
        /// The delay.
        wait: Duration,
    },
    /// Something that the user should know, and that is no failure.
    Warning {
        /// A sentence about it.
        message: String,
    },
    /// The job is over.
    Finished(JobEnd),
}

/// How an attempt ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttemptEnd {
    /// The exit code, if the program exited.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Why it failed; none where it succeeded.
    pub reason: Option<Reason>,
    /// A sentence about it.
    pub message: Option<String>,
    /// How to mend it.
    pub hint: Option<String>,
    /// The path of the configuration value to change.
    pub field: Option<String>,
    /// How long it ran.
    pub duration: Duration,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// The verdict.
    pub status: JobStatus,
    /// Attempts that succeeded: 0 or 1.
    pub succeeded: u32,
    /// Attempts that failed.
    pub failed: u32,
    /// Why the job as a whole failed; none where it succeeded.
    pub reason: Option<Reason>,
    /// A sentence about it.
    pub message: Option<String>,
    /// How to mend it.
    pub hint: Option<String>,
    /// The path of the configuration value to change.
    pub field: Option<String>,
}

/// The verdict on a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// An attempt succeeded.
    Succeeded,
    /// It failed for good.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// The caller's side of a job: its events, and the way to end it.
///
/// Dropping it asks the engine to end the job, as [`JobHandle::request_cancel`] does, so that no path
/// through a caller can leave a job running.
#[derive(Debug)]
pub struct JobHandle {
    identity: JobIdentity,
    /// Boxed, because a channel reserves room for a block of messages: 8 KiB of events, most of it for
    /// nothing.
    events: mpsc::UnboundedReceiver<Box<JobEvent>>,
    /// Events that were received while waiting for the end.
    read_ahead: VecDeque<JobEvent>,
    cancel: CancellationToken,
    finished: bool,
}

/// The engine's side of a job.
///
/// When it is dropped without [`JobEventKind::Finished`], the caller sees the job end with
/// [`Reason::Internal`].
#[derive(Debug)]
pub struct JobReporter {
    events: mpsc::UnboundedSender<Box<JobEvent>>,
    cancel: CancellationToken,
}

impl JobHandle {
    /// Both sides of a new job.
    ///
    /// The events are not bounded in number by the channel but by what an engine has to say: a few per
    /// attempt, and engines bound attempts and coalesce repeated [`JobEventKind::Waiting`].
    #[must_use]
    pub fn new(identity: JobIdentity) -> (Self, JobReporter) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let cancel = CancellationToken::new();
        let handle = Self {
            identity,
            events: receiver,
            read_ahead: VecDeque::new(),
            cancel: cancel.clone(),
            finished: false,
        };
        let reporter = JobReporter {
            events: sender,
            cancel,
        };
        (handle, reporter)
    }

    /// Which job it is.
    #[must_use]
    pub fn identity(&self) -> &JobIdentity {
        &self.identity
    }

    /// Whether [`JobEventKind::Finished`] was returned.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The next event; none after [`JobEventKind::Finished`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn next_event(&mut self) -> Option<JobEvent> {
        if let Some(event) = self.read_ahead.pop_front() {
            return Some(self.note(event));
        }
        if self.finished {
            return None;
        }
        let event = self.receive().await;
        Some(self.note(event))
    }

    /// What ends the job when it is cancelled, for use while the handle waits for an event.
    #[must_use]
    pub fn canceller(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Asks the engine to end the job, and returns at once.
    pub fn request_cancel(&self) {
        self.cancel.cancel();
    }

    /// Ends the job and waits until the engine says that nothing of it runs.
    ///
    /// The events up to the end stay to be read by [`JobHandle::next_event`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event, and the engine goes on ending the job.
    pub async fn cancel(&mut self) {
        self.request_cancel();
        while !self.finished && !self.read_ahead.iter().any(JobEvent::is_end) {
            let event = self.receive().await;
            self.read_ahead.push_back(event);
        }
    }

    fn note(&mut self, event: JobEvent) -> JobEvent {
        self.finished |= event.is_end();
        event
    }

    async fn receive(&mut self) -> JobEvent {
        let event = self.events.recv().await.map(|event| *event);
        event.unwrap_or_else(|| JobEvent {
            elapsed: Duration::ZERO,
            attempt: 0,
            kind: JobEventKind::Finished(JobEnd {
                status: JobStatus::Failed,
                succeeded: 0,
                failed: 0,
                reason: Some(Reason::Internal),
                message: Some("the engine lost the job".to_owned()),
                hint: None,
                field: None,
            }),
        })
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl JobReporter {
    /// Tells the caller what happened. A caller that is gone does not matter.
    pub fn report(&self, elapsed: Duration, attempt: u32, kind: JobEventKind) {
        let event = JobEvent {
            elapsed,
            attempt,
            kind,
        };
        drop(self.events.send(Box::new(event)));
    }

    /// Waits until the caller wants the job to end.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Whether the caller wants the job to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
