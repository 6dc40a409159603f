//! Pods that fit no node, or whose node does not answer.

use k8s_openapi::jiff::{Timestamp, Unit};
use toolhost_capability::{Explanation, FieldPath, Hint, Reason};

use super::quote::{between, quoted};
use super::waiting::{Class, Waiting, WaitingContext};
use crate::view::{ConditionView, PodView};

/// What keeps a pod from a node, in the order of relevance: nodes that are excluded by their taint or labels do not
/// matter where the others have no capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Obstacle<'text> {
    Resource(&'text str),
    TooManyPods,
    Ports,
    Volume,
    PodAffinity,
    Spread,
    NodeAffinity,
    Taint(&'text str),
    Cordoned,
    Other,
}

/// Why the pod fits no node; none where it is bound to one.
pub(super) fn unscheduled(pod: &PodView, context: WaitingContext<'_>) -> Option<Waiting> {
    let condition = condition(pod, "PodScheduled").filter(|it| it.status == "False")?;
    let word = condition.reason.as_deref().unwrap_or("Unschedulable");
    let text = condition.message.as_deref().unwrap_or_default();
    let cause = match word {
        "SchedulingGated" => Explanation::new(
            Reason::Unschedulable,
            "the pod is held back by a scheduling gate, such as that of a queue",
        )
        .with_hint("wait until the gate is removed by what set it"),
        "SchedulerError" => {
            let message = format!("the scheduler failed: {}", quoted(text));
            Explanation::new(Reason::Unschedulable, message)
        }
        _ => match claim_missing(text) {
            Some(cause) => {
                // The claim of an ephemeral volume is created a moment after the pod.
                let class = Class::Grace(context.wait_policy.start);
                let word = word.to_owned();
                return Some(Waiting { word, cause, class });
            }
            None => unschedulable(pod, text),
        },
    };
    Some(Waiting {
        word: word.to_owned(),
        cause,
        class: Class::Patient,
    })
}

/// The pod is bound to a node, which does nothing about it.
pub(super) fn silent_node(pod: &PodView, context: WaitingContext<'_>) -> Option<Waiting> {
    let node = pod.spec.node_name.as_deref()?;
    if pod.status.start_time.is_some() {
        return None;
    }
    let scheduled = condition(pod, "PodScheduled").and_then(|it| it.last_transition_time.as_ref());
    let since = scheduled.or(pod.metadata.creation_timestamp.as_ref())?;
    let seconds = seconds_between(since.0, context.now);
    if seconds < context.wait_policy.node_silence.as_secs() {
        return None;
    }
    let node = quoted(node);
    let message = format!(
        "the node `{node}` has not taken the pod for {} s",
        context.wait_policy.node_silence.as_secs()
    );
    let cause = Explanation::new(Reason::NodeLost, message)
        .with_hint("check whether the node exists and is ready; the job continues when the node answers, or when the cluster gives it up");
    Some(Waiting {
        word: "NodeNotReady".to_owned(),
        cause,
        class: Class::Patient,
    })
}

/// The pod was deleted, and its node does not report that it ended.
pub(super) fn lost_node(pod: &PodView, context: WaitingContext<'_>) -> Option<Waiting> {
    // The API server sets this to the end of the grace period.
    let deletion = pod.metadata.deletion_timestamp.as_ref()?;
    let seconds = seconds_between(deletion.0, context.now);
    if seconds < context.wait_policy.node_silence.as_secs() {
        return None;
    }
    let node = quoted(pod.spec.node_name.as_deref().unwrap_or("?"));
    let message = format!(
        "the node `{node}` has not ended the pod for {} s",
        context.wait_policy.node_silence.as_secs()
    );
    let cause = Explanation::new(Reason::NodeLost, message)
        .with_hint("check whether the node is lost: the next attempt starts when the node answers, or is deleted from the cluster");
    Some(Waiting {
        word: "NodeNotReady".to_owned(),
        cause,
        class: Class::Patient,
    })
}

pub(super) fn condition<'pod>(pod: &'pod PodView, kind: &str) -> Option<&'pod ConditionView> {
    let mut conditions = pod.status.conditions.iter();
    conditions.find(|condition| condition.type_ == kind)
}

/// Returns the whole seconds from one time to a later one; 0 where clocks disagree.
pub(super) fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    let seconds = (to - from).total(Unit::Second).unwrap_or_default();
    // Differences of timestamps stay far below 2⁵³ seconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a negative number becomes 0, and the rest fits"
    )]
    let seconds = seconds as u64;
    seconds
}

