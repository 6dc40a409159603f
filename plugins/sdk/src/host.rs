use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::{Error, Result, code};
use crate::{
    Details, FetchOptions, JobEnd, JobEvent, JobEventKind, JobSpec, Level, LogExcerpt, LogPage,
    SecretEntry,
};

/// How long [`Job::events`] lets the host wait for one event. The host may return earlier, so this
/// decides nothing but how often a quiet job wakes its tool.
const EVENT_WAIT: Duration = Duration::from_hours(1);

/// What the host can do for a tool.
///
/// A tool is generic over it: as a component it calls the host, in its tests a
/// [`MockHost`](crate::mock). Only what is called is linked, so a component asks for no capability
/// that its tool does not use.
pub trait Host: Sized {
    /// Bytes that the host holds.
    type Object: Object;
    /// Named values that the host keeps.
    type Secret;
    /// A job that was created or adopted.
    type Job: Job;

    /// Fetches the object at `uri` whole and checks it. Blocks until then.
    ///
    /// # Errors
    ///
    /// `Denied`, `FetchNotFound`, `FetchDenied`, `FetchFailed`, `TooLarge`, `ChecksumMismatch`, `Timeout`,
    /// `Unsupported`, `InvalidRequest`.
    fn fetch_object(&self, uri: &str, options: FetchOptions) -> Result<Self::Object>;

    /// An object made of bytes that the tool has.
    ///
    /// # Errors
    ///
    /// `TooLarge`.
    fn create_object(&self, bytes: &[u8]) -> Result<Self::Object>;

    /// A secret made of entries, each of which becomes an environment variable of the job that it is
    /// given to. Nothing is opened before that.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` (a bad or repeated name), `TooLarge`.
    fn create_secret(&self, entries: Vec<SecretEntry>) -> Result<Self::Secret>;

    /// Creates the job, or adopts the one of that name that runs already with the same specification.
    ///
    /// # Errors
    ///
    /// `Conflict`, `InvalidRequest`, `Unsupported`, `InterpreterMissing`, `SecretInSpec`,
    /// `EngineUnavailable`, `Denied`, `Quota`, `TooLarge`.
    fn create_job(&self, spec: JobSpec<'_, Self>) -> Result<Self::Job>;

    /// Tells the caller that the work has come to `stage`, a short name such as `fetching`. Events of
    /// jobs need not be reported: the host tells of those itself.
    fn report(&self, stage: &str, message: &str, details: &[(&str, &str)]);

    /// Writes a line to the host's log.
    fn log(&self, level: Level, message: &str);
}

/// Immutable bytes that the host holds. To hand them to a job they need not enter the tool.
pub trait Object {
    /// The size in bytes.
    fn size_bytes(&self) -> u64;

    /// What is known about it: `sha256` always; `uri`, `etag` and `version` where there is one.
    fn metadata(&self) -> Details;

    /// A copy of at most `max_bytes` bytes from `offset` on; shorter at the end, and empty past it.
    ///
    /// In what was fetched, each byte of a secret that the host knows is a `*`. A job gets the bytes as they are.
    ///
    /// # Errors
    ///
    /// `TooLarge`.
    fn read(&self, offset: u64, max_bytes: u32) -> Result<Vec<u8>>;
}

/// A program that runs isolated from the tool. It is cancelled when the call ends; dropping this
/// handle alone does not cancel it.
pub trait Job {
    /// The job's name.
    fn name(&self) -> String;

    /// What is known about it: `namespace`, `uid`, `adopted` (`true` where it was found running),
    /// `engine`.
    fn metadata(&self) -> Details;

    /// The next event, each once and in order; none where nothing happened within `max_wait`, or the
    /// job is over. Most tools want [`Job::events`].
    ///
    /// # Errors
    ///
    /// `EngineUnavailable`.
    fn watch(&self, max_wait: Duration) -> Result<Option<JobEvent>>;

    /// Every event until the job is over, waiting for each as long as it takes. The last one is
    /// [`JobEventKind::Finished`], or an error.
    fn events(&self) -> Events<'_, Self>
    where
        Self: Sized,
    {
        Events {
            job: self,
            ended: false,
        }
    }

    /// Waits until the job is over, and says how it ended.
    ///
    /// # Errors
    ///
    /// `EngineUnavailable`, and `Internal` where the host ends the events without saying how.
    fn wait(&self) -> Result<JobEnd>
    where
        Self: Sized,
    {
        for event in self.events() {
            if let JobEventKind::Finished(end) = event?.kind {
                return Ok(end);
            }
        }
        Err(Error::new(
            code::INTERNAL,
            "the job's events ended without its end",
        ))
    }

    /// Ends the job and blocks until nothing of it runs; [`JobEventKind::Finished`] follows.
    ///
    /// # Errors
    ///
    /// `EngineUnavailable`.
    fn cancel(&self, reason: &str) -> Result<()>;

    /// At most `max_records` lines from `cursor` on, 0 being the first. Blocks for at most `max_wait`
    /// while there is none.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` (a cursor that no page named).
    fn read_logs(&self, cursor: u64, max_records: u32, max_wait: Duration) -> Result<LogPage>;

    /// The beginning and the end of what an attempt has written so far, together at most `max_bytes`.
    ///
    /// # Errors
    ///
    /// `TooLarge`.
    fn read_excerpt(&self, attempt: u32, max_bytes: u32) -> Result<LogExcerpt>;
}

/// The events of a job; see [`Job::events`].
#[derive(Debug)]
pub struct Events<'job, J> {
    job: &'job J,
    ended: bool,
}

impl<J: Job> Iterator for Events<'_, J> {
    type Item = Result<JobEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.job.watch(EVENT_WAIT) {
                Ok(None) => {}
                Ok(Some(event)) => {
                    self.ended = matches!(event.kind, JobEventKind::Finished(_));
                    return Some(Ok(event));
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
