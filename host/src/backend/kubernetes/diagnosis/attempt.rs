//! How an attempt ended, from its pod.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::cause::{Cause, between, quoted};
use super::scheduling::{condition, seconds_between};
use super::start::start_error;
use crate::backend::controller::{
    cancelled_attempt, deadline_attempt, exited, out_of_memory, signalled,
};
use crate::backend::kubernetes::view::{
    ContainerStateView, ContainerStatusView, ContainerTerminatedView, ContainerView, PodView,
};
use crate::capability::{AttemptEnd, Reason};

/// What is known besides the pod.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttemptContext<'job> {
    /// The name of the container that runs the script.
    pub(crate) container: &'job str,
    /// Whether the pod's object is gone: no status will follow.
    pub(crate) is_gone: bool,
    /// Whether this engine ended the job because it was cancelled.
    pub(crate) is_cancelled: bool,
    /// Whether the job was suspended by another, such as a queue.
    pub(crate) is_suspended: bool,
    /// Whether the job ended at its deadline: its condition says so, or this engine ended it then.
    pub(crate) is_past_deadline: bool,
    /// The job's deadline.
    pub(crate) deadline: Option<Duration>,
    /// The time, for a pod of which nothing says when it ended.
    pub(crate) now: Timestamp,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttemptVerdict {
    pub(crate) end: AttemptEnd,
    /// Whether it counts against `backoffLimit`: this engine's jobs have a `podFailurePolicy` that ignores
    /// what is not the program's fault.
    pub(crate) counts: bool,
}

/// How the attempt ended; none while its pod may still run.
pub(crate) fn attempt_end(pod: &PodView, context: AttemptContext<'_>) -> Option<AttemptVerdict> {
    let phase = pod.status.phase.as_deref().unwrap_or_default();
    if phase == "Succeeded" {
        return Some(AttemptVerdict {
            end: timed(exited(0), pod, context),
            counts: true,
        });
    }
    let is_disrupted = condition(pod, "DisruptionTarget").is_some_and(|it| it.status == "True");
    let is_lost = pod.status.reason.as_deref() == Some("NodeLost");
    if phase != "Failed" && !context.is_gone && !is_lost {
        return None;
    }
    let base = ended_container(pod, context.container).map_or_else(AttemptEnd::default, exit);
    let end = why(pod, base, context);
    Some(AttemptVerdict {
        end: timed(end, pod, context),
        counts: !is_disrupted && !context.is_cancelled && !context.is_suspended,
    })
}

/// The first cause that applies, from the outside inwards: what ended the pod says more than how its program
/// took it.
fn why(pod: &PodView, base: AttemptEnd, context: AttemptContext<'_>) -> AttemptEnd {
    if context.is_cancelled {
        return cancelled_attempt(base);
    }
    if context.is_past_deadline {
        return deadline_attempt(base, context.deadline.unwrap_or_default());
    }
    if context.is_suspended {
        return Cause::new(Reason::Preempted, "was stopped: the job was suspended")
            .with_hint("a queue, or somebody, holds the job back; it goes on when it is resumed")
            .end_attempt(base);
    }
    if let Some(cause) = ended_by_node(pod).or_else(|| disrupted(pod)) {
        return cause.end_attempt(base);
    }
    if let Some(end) = failed_container(pod, context.container, base.clone()) {
        return end;
    }
    if pod.metadata.deletion_timestamp.is_some() || context.is_gone {
        return deleted(base);
    }
    let text = pod
        .status
        .message
        .as_deref()
        .or(pod.status.reason.as_deref());
    let said = text.map_or_else(|| "nothing says why".to_owned(), quoted);
    Cause::new(Reason::Internal, format!("failed: {said}")).end_attempt(base)
}

