use std::sync::{Arc, OnceLock};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::capability::{
    Explanation, JobEvent, JobEventKind, JobHandle, JobIdentity, JobStatus, Reason,
};
use crate::log::{Cursor, JobLog};

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

    /// Waits until the log has something to read from `cursor` on, or the job has ended and its log is closed, whether or not
    /// the tool asks for events.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event and no record.
    pub(crate) async fn wait_for_log(&self, cursor: Cursor) {
        let ended = async { self.handle.lock().await.ended().await };
        tokio::select! {
            biased;
            () = self.log.wait(cursor) => {}
            () = ended => self.log.close(),
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::capability::{JobEnd, JobReporter, LogSink as _};
    use crate::log::LogDirectory;
    use crate::sealing::ExecutionSecrets;

    use super::*;

    fn running(folder: &tempfile::TempDir) -> (RunningJob, JobReporter) {
        let identity = JobIdentity::created("job");
        let (handle, reporter) = JobHandle::new(identity);
        let directory = LogDirectory::new(folder.path());
        let log = JobLog::new("job", directory, ExecutionSecrets::new());
        (RunningJob::new(handle, log), reporter)
    }

    fn succeeded() -> JobEventKind {
        JobEventKind::Finished(JobEnd {
            status: JobStatus::Succeeded,
            succeeded: 1,
            failed: 0,
            explanation: None,
        })
    }

    #[tokio::test]
    async fn the_log_of_a_job_ends_with_it_although_no_event_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let (job, reporter) = running(&folder);
        job.log().write(1, b"line\n");
        job.wait_for_log(Cursor::default()).await;
        let page = job.log().read(Cursor::default(), 10, 100);
        assert_eq!((page.records.len(), page.ended), (1, false));
        reporter.report(
            Duration::ZERO,
            1,
            JobEventKind::AttemptStarted { pod: String::new() },
        );
        reporter.report(Duration::ZERO, 0, succeeded());
        job.wait_for_log(page.next).await;
        assert!(job.log().read(page.next, 10, 100).ended);
        let events = [job.next_event().await, job.next_event().await];
        assert!(events.iter().all(Option::is_some));
        assert!(job.next_event().await.is_none() && job.is_finished());
    }
}
