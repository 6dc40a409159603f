//! Why a pod does not run yet.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use toolhost_capability::Reason;

use super::cause::{Cause, quoted};
use super::image::{image, is_about_image};
use super::missing::config_error;
use super::scheduling;
use super::start::start_error;
use crate::view::{ContainerStatusView, ContainerView, PodView};

/// Why a pod does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Kubernetes' own word, such as `ImagePullBackOff`.
    pub(crate) word: String,
    /// What it means.
    pub(crate) cause: Cause,
    /// Whether to wait for it.
    pub(crate) class: Class,
}

/// Whether to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It cannot become better: end the job.
    Hopeless,
    /// It may become better soon: end the job when it lasts so long.
    Grace(Duration),
    /// It may become better at any time: tell, and wait until the deadline.
    Patient,
}

/// How long to wait for what may become better soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Graces {
    /// A Secret or `ConfigMap` that this engine makes after the pod: one request of its own, and the
    /// kubelet looks again each 1 to 2 seconds.
    pub(crate) own_object: Duration,
    /// A service account: a new namespace gets its `default` a moment later.
    pub(crate) service_account: Duration,
    /// An image that cannot be pulled for a reason that is not clear: the kubelet tries after 0, 10, 30 and
    /// 70 seconds, so there were three tries.
    pub(crate) pull: Duration,
    /// A registry that is busy or down: the kubelet's delay grows to 5 minutes, so that there is one more
    /// try after an outage of 5 minutes.
    pub(crate) registry: Duration,
    /// A container that cannot be created or started: at least three tries of the kubelet, too.
    pub(crate) start: Duration,
    /// Anything else that Kubernetes calls an error.
    pub(crate) unknown: Duration,
    /// A node that has not looked at a new pod, or not ended one: tell that from here on. A kubelet does
    /// either within some seconds.
    pub(crate) node_silence: Duration,
}

impl Default for Graces {
    fn default() -> Self {
        Self {
            own_object: Duration::from_secs(15),
            service_account: Duration::from_secs(15),
            pull: Duration::from_mins(1),
            registry: Duration::from_mins(10),
            start: Duration::from_mins(1),
            unknown: Duration::from_mins(1),
            node_silence: Duration::from_secs(30),
        }
    }
}

/// What is known besides the pod.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitingContext<'job> {
    /// The names of every Secret and ConfigMap that this engine makes for the job.
    pub(crate) own_objects: &'job [String],
    /// How long to wait.
    pub(crate) graces: &'job Graces,
    /// The time.
    pub(crate) now: Timestamp,
}

/// Why the pod does not run yet, or whether its node is silent; none where it runs, is over, or is just being
/// started.
pub(crate) fn waiting(pod: &PodView, context: WaitingContext<'_>) -> Option<Waiting> {
    match pod.status.phase.as_deref().unwrap_or("Pending") {
        "Pending" => scheduling::unscheduled(pod, context)
            .or_else(|| container_waits(pod, context))
            .or_else(|| scheduling::silent_node(pod, context)),
        "Running" | "Unknown" => scheduling::lost_node(pod, context),
        _ => None,
    }
}

/// The first container that waits for something else than its turn.
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
    let graces = context.graces;
    let (cause, class) = match word {
        // Their turn comes, or the node works on it.
        "ContainerCreating" | "PodInitializing" => return None,
        _ if is_about_image(word) => {
            let is_same = |container: &&ContainerView| container.name == status.name;
            let spec = containers.iter().find(is_same);
            let name = spec.and_then(|spec| spec.image.as_deref()).unwrap_or("?");
            image(word, text, &quoted(name), graces)
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
            (Cause { message, ..cause }, Class::Grace(graces.start))
        }
        _ => unknown(word, text, graces),
    };
    Some(Waiting {
        word: word.to_owned(),
        cause,
        class,
    })
}

/// A word that is not known here.
pub(super) fn unknown(word: &str, text: &str, graces: &Graces) -> (Cause, Class) {
    let said = quoted(text);
    let message = match said.as_str() {
        "" => format!("the container waits: {word}"),
        said => format!("the container waits: {word}: {said}"),
    };
    let is_error = word.ends_with("Error") || word.starts_with("Err") || word.ends_with("BackOff");
    let class = if is_error {
        Class::Grace(graces.unknown)
    } else {
        Class::Patient
    };
    (Cause::new(Reason::StartFailed, message), class)
}
