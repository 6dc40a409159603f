//! How far pods and jobs have come.

use super::manifest::SCRIPT_CONTAINER;
use super::view::{ContainerStateView, JobView, PodView};

/// How far a pod has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase {
    /// Whether its script was started.
    pub(super) has_started: bool,
    /// Whether nothing of it runs, and nothing will.
    pub(super) has_ended: bool,
}

/// How far the pod has come.
///
/// A container that ended is enough: its pod has no other that goes on, and is never restarted. The
/// pod's own phase can come later.
pub(super) fn phase(pod: &PodView) -> Phase {
    let state = script_state(pod);
    let is_running = state.is_some_and(|state| state.running.is_some());
    let is_terminated = state.is_some_and(|state| state.terminated.is_some());
    let is_over = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    Phase {
        has_started: is_running || is_terminated,
        has_ended: is_terminated || is_over,
    }
}

/// Whether the script succeeded.
pub(super) fn has_succeeded(pod: &PodView) -> bool {
    let state = script_state(pod).and_then(|state| state.terminated.as_ref());
    state.map_or_else(
        || pod.status.phase.as_deref() == Some("Succeeded"),
        |ended| ended.exit_code == 0,
    )
}

/// Whether the job is over.
pub(super) fn is_over(job: &JobView) -> bool {
    ["Complete", "Failed"]
        .iter()
        .any(|kind| job.condition(kind).is_some())
}

/// Whether the job took longer than it may.
pub(super) fn is_too_late(job: &JobView) -> bool {
    ["Failed", "FailureTarget"].iter().any(|kind| {
        let condition = job.condition(kind);
        condition.is_some_and(|it| it.reason.as_deref() == Some("DeadlineExceeded"))
    })
}

fn script_state(pod: &PodView) -> Option<&ContainerStateView> {
    let mut containers = pod.status.container_statuses.iter();
    let script = containers.find(|container| container.name == SCRIPT_CONTAINER)?;
    Some(&script.state)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(phase: &str, state: &Value) -> PodView {
        let container = json!({"name": SCRIPT_CONTAINER, "state": state});
        let sidecar = json!({"name": "other", "state": {"running": {}}});
        let status = json!({"phase": phase, "containerStatuses": [sidecar, container]});
        serde_json::from_value(json!({"status": status})).unwrap()
    }

    #[test]
    fn a_pod_is_as_far_as_its_script() {
        let ended = |code: i32| json!({"terminated": {"exitCode": code}});
        for (pod, has_started, is_over, has_worked) in [
            (
                pod(
                    "Pending",
                    &json!({"waiting": {"reason": "ContainerCreating"}}),
                ),
                false,
                false,
                false,
            ),
            (pod("Running", &json!({"running": {}})), true, false, false),
            (pod("Running", &ended(0)), true, true, true),
            (pod("Failed", &ended(3)), true, true, false),
            (pod("Failed", &json!({})), false, true, false),
        ] {
            let phase = phase(&pod);
            let seen = (phase.has_started, phase.has_ended, has_succeeded(&pod));
            assert_eq!(seen, (has_started, is_over, has_worked), "{pod:?}");
        }
    }

    #[test]
    fn only_a_true_condition_of_the_deadline_counts() {
        for (kind, status, reason, expected) in [
            ("FailureTarget", "True", "DeadlineExceeded", true),
            ("Failed", "True", "DeadlineExceeded", true),
            ("Failed", "False", "DeadlineExceeded", false),
            ("Failed", "True", "BackoffLimitExceeded", false),
        ] {
            let conditions = json!([{"type": kind, "status": status, "reason": reason}]);
            let job = json!({"status": {"conditions": conditions}});
            let job: JobView = serde_json::from_value(job).unwrap();
            assert_eq!(is_too_late(&job), expected, "{kind} {status} {reason}");
        }
    }
}