/// What the kubelet says when it refuses or ends a pod (`pod.status.reason`).
fn ended_by_node(pod: &PodView) -> Option<Cause> {
    let reason = pod.status.reason.as_deref()?;
    let text = quoted(pod.status.message.as_deref().unwrap_or_default());
    let node = quoted(pod.spec.node_name.as_deref().unwrap_or("?"));
    Some(match reason {
        "Evicted" => evicted(&text),
        "DeadlineExceeded" => Cause::new(
            Reason::DeadlineExceeded,
            "was ended: its pod took longer than the `activeDeadlineSeconds` of its own",
        )
        .with_hint("give the deadline in `job.activeDeadlineSeconds`, which is for the whole job")
        .with_field("job.podTemplate"),
        "NodeLost" => node_lost(&node),
        "Preempting" => preempted(),
        "Terminated" | "Shutdown" | "NodeShutdown" => Cause::new(
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
            Cause::new(
                Reason::Unschedulable,
                format!("was refused by the node `{node}`: {text}"),
            )
            .with_hint(
                "the node changed after it was chosen, or was chosen by `nodeName`: run it again",
            )
        }
        _ => return None,
    })
}

fn evicted(text: &str) -> Cause {
    let cause = |message: String| Cause::new(Reason::Evicted, message);
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
            .with_hint("raise `limits.ephemeral-storage`, or let the script write less")
            .with_field("job.resources.limits.ephemeral-storage");
    }
    if text.contains("EmptyDir volume") {
        return cause(format!("was evicted: {text}"))
            .with_hint("raise the volume's `sizeLimit`, or let the script write less")
            .with_field("job.volumes");
    }
    // `The node was low on resource: memory. Threshold quantity: …`
    let resource = between(text, "low on resource: ", ".").unwrap_or_default();
    let message = match resource {
        "" => format!("was evicted: {text}"),
        resource => format!("was evicted: the node was low on {resource}"),
    };
    match resource {
        "memory" | "ephemeral-storage" => {
            let field = format!("job.resources.requests.{resource}");
            cause(message)
                .with_hint(format!(
                    "set `{field}` to what the script uses: pods that use more than they asked for are evicted first"
                ))
                .with_field(field)
        }
        "pids" | "pid" => cause(message).with_hint("let the script have fewer processes at a time"),
        _ => cause(message).with_hint("set requests that cover what the script uses"),
    }
}

/// `Pod was rejected: Node didn't have enough resource: cpu, requested: 500000, used: 0, capacity: 2000`
fn out_of(reason: &str, text: &str, node: &str) -> Cause {
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
        "was refused by the node `{node}`, which has not enough {resource}{}",
        figures.unwrap_or_default()
    );
    let field = format!("job.resources.requests.{resource}");
    Cause::new(Reason::Unschedulable, message)
        .with_hint(format!(
            "lower `{field}`, or run it again when the node has room"
        ))
        .with_field(field)
}

/// Who needed the pod away (condition `DisruptionTarget`).
fn disrupted(pod: &PodView) -> Option<Cause> {
    let condition = condition(pod, "DisruptionTarget").filter(|it| it.status == "True")?;
    let node = quoted(pod.spec.node_name.as_deref().unwrap_or("?"));
    let text = quoted(condition.message.as_deref().unwrap_or_default());
    Some(match condition.reason.as_deref().unwrap_or_default() {
        "PreemptionByScheduler" | "PreemptionByKubeScheduler" => preempted(),
        "DeletionByTaintManager" | "DeletionByPodGC" => node_lost(&node),
        "EvictionByEvictionAPI" => Cause::new(
            Reason::Evicted,
            format!("was evicted: somebody clears the node `{node}`"),
        )
        .with_hint("it does not count against `backoffLimit`, and runs again elsewhere"),
        "TerminationByKubelet" => Cause::new(
            Reason::Evicted,
            format!("was evicted by the node `{node}`: {text}"),
        )
        .with_hint("set requests that cover what the script uses"),
        reason => Cause::new(
            Reason::Evicted,
            format!("was ended by the cluster: {}: {text}", quoted(reason)),
        ),
    })
}