fn claim_missing(text: &str) -> Option<Explanation> {
    let name = between(text, "persistentvolumeclaim \"", "\" not found")?;
    let message = format!(
        "the PersistentVolumeClaim `{}` does not exist in the job's namespace",
        quoted(name)
    );
    let cause = Explanation::new(Reason::ConfigMissing, message)
        .with_hint(Hint::from("create the claim, or change its name in ").field("volumes"))
        .with_field("volumes");
    Some(cause)
}

/// Parses `0/3 nodes are available: 1 Insufficient nvidia.com/gpu, 2 node(s) had untolerated taint {a: b}. …`
/// (`pkg/scheduler/framework/types.go`, `FitError`).
fn unschedulable(pod: &PodView, text: &str) -> Explanation {
    let (nodes, obstacles) = text
        .split_once(" nodes are available: ")
        .unwrap_or(("", text));
    // What follows is about preemption, which a user cannot change.
    let obstacles = obstacles.split(". ").next().unwrap_or(obstacles);
    let obstacles = obstacles.trim_end_matches('.');
    let nodes = nodes.rsplit('/').next().unwrap_or_default();
    let message = match nodes {
        "" => format!("the pod fits no node: {}", quoted(obstacles)),
        "0" => "the cluster has no node".to_owned(),
        "1" => format!(
            "the only node cannot take the pod: {}",
            explained(pod, obstacles)
        ),
        nodes => format!(
            "none of {} nodes can take the pod: {}",
            quoted(nodes),
            explained(pod, obstacles)
        ),
    };
    let cause = Explanation::new(Reason::Unschedulable, message);
    match obstacles.split(", ").map(obstacle).min() {
        Some(worst) => advised(cause, pod, worst),
        None => cause,
    }
}

/// The scheduler's list, with the requested amount of each resource.
fn explained(pod: &PodView, obstacles: &str) -> String {
    let said = quoted(obstacles);
    let parts = said.split(", ").map(|part| match obstacle(part) {
        Obstacle::Resource(resource) => match asked(pod, resource) {
            Some(quantity) => format!("{part} (the job requests {quantity})"),
            None => part.to_owned(),
        },
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// Returns how much the first container that requests the resource requests of it: that is the one that matters.
fn asked<'pod>(pod: &'pod PodView, resource: &str) -> Option<&'pod str> {
    let mut containers = pod.spec.containers.iter();
    containers.find_map(|container| {
        container
            .resources
            .requests
            .get(resource)
            .map(String::as_str)
    })
}

fn obstacle(part: &str) -> Obstacle<'_> {
    let has = |text: &str| part.contains(text);
    if let Some((_, resource)) = part.split_once("Insufficient ") {
        Obstacle::Resource(resource.split_whitespace().next().unwrap_or(resource))
    } else if has("Too many pods") {
        Obstacle::TooManyPods
    } else if has("free ports") {
        Obstacle::Ports
    } else if has("olume") {
        // `volume node affinity conflict`, `unbound immediate PersistentVolumeClaims`, `max volume count`.
        Obstacle::Volume
    } else if has("pod affinity") || has("anti-affinity") {
        Obstacle::PodAffinity
    } else if has("topology spread") {
        Obstacle::Spread
    } else if has("affinity/selector") || has("node selector") {
        Obstacle::NodeAffinity
    } else if has("taint") {
        Obstacle::Taint(between(part, "{", "}").unwrap_or_default())
    } else if has("were unschedulable") {
        Obstacle::Cordoned
    } else {
        Obstacle::Other
    }
}

