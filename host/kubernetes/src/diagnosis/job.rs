//! How a job ended.

use std::time::Duration;

use toolhost_capability::controller::{Controller, DEFAULT_BACKOFF_BASE};
use toolhost_capability::{AttemptEnd, Explanation, JobEnd, JobRequest, JobStatus, Reason};

use super::attempt::AttemptVerdict;
use super::quote::quoted;
use crate::view::{ConditionView, JobView, VERDICT};

/// Context of a job and its attempts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct JobContext<'job> {
    /// What prevents its start.
    pub(crate) wait: Option<&'job Explanation>,
    /// Pods that are not failed attempts, though the Job controller counts them: they were ended at the deadline,
    /// before any of their containers ran.
    pub(crate) uncounted: u32,
}

/// Returns how the job ended, as soon as it is certain; none while it runs.
///
/// `attempts` are those that ended, the last one last. The verdict of the pods comes first: the Job controller takes
/// seconds to report the same, with less detail.
pub(crate) fn job_end(
    job: &JobView,
    attempts: &[AttemptVerdict],
    context: JobContext<'_>,
) -> Option<JobEnd> {
    let limit = job
        .spec
        .backoff_limit
        .unwrap_or(JobRequest::DEFAULT_BACKOFF_LIMIT);
    let deadline = job.spec.active_deadline_seconds.map(Duration::from_secs);
    let failed = certain_failures(attempts);
    let known = failed.max(failed_pods(job, context));
    let controller = Controller::new(limit, deadline, DEFAULT_BACKOFF_BASE);
    if attempts
        .iter()
        .any(|attempt| attempt.end.reason().is_none())
    {
        // The job is over, and what was reported as a failure is one.
        let known = known.max(failures(attempts));
        return Some(controller.with_failed(known).succeeded());
    }
    let controller = controller.with_failed(known);
    if job
        .condition("Complete")
        .or_else(|| job.condition("SuccessCriteriaMet"))
        .is_some()
    {
        return Some(controller.succeeded());
    }
    let last = attempts
        .iter()
        .rev()
        .find(|attempt| attempt.counts)
        .map(|attempt| &attempt.end);
    if let Some(condition) = job
        .condition("Failed")
        .or_else(|| job.condition("FailureTarget"))
    {
        if let Some(reason) = verdict(job)
            && condition.reason.as_deref() == Some("DeadlineExceeded")
        {
            return Some(given_up(reason, context.wait, failures(attempts)));
        }
        if let Some(wait) = context.wait
            && condition.reason.as_deref() == Some("DeadlineExceeded")
        {
            return Some(controller.deadline_exceeded_waiting(wait));
        }
        return Some(failed_end(&controller, condition, last, known));
    }
    match last {
        Some(last) if last.reason() == Some(Reason::DeadlineExceeded) => {
            Some(controller.deadline_exceeded())
        }
        Some(last) if failed > limit => Some(controller.gave_up(last)),
        _ => None,
    }
}

/// Whether the job counts pods for which no attempt was reported: the watch of the pods is behind. Then it is worth
/// waiting a moment before the job's end is reported.
///
/// The Job controller reports how a job ends before it counts the pod that decided it.
pub(crate) fn attempts_missing(
    job: &JobView,
    attempts: &[AttemptVerdict],
    context: JobContext<'_>,
) -> bool {
    let ended = counted_pods(job, context) + job.status.succeeded.unwrap_or_default();
    let active = job.status.active.unwrap_or_default();
    let succeeded = attempts
        .iter()
        .filter(|attempt| attempt.end.reason().is_none())
        .count();
    let known = failures(attempts) + u32::try_from(succeeded).unwrap_or(u32::MAX);
    let all = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
    let says = |conditions: [&str; 2]| conditions.into_iter().find_map(|name| job.condition(name));
    let lacks_success = succeeded == 0 && says(["Complete", "SuccessCriteriaMet"]).is_some();
    let lacks_failure = says(["Failed", "FailureTarget"]).is_some_and(|condition| {
        condition.reason.as_deref() == Some("BackoffLimitExceeded")
            && failures(attempts)
                <= job
                    .spec
                    .backoff_limit
                    .unwrap_or(JobRequest::DEFAULT_BACKOFF_LIMIT)
    });
    ended > known || ended + active > all || lacks_success || lacks_failure
}

