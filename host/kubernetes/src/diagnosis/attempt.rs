//! How an attempt ended, derived from its pod.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use toolhost_capability::controller::{cancelled_attempt, deadline_attempt, exited};
use toolhost_capability::{AttemptEnd, Explanation, Reason};

use super::container::{ended_container, exit, failed_container, is_unexplained};
use super::disruption::{disrupted, ended_by_node};
use super::quote::quoted;
use super::scheduling::seconds_between;
use crate::view::PodView;

/// Context of a pod.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttemptContext<'job> {
    /// The name of the container that runs the script.
    pub(crate) container: &'job str,
    /// Whether the pod's object is gone: no further status follows.
    pub(crate) is_gone: bool,
    /// Whether other containers are ignored: the end of the script is the end of the attempt.
    pub(crate) is_script_enough: bool,
    /// What ended the job as a whole, and therefore the attempt.
    pub(crate) job_stop: Option<JobStop>,
    /// The current time, for a pod without the time of its end.
    pub(crate) now: Timestamp,
}

/// What ended a job while an attempt ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobStop {
    /// This engine ended it, because it was cancelled.
    Cancelled,
    /// It exceeded this deadline, as its condition states.
    Deadline(Duration),
    /// Something else suspended it, such as a queue.
    Suspended,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttemptVerdict {
    pub(crate) end: AttemptEnd,
    /// Whether it counts against `backoffLimit`: this engine's jobs have a `podFailurePolicy` that ignores what is not
    /// the program's fault.
    pub(crate) counts: bool,
}

/// Maximum time from the end of a deleted pod's containers to the deletion by the kubelet itself: 1 s was measured, and
/// volumes may take longer to unmount.
const CLEAN_UP_SECONDS: i64 = 30;

/// Returns how the attempt ended; none while its pod may still run.
pub(crate) fn attempt_end(pod: &PodView, context: AttemptContext<'_>) -> Option<AttemptVerdict> {
    let phase = pod.status.phase.as_deref().unwrap_or_default();
    let script = ended_container(pod, context.container);
    let script = script.filter(|_| context.is_script_enough);
    if phase == "Succeeded" || script.is_some_and(|ended| ended.exit_code == 0) {
        return Some(AttemptVerdict {
            end: timed(exited(0), pod, context),
            counts: true,
        });
    }
    if phase != "Failed" && !context.is_gone && !pod.is_lost() && script.is_none() {
        return None;
    }
    let base = ended_container(pod, context.container).map_or_else(AttemptEnd::default, exit);
    let stop = context
        .job_stop
        .filter(|_| !ended_before_deletion(pod, context));
    let is_held = matches!(stop, Some(JobStop::Cancelled | JobStop::Suspended));
    let end = why(pod, base, stop, context);
    Some(AttemptVerdict {
        end: timed(end, pod, context),
        counts: pod.disruption().is_none() && !is_held,
    })
}

/// Returns the first cause that applies, from the outside inwards: what ended the pod explains more than how its
/// program reacted.
fn why(
    pod: &PodView,
    base: AttemptEnd,
    stop: Option<JobStop>,
    context: AttemptContext<'_>,
) -> AttemptEnd {
    if let Some(cause) = ended_by_node(pod) {
        return base.because(cause);
    }
    match stop {
        Some(JobStop::Cancelled) => return cancelled_attempt(base),
        Some(JobStop::Deadline(deadline)) => return deadline_attempt(base, deadline),
        Some(JobStop::Suspended) => {
            return base.because(
                Explanation::new(Reason::Preempted, "was stopped: the job was suspended")
                    .with_hint(
                        "a queue or a user suspended the job; it continues when it is resumed",
                    ),
            );
        }
        None => {}
    }
    if let Some(cause) = disrupted(pod) {
        return base.because(cause);
    }
    let is_deleted = pod.metadata.deletion_timestamp.is_some() || context.is_gone;
    // How a program reacted to the end of its pod explains nothing.
    if is_deleted && is_unexplained(pod, context.container) && !ended_before_deletion(pod, context)
    {
        return deleted(base);
    }
    if let Some(end) = failed_container(pod, context.container, base.clone()) {
        return end;
    }
    if is_deleted {
        return deleted(base);
    }
    let text = pod
        .status
        .message
        .as_deref()
        .or(pod.status.reason.as_deref());
    let said = text.map_or_else(|| "the cluster gives no reason".to_owned(), quoted);
    base.because(Explanation::new(
        Reason::Internal,
        format!("failed: {said}"),
    ))
}

/// Whether the program had ended before the deletion of its pod, if there was one, was requested. A host that adopts
/// the jobs of another one may see both together.
fn ended_before_deletion(pod: &PodView, context: AttemptContext<'_>) -> bool {
    let Some(ended) = ended_container(pod, context.container) else {
        return false;
    };
    let Some(Time(deletion)) = &pod.metadata.deletion_timestamp else {
        return true;
    };
    let Some(Time(finished)) = &ended.finished_at else {
        return false;
    };
    // The API server adds the grace period to the time of the request. When the kubelet has ended the pod, it deletes
    // it a second time, without a grace period.
    let grace = match pod.metadata.deletion_grace_period_seconds {
        None | Some(0) => CLEAN_UP_SECONDS,
        Some(grace) => grace,
    };
    finished.as_second() < deletion.as_second().saturating_sub(grace)
}

fn deleted(base: AttemptEnd) -> AttemptEnd {
    let why = Explanation::new(Reason::Deleted, "was ended: its pod was deleted")
        .with_hint("find the cause in the cluster's audit log: `kubectl delete`, a clean-up and a descheduler delete pods");
    base.because(why)
}

/// Adds how long it ran.
fn timed(end: AttemptEnd, pod: &PodView, context: AttemptContext<'_>) -> AttemptEnd {
    let mut statuses = pod.status.container_statuses.iter();
    let state = statuses
        .find(|status| status.name == context.container)
        .map(|status| &status.state);
    let ended = ended_container(pod, context.container);
    let running = state.and_then(|state| state.running.as_ref());
    let from = ended
        .and_then(|ended| ended.started_at.as_ref())
        .or_else(|| running.and_then(|running| running.started_at.as_ref()))
        .filter(|Time(started)| started.as_second() > 0);
    let to = ended
        .and_then(|ended| ended.finished_at.as_ref())
        .map_or(context.now, |time| time.0);
    // A container that did not start has a start time in 1970.
    let seconds = from.map_or(0, |Time(from)| seconds_between(*from, to));
    AttemptEnd {
        duration: Duration::from_secs(seconds),
        ..end
    }
}
