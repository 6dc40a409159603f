//! How a pod is played: by processes, or by a script of states that no process gives.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

/// A pod that is to be played.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PlayedPod<'a> {
    /// The name of its Job; empty where it has none.
    pub job: &'a str,
    /// Which pod of the Job it is, from 1.
    pub attempt: u32,
    /// The pod itself.
    pub pod: &'a Value,
}

/// How a pod is played.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Play {
    /// Its command is run on this machine.
    Processes,
    /// The Job controller cannot create it: the event `FailedCreate` says `Error creating: ` and this.
    NotCreated(String),
    /// One step after the other; what comes after them is nothing: the pod stays as it is.
    Steps(Vec<Step>),
}

/// One step of a pod that is played by a script.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Step {
    /// The scheduler gives the pod to a node. A script that does not begin so has no node.
    Schedule,
    /// A condition of the pod.
    Condition {
        /// Its type, such as `DisruptionTarget`.
        kind: String,
        /// Its status.
        is_true: bool,
        /// Its reason.
        reason: String,
        /// Its message.
        message: String,
    },
    /// The containers wait.
    Waiting {
        /// The reason, such as `ImagePullBackOff`.
        reason: String,
        /// The message.
        message: String,
    },
    /// The containers run.
    Start,
    /// The first container writes this.
    Log(String),
    /// The first container writes this, and the clock of the node says this time.
    LogAt(Timestamp, String),
    /// The containers end.
    Exit {
        /// The exit code.
        code: i32,
        /// The reason, such as `Completed`, `Error`, `OOMKilled`.
        reason: String,
    },
    /// The pod fails as a whole, with `status.reason` and `status.message`.
    Fail {
        /// The reason, such as `Evicted`.
        reason: String,
        /// The message.
        message: String,
    },
    /// An event about the pod.
    Event {
        /// Whether it is a warning.
        is_warning: bool,
        /// The reason.
        reason: String,
        /// The message.
        message: String,
    },
    /// Someone deletes the pod, with its own grace.
    Delete,
    /// The object is removed, whatever its processes do, as the garbage collector of pods does it.
    Remove,
    /// Nothing happens for a time.
    Wait(Duration),
    /// The node does not answer any more: a deletion ends nothing. Further steps still happen.
    LoseNode,
}

impl Play {
    /// An image that cannot be pulled: `message` is what the registry said.
    #[must_use]
    pub fn image_pull_back_off(image: &str, message: &str) -> Self {
        Self::Steps(vec![
            Step::Schedule,
            waiting("ErrImagePull", message),
            warning(
                "Failed",
                &format!("Failed to pull image \"{image}\": {message}"),
            ),
            warning("Failed", "Error: ErrImagePull"),
            waiting(
                "ImagePullBackOff",
                &format!("Back-off pulling image \"{image}\": ErrImagePull: {message}"),
            ),
        ])
    }

    /// An image with an invalid name.
    #[must_use]
    pub fn invalid_image_name(image: &str) -> Self {
        let message = format!(
            "Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": invalid \
             reference format"
        );
        Self::Steps(vec![
            Step::Schedule,
            waiting("InvalidImageName", &message),
            warning("InspectFailed", &message),
        ])
    }

    /// A pod for which no node has capacity.
    #[must_use]
    pub fn unschedulable(message: &str) -> Self {
        Self::Steps(vec![
            condition("PodScheduled", false, "Unschedulable", message),
            warning("FailedScheduling", message),
        ])
    }

    /// A pod that waits in one state forever.
    #[must_use]
    pub fn waiting(reason: &str, message: &str) -> Self {
        Self::Steps(vec![Step::Schedule, waiting(reason, message)])
    }

    /// A pod that writes a log and ends.
    #[must_use]
    pub fn exits(log: &str, code: i32) -> Self {
        let reason = if code == 0 { "Completed" } else { "Error" };
        Self::ends(log, code, reason)
    }

    /// A pod that is killed for want of memory.
    #[must_use]
    pub fn out_of_memory(log: &str) -> Self {
        Self::ends(log, 137, "OOMKilled")
    }

    /// A pod that a node under pressure evicts while it runs.
    #[must_use]
    pub fn evicted(message: &str) -> Self {
        Self::Steps(vec![
            Step::Schedule,
            Step::Start,
            condition("DisruptionTarget", true, "TerminationByKubelet", message),
            warning("Evicted", message),
            Step::Fail {
                reason: "Evicted".to_owned(),
                message: message.to_owned(),
            },
        ])
    }

    /// A pod that the scheduler removes for a more important one.
    #[must_use]
    pub fn preempted() -> Self {
        let message = "default-scheduler: preempting to accommodate a higher priority pod";
        Self::Steps(vec![
            Step::Schedule,
            Step::Start,
            condition("DisruptionTarget", true, "PreemptionByScheduler", message),
            warning("Preempted", message),
            Step::Delete,
        ])
    }

    /// A pod that is removed from its node, through the eviction API.
    #[must_use]
    pub fn drained() -> Self {
        let message = "Eviction API: evicting";
        Self::Steps(vec![
            Step::Schedule,
            Step::Start,
            condition("DisruptionTarget", true, "EvictionByEvictionAPI", message),
            Step::Delete,
        ])
    }

    /// A pod whose node is lost while it runs; after `until_collected` it is given up.
    #[must_use]
    pub fn node_lost(until_collected: Duration) -> Self {
        let tainted = "Taint manager: deleting due to NoExecute taint";
        Self::Steps(vec![
            Step::Schedule,
            Step::Start,
            Step::LoseNode,
            condition("Ready", false, "NodeNotReady", ""),
            condition("DisruptionTarget", true, "DeletionByTaintManager", tainted),
            Step::Delete,
            Step::Wait(until_collected),
            condition(
                "DisruptionTarget",
                true,
                "DeletionByPodGC",
                "PodGC: node no longer exists",
            ),
            Step::Fail {
                reason: "NodeLost".to_owned(),
                message: "Node fake-node which was running the pod is unresponsive".to_owned(),
            },
            Step::Remove,
        ])
    }

    fn ends(log: &str, code: i32, reason: &str) -> Self {
        Self::Steps(vec![
            Step::Schedule,
            Step::Start,
            Step::Log(log.to_owned()),
            Step::Exit {
                code,
                reason: reason.to_owned(),
            },
        ])
    }
}

fn waiting(reason: &str, message: &str) -> Step {
    Step::Waiting {
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

fn condition(kind: &str, is_true: bool, reason: &str, message: &str) -> Step {
    Step::Condition {
        kind: kind.to_owned(),
        is_true,
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

fn warning(reason: &str, message: &str) -> Step {
    Step::Event {
        is_warning: true,
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}
