use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::spool::{LogDirectory, Spool};
use crate::capability::LogSink;
use crate::sealing::{Redactor, StreamRedaction};

/// The longest record; longer lines come in parts. As the container runtimes do it.
pub const MAX_RECORD_BYTES: usize = 16 << 10;
/// The most attempts that are told apart; more than any engine makes.
const MAX_ATTEMPTS: u32 = 1 << 15;
/// A cursor's low bits are the offset within an attempt, the rest its index.
pub(super) const OFFSET_BITS: u32 = 48;
/// How much of a log is looked at in one step, so that a large page is not read byte by byte.
const BLOCK_BYTES: usize = 256 << 10;
/// A cut is moved to the end of a line where that costs at most this part of what is shown.
const LINE_CUT_PART: usize = 4;

/// The log of one job: every attempt, redacted, in the order in which it was written.
#[derive(Debug)]
pub struct JobLog {
    directory: Arc<LogDirectory>,
    name: String,
    redactor: Option<Arc<Redactor>>,
    state: Mutex<State>,
    changed: Notify,
}

/// A place in a log, to read on from. 0 is the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub u64);

/// A line without its end, or a part of a long one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The attempt that wrote it, from 1.
    pub attempt: u32,
    /// The text; bytes that are not UTF-8 became U+FFFD.
    pub text: String,
    /// Whether the line goes on in the next record.
    pub partial: bool,
}

/// Some records, and where to read on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The records.
    pub records: Vec<LogRecord>,
    /// Where to read on.
    pub next: Cursor,
    /// Whether nothing follows.
    pub ended: bool,
}

/// The beginning and the end of an attempt's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The beginning, or all of it.
    pub head: String,
    /// The end, where something was left out.
    pub tail: String,
    /// How many bytes the attempt wrote.
    pub total_bytes: u64,
    /// How many of them are not shown.
    pub omitted_bytes: u64,
    /// The file that holds all of it, where something was left out.
    pub location: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    attempts: Vec<Attempt>,
    closed: bool,
}

#[derive(Debug)]
struct Attempt {
    number: u32,
    spool: Spool,
    redaction: StreamRedaction,
    ended: bool,
}

