use serde_json::json;
use toolhost_capability::{JobStatus, Reason};

use super::*;
use crate::view::{JobStatusView, JobView, VERDICT};

#[test]
fn the_end_of_a_job_follows_from_its_attempts() {
    let retries = [ended("retry", CONTEXT), ended("retry-2", CONTEXT)];
    let cases: [(&str, &[AttemptVerdict], Reason, u32, &str); 6] = [
        (
            "exit3",
            &[ended("exit3", CONTEXT)],
            Reason::ScriptError,
            1,
            "the only attempt exited with code 3",
        ),
        (
            "retry",
            &retries,
            Reason::ScriptError,
            2,
            "all 2 attempts failed (backoffLimit 1); the last one exited with code 3",
        ),
        (
            "deadline",
            &[],
            Reason::DeadlineExceeded,
            1,
            "took longer than its deadline of 4s",
        ),
        (
            "failure-policy",
            &[ended("failpolicy", CONTEXT)],
            Reason::ScriptError,
            1,
            "exited with code 42, after which `podFailurePolicy`",
        ),
        (
            "deleted",
            &[ended("deleted", CONTEXT)],
            Reason::Deleted,
            1,
            "its pod was deleted",
        ),
        (
            "exit3",
            &[],
            Reason::BackoffLimitExceeded,
            1,
            "and their pods are gone",
        ),
    ];
    for (name, attempts, reason, failed, message) in cases {
        let end = job_end(&fixture(JOBS, name), attempts, JobContext::default()).unwrap();
        let status = match reason {
            Reason::DeadlineExceeded => JobStatus::TimedOut,
            _ => JobStatus::Failed,
        };
        assert_eq!((end.status, end.reason()), (status, Some(reason)), "{name}");
        assert_eq!((end.succeeded, end.failed), (0, failed), "{name}");
        let said = message_of(end.explanation.as_ref());
        assert!(said.contains(message), "{name}: {said}");
    }
    let end = job_end(&fixture(JOBS, "success"), &[], JobContext::default()).unwrap();
    assert_eq!((end.status, end.succeeded), (JobStatus::Succeeded, 1));
    for name in ["bad-image", "no-sa", "suspended", "drained"] {
        assert_eq!(
            job_end(&fixture(JOBS, name), &[], JobContext::default()),
            None,
            "{name}"
        );
    }
}

#[test]
fn the_end_does_not_wait_for_the_job_controller() {
    let mut job: JobView = fixture(JOBS, "retry");
    job.status = JobStatusView::default();
    let (first, second) = (ended("retry", CONTEXT), ended("retry-2", CONTEXT));
    let context = JobContext::default();
    assert_eq!(job_end(&job, std::slice::from_ref(&first), context), None);
    // Attempts that the cluster ended do not count.
    assert_eq!(
        job_end(&job, &[first.clone(), ended("drained", CONTEXT)], context),
        None
    );
    let end = job_end(&job, &[first.clone(), second], context).unwrap();
    assert_eq!((end.reason(), end.failed), (Some(Reason::ScriptError), 2));
    let end = job_end(&job, &[first, ended("success", CONTEXT)], context).unwrap();
    assert_eq!(
        (end.status, end.succeeded, end.failed),
        (JobStatus::Succeeded, 1, 1)
    );
}

fn is_behind(job: &JobView, attempts: &[AttemptVerdict]) -> bool {
    attempts_missing(job, attempts, JobContext::default())
}

#[test]
fn pods_that_are_behind_the_job_are_detected() {
    let job: JobView = fixture(JOBS, "retry");
    let first = ended("retry", CONTEXT);
    assert!(is_behind(&job, std::slice::from_ref(&first)));
    assert!(!is_behind(&job, &[first, ended("retry-2", CONTEXT)]));
    assert!(is_behind(&fixture(JOBS, "success"), &[]));
}

#[test]
fn pods_that_are_behind_are_detected_before_the_job_controller_has_counted_them() {
    let said = |condition: &str, reason: &str, active: u32| -> JobView {
        let condition = json!({"type": condition, "status": "True", "reason": reason});
        serde_json::from_value(json!({
            "spec": {"backoffLimit": 0}, "status": {"active": active, "conditions": [condition]},
        }))
        .unwrap()
    };
    let success = said("SuccessCriteriaMet", "CompletionsReached", 0);
    assert!(is_behind(&success, &[]));
    assert!(!is_behind(&success, &[ended("success", CONTEXT)]));
    let failure = said("FailureTarget", "BackoffLimitExceeded", 0);
    assert!(is_behind(&failure, &[]));
    assert!(!is_behind(&failure, &[ended("exit3", CONTEXT)]));
    let deadline = said("FailureTarget", "DeadlineExceeded", 1);
    assert!(is_behind(&deadline, &[]));
    assert!(!is_behind(&deadline, &[ended("exit3", CONTEXT)]));
}

#[test]
fn a_deadline_while_nothing_could_start_is_reported_as_the_wait_and_counts_no_attempt() {
    let job: JobView = fixture(JOBS, "deadline");
    let wait = Explanation::new(Reason::Unschedulable, "no node has capacity");
    let context = JobContext {
        wait: Some(&wait),
        uncounted: 1,
    };
    assert!(!attempts_missing(&job, &[], context));
    let end = job_end(&job, &[], context).unwrap();
    assert_eq!(
        (end.status, end.reason(), end.failed),
        (JobStatus::TimedOut, Some(Reason::Unschedulable), 0)
    );
    let message = message_of(end.explanation.as_ref());
    assert!(message.contains("its deadline of 4s") && message.contains("no node has capacity"));
    // An attempt that ran before counts.
    let end = job_end(&job, &[ended("exit3", CONTEXT)], context).unwrap();
    assert_eq!((end.reason(), end.failed), (Some(Reason::Unschedulable), 1));
}

#[test]
fn a_deleted_pod_is_counted_by_the_job_controller_alone() {
    let mut job: JobView = fixture(JOBS, "exit3");
    let limit = job.spec.backoff_limit;
    job.spec.backoff_limit = Some(0);
    let end_of = |job: &JobView, attempts: &[AttemptVerdict]| {
        job_end(job, attempts, JobContext::default()).map(|end| end.failed)
    };
    let (deleted, failed) = (ended("deleted", CONTEXT), ended("exit3", CONTEXT));
    assert_eq!(deleted.end.reason(), Some(Reason::Deleted));
    let conditions = std::mem::take(&mut job.status.conditions);
    job.status.failed = None;
    // The job may have been suspended for a moment, and then it does not count.
    assert_eq!(end_of(&job, std::slice::from_ref(&deleted)), None);
    let attempts = [deleted, failed];
    assert_eq!(end_of(&job, &attempts), Some(1));
    job.spec.backoff_limit = limit;
    job.status.conditions = conditions;
    job.status.failed = Some(1);
    let uncounted = json!({"failed": ["6d5c8a9e-1b1c-4c64-9b12-4d8a2f0a7d11"]});
    job.status.uncounted_terminated_pods = serde_json::from_value(uncounted).unwrap();
    assert_eq!(end_of(&job, &attempts), Some(2));
}

#[test]
fn a_job_that_another_host_gave_up_has_the_reason_of_that_host() {
    let mut job: JobView = fixture(JOBS, "deadline");
    let annotations = job.metadata.annotations.get_or_insert_default();
    annotations.insert(VERDICT.to_owned(), "InvalidImage".to_owned());
    let end = job_end(&job, &[], JobContext::default()).unwrap();
    assert_eq!(
        (end.status, end.reason(), end.failed),
        (JobStatus::Failed, Some(Reason::InvalidImage), 0)
    );
}
