use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::lines::{MAX_RECORD_BYTES, from_line_start, next_line, text, until_line_end};
use super::record::{Cursor, Excerpt, LogPage, LogRecord};
use super::spool::{LogDirectory, Spool};
use crate::capability::LogSink;
use crate::capability::sync::lock;
use crate::sealing::{CurrentRedactor, ExecutionSecrets, StreamRedaction};

/// The maximum number of attempts that are distinguished; more than any engine makes.
const MAX_ATTEMPTS: u32 = 1 << 15;
/// The size of the blocks in which a log is read, so that a large page is not read byte by byte.
const BLOCK_BYTES: usize = 256 << 10;

/// The log of one job: every attempt, redacted, in the order in which it was written.
#[derive(Debug)]
pub(crate) struct JobLog {
    directory: Arc<LogDirectory>,
    name: String,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    attempts: Vec<Attempt>,
    closed: bool,
    /// A secret may become known while the job writes.
    redactor: CurrentRedactor,
}

#[derive(Debug)]
struct Attempt {
    number: u32,
    spool: Spool,
    redaction: StreamRedaction,
    ended: bool,
}

impl JobLog {
    /// An empty log for the job of that name, which redacts the secrets of its execution.
    #[must_use]
    pub(crate) fn new(
        name: impl Into<String>,
        directory: Arc<LogDirectory>,
        secrets: ExecutionSecrets,
    ) -> Arc<Self> {
        Arc::new(Self {
            directory,
            name: name.into(),
            state: Mutex::new(State {
                attempts: Vec::new(),
                closed: false,
                redactor: CurrentRedactor::new(secrets),
            }),
            changed: Notify::new(),
        })
    }

