use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use tokio::sync::watch;

/// The longest piece of a line in a log file of containerd (`max_container_log_line_size`).
const MAX_LINE_BYTES: usize = 16 << 10;

/// The longest message that is taken from a log (`MaxContainerTerminationMessageLogLength`).
const MAX_MESSAGE_BYTES: usize = 2048;
/// Of how many lines at most (`MaxContainerTerminationMessageLogLines`).
const MAX_MESSAGE_LINES: usize = 80;

/// The logs of all containers, by the UID of the pod and the name of the container.
#[derive(Debug, Default)]
pub(crate) struct Logs(Mutex<HashMap<(String, String), Arc<Log>>>);

impl Logs {
    pub(crate) fn of(&self, uid: &str, container: &str) -> Arc<Log> {
        let mut logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (uid.to_owned(), container.to_owned());
        Arc::clone(logs.entry(key).or_default())
    }
}

/// The log of one container.
#[derive(Debug)]
pub(crate) struct Log {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    records: Vec<Record>,
    /// The first record of the newest file.
    file: usize,
    file_bytes: usize,
    is_over: bool,
}

/// A line, or a piece of one: the last record of a line ends with a line feed.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) time: Timestamp,
    pub(crate) bytes: Bytes,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Log {
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Appends records; a new file begins where the newest one has so many bytes.
    pub(super) fn append(
        &self,
        records: impl IntoIterator<Item = Record>,
        file_limit: Option<usize>,
    ) {
        let mut state = self.lock();
        for record in records {
            state.file_bytes += record.bytes.len();
            state.records.push(record);
            if file_limit.is_some_and(|limit| state.file_bytes >= limit) {
                state.file = state.records.len();
                state.file_bytes = 0;
            }
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Nothing more will come.
    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.changed.send_replace(());
    }

    /// Where the newest file begins.
    pub(crate) fn file(&self) -> usize {
        self.lock().file
    }

    /// The records from one on, and whether there will be no more.
    pub(crate) fn since(&self, first: usize) -> (Vec<Record>, bool) {
        let state = self.lock();
        let records = state.records.get(first..).unwrap_or_default().to_vec();
        (records, state.is_over)
    }

    /// What `FallbackToLogsOnError` takes for a message.
    pub(super) fn tail(&self) -> String {
        let records = self.lock().records.clone();
        let first = records.len().saturating_sub(MAX_MESSAGE_LINES);
        let lines = records.get(first..).unwrap_or_default();
        let bytes: Vec<u8> = lines
            .iter()
            .flat_map(|record| record.bytes.to_vec())
            .collect();
        let first = bytes.len().saturating_sub(MAX_MESSAGE_BYTES);
        String::from_utf8_lossy(bytes.get(first..).unwrap_or_default()).into_owned()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes records of what a stream of a container writes.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    rest: BytesMut,
}

impl Splitter {
    pub(super) fn feed(&mut self, bytes: &[u8], time: Timestamp) -> Vec<Record> {
        self.rest.extend_from_slice(bytes);
        let mut records = Vec::new();
        loop {
            let end = self
                .rest
                .iter()
                .position(|byte| *byte == b'\n')
                .map(|end| end + 1);
            let length = match end {
                Some(end) if end <= MAX_LINE_BYTES + 1 => end,
                _ if self.rest.len() > MAX_LINE_BYTES => MAX_LINE_BYTES,
                _ => return records,
            };
            let bytes = self.rest.split_to(length).freeze();
            records.push(Record { time, bytes });
        }
    }

    /// What is left when the stream is over: a line without its end.
    pub(super) fn finish(&mut self, time: Timestamp) -> Option<Record> {
        let bytes = self.rest.split().freeze();
        (!bytes.is_empty()).then_some(Record { time, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_lines_and_keeps_every_byte() {
        let time = Timestamp::UNIX_EPOCH;
        let long = [vec![b'x'; 40_000], b"\nend".to_vec()].concat();
        let mut splitter = Splitter::default();
        let mut records = splitter.feed(b"one\ntw", time);
        records.extend(splitter.feed(b"o\n", time));
        records.extend(splitter.feed(&long, time));
        records.extend(splitter.finish(time));
        let lengths: Vec<usize> = records.iter().map(|record| record.bytes.len()).collect();
        assert_eq!(lengths, [4, 4, 16_384, 16_384, 7_233, 3]);
    }
}
