//! The status of a pod, as a kubelet writes it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::json::{array, list, object, text};
use crate::time;

/// The name of the only node.
pub(super) const NODE: &str = "fake-node";

/// How a container ended.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) code: i32,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) started: Timestamp,
    pub(super) finished: Timestamp,
}

/// Which containers: the initial ones, or the main ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Init,
    Main,
}

impl Which {
    pub(super) fn in_spec(self) -> &'static str {
        match self {
            Self::Init => "/spec/initContainers",
            Self::Main => "/spec/containers",
        }
    }

    fn in_status(self) -> &'static str {
        match self {
            Self::Init => "initContainerStatuses",
            Self::Main => "containerStatuses",
        }
    }
}

/// The scheduler gave the pod to the node.
pub(super) fn schedule(pod: &mut Value) {
    object(pod, "spec").insert("nodeName".to_owned(), NODE.into());
    set_condition(pod, "PodScheduled", true, "", "");
}

/// The kubelet saw the pod.
pub(super) fn admit(pod: &mut Value) {
    let status = object(pod, "status");
    status.insert("startTime".to_owned(), time::now().into());
    status.insert("hostIP".to_owned(), "127.0.0.1".into());
    let has_init = !list(pod, Which::Init.in_spec()).is_empty();
    for which in [Which::Init, Which::Main] {
        let reason = if has_init {
            "PodInitializing"
        } else {
            "ContainerCreating"
        };
        let names: Vec<String> = list(pod, which.in_spec())
            .iter()
            .map(|container| text(container, "/name").to_owned())
            .collect();
        for name in names {
            set_state(pod, which, &name, &json!({"waiting": {"reason": reason}}));
        }
    }
    set_condition(pod, "Initialized", !has_init, "", "");
    set_condition(pod, "Ready", false, "ContainersNotReady", "");
}

pub(super) fn set_waiting(pod: &mut Value, which: Which, name: &str, reason: &str, message: &str) {
    let mut waiting = json!({"reason": reason});
    if !message.is_empty() {
        *crate::json::entry(&mut waiting, "message") = message.into();
    }
    set_state(pod, which, name, &json!({"waiting": waiting}));
}

pub(super) fn set_running(pod: &mut Value, which: Which, name: &str, started: Timestamp) {
    let state = json!({"running": {"startedAt": time::seconds(started)}});
    set_state(pod, which, name, &state);
    if which == Which::Main {
        object(pod, "status").insert("phase".to_owned(), "Running".into());
        set_condition(pod, "Initialized", true, "", "");
        set_condition(pod, "Ready", true, "", "");
    }
}

pub(super) fn set_ended(pod: &mut Value, which: Which, name: &str, end: &End) {
    let mut terminated = json!({
        "exitCode": end.code,
        "reason": end.reason,
        "startedAt": time::seconds(end.started),
        "finishedAt": time::seconds(end.finished),
        "containerID": format!("fake://{name}"),
    });
    if !end.message.is_empty() {
        *crate::json::entry(&mut terminated, "message") = end.message.clone().into();
    }
    set_state(pod, which, name, &json!({"terminated": terminated}));
}

/// The main containers ended, which the phase does not say yet.
pub(super) fn set_unready(pod: &mut Value, is_success: bool) {
    let reason = if is_success {
        "PodCompleted"
    } else {
        "PodFailed"
    };
    set_condition(pod, "Ready", false, reason, "");
}

/// The last word: what did not start is said to be lost.
pub(super) fn set_phase(pod: &mut Value, is_success: bool) {
    if !is_success {
        for which in [Which::Main] {
            let unfinished: Vec<String> = list(pod, &format!("/status/{}", which.in_status()))
                .iter()
                .filter(|status| status.pointer("/state/terminated").is_none())
                .map(|status| text(status, "/name").to_owned())
                .collect();
            for name in unfinished {
                // As `TerminatePod` of the kubelet's status manager writes it, which has no times for it.
                let terminated = json!({
                    "exitCode": 137, "reason": "ContainerStatusUnknown",
                    "message": "The container could not be located when the pod was terminated",
                    "startedAt": null, "finishedAt": null,
                });
                set_state(pod, which, &name, &json!({"terminated": terminated}));
            }
        }
    }
    let phase = if is_success { "Succeeded" } else { "Failed" };
    object(pod, "status").insert("phase".to_owned(), phase.into());
    let reason = if is_success {
        "PodCompleted"
    } else {
        "PodFailed"
    };
    set_condition(pod, "Ready", false, reason, "");
}

pub(super) fn set_condition(
    pod: &mut Value,
    kind: &str,
    is_true: bool,
    reason: &str,
    message: &str,
) {
    let mut condition = json!({
        "type": kind,
        "status": if is_true { "True" } else { "False" },
        "lastProbeTime": null,
        "lastTransitionTime": time::now(),
    });
    for (name, value) in [("reason", reason), ("message", message)] {
        if !value.is_empty() {
            *crate::json::entry(&mut condition, name) = value.into();
        }
    }
    let conditions = array(object(pod, "status"), "conditions");
    conditions.retain(|condition| text(condition, "/type") != kind);
    conditions.push(condition);
}

fn set_state(pod: &mut Value, which: Which, name: &str, state: &Value) {
    let image = list(pod, which.in_spec())
        .iter()
        .find(|container| text(container, "/name") == name)
        .map(|container| text(container, "/image").to_owned())
        .unwrap_or_default();
    let is_running = state.get("running").is_some();
    let is_done = state
        .pointer("/terminated/exitCode")
        .and_then(Value::as_i64)
        == Some(0);
    let status = json!({
        "name": name,
        "image": image,
        "imageID": "",
        "ready": if which == Which::Init { is_done } else { is_running },
        "started": is_running,
        "restartCount": 0,
        "lastState": {},
        "state": state,
    });
    let statuses = array(object(pod, "status"), which.in_status());
    match statuses
        .iter_mut()
        .find(|status| text(status, "/name") == name)
    {
        Some(old) => *old = status,
        None => statuses.push(status),
    }
}
