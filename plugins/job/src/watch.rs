//! The history of a job: its events, collected in one record.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use noetl_tool_sdk::{AttemptEnd, Error, Job, JobEnd, JobEvent, JobEventKind, JobStatus};

/// The maximum number of attempts that are kept, the last ones. Each attempt in the result includes its
/// output.
pub const MAX_ATTEMPTS: usize = 20;
/// The maximum number of warnings that are kept.
const MAX_WARNINGS: usize = 20;

/// A job from its beginning to its end.
#[derive(Debug, Default)]
pub struct Record {
    /// The attempts in order.
    pub attempts: Vec<Attempt>,
    /// Whether there were more attempts than are kept.
    pub has_earlier_attempts: bool,
    /// The warnings for the user, each once.
    pub warnings: Vec<String>,
    /// How it ended.
    pub end: Option<JobEnd>,
    /// From the start of the first attempt to the end; zero if nothing was started.
    pub execution_time: Duration,
    first_start: Option<Duration>,
}

/// One attempt.
#[derive(Debug, Default)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// The name of the pod, or its equivalent.
    pub pod: Option<String>,
    /// How it ended; `None` if the job finished before the end of the attempt was observed.
    pub end: Option<AttemptEnd>,
}

/// Waits until the job has finished.
///
/// # Errors
///
/// Those of the host.
pub(crate) fn watch(job: &impl Job) -> Result<Record, Error> {
    let mut record = Record::default();
    for event in job.events() {
        record.add(event?);
    }
    Ok(record)
}

impl Record {
    /// The verdict; a job whose end was not reported has failed.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        self.end
            .as_ref()
            .map_or(JobStatus::Failed, |end| end.status)
    }

    fn add(&mut self, event: JobEvent) {
        match event.kind {
            JobEventKind::AttemptStarted { pod } => {
                self.first_start.get_or_insert(event.elapsed);
                self.attempt(event.attempt).pod = pod;
            }
            JobEventKind::AttemptEnded(end) => self.attempt(event.attempt).end = Some(end),
            JobEventKind::Warning { message } => self.warn(&message),
            JobEventKind::Finished(end) => {
                let start = self.first_start.unwrap_or(event.elapsed);
                self.execution_time = event.elapsed.saturating_sub(start);
                self.end = Some(end);
            }
            // The host reports these to the caller itself, and unknown kinds are ignored.
            _ => {}
        }
    }

    fn attempt(&mut self, number: u32) -> &mut Attempt {
        let position = if let Some(position) = self
            .attempts
            .iter()
            .position(|attempt| attempt.number == number)
        {
            position
        } else {
            if self.attempts.len() == MAX_ATTEMPTS {
                self.attempts.remove(0);
                self.has_earlier_attempts = true;
            }
            self.attempts.push(Attempt {
                number,
                ..Attempt::default()
            });
            self.attempts.len() - 1
        };
        #[expect(
            clippy::indexing_slicing,
            reason = "the position was just found or made"
        )]
        &mut self.attempts[position]
    }

    fn warn(&mut self, message: &str) {
        let is_new = self.warnings.iter().all(|warning| warning != message);
        if is_new && self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(message.to_string());
        }
    }
}
