//! Observation of a job of the suite, for cases of only some engines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::Harness;
use crate::sync::lock;
use crate::{AttemptEnd, JobEnd, JobEvent, JobEventKind, JobHandle, JobRequest, LogSink};

/// The interval for checking a state without notification.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// A running job of the suite.
pub struct Running {
    /// The job.
    pub handle: JobHandle,
    events: Vec<JobEvent>,
    logs: Arc<Recorder>,
    patience: Duration,
}

/// A finished job of the suite.
pub struct Observed {
    /// All events, in order.
    pub events: Vec<JobEvent>,
    /// How it ended.
    pub end: JobEnd,
    /// Time from the creation to the end, by the engine's clock.
    pub elapsed: Duration,
    logs: Arc<Recorder>,
}

/// Creates the job and observes it until its end.
pub async fn observe(harness: &dyn Harness, request: JobRequest) -> Observed {
    start(harness, request).await.finish().await
}

/// Creates the job.
pub async fn start(harness: &dyn Harness, request: JobRequest) -> Running {
    let logs = Arc::new(Recorder::default());
    let name = request.name.clone();
    let sink = Arc::clone(&logs) as Arc<dyn LogSink>;
    let handle = match harness.runner().create(request, sink).await {
        Ok(handle) => handle,
        Err(error) => panic!("the job `{name}` was refused: {error:?}"),
    };
    assert_eq!(handle.identity().name, name.as_str(), "the job's name");
    Running {
        handle,
        events: Vec::new(),
        logs,
        patience: harness.timing().patience,
    }
}

/// Waits until nothing of the job runs.
pub async fn wait_until_gone(harness: &dyn Harness, name: &str) {
    let give_up = Instant::now() + harness.timing().patience;
    while harness.is_running(name).await {
        assert!(Instant::now() < give_up, "the job `{name}` still runs");
        sleep(LOOK_PAUSE).await;
    }
}

impl Running {
    /// Waits for an event that matches, and keeps those before it.
    pub async fn wait_for(&mut self, matches: impl Fn(&JobEventKind) -> bool) {
        loop {
            let event = self.next().await;
            assert!(
                !matches!(event.kind, JobEventKind::Finished(_)),
                "the job ended early: {event:?}, after {:?}",
                self.events
            );
            let is_it = matches(&event.kind);
            self.events.push(event);
            if is_it {
                return;
            }
        }
    }

    /// Waits until the attempt has written this text.
    pub async fn wait_for_log(&mut self, attempt: u32, expected: &str) {
        let mut changes = self.logs.changed.subscribe();
        let logs = Arc::clone(&self.logs);
        let is_there = || {
            let written = logs.bytes(attempt);
            String::from_utf8_lossy(&written).contains(expected)
        };
        let waiting = async {
            // Notices every change after the last check.
            while !is_there() && changes.changed().await.is_ok() {}
        };
        assert!(
            timeout(self.patience, waiting).await.is_ok(),
            "attempt {attempt} did not write {expected:?}"
        );
    }

    /// Observes it until its end, and checks that its events are in order.
    pub async fn finish(mut self) -> Observed {
        let (end, elapsed) = loop {
            let event = self.next().await;
            let end = match &event.kind {
                JobEventKind::Finished(end) => Some((end.clone(), event.elapsed)),
                _ => None,
            };
            self.events.push(event);
            if let Some(end) = end {
                break end;
            }
        };
        assert!(
            self.handle.next_event().await.is_none(),
            "something follows the end"
        );
        let observed = Observed {
            events: self.events,
            end,
            elapsed,
            logs: self.logs,
        };
        observed.check_order();
        observed
    }

    async fn next(&mut self) -> JobEvent {
        let event = timeout(self.patience, self.handle.next_event()).await;
        let Ok(event) = event else {
            panic!("nothing happens after {:?}", self.events);
        };
        let Some(event) = event else {
            panic!("the events end without an end, after {:?}", self.events);
        };
        event
    }
}

