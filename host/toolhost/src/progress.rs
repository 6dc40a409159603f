//! Progress of a call, for its caller.
//!
//! Events are few and kept until they are read; log lines are many and stay in the job's log, where the
//! reader reads them at its own pace. A slow reader therefore loses nothing and blocks nothing, and one that
//! is dropped costs nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use crate::capability::JobEvent;
use crate::capability::sync::lock;
use crate::log::{Cursor, JobLog};

pub use crate::log::LogRecord;

/// The maximum number of unread events. A tool that reports without end loses the surplus.
const MAX_WAITING_EVENTS: usize = 4096;
/// The maximum number of log records that are read at a time.
const RECORDS_AT_ONCE: usize = 256;
/// As above, in bytes.
const BYTES_AT_ONCE: usize = 256 << 10;

/// Something that the caller may want to show.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ProgressEvent {
    /// The tool was chosen and is about to be called.
    Started {
        /// Kind and version, as `script@0.1.0`.
        tool: String,
        /// The component's digest, as `sha256:…`.
        digest: String,
    },
    /// The tool reports what it is doing.
    Stage {
        /// A short name.
        stage: String,
        /// A sentence.
        message: String,
        /// Further details, as names and strings.
        details: Vec<(String, String)>,
    },
    /// Something happened to a job.
    Job {
        /// The job's name.
        job: String,
        /// What happened.
        event: JobEvent,
    },
    /// A job wrote a line.
    Log {
        /// The job's name.
        job: Arc<str>,
        /// The line.
        record: LogRecord,
    },
    /// Events arrived faster than they were read, and some are missing.
    Skipped {
        /// The number of missing events.
        events: u64,
    },
}

/// A new stream of events: one end for the call, one for the reader.
#[must_use]
pub fn progress() -> (ProgressSender, ProgressReader) {
    let feed = Arc::new(Feed::default());
    let reader = ProgressReader {
        feed: Arc::clone(&feed),
        logs: Vec::new(),
        ready: VecDeque::new(),
        pending: None,
    };
    (ProgressSender { feed }, reader)
}

/// The call's end of the stream.
#[derive(Debug)]
pub struct ProgressSender {
    feed: Arc<Feed>,
}

/// The reader's end of the stream.
#[derive(Debug)]
pub struct ProgressReader {
    feed: Arc<Feed>,
    /// The logs that are followed.
    logs: Vec<FollowedLog>,
    /// Records that were taken from a log.
    ready: VecDeque<ProgressEvent>,
    /// An event that follows the records up to its mark.
    pending: Option<Entry>,
}

#[derive(Debug, Default)]
struct Feed {
    state: Mutex<FeedState>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct FeedState {
    entries: VecDeque<Entry>,
    skipped: u64,
    closed: bool,
}

#[derive(Debug)]
enum Entry {
    Event(ProgressEvent),
    /// An event of a job, which comes after the lines up to the mark.
    JobEvent {
        log: Arc<JobLog>,
        mark: Cursor,
        event: ProgressEvent,
    },
    /// A log to follow from now on.
    Log {
        job: Arc<str>,
        log: Arc<JobLog>,
    },
}

#[derive(Debug)]
struct FollowedLog {
    job: Arc<str>,
    log: Arc<JobLog>,
    cursor: Cursor,
    ended: bool,
}

impl ProgressSender {
    pub(crate) fn send(&self, event: ProgressEvent) {
        self.feed.push(Entry::Event(event));
    }

    pub(crate) fn follow(&self, job: &str, log: &Arc<JobLog>) {
        self.feed.push(Entry::Log {
            job: job.into(),
            log: Arc::clone(log),
        });
    }

    pub(crate) fn send_job_event(&self, job: &str, log: &Arc<JobLog>, event: JobEvent) {
        let mark = log.end_cursor();
        self.feed.push(Entry::JobEvent {
            log: Arc::clone(log),
            mark,
            event: ProgressEvent::Job {
                job: job.to_owned(),
                event,
            },
        });
    }
}

impl Drop for ProgressSender {
    fn drop(&mut self) {
        self.feed.state().closed = true;
        self.feed.changed.notify_waiters();
    }
}

impl ProgressReader {
    /// The next event; `None` when the call has ended and everything was read.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<ProgressEvent> {
        loop {
            let feed = Arc::clone(&self.feed);
            let changed = feed.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(event) = self.take() {
                return Some(event);
            }
            if self.is_over() {
                return None;
            }
            tokio::select! {
                () = changed => {}
                () = wait_for_any(&self.logs) => {}
            }
        }
    }

