use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::call::Call;
use crate::time::current_time;

/// One request, as it was seen.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RequestRecord {
    /// Its number, from 1, in the order in which they came.
    pub number: usize,
    /// What it asked for.
    pub call: Arc<Call>,
    /// Its body, once it was read.
    pub body: Bytes,
    /// The status of the answer; nothing while there is none, or where the connection was closed.
    pub status: Option<u16>,
    /// When its head was read.
    pub started: Timestamp,
    /// When the answer began, or the connection was closed.
    pub ended: Option<Timestamp>,
}

impl RequestRecord {
    /// The verb and the resource: `get pods/log`.
    #[must_use]
    pub fn summary(&self) -> String {
        format!("{} {}", self.call.verb, self.call.full_resource())
    }
}

/// Every request, in the order in which they came.
#[derive(Debug)]
pub struct Requests {
    records: Mutex<Vec<RequestRecord>>,
    changed: watch::Sender<()>,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            records: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Requests {
    /// What was seen so far.
    #[must_use]
    pub fn all(&self) -> Vec<RequestRecord> {
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until the requests are as wanted, and returns them.
    pub async fn until(
        &self,
        mut wanted: impl FnMut(&[RequestRecord]) -> bool,
    ) -> Vec<RequestRecord> {
        let mut changes = self.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let records = self.all();
            if wanted(&records) {
                return records;
            }
            // The sender lives as long as this.
            let _ = changes.changed().await;
        }
    }

    /// Waits until so many requests came.
    pub async fn until_seen(&self, count: usize) -> Vec<RequestRecord> {
        self.until(|records| records.len() >= count).await
    }

    pub(super) fn begin(&self, call: &Arc<Call>) -> usize {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let number = records.len() + 1;
        records.push(RequestRecord {
            number,
            call: Arc::clone(call),
            body: Bytes::new(),
            status: None,
            started: current_time(),
            ended: None,
        });
        drop(records);
        self.changed.send_replace(());
        number
    }

    pub(super) fn note_body(&self, number: usize, body: &Bytes) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = records.get_mut(number - 1) {
            record.body = body.clone();
        }
    }

    pub(super) fn end(&self, number: usize, status: Option<u16>) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = records.get_mut(number - 1) {
            record.status = status;
            record.ended = Some(current_time());
        }
        drop(records);
        self.changed.send_replace(());
    }
}