impl Observed {
    /// Returns how the attempts ended, in order.
    #[must_use]
    pub fn attempts(&self) -> Vec<&AttemptEnd> {
        self.events
            .iter()
            .filter_map(|event| match &event.kind {
                JobEventKind::AttemptEnded(end) => Some(end),
                _ => None,
            })
            .collect()
    }

    /// Returns the output of the attempt.
    #[must_use]
    pub fn log(&self, attempt: u32) -> Vec<u8> {
        self.logs.bytes(attempt)
    }

    /// Returns the warnings, in order.
    #[must_use]
    pub fn warnings(&self) -> Vec<&str> {
        self.events
            .iter()
            .filter_map(|event| match &event.kind {
                JobEventKind::Warning { message } => Some(message.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Checks that attempts begin with 1, follow each other without a gap, start before they end, and are closed in the
    /// log; that time does not go back; and that the numbers of the end agree with the attempts.
    fn check_order(&self) {
        let mut running = None;
        let mut last = 0;
        let mut elapsed = Duration::ZERO;
        for event in &self.events {
            let events = &self.events;
            assert!(event.elapsed >= elapsed, "time goes back: {events:#?}");
            elapsed = event.elapsed;
            match &event.kind {
                JobEventKind::AttemptStarted { pod } => {
                    assert!(!pod.is_empty(), "a pod without a name: {events:#?}");
                    assert_eq!(running, None, "two attempts at once: {events:#?}");
                    assert_eq!(
                        event.attempt,
                        last + 1,
                        "attempts are not counted: {events:#?}"
                    );
                    last = event.attempt;
                    running = Some(event.attempt);
                }
                JobEventKind::AttemptEnded(_) => {
                    assert_eq!(
                        running,
                        Some(event.attempt),
                        "an end without a start: {events:#?}"
                    );
                    running = None;
                }
                JobEventKind::BackingOff { .. } => {
                    assert_eq!(running, None, "a delay within an attempt: {events:#?}");
                }
                _ => {}
            }
        }
        assert_eq!(
            running, None,
            "an attempt without an end: {:#?}",
            self.events
        );
        self.logs.check_closed(last);
        let succeeded = self.attempts().iter().any(|end| end.reason().is_none());
        assert_eq!(
            self.end.succeeded,
            u32::from(succeeded),
            "{:#?}",
            self.events
        );
    }
}

/// A sink that records everything.
struct Recorder {
    attempts: Mutex<BTreeMap<u32, AttemptLog>>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct AttemptLog {
    bytes: Vec<u8>,
    is_closed: bool,
}

impl Recorder {
    fn bytes(&self, attempt: u32) -> Vec<u8> {
        let attempts = self.attempts();
        let log = attempts.get(&attempt);
        log.map(|log| log.bytes.clone()).unwrap_or_default()
    }

    fn check_closed(&self, last: u32) {
        let attempts = self.attempts();
        for attempt in 1..=last {
            let is_closed = attempts.get(&attempt).is_some_and(|log| log.is_closed);
            assert!(is_closed, "the log of attempt {attempt} was not closed");
        }
        let strange = attempts
            .keys()
            .find(|attempt| !(1..=last).contains(*attempt));
        assert_eq!(strange, None, "a log of an attempt that was not");
    }

    fn attempts(&self) -> MutexGuard<'_, BTreeMap<u32, AttemptLog>> {
        lock(&self.attempts)
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            attempts: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl LogSink for Recorder {
    fn write(&self, attempt: u32, bytes: &[u8]) {
        let mut attempts = self.attempts();
        let log = attempts.entry(attempt).or_default();
        assert!(!log.is_closed, "attempt {attempt} writes after its end");
        log.bytes.extend_from_slice(bytes);
        drop(attempts);
        self.changed.send_replace(());
    }

    fn end(&self, attempt: u32) {
        let mut attempts = self.attempts();
        let log = attempts.entry(attempt).or_default();
        assert!(!log.is_closed, "attempt {attempt} ends twice");
        log.is_closed = true;
    }
}
