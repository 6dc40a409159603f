//! Pods that no node takes, or whose node does not answer.

use k8s_openapi::jiff::{Timestamp, Unit};
use toolhost_capability::Reason;

use super::cause::{Cause, between, quoted};
use super::waiting::{Class, Waiting, WaitingContext};
use crate::view::{ConditionView, PodView};

/// What keeps a pod from a node, in the order in which it is worth telling: nodes that are out of the
/// question for their taint or labels do not matter where the others have no room.
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

/// Why no node takes the pod; none where one has taken it.
pub(super) fn unscheduled(pod: &PodView, context: WaitingContext<'_>) -> Option<Waiting> {
    let condition = condition(pod, "PodScheduled").filter(|it| it.status == "False")?;
    let word = condition.reason.as_deref().unwrap_or("Unschedulable");
    let text = condition.message.as_deref().unwrap_or_default();
    let cause = match word {
        "SchedulingGated" => Cause::new(
            Reason::Unschedulable,
            "the pod is held back by a scheduling gate, such as that of a queue",
        )
        .with_hint("wait until whoever set the gate lets it go"),
        "SchedulerError" => {
            let message = format!("the scheduler failed: {}", quoted(text));
            Cause::new(Reason::Unschedulable, message)
        }
        _ => match claim_missing(text) {
            Some(cause) => {
                // The claim of a volume of the pod's own is made a moment after the pod.
                let class = Class::Grace(context.graces.start);
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

/// The node was chosen, and does nothing about it.
pub(super) fn silent_node(pod: &PodView, context: WaitingContext<'_>) -> Option<Waiting> {
    let node = pod.spec.node_name.as_deref()?;
    if pod.status.start_time.is_some() {
        return None;
    }
    let scheduled = condition(pod, "PodScheduled").and_then(|it| it.last_transition_time.as_ref());
    let since = scheduled.or(pod.metadata.creation_timestamp.as_ref())?;
    let seconds = seconds_between(since.0, context.now);
    if seconds < context.graces.node_silence.as_secs() {
        return None;
    }
    let node = quoted(node);
    let message = format!(
        "the node `{node}` has not taken the pod for {} s",
        context.graces.node_silence.as_secs()
    );
    let cause = Cause::new(Reason::NodeLost, message)
        .with_hint("see whether the node exists and is ready; the job goes on when it answers, or when the cluster gives it up");
    Some(Waiting {
        word: "NodeNotReady".to_owned(),
        cause,
        class: Class::Patient,
    })
}

/// The pod was deleted, and its node does not say that it ended.
pub(super) fn lost_node(pod: &PodView, context: WaitingContext<'_>) -> Option<Waiting> {
    // The API server puts the end of the grace period here.
    let deletion = pod.metadata.deletion_timestamp.as_ref()?;
    let seconds = seconds_between(deletion.0, context.now);
    if seconds < context.graces.node_silence.as_secs() {
        return None;
    }
    let node = quoted(pod.spec.node_name.as_deref().unwrap_or("?"));
    let message = format!(
        "the node `{node}` has not ended the pod for {} s",
        context.graces.node_silence.as_secs()
    );
    let cause = Cause::new(Reason::NodeLost, message)
        .with_hint("the node may be lost: the next attempt starts when the node answers, or is deleted from the cluster");
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

/// Whole seconds from one time to a later one; 0 where clocks disagree.
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

fn claim_missing(text: &str) -> Option<Cause> {
    let name = between(text, "persistentvolumeclaim \"", "\" not found")?;
    let message = format!(
        "the PersistentVolumeClaim `{}` does not exist in the job's namespace",
        quoted(name)
    );
    let cause = Cause::new(Reason::ConfigMissing, message)
        .with_hint("create the claim, or change its name in `job.volumes`")
        .with_field("job.volumes");
    Some(cause)
}

/// Reads `0/3 nodes are available: 1 Insufficient nvidia.com/gpu, 2 node(s) had untolerated taint {a: b}. …`
/// (`pkg/scheduler/framework/types.go`, `FitError`).
fn unschedulable(pod: &PodView, text: &str) -> Cause {
    let (nodes, obstacles) = text
        .split_once(" nodes are available: ")
        .unwrap_or(("", text));
    // What follows is about preemption: nothing that a user could change.
    let obstacles = obstacles.split(". ").next().unwrap_or(obstacles);
    let obstacles = obstacles.trim_end_matches('.');
    let nodes = nodes.rsplit('/').next().unwrap_or_default();
    let message = match nodes {
        "" => format!("no node takes the pod: {}", quoted(obstacles)),
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
    let cause = Cause::new(Reason::Unschedulable, message);
    match obstacles.split(", ").map(obstacle).min() {
        Some(worst) => advised(cause, pod, worst),
        None => cause,
    }
}

/// The scheduler's list, with how much is asked of each resource.
fn explained(pod: &PodView, obstacles: &str) -> String {
    let said = quoted(obstacles);
    let parts = said.split(", ").map(|part| match obstacle(part) {
        Obstacle::Resource(resource) => match asked(pod, resource) {
            Some(quantity) => format!("{part} (the job asks for {quantity})"),
            None => part.to_owned(),
        },
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// How much the first container that asks for the resource wants of it: there is one that matters.
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

fn advised(cause: Cause, pod: &PodView, obstacle: Obstacle<'_>) -> Cause {
    match obstacle {
        Obstacle::Resource(resource) if resource.contains('/') => {
            let resource = quoted(resource);
            cause
                .with_hint(format!(
                    "either no node has `{resource}`, or all are in use: see `kubectl describe nodes`, and whether its device plugin runs"
                ))
                .with_field(format!("job.resources.limits.{resource}"))
        }
        Obstacle::Resource(resource) => {
            let resource = quoted(resource);
            let is_asked = asked(pod, &resource).is_some();
            let field = format!("job.resources.requests.{resource}");
            let cause = cause.with_hint(format!(
                "lower `{field}`, or wait until other pods end or a node is added"
            ));
            if is_asked { cause.with_field(field) } else { cause }
        }
        Obstacle::TooManyPods => {
            cause.with_hint("every node runs as many pods as it may: wait until some end, or add a node")
        }
        Obstacle::Ports => cause
            .with_hint("another pod has that port of the node: leave `hostPort` out of `job.podTemplate`")
            .with_field("job.podTemplate"),
        Obstacle::Volume => cause
            .with_hint("see the volume's claim: it may not be bound, or may be in another zone")
            .with_field("job.volumes"),
        Obstacle::PodAffinity => cause
            .with_hint("see which pods `job.affinity` wants near or far")
            .with_field("job.affinity"),
        Obstacle::Spread => cause
            .with_hint("see `topologySpreadConstraints` in `job.podTemplate`")
            .with_field("job.podTemplate"),
        Obstacle::NodeAffinity => cause
            .with_hint("no node has the labels that `job.nodeSelector` or `job.affinity` asks for: see `kubectl get nodes --show-labels`")
            .with_field("job.nodeSelector"),
        Obstacle::Taint(taint) if taint.starts_with("node.kubernetes.io/") || taint.starts_with("node.cloudprovider.") => {
            cause.with_hint("the nodes are not ready, or short of something: see `kubectl describe nodes`")
        }
        Obstacle::Taint(taint) => cause
            .with_hint(format!(
                "the nodes are kept for others: add a toleration of `{}` to `job.tolerations` if this job may go there",
                quoted(taint)
            ))
            .with_field("job.tolerations"),
        Obstacle::Cordoned => cause.with_hint("the nodes are closed for new pods (`kubectl uncordon`)"),
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
        (cause.message, cause.hint.unwrap_or_default(), cause.field)
    }

    /// Texts of schedulers from 1.20 to 1.34, of clusters with several nodes.
    #[test]
    fn tells_what_can_be_done_about_each_obstacle() {
        let cases = [
            (
                "0/5 nodes are available: 2 Insufficient memory, 3 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }. preemption: 0/5 nodes are available: 2 No preemption victims found for incoming pod, 3 Preemption is not helpful for scheduling.",
                "none of 5 nodes can take the pod: 2 Insufficient memory (the job asks for 4Gi), 3 node(s)",
                "job.resources.requests.memory",
            ),
            (
                "0/3 nodes are available: 3 node(s) had untolerated taint {gpu: true}. no new claims to deallocate",
                "had untolerated taint {gpu: true}",
                "job.tolerations",
            ),
            (
                "0/2 nodes are available: 2 node(s) had volume node affinity conflict.",
                "volume node affinity conflict",
                "job.volumes",
            ),
            (
                "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
                "the only node cannot take the pod: pod has unbound immediate PersistentVolumeClaims",
                "job.volumes",
            ),
            (
                "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match pod topology spread constraints.",
                "none of 3 nodes",
                "job.podTemplate",
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
    fn sends_nobody_to_the_tolerations_for_a_node_that_is_not_ready() {
        let (_, hint, field) = advice(
            "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.",
        );
        assert!(hint.contains("not ready"), "{hint}");
        assert_eq!(field, None);
    }

    #[test]
    fn passes_on_what_it_does_not_know() {
        let (message, hint, field) = advice("something new");
        assert_eq!(message, "no node takes the pod: something new");
        assert_eq!((hint.as_str(), field), ("", None));
        assert_eq!(
            advice("no nodes available to schedule pods").0,
            "no node takes the pod: no nodes available to schedule pods"
        );
    }
}
