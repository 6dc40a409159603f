//! How the node plays the pods of a scenario.

use std::time::Duration;

use fake_kubernetes::{Play, PlayedPod, Step, current_time};

use crate::scenario::{Delay, PodEnd, PodPlan, Scenario};

/// How far the timestamps of a log go back at most: the engine's own limit is a second.
const MAX_STEP_BACK: Duration = Duration::from_millis(900);

/// The steps of a pod that is created now.
pub(crate) fn play(scenario: &Scenario, played: &PlayedPod<'_>) -> Play {
    let Some(plan) = scenario.pod(played.attempt) else {
        return Play::exits("", 0);
    };
    if plan.end == PodEnd::InvalidImage {
        return Play::invalid_image_name("UPPER/CASE");
    }
    let mut steps = Vec::new();
    let mut time = Duration::ZERO;
    delay(plan, &mut steps, &mut time);
    steps.push(Step::Start);
    lines(plan, &mut steps, &mut time);
    steps.push(Step::Wait(plan.rest));
    end(plan.end, &mut steps);
    Play::Steps(steps)
}

fn delay(plan: &PodPlan, steps: &mut Vec<Step>, time: &mut Duration) {
    let waiting = |reason: &str, message: &str| Step::Waiting {
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    let Some((kind, length)) = plan.delay else {
        steps.push(Step::Schedule);
        return;
    };
    *time += length;
    match kind {
        Delay::Unschedulable => steps.extend([
            condition(
                "PodScheduled",
                false,
                "Unschedulable",
                "0/1 nodes are available: 1 Insufficient cpu.",
            ),
            Step::Wait(length),
            Step::Schedule,
        ]),
        Delay::ImagePull => steps.extend([
            Step::Schedule,
            waiting("ErrImagePull", "dial tcp: i/o timeout"),
            Step::Wait(length / 2),
            waiting(
                "ImagePullBackOff",
                "Back-off pulling image: dial tcp: i/o timeout",
            ),
            Step::Wait(length.saturating_sub(length / 2)),
        ]),
        Delay::Creating => steps.extend([Step::Schedule, Step::Wait(length)]),
    }
}

fn lines(plan: &PodPlan, steps: &mut Vec<Step>, time: &mut Duration) {
    let now = current_time();
    let mut latest = None;
    for (index, line) in plan.lines.iter().enumerate() {
        if !line.after.is_zero() {
            steps.push(Step::Wait(line.after));
            *time += line.after;
        }
        // Some lines share their nanosecond.
        let nanoseconds = Duration::from_nanos(index as u64 / 2 * 137);
        let clock = jiff::SignedDuration::from_millis(line.clock_ms);
        let stamp = now + *time + nanoseconds;
        let mut stamp = stamp.checked_add(clock).unwrap_or(stamp);
        if let Some(latest) = latest {
            stamp = stamp.max(latest - MAX_STEP_BACK);
        }
        latest = latest.max(Some(stamp));
        steps.push(Step::LogAt(stamp, line.text.clone()));
    }
}

fn end(end: PodEnd, steps: &mut Vec<Step>) {
    let exit = |code: i32, reason: &str| Step::Exit {
        code,
        reason: reason.to_owned(),
    };
    let disruption =
        |reason: &str, message: &str| condition("DisruptionTarget", true, reason, message);
    match end {
        PodEnd::Exit(0) => steps.push(exit(0, "Completed")),
        PodEnd::Exit(code) => steps.push(exit(code, "Error")),
        PodEnd::OutOfMemory => steps.push(exit(137, "OOMKilled")),
        PodEnd::Evicted => steps.extend([
            disruption(
                "TerminationByKubelet",
                "The node was low on resource: memory.",
            ),
            Step::Fail {
                reason: "Evicted".to_owned(),
                message: "The node was low on resource: memory.".to_owned(),
            },
        ]),
        PodEnd::Drained => steps.extend([
            disruption("EvictionByEvictionAPI", "Eviction API: evicting"),
            Step::Delete,
        ]),
        PodEnd::Preempted => steps.extend([
            disruption("PreemptionByScheduler", "default-scheduler: preempting"),
            Step::Delete,
        ]),
        PodEnd::NodeLost(collected) => steps.extend([
            Step::LoseNode,
            condition("Ready", false, "NodeNotReady", ""),
            disruption(
                "DeletionByTaintManager",
                "Taint manager: deleting due to NoExecute taint",
            ),
            Step::Delete,
            Step::Wait(collected),
            disruption("DeletionByPodGC", "PodGC: node no longer exists"),
            Step::Fail {
                reason: "NodeLost".to_owned(),
                message: "Node fake-node which was running the pod is unresponsive".to_owned(),
            },
            Step::Remove,
        ]),
        PodEnd::InvalidImage => {}
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