    fn take(&mut self) -> Option<ProgressEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.pending.is_none() {
                let mut state = self.feed.state();
                if state.entries.is_empty() && state.skipped > 0 {
                    let events = std::mem::take(&mut state.skipped);
                    return Some(ProgressEvent::Skipped { events });
                }
                self.pending = state.entries.pop_front();
            }
            match self.pending.take() {
                Some(Entry::Event(event)) => return Some(event),
                Some(Entry::Log { job, log }) => self.logs.push(FollowedLog {
                    job,
                    log,
                    cursor: Cursor::default(),
                    ended: false,
                }),
                Some(Entry::JobEvent { log, mark, event }) => {
                    if !self.take_records_until(&log, mark) {
                        return Some(event);
                    }
                    self.pending = Some(Entry::JobEvent { log, mark, event });
                }
                None => {
                    if !self.take_records() {
                        return None;
                    }
                }
            }
        }
    }

    /// Reads some records that are before the mark, and returns whether there were any.
    fn take_records_until(&mut self, log: &Arc<JobLog>, mark: Cursor) -> bool {
        let followed = self
            .logs
            .iter_mut()
            .find(|followed| Arc::ptr_eq(&followed.log, log));
        followed.is_some_and(|followed| followed.take_until(mark, &mut self.ready))
    }

    fn take_records(&mut self) -> bool {
        let ready = &mut self.ready;
        self.logs
            .iter_mut()
            .any(|followed| followed.take_until(Cursor(u64::MAX), ready))
    }

    fn is_over(&self) -> bool {
        let state = self.feed.state();
        // A call closes its logs before its stream.
        state.closed && state.entries.is_empty() && self.logs.iter().all(|followed| followed.ended)
    }
}

impl FollowedLog {
    /// Reads some records that end before the mark, and returns whether there were any.
    fn take_until(&mut self, mark: Cursor, ready: &mut VecDeque<ProgressEvent>) -> bool {
        let page = self
            .log
            .read_until(mark, self.cursor, RECORDS_AT_ONCE, BYTES_AT_ONCE);
        self.cursor = page.next;
        self.ended = page.ended;
        let found = !page.records.is_empty();
        ready.extend(page.records.into_iter().map(|record| ProgressEvent::Log {
            job: Arc::clone(&self.job),
            record,
        }));
        found
    }
}

impl Feed {
    fn push(&self, entry: Entry) {
        let mut state = self.state();
        if state.entries.len() < MAX_WAITING_EVENTS || matches!(entry, Entry::Log { .. }) {
            state.entries.push_back(entry);
        } else {
            state.skipped += 1;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, FeedState> {
        lock(&self.state)
    }
}

/// Waits until one of the logs has more, or has ended and this was not observed yet.
async fn wait_for_any(logs: &[FollowedLog]) {
    let mut waits: Vec<_> = logs
        .iter()
        .filter(|followed| !followed.ended)
        .map(|followed| Box::pin(followed.log.wait(followed.cursor)))
        .collect();
    if waits.is_empty() {
        return std::future::pending().await;
    }
    std::future::poll_fn(|context| {
        let is_ready = waits
            .iter_mut()
            .any(|wait| wait.as_mut().poll(context).is_ready());
        if is_ready {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::capability::{JobEventKind, LogSink as _};
    use crate::log::LogDirectory;
    use crate::sealing::ExecutionSecrets;

    fn warning(text: &str) -> JobEvent {
        JobEvent {
            elapsed: Duration::ZERO,
            attempt: 0,
            kind: JobEventKind::Warning {
                message: text.to_owned(),
            },
        }
    }

    fn stage(number: usize) -> ProgressEvent {
        ProgressEvent::Stage {
            stage: number.to_string(),
            message: String::new(),
            details: Vec::new(),
        }
    }

    #[tokio::test]
    async fn lines_come_before_the_event_that_followed_them() {
        let directory = tempfile::tempdir().unwrap();
        let (sender, mut reader) = progress();
        let log = JobLog::new(
            "job",
            LogDirectory::new(directory.path()),
            ExecutionSecrets::new(),
        );
        sender.follow("job", &log);
        for number in 0..1000 {
            log.write(1, format!("{number}\n").as_bytes());
        }
        sender.send_job_event("job", &log, warning("in the middle"));
        log.write(1, b"after\n");
        log.close();
        drop(sender);
        let mut seen = Vec::new();
        while let Some(event) = reader.next().await {
            seen.push(match event {
                ProgressEvent::Log { record, .. } => record.text,
                ProgressEvent::Job { .. } => "event".to_owned(),
                other => format!("{other:?}"),
            });
        }
        let mut expected: Vec<_> = (0..1000).map(|number| number.to_string()).collect();
        expected.extend(["event".to_owned(), "after".to_owned()]);
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn a_flood_of_events_is_cut_and_counted() {
        let (sender, mut reader) = progress();
        for number in 0..MAX_WAITING_EVENTS + 7 {
            sender.send(stage(number));
        }
        drop(sender);
        for number in 0..MAX_WAITING_EVENTS {
            assert_eq!(reader.next().await, Some(stage(number)));
        }
        assert_eq!(
            reader.next().await,
            Some(ProgressEvent::Skipped { events: 7 })
        );
        assert_eq!(reader.next().await, None);
    }

    #[tokio::test]
    async fn a_reader_hears_what_comes_while_it_waits() {
        let directory = tempfile::tempdir().unwrap();
        let (sender, mut reader) = progress();
        let log = JobLog::new(
            "job",
            LogDirectory::new(directory.path()),
            ExecutionSecrets::new(),
        );
        sender.follow("job", &log);
        let waiting = tokio::spawn(async move {
            let line = reader.next().await;
            (line, reader.next().await, reader.next().await)
        });
        tokio::task::yield_now().await;
        log.write(1, b"a line\n");
        tokio::task::yield_now().await;
        sender.send(stage(1));
        tokio::task::yield_now().await;
        log.close();
        drop(sender);
        let (line, event, end) = waiting.await.unwrap();
        assert!(matches!(line, Some(ProgressEvent::Log { .. })));
        assert_eq!((event, end), (Some(stage(1)), None));
    }
}