/// Returns the number of pods that the Job controller has counted as failed, without those that are not attempts.
fn counted_pods(job: &JobView, context: JobContext<'_>) -> u32 {
    let failed = job.status.failed.unwrap_or_default();
    failed.saturating_sub(context.uncounted)
}

/// Returns the number of pods that the Job controller counts as failed, also of those that it has not added yet.
fn failed_pods(job: &JobView, context: JobContext<'_>) -> u32 {
    let uncounted = job.status.uncounted_terminated_pods.failed.len();
    let uncounted = u32::try_from(uncounted).unwrap_or(u32::MAX);
    let failed = job.status.failed.unwrap_or_default();
    failed
        .saturating_add(uncounted)
        .saturating_sub(context.uncounted)
}

/// Returns the number of failures that the Job controller is certain to count. How a deleted pod ended is known to the
/// controller alone: it may have succeeded before, and the job may have been suspended for a moment, both unseen.
fn certain_failures(attempts: &[AttemptVerdict]) -> u32 {
    let failed = attempts.iter().filter(|attempt| {
        let reason = attempt.end.reason();
        attempt.counts && reason.is_some_and(|reason| reason != Reason::Deleted)
    });
    u32::try_from(failed.count()).unwrap_or(u32::MAX)
}

/// Returns why a host ended the job, which could not start.
fn verdict(job: &JobView) -> Option<Reason> {
    let annotations = job.metadata.annotations.as_ref()?;
    annotations.get(VERDICT)?.parse().ok()
}

/// Returns the end of a job that another host ended because it could not start.
fn given_up(reason: Reason, wait: Option<&Explanation>, failed: u32) -> JobEnd {
    let known = wait.filter(|wait| wait.reason == reason).cloned();
    let explanation = known.unwrap_or_else(|| {
        let message = format!("could not start, and was ended by another host: {reason}");
        Explanation::new(reason, message)
            .with_hint("see the log of that host, or the events of the job's pods")
    });
    JobEnd {
        status: JobStatus::Failed,
        succeeded: 0,
        failed,
        explanation: Some(explanation),
    }
}

fn failures(attempts: &[AttemptVerdict]) -> u32 {
    let failed = attempts
        .iter()
        .filter(|attempt| attempt.counts && attempt.end.reason().is_some());
    u32::try_from(failed.count()).unwrap_or(u32::MAX)
}

fn failed_end(
    controller: &Controller,
    condition: &ConditionView,
    last: Option<&AttemptEnd>,
    failed: u32,
) -> JobEnd {
    let reason = condition.reason.as_deref().unwrap_or_default();
    let text = quoted(condition.message.as_deref().unwrap_or_default());
    match (reason, last) {
        ("DeadlineExceeded", _) => controller.deadline_exceeded(),
        ("PodFailurePolicy", Some(last)) => {
            let mut end = controller.gave_up(last);
            if let (Some(why), Some(of_last)) = (&mut end.explanation, &last.explanation) {
                why.message = format!(
                    "the last attempt {}, after which `podFailurePolicy` allows no other",
                    of_last.message
                );
            }
            end
        }
        ("BackoffLimitExceeded", None) => {
            let message = format!("all {failed} attempts failed, and their pods are gone: {text}");
            failure(Reason::BackoffLimitExceeded, message, failed)
        }
        (_, Some(last)) => controller.gave_up(last),
        (reason, None) => {
            let message = format!("the cluster ended the job: {}: {text}", quoted(reason));
            failure(Reason::Internal, message, failed)
        }
    }
}

fn failure(reason: Reason, message: String, failed: u32) -> JobEnd {
    JobEnd {
        status: JobStatus::Failed,
        succeeded: 0,
        failed,
        explanation: Some(Explanation::new(reason, message)),
    }
}
