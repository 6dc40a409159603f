//! What happened to a job: its events, gathered into one record.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use noetl_tool_sdk::{AttemptEnd, Error, Job, JobEnd, JobEvent, JobEventKind, JobStatus};

/// The most attempts that are kept; of more the last ones. Every attempt of the result costs its output.
pub const MAX_ATTEMPTS: usize = 20;
/// The most warnings that are kept.
const MAX_WARNINGS: usize = 20;

/// A job from its beginning to its end.
#[derive(Debug, Default)]
pub struct Record {
    /// The attempts in order.
    pub attempts: Vec<Attempt>,
    /// Whether there were more attempts than are kept.
    pub has_earlier_attempts: bool,
    /// What the person should know, each once.
    pub warnings: Vec<String>,
    /// How it ended.
    pub end: Option<JobEnd>,
    /// From the start of the first attempt to the end; zero where nothing was started.
    pub execution_time: Duration,
    first_start: Option<Duration>,
}

/// One attempt.
#[derive(Debug, Default)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// The pod's name, or what stands for it.
    pub pod: Option<String>,
    /// How it ended; none where the job was over before the attempt's end was seen.
    pub end: Option<AttemptEnd>,
}

/// Waits until the job is over.
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
    /// The verdict; a job whose end nobody told has failed.
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
            // The host tells the caller of these itself, and kinds that are not known say nothing here.
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
