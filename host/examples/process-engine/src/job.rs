use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use toolhost_capability::controller::{Controller, Next, pod_name};
use toolhost_capability::program;
use toolhost_capability::{JobEnd, JobEventKind, JobReporter, JobRequest, LogSink};

use crate::attempt::{Attempt, until};
use crate::name::RunningName;

/// A job from its creation to its end.
pub(crate) struct Job {
    pub(crate) request: JobRequest,
    /// In bytes.
    pub(crate) memory_limit: Option<u64>,
    pub(crate) search_path: String,
    pub(crate) logs: Arc<dyn LogSink>,
    pub(crate) reporter: JobReporter,
    pub(crate) folder: TempDir,
    pub(crate) name: RunningName,
}

impl Job {
    pub(crate) async fn run(self, backoff_base: Duration) {
        let created = Instant::now();
        if let Some(message) = program::warning(&self.request) {
            self.report(created, 0, JobEventKind::Warning { message });
        }
        let end = self.run_attempts(created, backoff_base).await;
        let Self {
            reporter,
            folder,
            name,
            ..
        } = self;
        // Whoever sees the end finds nothing of the job, and may create another of its name.
        drop((folder, name));
        reporter.report(created.elapsed(), 0, JobEventKind::Finished(end));
    }

    async fn run_attempts(&self, created: Instant, backoff_base: Duration) -> JobEnd {
        let deadline = self.request.active_deadline;
        // A deadline beyond the range of the clock is none.
        let ends_at = deadline.and_then(|deadline| created.checked_add(deadline));
        let mut controller = Controller::new(self.request.backoff_limit, deadline, backoff_base);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let pod = pod_name(self.request.name.as_str(), attempt);
            self.report(created, attempt, JobEventKind::AttemptStarted { pod });
            let end = self.attempt(attempt).run(ends_at).await;
            self.logs.end(attempt);
            self.report(created, attempt, JobEventKind::AttemptEnded(end.clone()));
            let wait = match controller.after(&end) {
                Next::Finish(end) => return end,
                Next::Retry(wait) => wait,
            };
            self.report(created, attempt, JobEventKind::BackingOff { wait });
            tokio::select! {
                () = self.reporter.cancelled() => return controller.cancelled(),
                () = until(ends_at) => return controller.deadline_exceeded(),
                () = sleep(wait) => {}
            }
        }
    }

    fn attempt(&self, number: u32) -> Attempt<'_> {
        Attempt {
            number,
            request: &self.request,
            memory_limit: self.memory_limit,
            search_path: &self.search_path,
            folder: self.folder.path(),
            logs: self.logs.as_ref(),
            reporter: &self.reporter,
        }
    }

    fn report(&self, created: Instant, attempt: u32, kind: JobEventKind) {
        self.reporter.report(created.elapsed(), attempt, kind);
    }
}
