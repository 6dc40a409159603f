use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;

use super::Call;
use super::host::Journal;
use crate::error::{Error, Result, code};
use crate::{
    AttemptEnd, Details, Job, JobEnd, JobEvent, JobEventKind, JobStatus, LogExcerpt, LogPage,
    LogRecord,
};

/// How long the first retry waits, as a Kubernetes Job does; each later one waits twice as long.
const FIRST_BACK_OFF: Duration = Duration::from_secs(10);

/// What shall happen to a job.
#[derive(Debug, Clone, Default)]
pub struct MockJob {
    attempts: Vec<MockAttempt>,
    before: Vec<JobEventKind>,
    end: Option<JobEnd>,
    endless: bool,
    adopted: bool,
}

/// What shall happen in one attempt.
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

    /// Ends the job in this way rather than in the one that follows from its attempts.
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

    /// Lets the job be one that was found running.
    #[must_use]
    pub fn adopted(mut self) -> Self {
        self.adopted = true;
        self
    }

    fn into_events(self) -> VecDeque<JobEvent> {
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
        let (status, reason, message) = if succeeded {
            (JobStatus::Succeeded, None, None)
        } else {
            (
                JobStatus::Failed,
                Some("BackoffLimitExceeded".to_string()),
                Some(format!("{failed} attempts failed")),
            )
        };
        JobEnd {
            status,
            succeeded: u32::from(succeeded),
            failed,
            reason,
            message,
            hint: None,
            field: None,
        }
    }
}

impl MockAttempt {
    /// An attempt that exits with this code after a second.
    #[must_use]
    pub fn exits(exit_code: i32) -> Self {
        let failed = exit_code != 0;
        let end = AttemptEnd {
            exit_code: Some(exit_code),
            reason: failed.then(|| "ScriptError".to_string()),
            message: failed.then(|| format!("the script exited with code {exit_code}")),
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

    /// What it writes.
    #[must_use]
    pub fn output(mut self, output: &str) -> Self {
        self.output = output.to_string();
        self
    }

    fn succeeded(&self) -> bool {
        self.end.exit_code == Some(0) && self.end.reason.is_none()
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

/// A job of [`MockHost`](super::MockHost).
#[derive(Debug)]
pub struct MockJobHandle {
    name: String,
    adopted: bool,
    outputs: BTreeMap<u32, String>,
    state: RefCell<JobState>,
    journal: Rc<Journal>,
}

#[derive(Debug)]
struct JobState {
    events: VecDeque<JobEvent>,
    elapsed: Duration,
    finished: bool,
}

impl MockJobHandle {
    pub(super) fn new(name: String, job: MockJob, journal: Rc<Journal>) -> Self {
        let outputs = (1..)
            .zip(&job.attempts)
            .map(|(number, attempt)| (number, attempt.output.clone()))
            .collect();
        let adopted = job.adopted;
        let state = RefCell::new(JobState {
            events: job.into_events(),
            elapsed: Duration::ZERO,
            finished: false,
        });
        Self {
            name,
            adopted,
            outputs,
            state,
            journal,
        }
    }
}

impl Job for MockJobHandle {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn metadata(&self) -> Details {
        [
            ("engine", "mock".to_string()),
            ("adopted", self.adopted.to_string()),
        ]
        .into_iter()
        .collect()
    }

    fn watch(&self, _max_wait: Duration) -> Result<Option<JobEvent>> {
        self.journal.record(Call::WatchJob)?;
        let mut state = self.state.borrow_mut();
        if state.finished {
            return Ok(None);
        }
        let event = state.events.pop_front().ok_or_else(|| {
            // A real host would wait here, and so would the test, for ever.
            let message = "the job never ends: cancel it, or leave out `never_ends`";
            Error::new(code::TIMEOUT, message)
        })?;
        state.elapsed = event.elapsed;
        state.finished = matches!(event.kind, JobEventKind::Finished(_));
        Ok(Some(event))
    }

    fn cancel(&self, reason: &str) -> Result<()> {
        self.journal.record(Call::Cancel {
            reason: reason.to_string(),
        })?;
        let mut state = self.state.borrow_mut();
        if !state.finished {
            let elapsed = state.elapsed;
            let end = JobEnd {
                status: JobStatus::Cancelled,
                succeeded: 0,
                failed: 0,
                reason: Some("Cancelled".to_string()),
                message: Some(reason.to_string()),
                hint: None,
                field: None,
            };
            state.events = VecDeque::from([JobEvent {
                elapsed,
                attempt: 0,
                kind: JobEventKind::Finished(end),
            }]);
        }
        Ok(())
    }

    fn read_logs(&self, cursor: u64, max_records: u32, _max_wait: Duration) -> Result<LogPage> {
        self.journal.record(Call::ReadLogs { cursor })?;
        let lines = self.outputs.iter().flat_map(|(attempt, output)| {
            output.lines().map(|line| LogRecord {
                attempt: *attempt,
                text: line.to_string(),
                partial: false,
            })
        });
        let skipped = usize::try_from(cursor).unwrap_or(usize::MAX);
        let total = lines.clone().count();
        if skipped > total {
            let message = format!("cursor `{cursor}` was not given by a page");
            return Err(Error::new(code::INVALID_REQUEST, message));
        }
        let most = usize::try_from(max_records).unwrap_or(usize::MAX);
        let records: Vec<_> = lines.skip(skipped).take(most).collect();
        let next = skipped + records.len();
        Ok(LogPage {
            records,
            next_cursor: next as u64,
            ended: next == total,
        })
    }

    fn read_excerpt(&self, attempt: u32, max_bytes: u32) -> Result<LogExcerpt> {
        self.journal
            .record(Call::ReadExcerpt { attempt, max_bytes })?;
        let output = self.outputs.get(&attempt).map_or("", String::as_str);
        Ok(excerpt(
            output,
            usize::try_from(max_bytes).unwrap_or(usize::MAX),
        ))
    }
}

/// Fails where a real host would.
pub(super) fn check_name(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let ends_are_plain = [bytes.first(), bytes.last()]
        .iter()
        .all(|byte| byte.is_some_and(|byte| is_plain(*byte)));
    if ends_are_plain
        && bytes.len() <= 52
        && bytes.iter().all(|byte| is_plain(*byte) || *byte == b'-')
    {
        return Ok(());
    }
    let message = format!("job name `{name}` is not a DNS label of at most 52 characters");
    Err(Error::new(code::INVALID_REQUEST, message))
}

fn excerpt(output: &str, max_bytes: usize) -> LogExcerpt {
    let total_bytes = output.len() as u64;
    if output.len() <= max_bytes {
        return LogExcerpt {
            head: output.to_string(),
            total_bytes,
            ..LogExcerpt::default()
        };
    }
    let head_end = output.floor_char_boundary(max_bytes / 2);
    let tail_start = output.ceil_char_boundary(output.len() - (max_bytes - max_bytes / 2));
    let (head, rest) = output.split_at(head_end);
    let (omitted, tail) = rest.split_at(tail_start - head_end);
    LogExcerpt {
        head: head.to_string(),
        tail: tail.to_string(),
        total_bytes,
        omitted_bytes: omitted.len() as u64,
        location: Some("/mock/log".to_string()),
    }
}
