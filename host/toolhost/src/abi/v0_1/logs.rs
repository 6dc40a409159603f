//! Implementation of the `noetl:tool/logs` interface.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::CallState;
use super::bindings::noetl::tool::logs::{Host, LogExcerpt, LogPage};
use super::bindings::noetl::tool::types;
use super::resources::HostJob;
use crate::capability::{CapabilityError, Reason};
use crate::log::Cursor;

/// The maximum number of records in one page, whatever the guest requests.
const MAX_RECORDS: usize = 10_000;
/// The maximum size of one page.
const MAX_PAGE_BYTES: usize = 1 << 20;
/// The maximum size of an excerpt.
const MAX_EXCERPT_BYTES: usize = 1 << 20;

impl Host for CallState {
    async fn read_logs(
        &mut self,
        job: Resource<HostJob>,
        cursor: u64,
        max_records: u32,
        max_wait_ms: u32,
    ) -> wasmtime::Result<Result<LogPage, types::Error>> {
        let job = self.get(&job)?;
        let (job, log) = (Arc::clone(job), Arc::clone(job.log()));
        let cursor = Cursor(cursor);
        if !log.contains(cursor) {
            let message = "invalid cursor: expected a cursor from this log";
            let error = CapabilityError::new(Reason::InvalidRequest, message);
            return Ok(Err(error.into()));
        }
        let max_records = usize::try_from(max_records)
            .unwrap_or(usize::MAX)
            .min(MAX_RECORDS);
        let wait = tokio::time::timeout(Self::bounded_wait(max_wait_ms), job.wait_for_log(cursor));
        let waited = self.scope.unless_cancelled(wait).await;
        self.meter.resume();
        if let Err(error) = waited {
            return Ok(Err(error.into()));
        }
        Ok(Ok(log.read(cursor, max_records, MAX_PAGE_BYTES).into()))
    }

    fn read_excerpt(
        &mut self,
        job: Resource<HostJob>,
        attempt: u32,
        max_bytes: u32,
    ) -> wasmtime::Result<Result<LogExcerpt, types::Error>> {
        let log = self.get(&job)?.log();
        let max_bytes = usize::try_from(max_bytes)
            .unwrap_or(usize::MAX)
            .min(MAX_EXCERPT_BYTES);
        Ok(Ok(log.excerpt(attempt, max_bytes).into()))
    }
}
