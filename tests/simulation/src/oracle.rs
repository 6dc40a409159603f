//! Which outcomes are right, given what really happened.

use toolhost_capability::{AttemptEnd, JobEnd, JobStatus, Reason};

use crate::scenario::{Edit, PodEnd, PodPlan, Scenario};
use crate::truth::{JobTruth, PodTruth};

/// Reasons for which a job waits, and which explain its deadline.
const WAITS: [Reason; 5] = [
    Reason::DeadlineExceeded,
    Reason::Unschedulable,
    Reason::ImagePull,
    Reason::StartFailed,
    Reason::InvalidImage,
];

/// Says why the end of a job, as a host reported it, is wrong.
///
/// If no one deleted or cancelled the job, one outcome alone is right. Otherwise, which of them was first is a matter of
/// what the host could see.
#[must_use]
pub fn wrong_end(
    scenario: &Scenario,
    job: &JobTruth,
    end: &JobEnd,
    has_cancelled: bool,
) -> Option<String> {
    let mut allowed = Vec::new();
    let natural = natural(job);
    allowed.extend(natural.clone());
    // A host that may not change a job that cannot start deletes it.
    let is_hopeless = |pod: &PodPlan| pod.end == PodEnd::InvalidImage;
    let is_given_up = !scenario.job.may_patch && scenario.job.pods.iter().any(is_hopeless);
    if is_given_up && natural.is_none() {
        allowed.push(Right::of(JobStatus::Failed, &[Reason::InvalidImage]));
    }
    let may_be_deleted = job.is_deleted
        && (is_given_up
            || scenario.has_edit(|edit| matches!(edit, Edit::DeleteJob { .. }))
            || scenario.hosts.iter().any(|host| host.cancel.is_some()));
    if may_be_deleted {
        allowed.push(Right::of(JobStatus::Failed, &[Reason::Deleted]));
    }
    if has_cancelled {
        let reasons = [&[Reason::Cancelled][..], &WAITS].concat();
        allowed.push(Right::of(JobStatus::Cancelled, &reasons));
    }
    let is_right = |right: &Right| {
        let is_of_reason = match end.reason() {
            Some(reason) => right.reasons.contains(&reason),
            None => right.reasons.is_empty(),
        };
        right.status == end.status
            && is_of_reason
            && right
                .failed
                .is_none_or(|(least, most)| (least..=most).contains(&end.failed))
    };
    if allowed.iter().any(is_right) {
        return None;
    }
    Some(format!(
        "the end {end:?} is wrong: expected one of {allowed:?}"
    ))
}

/// An outcome that is right.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Right {
    status: JobStatus,
    /// One of these; none where it is empty.
    reasons: Vec<Reason>,
    /// How many attempts failed, where that is certain: at least and at most.
    failed: Option<(u32, u32)>,
}

impl Right {
    fn of(status: JobStatus, reasons: &[Reason]) -> Self {
        Self {
            status,
            reasons: reasons.to_vec(),
            failed: None,
        }
    }

    fn failed(self, least: u32, most: u32) -> Self {
        Self {
            failed: Some((least, most)),
            ..self
        }
    }
}

/// How the job ended by itself, if it did.
fn natural(job: &JobTruth) -> Option<Right> {
    let failures = job.pods.iter().filter(|pod| pod.is_failure());
    let failed =
        u32::try_from(failures.clone().filter(|pod| pod.has_started).count()).unwrap_or(u32::MAX);
    if job.pods.iter().any(PodTruth::has_succeeded) || job.is_complete {
        // The Job controller counts a pod that was deleted unless its job was suspended, which a host may not see.
        let most = job.failed.max(deleted(job));
        return Some(Right::of(JobStatus::Succeeded, &[]).failed(job.failed.min(failed), most));
    }
    if let Some(verdict) = &job.verdict {
        let reason: Reason = verdict.parse().unwrap_or(Reason::Internal);
        return Some(Right::of(JobStatus::Failed, &[reason]));
    }
    // The Job controller also counts pods that did not start, which a host that comes later cannot see.
    if job.failure.as_deref()? == "DeadlineExceeded" {
        let least = if job.was_suspended {
            0
        } else {
            failed.min(job.failed)
        };
        let right = Right::of(JobStatus::TimedOut, &WAITS);
        return Some(right.failed(least, failed.max(job.failed)));
    }
    let last = failures.clone().next_back();
    let mut reasons = last.map_or_else(Vec::new, reasons);
    // The pods of a job may be gone.
    if last.is_none_or(|last| last.is_deleted) {
        reasons.push(Reason::BackoffLimitExceeded);
    }
    Some(Right::of(JobStatus::Failed, &reasons).failed(job.failed, job.failed))
}

/// How many pods failed or were deleted.
fn deleted(job: &JobTruth) -> u32 {
    let pods = job.pods.iter();
    let gone = pods.filter(|pod| {
        pod.disruption.is_none() && (pod.is_failure() || pod.is_deleted && !pod.has_succeeded())
    });
    u32::try_from(gone.count()).unwrap_or(u32::MAX)
}

/// Why a pod failed.
fn reasons(pod: &PodTruth) -> Vec<Reason> {
    if pod.has_succeeded() {
        return Vec::new();
    }
    match pod.reason.as_str() {
        "Evicted" => return vec![Reason::Evicted],
        "NodeLost" => return vec![Reason::NodeLost],
        _ => {}
    }
    let by = pod.disruption.as_deref();
    let mut reasons = match by {
        Some("PreemptionByScheduler") => vec![Reason::Preempted],
        Some("DeletionByTaintManager" | "DeletionByPodGC") => vec![Reason::NodeLost],
        Some(_) => vec![Reason::Evicted],
        None if pod.container_reason == "OOMKilled" => vec![Reason::OomKilled],
        None if !pod.is_deleted => vec![Reason::ScriptError],
        // Whether it ended before it was deleted is not known to the second.
        None => vec![Reason::Deleted, Reason::ScriptError],
    };
    if pod.is_deleted {
        // The job was ended as a whole, for a reason of its own.
        reasons.extend([
            Reason::DeadlineExceeded,
            Reason::Cancelled,
            Reason::Preempted,
            Reason::Deleted,
        ]);
    }
    reasons
}

/// Says why the end of an attempt is wrong.
#[must_use]
pub fn wrong_attempt(pod: &PodTruth, is_gone: bool, end: &AttemptEnd) -> Option<String> {
    let reasons = reasons(pod);
    // It may have ended and gone between two looks.
    if is_gone && end.reason() == Some(Reason::Deleted) {
        return None;
    }
    let is_right = match end.reason() {
        Some(reason) => reasons.contains(&reason),
        None => reasons.is_empty(),
    };
    if !is_right {
        return Some(format!(
            "the attempt of {} ended {end:?}, and is {pod:?}",
            pod.name
        ));
    }
    let code = end.exit_code.map(i64::from);
    // What ended with its pod may be gone before it is seen.
    let may_differ = pod.is_deleted_early || !pod.has_started;
    if code != pod.exit_code && !may_differ && pod.reason.is_empty() {
        return Some(format!(
            "the attempt of {} has the exit code {code:?}, and is {pod:?}",
            pod.name
        ));
    }
    None
}
