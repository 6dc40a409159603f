use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Explanation, JobEnd, JobEvent, JobEventKind, JobIdentity, JobStatus, Reason};

/// The caller's side of a job: its events, and its cancellation.
///
/// Dropping it asks the engine to end the job, like [`JobHandle::request_cancel`], so that no path through a caller can
/// leave a job running.
#[derive(Debug)]
pub struct JobHandle {
    identity: JobIdentity,
    /// Boxed, because a channel reserves memory for a block of messages: 8 KiB of events, most of it unused.
    events: mpsc::UnboundedReceiver<Box<JobEvent>>,
    /// Warnings of the host, and events that were received while waiting for the end.
    read_ahead: VecDeque<JobEvent>,
    cancel: CancellationToken,
    finished: bool,
}

/// The engine's side of a job.
///
/// When it is dropped without [`JobEventKind::Finished`], the caller sees the job end with [`Reason::Internal`].
#[derive(Debug)]
pub struct JobReporter {
    events: mpsc::UnboundedSender<Box<JobEvent>>,
    cancel: CancellationToken,
}

impl JobHandle {
    /// Creates both sides of a new job.
    ///
    /// The number of events is not limited by the channel but by the engine: a few per attempt, and engines limit
    /// attempts and coalesce repeated [`JobEventKind::Waiting`].
    #[must_use]
    pub fn new(identity: JobIdentity) -> (Self, JobReporter) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let cancel = CancellationToken::new();
        let handle = Self {
            identity,
            events: receiver,
            read_ahead: VecDeque::new(),
            cancel: cancel.clone(),
            finished: false,
        };
        let reporter = JobReporter {
            events: sender,
            cancel,
        };
        (handle, reporter)
    }

    /// Returns the identity of the job.
    #[must_use]
    pub fn identity(&self) -> &JobIdentity {
        &self.identity
    }

    /// Whether [`JobEventKind::Finished`] was returned.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Returns the next event; none after [`JobEventKind::Finished`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn next_event(&mut self) -> Option<JobEvent> {
        if let Some(event) = self.read_ahead.pop_front() {
            return Some(self.note(event));
        }
        if self.finished {
            return None;
        }
        let event = self.receive().await;
        Some(self.note(event))
    }

    /// Adds a warning of the host's own as the next event to be read.
    pub fn warn(&mut self, message: String) {
        self.read_ahead.push_front(JobEvent {
            elapsed: Duration::ZERO,
            attempt: 0,
            kind: JobEventKind::Warning { message },
        });
    }

    /// Returns what cancels the job, for use while the handle waits for an event.
    #[must_use]
    pub fn canceller(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Asks the engine to end the job, and returns immediately.
    pub fn request_cancel(&self) {
        self.cancel.cancel();
    }

    /// Ends the job and waits until the engine reports that nothing of it runs.
    ///
    /// The events up to the end can still be read by [`JobHandle::next_event`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event, and the engine continues to end the job.
    pub async fn cancel(&mut self) {
        self.request_cancel();
        self.ended().await;
    }

    /// Waits until the job has ended. Its events can still be read by [`JobHandle::next_event`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn ended(&mut self) {
        while !self.finished && !self.read_ahead.iter().any(JobEvent::is_end) {
            let event = self.receive().await;
            self.read_ahead.push_back(event);
        }
    }

    fn note(&mut self, event: JobEvent) -> JobEvent {
        self.finished |= event.is_end();
        event
    }

    async fn receive(&mut self) -> JobEvent {
        let event = self.events.recv().await.map(|event| *event);
        event.unwrap_or_else(|| JobEvent {
            elapsed: Duration::ZERO,
            attempt: 0,
            kind: JobEventKind::Finished(JobEnd {
                status: JobStatus::Failed,
                succeeded: 0,
                failed: 0,
                explanation: Some(Explanation::new(
                    Reason::Internal,
                    "the engine lost the job",
                )),
            }),
        })
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl JobReporter {
    /// Sends an event to the caller. It is dropped if the caller is gone.
    pub fn report(&self, elapsed: Duration, attempt: u32, kind: JobEventKind) {
        let event = JobEvent {
            elapsed,
            attempt,
            kind,
        };
        drop(self.events.send(Box::new(event)));
    }

    /// Waits until the caller cancels the job.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Whether the caller cancelled the job.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