fn preempted() -> Cause {
    Cause::new(
        Reason::Preempted,
        "was ended to make room for a pod of higher priority",
    )
    .with_hint("run it again, or set `job.priorityClassName`")
    .with_field("job.priorityClassName")
}

fn node_lost(node: &str) -> Cause {
    Cause::new(Reason::NodeLost, format!("was lost with its node `{node}`"))
        .with_hint("run it again; see what became of the node")
}

fn deleted(base: AttemptEnd) -> AttemptEnd {
    Cause::new(Reason::Signalled, "was ended: somebody deleted its pod")
        .with_hint("see in the cluster's audit log who did; `kubectl delete`, a clean-up or a descheduler would")
        .end_attempt(base)
}

/// Why the containers failed: first those that prepare, then the script's, then others.
fn failed_container(pod: &PodView, name: &str, base: AttemptEnd) -> Option<AttemptEnd> {
    let init = pod.status.init_container_statuses.iter();
    let failed =
        |status: &&ContainerStatusView| terminated(status).is_some_and(|end| end.exit_code != 0);
    if let Some(status) = init.clone().find(failed) {
        return terminated(status).map(|end| of_other(pod, status, end));
    }
    let statuses = &pod.status.container_statuses;
    let is_script = |status: &&ContainerStatusView| status.name == name;
    if let Some(status) = statuses.iter().find(is_script)
        && let Some(end) = terminated(status)
        && (end.exit_code != 0 || end.reason.as_deref() == Some("OOMKilled"))
    {
        return of_script(pod, status, end, base);
    }
    let other = statuses
        .iter()
        .filter(|status| status.name != name)
        .find(failed)?;
    terminated(other).map(|end| of_other(pod, other, end))
}

/// None where the pod was deleted, which says more than the signal that follows.
fn of_script(
    pod: &PodView,
    status: &ContainerStatusView,
    ended: &ContainerTerminatedView,
    base: AttemptEnd,
) -> Option<AttemptEnd> {
    let reason = ended.reason.as_deref().unwrap_or_default();
    let text = ended.message.as_deref().unwrap_or_default();
    match reason {
        "OOMKilled" => Some(out_of_memory(
            base,
            memory_limit(&pod.spec.containers, status),
        )),
        "StartError" | "ContainerCannotRun" | "CreateContainerError" | "RunContainerError" => {
            let cause = start_error(reason, text);
            let message = format!("could not be started: {}", cause.message);
            // The code is the runtime's, not the program's.
            let base = AttemptEnd {
                exit_code: None,
                ..base
            };
            Some(Cause { message, ..cause }.end_attempt(base))
        }
        "ContainerStatusUnknown" => {
            let node = quoted(pod.spec.node_name.as_deref().unwrap_or("?"));
            let message =
                format!("was lost: the node `{node}` does not know any more how it ended");
            let cause = Cause::new(Reason::NodeLost, message)
                .with_hint("the node or its container runtime was restarted; run it again");
            let base = AttemptEnd {
                exit_code: None,
                ..base
            };
            Some(cause.end_attempt(base))
        }
        _ if pod.metadata.deletion_timestamp.is_some() => None,
        _ => Some(base),
    }
}

