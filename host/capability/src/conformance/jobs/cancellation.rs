use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::observation::{observe, start, wait_until_gone};
use super::{Behaviour, Harness};
use crate::{JobEventKind, JobStatus, LogSink, Reason};

/// A running job ends when it is cancelled, and nothing of it is left.
pub async fn cancels_a_running_job(harness: &dyn Harness) {
    let behaviour = ready_and(Behaviour::SleepForever);
    cancel_while_running(harness, "cancel", &behaviour).await;
}

/// A job ends when it is cancelled, even if the program ignores SIGTERM.
pub async fn cancels_a_job_that_ignores_it(harness: &dyn Harness) {
    let behaviour = ready_and(Behaviour::SleepForever);
    let behaviour = Behaviour::Sequence(vec![Behaviour::IgnoreTermination, behaviour]);
    cancel_while_running(harness, "cancel-hard", &behaviour).await;
}

/// A job that waits for its next attempt ends immediately when it is cancelled.
pub async fn cancels_during_the_backoff(harness: &dyn Harness) {
    let behaviour = Behaviour::FailAndBackOff;
    let mut request = harness.request("cancel-backoff", &behaviour).await;
    request.backoff_limit = 20;
    let long_backoff = harness.timing().long_backoff;
    let mut running = start(harness, request).await;
    running
        .wait_for(|kind| matches!(kind, JobEventKind::BackingOff { wait } if *wait >= long_backoff))
        .await;
    running.handle.request_cancel();
    let observed = running.finish().await;

    assert_eq!(observed.end.status, JobStatus::Cancelled);
    assert_eq!(observed.end.reason(), Some(Reason::Cancelled));
    let last = observed.events.iter().rev().nth(1).map(|event| &event.kind);
    assert!(
        matches!(last, Some(JobEventKind::BackingOff { .. })),
        "something came between the delay and the end: {last:?}"
    );
    let failed = usize::try_from(observed.end.failed).unwrap_or_default();
    assert_eq!(failed, observed.attempts().len());
}

/// A finished job stays as it is.
pub async fn changes_nothing_when_cancelled_after_the_end(harness: &dyn Harness) {
    let behaviour = Behaviour::Print("done".to_owned());
    let request = harness.request("cancel-late", &behaviour).await;
    let mut running = start(harness, request).await;
    running
        .wait_for(|kind| matches!(kind, JobEventKind::AttemptEnded(_)))
        .await;
    running.handle.cancel().await;
    running.handle.cancel().await;
    let observed = running.finish().await;
    assert_eq!(observed.end.status, JobStatus::Succeeded);
    assert_eq!(observed.log(1), b"done");
}

/// A job ends when its handle is dropped.
pub async fn ends_a_job_whose_handle_was_dropped(harness: &dyn Harness) {
    let request = harness
        .request("drop", &ready_and(Behaviour::SleepForever))
        .await;
    let name = request.name.clone();
    let mut running = start(harness, request).await;
    running.wait_for_log(1, "ready").await;
    assert!(
        harness.is_running(name.as_str()).await,
        "the job does not run"
    );
    drop(running);
    wait_until_gone(harness, name.as_str()).await;
}

/// A job does not remain when its creation is dropped, at whatever point.
pub async fn ends_a_job_whose_creation_was_dropped(harness: &dyn Harness) {
    struct Discard;
    impl LogSink for Discard {
        fn write(&self, _: u32, _: &[u8]) {}
        fn end(&self, _: u32) {}
    }
    for (round, patience) in [0, 1, 5].map(Duration::from_millis).into_iter().enumerate() {
        let case = format!("drop-create-{round}");
        let request = harness.request(&case, &Behaviour::SleepForever).await;
        let name = request.name.clone();
        let creation = harness.runner().create(request, Arc::new(Discard));
        // Where it was created in time, the handle is dropped immediately.
        drop(timeout(patience, creation).await);
        wait_until_gone(harness, name.as_str()).await;
    }
    // The engine still works.
    let request = harness.request("drop-create-after", &Behaviour::Exit(0));
    let observed = observe(harness, request.await).await;
    assert_eq!(observed.end.status, JobStatus::Succeeded);
}

async fn cancel_while_running(harness: &dyn Harness, case: &str, behaviour: &Behaviour) {
    let mut request = harness.request(case, behaviour).await;
    request.backoff_limit = 3;
    let name = request.name.clone();
    let mut running = start(harness, request).await;
    running.wait_for_log(1, "ready").await;
    running.handle.cancel().await;
    assert!(
        !harness.is_running(name.as_str()).await,
        "it still runs after its end"
    );
    let observed = running.finish().await;

    assert_eq!(observed.end.status, JobStatus::Cancelled);
    assert_eq!(observed.end.reason(), Some(Reason::Cancelled));
    assert_eq!((observed.end.succeeded, observed.end.failed), (0, 0));
    let attempts = observed.attempts();
    let reasons: Vec<_> = attempts.iter().map(|end| end.reason()).collect();
    assert_eq!(reasons, [Some(Reason::Cancelled)]);
}

fn ready_and(behaviour: Behaviour) -> Behaviour {
    Behaviour::Sequence(vec![Behaviour::Print("ready\n".to_owned()), behaviour])
}
