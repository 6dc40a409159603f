use alloc::string::String;
use core::time::Duration;

use crate::error::{Error, Result, code};
use crate::{Details, JobEnd, JobEvent, JobEventKind, LogExcerpt, LogPage};

/// How long [`Job::events`] lets the host wait for one event. The host may return earlier, so this only
/// determines how often a job without events wakes its tool.
const EVENT_WAIT: Duration = Duration::from_hours(1);

/// A program that runs isolated from the tool. It is cancelled when the call ends; dropping this
/// handle alone does not cancel it.
pub trait Job {
    /// The job's name.
    fn name(&self) -> String;

    /// Its metadata: `namespace`, `uid`, `adopted` (`true` if it was already running), `engine`.
    fn metadata(&self) -> Details;

    /// The next event, each once and in order; `None` if nothing happened within `max_wait`, or if the job
    /// has finished. Most tools use [`Job::events`].
    ///
    /// # Errors
    ///
    /// `EngineUnavailable`.
    fn watch(&self, max_wait: Duration) -> Result<Option<JobEvent>>;

    /// Every event until the job has finished, waiting for each as long as it takes. The last one
    /// is [`JobEventKind::Finished`], or an error.
    fn events(&self) -> Events<'_, Self>
    where
        Self: Sized,
    {
        Events {
            job: self,
            ended: false,
        }
    }

    /// Waits until the job has finished, and returns how it ended.
    ///
    /// # Errors
    ///
    /// `EngineUnavailable`, and `Internal` if the events end without the end of the job.
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
            "the events of the job ended without its end",
        ))
    }

    /// Ends the job and blocks until nothing of it runs; [`JobEventKind::Finished`] follows.
    ///
    /// # Errors
    ///
    /// `EngineUnavailable`.
    fn cancel(&self, reason: &str) -> Result<()>;

    /// At most `max_records` lines starting at `cursor`; 0 is the first. Blocks for at most `max_wait` while
    /// there is none.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` (a cursor that is not from a page).
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