/// The end of a container that is not the script's.
fn of_other(
    pod: &PodView,
    status: &ContainerStatusView,
    ended: &ContainerTerminatedView,
) -> AttemptEnd {
    let name = quoted(&status.name);
    let reason = ended.reason.as_deref().unwrap_or_default();
    let mut end = match reason {
        "OOMKilled" => {
            let limit = memory_limit(&pod.spec.init_containers, status)
                .or_else(|| memory_limit(&pod.spec.containers, status));
            // The limit is that of another container than the one that `job.resources` is about.
            AttemptEnd {
                field: None,
                ..out_of_memory(exited(ended.exit_code), limit)
            }
        }
        "StartError" | "ContainerCannotRun" => {
            let cause = start_error(reason, ended.message.as_deref().unwrap_or_default());
            let message = format!("could not be started: {}", cause.message);
            Cause { message, ..cause }.end_attempt(AttemptEnd::default())
        }
        _ => AttemptEnd {
            reason: Some(Reason::StartFailed),
            ..exit(ended)
        },
    };
    let what = end.message.take().unwrap_or_default();
    AttemptEnd {
        // The script has no exit code: it did not run, or did not end by itself.
        exit_code: None,
        message: Some(format!("failed: its container `{name}` {what}")),
        ..end
    }
}

/// Signals that end programs. Exit codes of others above 128 are programs' own: git has 128 and 129.
const SIGNALS: [i32; 13] = [2, 3, 4, 6, 7, 8, 9, 11, 13, 15, 24, 25, 31];

/// How a program ended. Container runtimes tell a signal as exit code 128 + signal, as shells do of
/// the programs that they run.
fn exit(ended: &ContainerTerminatedView) -> AttemptEnd {
    let code = ended.exit_code;
    let told = ended.signal.filter(|signal| *signal != 0);
    let Some(signal) = told.or_else(|| SIGNALS.into_iter().find(|signal| code == 128 + signal))
    else {
        return exited(code);
    };
    let end = signalled(signal);
    let hint = match signal {
        9 => {
            "the program, or one that a shell in it ran, was killed: by another program, by hand, or by a restart of the node's container runtime"
        }
        15 => "something asked the program, or one that a shell in it ran, to end",
        _ => "the program, or one that a shell in it ran, crashed: see the end of the log",
    };
    let message = end.message.map(|message| match signal {
        9 => format!("{message}, and not for want of memory"),
        _ => message,
    });
    AttemptEnd {
        exit_code: Some(code),
        message,
        hint: Some(hint.to_owned()),
        ..end
    }
}

fn ended_container<'pod>(pod: &'pod PodView, name: &str) -> Option<&'pod ContainerTerminatedView> {
    let mut statuses = pod.status.container_statuses.iter();
    statuses
        .find(|status| status.name == name)
        .and_then(terminated)
}

/// How the container ended, be it before a restart.
fn terminated(status: &ContainerStatusView) -> Option<&ContainerTerminatedView> {
    let of = |state: &'_ ContainerStateView| state.terminated.is_some();
    if of(&status.state) {
        status.state.terminated.as_ref()
    } else if status.state.running.is_none() {
        status.last_state.terminated.as_ref()
    } else {
        None
    }
}

fn memory_limit<'pod>(
    containers: &'pod [ContainerView],
    status: &ContainerStatusView,
) -> Option<&'pod str> {
    let container = containers
        .iter()
        .find(|container| container.name == status.name)?;
    container.resources.limits.get("memory").map(String::as_str)
}

/// Adds how long it ran.
fn timed(end: AttemptEnd, pod: &PodView, context: AttemptContext<'_>) -> AttemptEnd {
    let mut statuses = pod.status.container_statuses.iter();
    let state = statuses
        .find(|status| status.name == context.container)
        .map(|status| &status.state);
    let ended = ended_container(pod, context.container);
    let running = state.and_then(|state| state.running.as_ref());
    let from = ended
        .and_then(|ended| ended.started_at.as_ref())
        .or_else(|| running.and_then(|running| running.started_at.as_ref()))
        .filter(|Time(started)| started.as_second() > 0);
    let to = ended
        .and_then(|ended| ended.finished_at.as_ref())
        .map_or(context.now, |time| time.0);
    // A container that did not start has 1970 for its start.
    let seconds = from.map_or(0, |Time(from)| seconds_between(*from, to));
    AttemptEnd {
        duration: Duration::from_secs(seconds),
        ..end
    }
}
