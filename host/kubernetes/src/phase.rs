//! The progress of pods and jobs.

use super::names::SCRIPT_CONTAINER;
use super::view::{ContainerStateView, JobView, PodView};

/// Progress of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase {
    /// Whether its script was started.
    pub(super) has_started: bool,
    /// Whether nothing of it runs, or will run.
    pub(super) has_ended: bool,
}

/// Returns the progress of the pod.
///
/// The script's container is decisive: it is never restarted. The pod's own phase can change later, and much later
/// where [other containers](left_running) run.
pub(super) fn phase(pod: &PodView) -> Phase {
    let state = script_state(pod);
    let is_running = state.is_some_and(|state| state.running.is_some());
    let terminated = state.and_then(|state| state.terminated.as_ref());
    let is_terminated = terminated.is_some();
    // What a kubelet reports for a container that never existed, when its pod is deleted.
    let is_unknown = terminated.is_some_and(|ended| {
        ended.reason.as_deref() == Some("ContainerStatusUnknown") && ended.started_at.is_none()
    });
    let is_over = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    Phase {
        has_started: is_running || is_terminated && !is_unknown,
        has_ended: is_terminated || is_over,
    }
}

/// Returns the containers that keep a pod although its script has ended: ordinary sidecars. Those that are init
/// containers (`restartPolicy: Always`) end with the pod.
pub(super) fn left_running(pod: &PodView) -> Vec<&str> {
    let is_over = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let has_ended = script_state(pod).is_some_and(|state| state.terminated.is_some());
    if is_over || !has_ended {
        return Vec::new();
    }
    let containers = pod.status.container_statuses.iter();
    containers
        .filter(|container| container.state.terminated.is_none())
        .map(|container| container.name.as_str())
        .collect()
}

/// Whether the script succeeded.
pub(super) fn has_succeeded(pod: &PodView) -> bool {
    let state = script_state(pod).and_then(|state| state.terminated.as_ref());
    state.map_or_else(
        || pod.status.phase.as_deref() == Some("Succeeded"),
        |ended| ended.exit_code == 0,
    )
}

/// Whether the job has finished.
pub(super) fn is_over(job: &JobView) -> bool {
    ["Complete", "Failed"]
        .iter()
        .any(|kind| job.condition(kind).is_some())
}

/// Whether the job exceeded its deadline.
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
    fn the_progress_of_a_pod_is_that_of_its_script() {
        let ended = |code: i32| json!({"terminated": {"exitCode": code}});
        let never = json!({"terminated": {
            "exitCode": 137, "reason": "ContainerStatusUnknown", "startedAt": null,
            "message": "The container could not be located when the pod was terminated",
        }});
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
            (pod("Failed", &never), false, true, false),
        ] {
            let phase = phase(&pod);
            let seen = (phase.has_started, phase.has_ended, has_succeeded(&pod));
            assert_eq!(seen, (has_started, is_over, has_worked), "{pod:?}");
        }
    }

    #[test]
    fn a_sidecar_is_left_running_once_the_script_has_ended() {
        let ended = json!({"terminated": {"exitCode": 0}});
        assert_eq!(left_running(&pod("Running", &ended)), ["other"]);
        assert!(left_running(&pod("Running", &json!({"running": {}}))).is_empty());
        assert!(left_running(&pod("Failed", &ended)).is_empty());
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
