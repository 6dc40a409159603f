//! How the containers of a pod ended.

use toolhost_capability::controller::{exited, out_of_memory, signalled};
use toolhost_capability::{AttemptEnd, Explanation, Reason};

use super::quote::quoted;
use super::start::start_error;
use crate::view::{
    ContainerStateView, ContainerStatusView, ContainerTerminatedView, ContainerView, PodView,
};

/// Why the containers failed: first the script's container, then init containers, then others, which may have been
/// ended because the script's had failed.
pub(super) fn failed_container(pod: &PodView, name: &str, base: AttemptEnd) -> Option<AttemptEnd> {
    let statuses = &pod.status.container_statuses;
    let script = statuses.iter().find(|status| status.name == name);
    if let Some(status) = script
        && let Some(ended) = terminated(status)
        && is_failure(ended)
    {
        return Some(of_script(pod, status, ended, base));
    }
    let others = statuses.iter().filter(|status| status.name != name);
    let mut others = pod.status.init_container_statuses.iter().chain(others);
    others.find_map(|status| {
        let ended = terminated(status).filter(|ended| is_failure(ended))?;
        Some(of_other(pod, status, ended))
    })
}

/// Whether the script's container ended without an explanation.
pub(super) fn is_unexplained(pod: &PodView, name: &str) -> bool {
    const EXPLAINED: [&str; 3] = ["OOMKilled", "StartError", "ContainerCannotRun"];
    ended_container(pod, name).is_some_and(|ended| {
        let reason = ended.reason.as_deref().unwrap_or_default();
        !EXPLAINED.contains(&reason)
    })
}

fn is_failure(ended: &ContainerTerminatedView) -> bool {
    ended.exit_code != 0 || ended.reason.as_deref() == Some("OOMKilled")
}

fn of_script(
    pod: &PodView,
    status: &ContainerStatusView,
    ended: &ContainerTerminatedView,
    base: AttemptEnd,
) -> AttemptEnd {
    let reason = ended.reason.as_deref().unwrap_or_default();
    let text = ended.message.as_deref().unwrap_or_default();
    match reason {
        "OOMKilled" => out_of_memory(base, memory_limit(&pod.spec.containers, status)),
        "StartError" | "ContainerCannotRun" | "CreateContainerError" | "RunContainerError" => {
            let cause = start_error(reason, text);
            let message = format!("could not be started: {}", cause.message);
            // The exit code is the runtime's, not the program's.
            let base = AttemptEnd {
                exit_code: None,
                ..base
            };
            base.because(Explanation { message, ..cause })
        }
        "ContainerStatusUnknown" => {
            let node = quoted(pod.spec.node_name.as_deref().unwrap_or("?"));
            let message = format!("was lost: the node `{node}` has no record of how it ended");
            let cause = Explanation::new(Reason::NodeLost, message)
                .with_hint("the node or its container runtime was restarted; run it again");
            let base = AttemptEnd {
                exit_code: None,
                ..base
            };
            base.because(cause)
        }
        _ => base,
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
            // The limit belongs to another container than the one that `resources` configures.
            let mut end = out_of_memory(exited(ended.exit_code), limit);
            if let Some(why) = &mut end.explanation {
                why.field = None;
            }
            end
        }
        "StartError" | "ContainerCannotRun" => {
            let cause = start_error(reason, ended.message.as_deref().unwrap_or_default());
            let message = format!("could not be started: {}", cause.message);
            AttemptEnd::default().because(Explanation { message, ..cause })
        }
        _ => {
            let mut end = exit(ended);
            if let Some(why) = &mut end.explanation {
                why.reason = Reason::StartFailed;
            }
            end
        }
    };
    if let Some(why) = &mut end.explanation {
        why.message = format!("failed: its container `{name}` {}", why.message);
    }
    AttemptEnd {
        // The script has no exit code: it did not run, or did not end by itself.
        exit_code: None,
        ..end
    }
}

/// Signals that end programs. Exit codes of others above 128 are programs' own: git has 128 and 129.
const SIGNALS: [i32; 13] = [2, 3, 4, 6, 7, 8, 9, 11, 13, 15, 24, 25, 31];

/// How a program ended. Container runtimes report a signal as exit code 128 + signal, as shells do for the programs
/// that they run.
pub(super) fn exit(ended: &ContainerTerminatedView) -> AttemptEnd {
    let code = ended.exit_code;
    let reported = ended.signal.filter(|signal| *signal != 0);
    let Some(signal) = reported.or_else(|| SIGNALS.into_iter().find(|signal| code == 128 + signal))
    else {
        return exited(code);
    };
    let mut end = signalled(signal);
    let hint = match signal {
        9 => {
            "the program, or one that a shell in it ran, was killed: by another program, by hand, or by a restart of the node's container runtime"
        }
        15 => "the program, or one that a shell in it ran, received a request to end",
        _ => "the program, or one that a shell in it ran, crashed: see the end of the log",
    };
    if let Some(why) = &mut end.explanation {
        if signal == 9 {
            why.message.push_str(", and not for lack of memory");
        }
        why.hint = Some(hint.into());
    }
    AttemptEnd {
        exit_code: Some(code),
        ..end
    }
}

pub(super) fn ended_container<'pod>(
    pod: &'pod PodView,
    name: &str,
) -> Option<&'pod ContainerTerminatedView> {
    let mut statuses = pod.status.container_statuses.iter();
    statuses
        .find(|status| status.name == name)
        .and_then(terminated)
}

/// How the container ended, even if it was restarted afterwards.
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
