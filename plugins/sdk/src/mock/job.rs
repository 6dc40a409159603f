use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use crate::{AttemptEnd, Explanation, JobEnd, JobEvent, JobEventKind, JobStatus, code};

/// How long the first retry waits, as a Kubernetes Job does; each later one waits twice as long.
const FIRST_BACK_OFF: Duration = Duration::from_secs(10);

/// The fate of a job.
#[derive(Debug, Clone, Default)]
pub struct MockJob {
    attempts: Vec<MockAttempt>,
    before: Vec<JobEventKind>,
    end: Option<JobEnd>,
    endless: bool,
    adopted: bool,
}

/// The fate of one attempt.
#[derive(Debug, Clone)]
pub struct MockAttempt {
    end: AttemptEnd,
    output: String,
}

impl MockJob {
    /// A job without an attempt.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A job whose first attempt writes `output` and exits with 0.
    #[must_use]
    pub fn succeeds(output: &str) -> Self {
        Self::new().attempt(MockAttempt::exits(0).output(output))
    }

    /// Adds an attempt. The job succeeds if the last one does.
    #[must_use]
    pub fn attempt(mut self, attempt: MockAttempt) -> Self {
        self.attempts.push(attempt);
        self
    }

    /// Adds an event before the first attempt, such as a warning.
    #[must_use]
    pub fn event(mut self, kind: JobEventKind) -> Self {
        self.before.push(kind);
        self
    }

    /// Ends the job in this way instead of the one that follows from its attempts.
    #[must_use]
    pub fn ends(mut self, end: JobEnd) -> Self {
        self.end = Some(end);
        self
    }

    /// Lets the job run until it is cancelled: its last attempt is started and never ends.
    #[must_use]
    pub fn never_ends(mut self) -> Self {
        self.endless = true;
        self
    }

    /// Makes the job one that was already running.
    #[must_use]
    pub fn adopted(mut self) -> Self {
        self.adopted = true;
        self
    }

    pub(super) fn is_adopted(&self) -> bool {
        self.adopted
    }

    /// The output of each attempt, by its number.
    pub(super) fn outputs(&self) -> BTreeMap<u32, String> {
        let outputs = self.attempts.iter().map(|attempt| attempt.output.clone());
        (1..).zip(outputs).collect()
    }

    pub(super) fn into_events(self) -> VecDeque<JobEvent> {
        let mut events = Timeline::default();
        for kind in &self.before {
            events.add(0, Duration::ZERO, kind.clone());
        }
        let count = self.attempts.len();
        let mut wait = FIRST_BACK_OFF;
        for (attempt, number) in self.attempts.iter().zip(1_u32..) {
            let pod = Some(format!("pod-{number}"));
            events.add(number, Duration::ZERO, JobEventKind::AttemptStarted { pod });
            let is_last = number as usize == count;
            if is_last && self.endless {
                return events.events;
            }
            let end = JobEventKind::AttemptEnded(attempt.end.clone());
            events.add(number, attempt.end.duration, end);
            if !is_last {
                events.add(0, Duration::ZERO, JobEventKind::BackingOff { wait });
                events.elapsed += wait;
                wait *= 2;
            }
        }
        if !self.endless {
            let end = self.end.clone().unwrap_or_else(|| self.natural_end());
            events.add(0, Duration::ZERO, JobEventKind::Finished(end));
        }
        events.events
    }

    fn natural_end(&self) -> JobEnd {
        let succeeded = self.attempts.last().is_some_and(MockAttempt::succeeded);
        let failed = self.attempts.iter().filter(|attempt| !attempt.succeeded());
        let failed = u32::try_from(failed.count()).unwrap_or(u32::MAX);
        let (status, explanation) = if succeeded {
            (JobStatus::Succeeded, Explanation::default())
        } else {
            let message = format!("{failed} attempts failed");
            (
                JobStatus::Failed,
                Explanation::new(code::BACKOFF_LIMIT_EXCEEDED, message),
            )
        };
        JobEnd {
            status,
            succeeded: u32::from(succeeded),
            failed,
            explanation,
        }
    }
}

impl MockAttempt {
    /// An attempt that exits with this code after a second.
    #[must_use]
    pub fn exits(exit_code: i32) -> Self {
        let explanation = if exit_code == 0 {
            Explanation::default()
        } else {
            let message = format!("the script exited with code {exit_code}");
            Explanation::new(code::SCRIPT_ERROR, message)
        };
        let end = AttemptEnd {
            exit_code: Some(exit_code),
            explanation,
            duration: Duration::from_secs(1),
            ..AttemptEnd::default()
        };
        Self::ends(end)
    }

    /// An attempt that ends in this way.
    #[must_use]
    pub fn ends(end: AttemptEnd) -> Self {
        Self {
            end,
            output: String::new(),
        }
    }

    /// Its output.
    #[must_use]
    pub fn output(mut self, output: &str) -> Self {
        self.output = output.to_string();
        self
    }

    fn succeeded(&self) -> bool {
        self.end.exit_code == Some(0) && self.end.explanation.reason.is_none()
    }
}

#[derive(Default)]
struct Timeline {
    events: VecDeque<JobEvent>,
    elapsed: Duration,
}

impl Timeline {
    fn add(&mut self, attempt: u32, after: Duration, kind: JobEventKind) {
        self.elapsed += after;
        self.events.push_back(JobEvent {
            elapsed: self.elapsed,
            attempt,
            kind,
        });
    }
}