fn advised(cause: Explanation, pod: &PodView, obstacle: Obstacle<'_>) -> Explanation {
    match obstacle {
        Obstacle::Resource(resource) if resource.contains('/') => {
            let resource = quoted(resource);
            cause
                .with_hint(format!(
                    "check with `kubectl describe nodes` whether nodes have `{resource}` and its device plugin runs, or wait: all may be in use"
                ))
                .with_field(FieldPath::from("resources.limits").key(resource))
        }
        Obstacle::Resource(resource) => {
            let resource = quoted(resource);
            let is_asked = asked(pod, &resource).is_some();
            let field = FieldPath::from("resources.requests").key(resource);
            let cause = cause.with_hint(
                Hint::from("lower ")
                    .field(field.clone())
                    .text(", or wait until other pods end or a node is added"),
            );
            if is_asked { cause.with_field(field) } else { cause }
        }
        Obstacle::TooManyPods => {
            cause.with_hint("wait until pods end, or add a node: every node runs its maximum number of pods")
        }
        Obstacle::Ports => cause
            .with_hint(Hint::from("remove `hostPort` from ").field("podTemplate").text(": another pod has that port of the node"))
            .with_field("podTemplate"),
        Obstacle::Volume => cause
            .with_hint("check the volume's claim: it may not be bound, or may be in another zone")
            .with_field("volumes"),
        Obstacle::PodAffinity => cause
            .with_hint(Hint::from("check which pods ").field("affinity").text(" requires or excludes on the same node"))
            .with_field("affinity"),
        Obstacle::Spread => cause
            .with_hint(Hint::from("check `topologySpreadConstraints` in ").field("podTemplate"))
            .with_field("podTemplate"),
        Obstacle::NodeAffinity => cause
            .with_hint(Hint::from("check with `kubectl get nodes --show-labels`: no node has the labels that ").field("nodeSelector").text(" or ").field("affinity").text(" requires"))
            .with_field("nodeSelector"),
        Obstacle::Taint(taint) if taint.starts_with("node.kubernetes.io/") || taint.starts_with("node.cloudprovider.") => {
            cause.with_hint("check with `kubectl describe nodes`: the nodes are not ready, or short of a resource")
        }
        Obstacle::Taint(taint) => cause
            .with_hint(
                Hint::from(format!("add a toleration of `{}` to ", quoted(taint)))
                    .field("tolerations")
                    .text(" if this job may run there: the nodes are reserved"),
            )
            .with_field("tolerations"),
        Obstacle::Cordoned => cause.with_hint("uncordon the nodes (`kubectl uncordon`): they accept no new pods"),
        Obstacle::Other => cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(text: &str) -> (String, String, Option<String>) {
        let mut pod = PodView::default();
        pod.spec
            .containers
            .push(crate::view::ContainerView::default());
        let requests = &mut pod.spec.containers[0].resources.requests;
        requests.insert("memory".to_owned(), "4Gi".to_owned());
        let cause = unschedulable(&pod, text);
        let field = cause.field_text();
        let hint = cause.hint_text().unwrap_or_default();
        (cause.message, hint, field)
    }

    /// Texts of schedulers from 1.20 to 1.34, of clusters with several nodes.
    #[test]
    fn each_obstacle_has_its_hint() {
        let cases = [
            (
                "0/5 nodes are available: 2 Insufficient memory, 3 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }. preemption: 0/5 nodes are available: 2 No preemption victims found for incoming pod, 3 Preemption is not helpful for scheduling.",
                "none of 5 nodes can take the pod: 2 Insufficient memory (the job requests 4Gi), 3 node(s)",
                "resources.requests.memory",
            ),
            (
                "0/3 nodes are available: 3 node(s) had untolerated taint {gpu: true}. no new claims to deallocate",
                "had untolerated taint {gpu: true}",
                "tolerations",
            ),
            (
                "0/2 nodes are available: 2 node(s) had volume node affinity conflict.",
                "volume node affinity conflict",
                "volumes",
            ),
            (
                "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
                "the only node cannot take the pod: pod has unbound immediate PersistentVolumeClaims",
                "volumes",
            ),
            (
                "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match pod topology spread constraints.",
                "none of 3 nodes",
                "podTemplate",
            ),
        ];
        for (text, message, field) in cases {
            let (said, _, in_field) = advice(text);
            assert!(said.contains(message), "{said}");
            assert!(!said.contains("preemption"), "{said}");
            assert_eq!(in_field.as_deref(), Some(field), "{text}");
        }
    }

    #[test]
    fn a_node_that_is_not_ready_is_not_a_matter_of_tolerations() {
        let (_, hint, field) = advice(
            "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.",
        );
        assert!(hint.contains("not ready"), "{hint}");
        assert_eq!(field, None);
    }

    #[test]
    fn an_unknown_text_is_passed_on() {
        let (message, hint, field) = advice("something new");
        assert_eq!(message, "the pod fits no node: something new");
        assert_eq!((hint.as_str(), field), ("", None));
        assert_eq!(
            advice("no nodes available to schedule pods").0,
            "the pod fits no node: no nodes available to schedule pods"
        );
    }
}
