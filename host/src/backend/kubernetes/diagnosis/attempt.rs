//! How an attempt ended, from its pod.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::cause::{Cause, quoted};
use super::container::{ended_container, exit, failed_container};
use super::disruption::{disrupted, ended_by_node};
use super::scheduling::{condition, seconds_between};
use crate::backend::controller::{cancelled_attempt, deadline_attempt, exited};
use crate::backend::kubernetes::view::PodView;
use crate::capability::{AttemptEnd, Reason};

/// What is known besides the pod.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttemptContext<'job> {
    /// The name of the container that runs the script.
    pub(crate) container: &'job str,
    /// Whether the pod's object is gone: no status will follow.
    pub(crate) is_gone: bool,
    /// What ended the job as a whole, and so the attempt.
    pub(crate) job_stop: Option<JobStop>,
    /// The time, for a pod of which nothing says when it ended.
    pub(crate) now: Timestamp,
}

/// What ended a job while an attempt ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobStop {
    /// This engine ended it, because it was cancelled.
    Cancelled,
    /// It took longer than this deadline, as its condition says.
    Deadline(Duration),
    /// It was suspended by another, such as a queue.
    Suspended,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttemptVerdict {
    pub(crate) end: AttemptEnd,
    /// Whether it counts against `backoffLimit`: this engine's jobs have a `podFailurePolicy` that ignores
    /// what is not the program's fault.
    pub(crate) counts: bool,
}

/// How the attempt ended; none while its pod may still run.
pub(crate) fn attempt_end(pod: &PodView, context: AttemptContext<'_>) -> Option<AttemptVerdict> {
    let phase = pod.status.phase.as_deref().unwrap_or_default();
    if phase == "Succeeded" {
        return Some(AttemptVerdict {
            end: timed(exited(0), pod, context),
            counts: true,
        });
    }
    let is_disrupted = condition(pod, "DisruptionTarget").is_some_and(|it| it.status == "True");
    let is_held = matches!(
        context.job_stop,
        Some(JobStop::Cancelled | JobStop::Suspended)
    );
    let is_lost = pod.status.reason.as_deref() == Some("NodeLost");
    if phase != "Failed" && !context.is_gone && !is_lost {
        return None;
    }
    let base = ended_container(pod, context.container).map_or_else(AttemptEnd::default, exit);
    let end = why(pod, base, context);
    Some(AttemptVerdict {
        end: timed(end, pod, context),
        counts: !is_disrupted && !is_held,
    })
}

/// The first cause that applies, from the outside inwards: what ended the pod says more than how its program
/// took it.
fn why(pod: &PodView, base: AttemptEnd, context: AttemptContext<'_>) -> AttemptEnd {
    match context.job_stop {
        Some(JobStop::Cancelled) => return cancelled_attempt(base),
        Some(JobStop::Deadline(deadline)) => return deadline_attempt(base, deadline),
        Some(JobStop::Suspended) => {
            return Cause::new(Reason::Preempted, "was stopped: the job was suspended")
                .with_hint(
                    "a queue, or somebody, holds the job back; it goes on when it is resumed",
                )
                .end_attempt(base);
        }
        None => {}
    }
    if let Some(cause) = ended_by_node(pod).or_else(|| disrupted(pod)) {
        return cause.end_attempt(base);
    }
    if let Some(end) = failed_container(pod, context.container, base.clone()) {
        return end;
    }
    if pod.metadata.deletion_timestamp.is_some() || context.is_gone {
        return deleted(base);
    }
    let text = pod
        .status
        .message
        .as_deref()
        .or(pod.status.reason.as_deref());
    let said = text.map_or_else(|| "nothing says why".to_owned(), quoted);
    Cause::new(Reason::Internal, format!("failed: {said}")).end_attempt(base)
}

fn deleted(base: AttemptEnd) -> AttemptEnd {
    Cause::new(Reason::Signalled, "was ended: somebody deleted its pod")
        .with_hint("see in the cluster's audit log who did; `kubectl delete`, a clean-up or a descheduler would")
        .end_attempt(base)
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
    // A container that did not start has 1970 for its start.
    let seconds = from.map_or(0, |Time(from)| seconds_between(*from, to));
    AttemptEnd {
        duration: Duration::from_secs(seconds),
        ..end
    }
}