impl JobLog {
    /// An empty log for the job of that name.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        directory: Arc<LogDirectory>,
        redactor: Option<Arc<Redactor>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            directory,
            name: name.into(),
            redactor,
            state: Mutex::new(State::default()),
            changed: Notify::new(),
        })
    }

    /// Says that nothing follows.
    pub fn close(&self) {
        let mut state = self.state();
        for attempt in &mut state.attempts {
            self.end_attempt(attempt);
        }
        state.closed = true;
        drop(state);
        self.changed.notify_waiters();
    }

    /// Where the log ends now.
    #[must_use]
    pub fn end_cursor(&self) -> Cursor {
        let state = self.state();
        state
            .attempts
            .last()
            .map_or_else(Cursor::default, |attempt| {
                Cursor::at(state.attempts.len() - 1, attempt.spool.stored_bytes())
            })
    }

    /// Whether the cursor lies in this log, as every one does that this log gave.
    #[must_use]
    pub fn contains(&self, cursor: Cursor) -> bool {
        let state = self.state();
        let (index, offset) = cursor.split();
        match state.attempts.get(index) {
            Some(attempt) => offset <= attempt.spool.stored_bytes(),
            None => index == state.attempts.len() && offset == 0,
        }
    }

    /// At most `max_records` records, and about `max_bytes` bytes, from `cursor` on.
    ///
    /// A line that is not at its end yet is not returned. A cursor that lies elsewhere yields what
    /// happens to follow it, if anything.
    #[must_use]
    pub fn read(&self, cursor: Cursor, max_records: usize, max_bytes: usize) -> LogPage {
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
    pub async fn wait(&self, cursor: Cursor) {
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

    /// The beginning and the end of what an attempt wrote, together at most `max_bytes`.
    ///
    /// Where something is left out, the file with all of it is kept.
    #[must_use]
    pub fn excerpt(&self, attempt: u32, max_bytes: usize) -> Excerpt {
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
        // Errors stand at the end, so the end gets more room.
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

    fn end_attempt(&self, attempt: &mut Attempt) {
        if !attempt.ended {
            if let Some(redactor) = &self.redactor {
                let Attempt {
                    redaction, spool, ..
                } = attempt;
                redaction.finish(redactor, |bytes| spool.append(bytes));
            }
            attempt.ended = true;
        }
    }

    fn attempt<'state>(
        &self,
        state: &'state mut State,
        number: u32,
    ) -> Option<&'state mut Attempt> {
        let known = state
            .attempts
            .iter()
            .rposition(|attempt| attempt.number == number);
        let index = match known {
            Some(index) => index,
            None if number > MAX_ATTEMPTS || state.closed => return None,
            None => {
                // One attempt's log ends where the next begins.
                for earlier in &mut state.attempts {
                    self.end_attempt(earlier);
                }
                let name = format!("{}-attempt-{number}", self.name);
                state.attempts.push(Attempt {
                    number,
                    spool: Spool::new(Arc::clone(&self.directory), name),
                    redaction: StreamRedaction::default(),
                    ended: false,
                });
                state.attempts.len() - 1
            }
        };
        state.attempts.get_mut(index)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each critical section leaves the state whole, so a panic elsewhere does not matter here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogSink for JobLog {
    fn write(&self, attempt: u32, bytes: &[u8]) {
        let mut state = self.state();
        let Some(attempt) = self
            .attempt(&mut state, attempt)
            .filter(|attempt| !attempt.ended)
        else {
            return;
        };
        match &self.redactor {
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
        if let Some(attempt) = self.attempt(&mut state, attempt) {
            self.end_attempt(attempt);
        }
        drop(state);
        self.changed.notify_waiters();
    }
}

impl Attempt {
    /// Adds whole records from one block of the log at `offset`, as many as the page has room for, and
    /// says how many bytes they take; none where none was added.
    fn read_block(
        &self,
        offset: u64,
        limit: u64,
        max_records: usize,
        max_bytes: usize,
        page: &mut LogPage,
    ) -> Option<u64> {
        let used: usize = page.records.iter().map(|record| record.text.len()).sum();
        let room = max_bytes.saturating_sub(used).min(BLOCK_BYTES);
        if room == 0 || page.records.len() >= max_records {
            return None;
        }
        let block = self.spool.read_at(offset, room.max(MAX_RECORD_BYTES));
        let reaches_end = self.ended && offset + block.len() as u64 == self.spool.stored_bytes();
        let mut taken = 0;
        while page.records.len() < max_records && taken < room {
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

/// The first record of `bytes` without its end, how many bytes it takes, and whether its line goes on;
/// none where more bytes are needed to tell.
fn next_line(bytes: &[u8], reaches_end: bool) -> Option<(&[u8], usize, bool)> {
    let window = bytes.get(..MAX_RECORD_BYTES).unwrap_or(bytes);
    if let Some(end) = window.iter().position(|byte| *byte == b'\n') {
        let line = window.get(..end)?;
        return Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1, false));
    }
    let is_last = reaches_end && window.len() == bytes.len();
    if is_last && !window.is_empty() {
        return Some((window, window.len(), false));
    }
    let part = whole_characters(window);
    (window.len() == MAX_RECORD_BYTES).then_some((part, part.len(), true))
}

impl Cursor {
    fn at(index: usize, offset: u64) -> Self {
        Self(((index as u64) << OFFSET_BITS) | offset)
    }

    fn split(self) -> (usize, u64) {
        let index = usize::try_from(self.0 >> OFFSET_BITS).unwrap_or(usize::MAX);
        (index, self.0 & ((1 << OFFSET_BITS) - 1))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Without a last character that is cut off in its middle.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
            bytes.get(..error.valid_up_to()).unwrap_or(bytes)
        }
        _ => bytes,
    }
}

fn until_line_end(bytes: &[u8]) -> &[u8] {
    let limit = bytes.len() - bytes.len() / LINE_CUT_PART;
    let end = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .filter(|end| *end >= limit);
    end.map_or_else(
        || whole_characters(bytes),
        |end| bytes.get(..=end).unwrap_or(bytes),
    )
}

fn from_line_start(bytes: &[u8]) -> &[u8] {
    let limit = bytes.len() / LINE_CUT_PART;
    let start = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .filter(|start| *start <= limit);
    let is_continuation = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    let start = start.map_or_else(
        || {
            bytes
                .iter()
                .take_while(|byte| is_continuation(byte))
                .count()
        },
        |line_end| line_end + 1,
    );
    bytes.get(start..).unwrap_or_default()
}
