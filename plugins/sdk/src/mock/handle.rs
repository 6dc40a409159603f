use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;

use super::journal::Journal;
use super::{Call, MockJob};
use crate::error::{Error, Result, code};
use crate::{
    Details, Explanation, Job, JobEnd, JobEvent, JobEventKind, JobStatus, LogExcerpt, LogPage,
    LogRecord,
};

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
        let outputs = job.outputs();
        let adopted = job.is_adopted();
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
            // A real host would wait here, and the test would wait forever.
            let message = "the job never ends: cancel it, or remove `never_ends`";
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
                explanation: Explanation::new(code::CANCELLED, reason),
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
            let message = format!("invalid cursor `{cursor}`: expected the cursor of a page");
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
