use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{JobEnd, JobEvent, JobEventKind, JobIdentity, JobStatus, Reason};

/// The caller's side of a job: its events, and the way to end it.
///
/// Dropping it asks the engine to end the job, as [`JobHandle::request_cancel`] does, so that no path
/// through a caller can leave a job running.
#[derive(Debug)]
pub struct JobHandle {
    identity: JobIdentity,
    /// Boxed, because a channel reserves room for a block of messages: 8 KiB of events, most of it for
    /// nothing.
    events: mpsc::UnboundedReceiver<Box<JobEvent>>,
    /// Warnings of the host, and events that were received while waiting for the end.
    read_ahead: VecDeque<JobEvent>,
    cancel: CancellationToken,
    finished: bool,
}

/// The engine's side of a job.
///
/// When it is dropped without [`JobEventKind::Finished`], the caller sees the job end with
/// [`Reason::Internal`].
#[derive(Debug)]
pub struct JobReporter {
    events: mpsc::UnboundedSender<Box<JobEvent>>,
    cancel: CancellationToken,
}

impl JobHandle {
    /// Both sides of a new job.
    ///
    /// The events are not bounded in number by the channel but by what an engine has to say: a few per
    /// attempt, and engines bound attempts and coalesce repeated [`JobEventKind::Waiting`].
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

    /// Which job it is.
    #[must_use]
    pub fn identity(&self) -> &JobIdentity {
        &self.identity
    }

    /// Whether [`JobEventKind::Finished`] was returned.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The next event; none after [`JobEventKind::Finished`].
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

    /// Adds a warning of the host's own to the events: the next one that is read.
    pub fn warn(&mut self, message: String) {
        self.read_ahead.push_front(JobEvent {
            elapsed: Duration::ZERO,
            attempt: 0,
            kind: JobEventKind::Warning { message },
        });
    }

    /// What ends the job when it is cancelled, for use while the handle waits for an event.
    #[must_use]
    pub fn canceller(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Asks the engine to end the job, and returns at once.
    pub fn request_cancel(&self) {
        self.cancel.cancel();
    }

    /// Ends the job and waits until the engine says that nothing of it runs.
    ///
    /// The events up to the end stay to be read by [`JobHandle::next_event`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event, and the engine goes on ending the job.
    pub async fn cancel(&mut self) {
        self.request_cancel();
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
                reason: Some(Reason::Internal),
                message: Some("the engine lost the job".to_owned()),
                hint: None,
                field: None,
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
    /// Tells the caller what happened. A caller that is gone does not matter.
    pub fn report(&self, elapsed: Duration, attempt: u32, kind: JobEventKind) {
        let event = JobEvent {
            elapsed,
            attempt,
            kind,
        };
        drop(self.events.send(Box::new(event)));
    }

    /// Waits until the caller wants the job to end.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Whether the caller wants the job to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
