//! Causes outside a pod that end it: its node, or the cluster.

use toolhost_capability::{Explanation, FieldPath, Hint, Reason};

use super::quote::{between, quoted};
use crate::view::PodView;

/// The kubelet's reason when it refuses or ends a pod (`pod.status.reason`).
pub(super) fn ended_by_node(pod: &PodView) -> Option<Explanation> {
    let reason = pod.status.reason.as_deref()?;
    let text = quoted(pod.status.message.as_deref().unwrap_or_default());
    let node = quoted(pod.spec.node_name.as_deref().unwrap_or("?"));
    Some(match reason {
        "Evicted" => evicted(&text),
        "DeadlineExceeded" => Explanation::new(
            Reason::DeadlineExceeded,
            "was ended: its pod took longer than its own `activeDeadlineSeconds`",
        )
        .with_hint(
            Hint::from("set the deadline in ")
                .field("activeDeadlineSeconds")
                .text(", which applies to the whole job"),
        )
        .with_field("podTemplate"),
        "NodeLost" => node_lost(&node),
        "Preempting" => preempted(),
        "Terminated" | "Shutdown" | "NodeShutdown" => Explanation::new(
            Reason::NodeLost,
            format!("was ended: the node `{node}` was shut down"),
        )
        .with_hint("run it again"),
        // `OutOfcpu`, `OutOfmemory`, `OutOfpods`, `OutOfnvidia.com/gpu`.
        _ if reason.starts_with("OutOf") => out_of(reason, &text, &node),
        "NodeAffinity"
        | "NodeSelectorMismatching"
        | "HostPortConflict"
        | "PodOSNotSupported"
        | "TopologyAffinityError"
        | "UnexpectedAdmissionError"
        | "UnexpectedPredicateFailureType" => {
            let text = text.strip_prefix("Pod was rejected: ").unwrap_or(&text);
            Explanation::new(
                Reason::Unschedulable,
                format!("was refused by the node `{node}`: {text}"),
            )
            .with_hint(
                "run it again: the node changed after it was chosen, or was chosen by `nodeName`",
            )
        }
        _ => return None,
    })
}

fn evicted(text: &str) -> Explanation {
    let cause = |message: String| Explanation::new(Reason::Evicted, message);
    // `Pod ephemeral local storage usage exceeds the total limit of containers 10Mi.`
    // `Container job exceeded its local ephemeral storage limit "10Mi".`
    // `Usage of EmptyDir volume "x" exceeds the limit "1Mi".`
    if text.contains("torage") && text.contains("limit") {
        let limit = between(text, "total limit of containers ", " ")
            .or_else(|| {
                text.rsplit("total limit of containers ")
                    .next()
                    .filter(|rest| *rest != text)
            })
            .or_else(|| between(text, "limit \"", "\""))
            .map(|limit| limit.trim_end_matches('.'));
        let message = match limit {
            Some(limit) => {
                format!("was evicted: it wrote more to its file system than its limit of {limit}")
            }
            None => format!("was evicted: {text}"),
        };
        return cause(message)
            .with_hint("raise `limits.ephemeral-storage`, or make the script write less")
            .with_field("resources.limits.ephemeral-storage");
    }
    if text.contains("EmptyDir volume") {
        return cause(format!("was evicted: {text}"))
            .with_hint("raise the volume's `sizeLimit`, or make the script write less")
            .with_field("volumes");
    }
    // `The node was low on resource: memory. Threshold quantity: …`
    let resource = between(text, "low on resource: ", ".").unwrap_or_default();
    let message = match resource {
        "" => format!("was evicted: {text}"),
        resource => format!("was evicted: the node was low on {resource}"),
    };
    match resource {
        "memory" | "ephemeral-storage" => {
            let field = FieldPath::from("resources.requests").key(resource.to_owned());
            cause(message)
                .with_hint(format!(
                    "set `{field}` to what the script uses: pods that use more than they requested are evicted first"
                ))
                .with_field(field)
        }
        "pids" | "pid" => cause(message).with_hint("make the script run fewer processes at a time"),
        _ => cause(message).with_hint("set requests that cover what the script uses"),
    }
}

/// `Pod was rejected: Node didn't have enough resource: cpu, requested: 500000, used: 0, capacity: 2000`
fn out_of(reason: &str, text: &str, node: &str) -> Explanation {
    let resource = reason.strip_prefix("OutOf").unwrap_or(reason);
    let text = text.split_once(": ").map_or(text, |(_, rest)| rest);
    let figures = between(text, "requested: ", ", used: ").and_then(|requested| {
        let used = between(text, "used: ", ", capacity: ")?;
        let capacity = text.rsplit("capacity: ").next()?;
        let unit = if resource == "cpu" { "m" } else { "" };
        Some(format!(
            ": {requested}{unit} requested, {used}{unit} used of {capacity}{unit}"
        ))
    });
    let message = format!(
        "was refused by the node `{node}`, which does not have enough {resource}{}",
        figures.unwrap_or_default()
    );
    let field = FieldPath::from("resources.requests").key(resource.to_owned());
    Explanation::new(Reason::Unschedulable, message)
        .with_hint(format!(
            "lower `{field}`, or run it again when the node has capacity"
        ))
        .with_field(field)
}

/// What required the pod's disruption (condition `DisruptionTarget`).
pub(super) fn disrupted(pod: &PodView) -> Option<Explanation> {
    let condition = pod.disruption()?;
    let node = quoted(pod.spec.node_name.as_deref().unwrap_or("?"));
    let text = quoted(condition.message.as_deref().unwrap_or_default());
    Some(match condition.reason.as_deref().unwrap_or_default() {
        "PreemptionByScheduler" | "PreemptionByKubeScheduler" => preempted(),
        "DeletionByTaintManager" | "DeletionByPodGC" => node_lost(&node),
        "EvictionByEvictionAPI" => Explanation::new(
            Reason::Evicted,
            format!("was evicted: the node `{node}` is being drained"),
        )
        .with_hint("no action needed: the eviction does not count against `backoffLimit`, and the script runs again on another node"),
        "TerminationByKubelet" => Explanation::new(
            Reason::Evicted,
            format!("was evicted by the node `{node}`: {text}"),
        )
        .with_hint("set requests that cover what the script uses"),
        reason => Explanation::new(
            Reason::Evicted,
            format!("was ended by the cluster: {}: {text}", quoted(reason)),
        ),
    })
}

fn preempted() -> Explanation {
    Explanation::new(
        Reason::Preempted,
        "was preempted by a pod of higher priority",
    )
    .with_hint(Hint::from("run it again, or set ").field("priorityClassName"))
    .with_field("priorityClassName")
}

fn node_lost(node: &str) -> Explanation {
    Explanation::new(Reason::NodeLost, format!("was lost with its node `{node}`"))
        .with_hint("run it again; check the state of the node")
}