    /// Marks the end of the log.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.end_attempts();
        state.closed = true;
        drop(state);
        self.changed.notify_waiters();
    }

    /// The current end of the log.
    #[must_use]
    pub(crate) fn end_cursor(&self) -> Cursor {
        let state = self.state();
        state
            .attempts
            .last()
            .map_or_else(Cursor::default, |attempt| {
                Cursor::at(state.attempts.len() - 1, attempt.spool.stored_bytes())
            })
    }

    /// Whether the cursor is in this log, as every cursor from this log is.
    #[must_use]
    pub(crate) fn contains(&self, cursor: Cursor) -> bool {
        let state = self.state();
        let (index, offset) = cursor.split();
        match state.attempts.get(index) {
            Some(attempt) => offset <= attempt.spool.stored_bytes(),
            None => index == state.attempts.len() && offset == 0,
        }
    }

    /// At most `max_records` records, and about `max_bytes` bytes, from `cursor` on.
    ///
    /// An incomplete line is not returned. A cursor that is not from this log yields whatever follows its
    /// position, if anything.
    #[must_use]
    pub(crate) fn read(&self, cursor: Cursor, max_records: usize, max_bytes: usize) -> LogPage {
        self.read_until(Cursor(u64::MAX), cursor, max_records, max_bytes)
    }

    /// As [`JobLog::read`], but no record that ends after `mark`.
    #[must_use]
    pub(crate) fn read_until(
        &self,
        mark: Cursor,
        cursor: Cursor,
        max_records: usize,
        max_bytes: usize,
    ) -> LogPage {
        let state = self.state();
        let (mut index, mut offset) = cursor.split();
        let mut page = LogPage::default();
        let (last_index, last_offset) = mark.split();
        while let Some(attempt) = state.attempts.get(index).filter(|_| index <= last_index) {
            let limit = if index == last_index {
                last_offset
            } else {
                u64::MAX
            };
            while let Some(length) =
                attempt.read_block(offset, limit, max_records, max_bytes, &mut page)
            {
                offset += length;
            }
            let exhausted = attempt.ended && offset >= attempt.spool.stored_bytes();
            if !exhausted || index + 1 == state.attempts.len() {
                page.ended = exhausted && state.closed;
                break;
            }
            index += 1;
            offset = 0;
        }
        page.ended |= state.closed && index >= state.attempts.len();
        page.next = Cursor::at(index, offset);
        page
    }

    /// Waits until [`JobLog::read`] has something to return, or the log is closed.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(crate) async fn wait(&self, cursor: Cursor) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let page = self.read(cursor, 1, 1);
            if page.ended || !page.records.is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// The beginning and the end of an attempt's output, together at most `max_bytes`.
    ///
    /// If something is omitted, the file with the whole output is kept.
    #[must_use]
    pub(crate) fn excerpt(&self, attempt: u32, max_bytes: usize) -> Excerpt {
        let mut state = self.state();
        let found = state
            .attempts
            .iter_mut()
            .find(|candidate| candidate.number == attempt);
        let Some(Attempt { spool, .. }) = found else {
            return Excerpt::default();
        };
        let total_bytes = spool.total_bytes();
        if total_bytes == spool.stored_bytes() && total_bytes <= max_bytes as u64 {
            let head = text(&spool.read_at(0, max_bytes));
            return Excerpt {
                head,
                total_bytes,
                ..Excerpt::default()
            };
        }
        // Errors are at the end, so the end gets more space.
        let head_bytes = max_bytes / 4;
        let tail_bytes = max_bytes - head_bytes;
        let head = spool.read_at(0, head_bytes);
        let head = until_line_end(&head);
        let tail_start = spool.stored_bytes().saturating_sub(tail_bytes as u64);
        let tail = spool.read_at(tail_start.max(head.len() as u64), tail_bytes);
        let tail = from_line_start(&tail);
        Excerpt {
            head: text(head),
            tail: text(tail),
            total_bytes,
            omitted_bytes: total_bytes - (head.len() + tail.len()) as u64,
            location: spool.keep().map(|path| path.display().to_string()),
        }
    }

    /// The index of an attempt in the list, which is extended for a new one; `None` if the list is full.
    fn attempt(&self, state: &mut State, number: u32) -> Option<usize> {
        let known = state
            .attempts
            .iter()
            .rposition(|attempt| attempt.number == number);
        if known.is_some() {
            return known;
        }
        if number > MAX_ATTEMPTS || state.closed {
            return None;
        }
        // The log of one attempt ends when the next one starts.
        state.end_attempts();
        let name = format!("{}-attempt-{number}", self.name);
        state.attempts.push(Attempt {
            number,
            spool: Spool::new(Arc::clone(&self.directory), name),
            redaction: StreamRedaction::default(),
            ended: false,
        });
        Some(state.attempts.len() - 1)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl LogSink for JobLog {
    fn write(&self, attempt: u32, bytes: &[u8]) {
        let mut state = self.state();
        let index = self.attempt(&mut state, attempt);
        let State {
            attempts, redactor, ..
        } = &mut *state;
        let attempt = index.and_then(|index| attempts.get_mut(index));
        let Some(attempt) = attempt.filter(|attempt| !attempt.ended) else {
            return;
        };
        match redactor.get() {
            Some(redactor) => {
                let Attempt {
                    redaction, spool, ..
                } = attempt;
                redaction.push(redactor, bytes, |safe| spool.append(safe));
            }
            None => attempt.spool.append(bytes),
        }
        drop(state);
        self.changed.notify_waiters();
    }

    fn end(&self, attempt: u32) {
        let mut state = self.state();
        if let Some(index) = self.attempt(&mut state, attempt) {
            let State {
                attempts, redactor, ..
            } = &mut *state;
            if let Some(attempt) = attempts.get_mut(index) {
                attempt.end(redactor);
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }
}

impl State {
    fn end_attempts(&mut self) {
        for attempt in &mut self.attempts {
            attempt.end(&mut self.redactor);
        }
    }
}

impl Attempt {
    fn end(&mut self, redactor: &mut CurrentRedactor) {
        if self.ended {
            return;
        }
        if let Some(redactor) = redactor.get() {
            let Self {
                redaction, spool, ..
            } = self;
            redaction.finish(redactor, |bytes| spool.append(bytes));
        }
        self.ended = true;
    }

    /// Adds whole records from one block of the log at `offset`, as many as fit on the page, and returns
    /// their size in bytes; `None` if none was added.
    fn read_block(
        &self,
        offset: u64,
        limit: u64,
        max_records: usize,
        max_bytes: usize,
        page: &mut LogPage,
    ) -> Option<u64> {
        let used: usize = page.records.iter().map(|record| record.text.len()).sum();
        let space = max_bytes.saturating_sub(used).min(BLOCK_BYTES);
        if space == 0 || page.records.len() >= max_records {
            return None;
        }
        let block = self.spool.read_at(offset, space.max(MAX_RECORD_BYTES));
        let reaches_end = self.ended && offset + block.len() as u64 == self.spool.stored_bytes();
        let mut taken = 0;
        while page.records.len() < max_records && taken < space {
            let rest = block.get(taken..).unwrap_or_default();
            let Some((line, length, partial)) = next_line(rest, reaches_end) else {
                break;
            };
            if offset + (taken + length) as u64 > limit {
                break;
            }
            page.records.push(LogRecord {
                attempt: self.number,
                text: text(line),
                partial,
            });
            taken += length;
        }
        (taken > 0).then_some(taken as u64)
    }
}
