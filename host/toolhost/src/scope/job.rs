use std::sync::{Arc, OnceLock};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::capability::{
    Explanation, JobEvent, JobEventKind, JobHandle, JobIdentity, JobStatus, Reason,
};
use crate::log::JobLog;

/// A job of a call, with its log.
#[derive(Debug)]
pub(crate) struct RunningJob {
    identity: JobIdentity,
    /// Held while waiting for an event; a guest has one thread, so it is never contended.
    handle: Mutex<JobHandle>,
    canceller: CancellationToken,
    /// How it ended, if it was cancelled before any of it could start.
    interrupted: OnceLock<Explanation>,
    log: Arc<JobLog>,
}

impl RunningJob {
    pub(super) fn new(handle: JobHandle, log: Arc<JobLog>) -> Self {
        Self {
            identity: handle.identity().clone(),
            canceller: handle.canceller(),
            handle: Mutex::new(handle),
            interrupted: OnceLock::new(),
            log,
        }
    }

    /// The job.
    #[must_use]
    pub(crate) fn identity(&self) -> &JobIdentity {
        &self.identity
    }

    /// Its log.
    #[must_use]
    pub(crate) fn log(&self) -> &Arc<JobLog> {
        &self.log
    }

    /// Requests its end from the engine, and waits for it.
    pub(crate) async fn cancel(&self) {
        self.handle.lock().await.cancel().await;
    }

    pub(super) async fn next_event(&self) -> Option<JobEvent> {
        let event = self.handle.lock().await.next_event().await;
        if event.as_ref().is_none_or(JobEvent::is_end) {
            self.log.close();
        }
        if let Some(JobEventKind::Finished(end)) = event.as_ref().map(|event| &event.kind)
            && end.status == JobStatus::Cancelled
            && let Some(why) = &end.explanation
            && why.reason != Reason::Cancelled
        {
            self.interrupted.get_or_init(|| why.clone());
        }
        event
    }

    /// What it waited for, if it was cancelled before any of it could start.
    pub(super) fn interrupted(&self) -> Option<&Explanation> {
        self.interrupted.get()
    }

    pub(super) fn request_cancel(&self) {
        self.canceller.cancel();
    }

    pub(super) fn request_cancel_unless_finished(&self) {
        if !self.is_finished() {
            self.request_cancel();
        }
    }

    /// Whether its end was observed, which closes its log.
    #[must_use]
    pub(crate) fn is_finished(&self) -> bool {
        let handle = self.handle.try_lock();
        handle.is_ok_and(|handle| handle.is_finished())
    }
}
