//! Why a pod does not run yet.

use toolhost_capability::{Explanation, Reason};

use super::image::{image, is_about_image};
use super::missing::config_error;
use super::quote::quoted;
use super::scheduling;
use super::start::start_error;
use super::waiting::{Class, WaitPolicy, Waiting, WaitingContext};
use crate::view::{ContainerStatusView, ContainerView, PodView};

/// Why the pod does not run yet, or whether its node is silent; none where it runs, is over, or is just being started.
pub(crate) fn waiting(pod: &PodView, context: WaitingContext<'_>) -> Option<Waiting> {
    match pod.status.phase.as_deref().unwrap_or("Pending") {
        "Pending" => scheduling::unscheduled(pod, context)
            .or_else(|| container_waits(pod, context))
            .or_else(|| scheduling::silent_node(pod, context)),
        "Running" | "Unknown" => scheduling::lost_node(pod, context),
        _ => None,
    }
}

/// Returns the first container that waits for something other than its turn.
fn container_waits(pod: &PodView, context: WaitingContext<'_>) -> Option<Waiting> {
    let init = pod.status.init_container_statuses.iter();
    init.zip(std::iter::repeat(&pod.spec.init_containers))
        .chain(
            pod.status
                .container_statuses
                .iter()
                .zip(std::iter::repeat(&pod.spec.containers)),
        )
        .find_map(|(status, containers)| container(status, containers, context))
}

fn container(
    status: &ContainerStatusView,
    containers: &[ContainerView],
    context: WaitingContext<'_>,
) -> Option<Waiting> {
    let waiting = status.state.waiting.as_ref()?;
    let word = waiting.reason.as_deref()?;
    let text = waiting.message.as_deref().unwrap_or_default();
    let wait_policy = context.wait_policy;
    let (cause, class) = match word {
        // Their turn follows, or the node is preparing them.
        "ContainerCreating" | "PodInitializing" => return None,
        _ if is_about_image(word) => {
            let is_same = |container: &&ContainerView| container.name == status.name;
            let spec = containers.iter().find(is_same);
            let name = spec.and_then(|spec| spec.image.as_deref()).unwrap_or("?");
            image(word, text, &quoted(name), wait_policy)
        }
        "CreateContainerConfigError" => config_error(text, context),
        "CreateContainerError"
        | "RunContainerError"
        | "StartError"
        | "CrashLoopBackOff"
        | "PreCreateHookError"
        | "PreStartHookError"
        | "PostStartHookError" => {
            let cause = start_error(word, text);
            let message = format!("the container could not be started: {}", cause.message);
            (
                Explanation { message, ..cause },
                Class::Grace(wait_policy.start),
            )
        }
        _ => unknown(word, text, wait_policy),
    };
    Some(Waiting {
        word: word.to_owned(),
        cause,
        class,
    })
}

/// Classifies an unknown word.
fn unknown(word: &str, text: &str, wait_policy: &WaitPolicy) -> (Explanation, Class) {
    let said = quoted(text);
    let message = match said.as_str() {
        "" => format!("the container waits: {word}"),
        said => format!("the container waits: {word}: {said}"),
    };
    let is_error = word.ends_with("Error") || word.starts_with("Err") || word.ends_with("BackOff");
    let class = if is_error {
        Class::Grace(wait_policy.unknown)
    } else {
        Class::Patient
    };
    (Explanation::new(Reason::StartFailed, message), class)
}
