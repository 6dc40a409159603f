use super::Harness;
use super::observation::{Observed, observe, start, wait_until_gone};
use crate::{JobEventKind, JobStatus, Reason};

/// A job whose deadline passes while nothing of it could start reports what it waited for, and that the deadline ended
/// it. There was no attempt.
pub async fn names_the_wait_at_the_deadline(harness: &dyn Harness) {
    let Some((mut request, reason)) = harness.waiting_request("waits-deadline").await else {
        return;
    };
    let name = request.name.clone();
    request.active_deadline = Some(harness.timing().unit * 3);
    let observed = observe(harness, request).await;
    assert_eq!(observed.end.status, JobStatus::TimedOut);
    check(&observed, reason, "activeDeadlineSeconds");
    wait_until_gone(harness, name.as_str()).await;
}

/// A job that is cancelled while nothing of it could start reports what it waited for, and that it was cancelled. There
/// was no attempt.
pub async fn names_the_wait_when_cancelled(harness: &dyn Harness) {
    let Some((request, reason)) = harness.waiting_request("waits-cancel").await else {
        return;
    };
    let name = request.name.clone();
    let mut running = start(harness, request).await;
    running
        .wait_for(|kind| matches!(kind, JobEventKind::Waiting { .. }))
        .await;
    running.handle.cancel().await;
    let observed = running.finish().await;
    assert_eq!(observed.end.status, JobStatus::Cancelled);
    check(&observed, reason, "cancelled");
    wait_until_gone(harness, name.as_str()).await;
}

fn check(observed: &Observed, reason: Reason, ended_by: &str) {
    let end = &observed.end;
    assert_eq!(end.reason(), Some(reason), "{end:?}");
    assert_eq!((end.succeeded, end.failed), (0, 0), "{end:?}");
    assert!(
        observed.attempts().is_empty(),
        "what never ran is an attempt: {:?}",
        observed.events
    );
    let message = end
        .explanation
        .as_ref()
        .map(|why| why.message.as_str())
        .unwrap_or_default();
    assert!(
        message.contains(ended_by),
        "it does not say what ended it: {message}"
    );
    let waits = |kind: &JobEventKind| match kind {
        JobEventKind::Waiting { message, .. } => Some(message.clone()),
        _ => None,
    };
    let mut told = observed
        .events
        .iter()
        .filter_map(|event| waits(&event.kind));
    assert!(
        told.any(|wait| message.contains(&wait)),
        "it does not say what it waited for: {message}"
    );
}
