//! Why a job gets no pod, derived from the events of the job.

use toolhost_capability::{Explanation, Reason};

use super::admission::not_admitted;
use super::field::request_path;
use super::quote::quoted;
use super::waiting::{Class, Waiting, WaitingContext};
use crate::view::EventView;

/// Why no pod is created: the latest event `FailedCreate`; none where a pod was created after it.
///
/// To be called when a resumed job has no pod after some seconds. `events` are those of the job, in any order.
pub(crate) fn failed_create(events: &[EventView], context: WaitingContext<'_>) -> Option<Waiting> {
    let mut known: Vec<_> = events
        .iter()
        .filter(|event| {
            matches!(
                event.reason.as_deref(),
                Some("FailedCreate" | "SuccessfulCreate")
            )
        })
        .collect();
    // Times are whole seconds, and a failure is retried within one: then the success was later.
    known.sort_by_key(|event| {
        (
            event.last_seen(),
            event.reason.as_deref() == Some("SuccessfulCreate"),
        )
    });
    let event = known.pop()?;
    if event.reason.as_deref() != Some("FailedCreate") {
        return None;
    }
    let text = event.message.as_deref().unwrap_or_default();
    let text = text.strip_prefix("Error creating: ").unwrap_or(text);
    let (cause, class) = not_admitted(text, context.wait_policy)
        .or_else(|| invalid_pod(text))
        .unwrap_or_else(|| other(text, context));
    Some(Waiting {
        word: "FailedCreate".to_owned(),
        cause,
        class,
    })
}

/// `Pod "x" is invalid: spec.containers[0].image: Invalid value: " ": must not have …`
fn invalid_pod(text: &str) -> Option<(Explanation, Class)> {
    let (_, said) = text.split_once("\" is invalid: ")?;
    let said = quoted(said);
    let path = said
        .trim_start_matches('[')
        .split(": ")
        .next()
        .unwrap_or_default();
    let cause = Explanation::new(
        Reason::InvalidRequest,
        format!("the cluster rejects the pod: {said}"),
    );
    let cause = match request_path(path) {
        Some(field) => cause.with_field(field),
        None => cause,
    };
    Some((cause, Class::Hopeless))
}

fn other(text: &str, context: WaitingContext<'_>) -> (Explanation, Class) {
    let said = quoted(text);
    if said.contains("is forbidden") {
        let message = format!("the cluster forbids the pod: {said}");
        return (
            Explanation::new(Reason::PolicyDenied, message),
            Class::Hopeless,
        );
    }
    let message = format!("the cluster could not create a pod: {said}");
    let cause =
        Explanation::new(Reason::EngineUnavailable, message).with_hint("the cluster retries");
    (cause, Class::Grace(context.wait_policy.unknown))
}
