//! Causes from the events of a pod whose status gives none: a volume that cannot be mounted, a network that cannot be
//! set up.

use toolhost_capability::{Explanation, Hint, Reason};

use super::missing::missing_object;
use super::quote::{between, quoted};
use super::waiting::{Class, Waiting, WaitingContext};
use crate::view::EventView;

/// Why the pod is not started although it is bound to a node: the latest warning with a cause.
///
/// To be called when [`waiting`](super::waiting()) gives no cause for some seconds. `events` are those of the pod, in
/// any order.
pub(crate) fn from_pod_events(
    events: &[EventView],
    context: WaitingContext<'_>,
) -> Option<Waiting> {
    let mut known: Vec<_> = events
        .iter()
        .filter_map(|event| Some((event, judged(event, context)?)))
        .collect();
    known.sort_by_key(|(event, _)| event.last_seen());
    let (event, (cause, class)) = known.pop()?;
    Some(Waiting {
        word: event.reason.clone().unwrap_or_default(),
        cause,
        class,
    })
}

/// Adds to an image that cannot be pulled that the kubelet could not read the Secret for its registry. To be called
/// once, before a job is given up.
pub(crate) fn with_pull_secrets(mut waiting: Waiting, events: &[EventView]) -> Waiting {
    let mut events = events.iter();
    let missing = events
        .find(|event| event.reason.as_deref() == Some("FailedToRetrieveImagePullSecret"))
        .and_then(|event| between(event.message.as_deref()?, "image pull secrets (", ")"));
    if let (Reason::ImagePull, Some(names)) = (waiting.cause.reason, missing) {
        waiting.cause = waiting
            .cause
            .with_hint(
                Hint::from(format!(
                    "the namespace has no Secret `{}`, which ",
                    quoted(names)
                ))
                .field("imagePullSecrets")
                .text(" names"),
            )
            .with_field("imagePullSecrets");
    }
    waiting
}

fn judged(event: &EventView, context: WaitingContext<'_>) -> Option<(Explanation, Class)> {
    let text = event.message.as_deref().unwrap_or_default();
    match event.reason.as_deref()? {
        "FailedMount" | "FailedMapVolume" => Some(mount(text, context)),
        "FailedAttachVolume" => {
            let message = format!("a volume cannot be attached to the node: {}", quoted(text));
            let cause = Explanation::new(Reason::ConfigMissing, message)
                .with_hint("check the volume's claim: another node may still have the volume")
                .with_field("volumes");
            Some((cause, Class::Patient))
        }
        "FailedCreatePodSandBox" | "NetworkNotReady" => {
            let message = format!("the node cannot set up the pod: {}", quoted(text));
            let cause = Explanation::new(Reason::StartFailed, message)
                .with_hint("ask the operator of the cluster: the node's network or container runtime does not work");
            Some((cause, Class::Patient))
        }
        _ => None,
    }
}

fn mount(text: &str, context: WaitingContext<'_>) -> (Explanation, Class) {
    if let Some(missing) = missing_object(text, context) {
        return missing;
    }
    let volume = between(text, "for volume \"", "\"")
        .map(quoted)
        .unwrap_or_default();
    let said = text.split_once("\" : ").map_or(text, |(_, cause)| cause);
    let said = quoted(said);
    let cause = Explanation::new(
        Reason::ConfigMissing,
        format!("the volume `{volume}` cannot be mounted: {said}"),
    );
    let cause = if said.contains("no space left on device") {
        // Volumes of Secrets are in memory, which the pod's limit includes.
        cause
            .with_hint("raise the memory limit: it may be too low for the pod's own files")
            .with_field("resources.limits.memory")
    } else {
        cause
            .with_hint(Hint::from("check ").field("volumes"))
            .with_field("volumes")
    };
    // Such as `failed to sync configmap cache: timed out`, or `not registered`: those pass.
    (cause, Class::Grace(context.wait_policy.start))
}
