//! Secrets, ConfigMaps and other parts of a container's configuration that do not exist.

use toolhost_capability::{Explanation, Hint, Reason};

use super::quote::{between, quoted};
use super::waiting::{Class, WaitingContext};

/// Classifies a container whose configuration cannot be created.
pub(super) fn config_error(text: &str, context: WaitingContext<'_>) -> (Explanation, Class) {
    missing_object(text, context)
        .or_else(|| must_not_be_root(text))
        .unwrap_or_else(|| {
            // Such as `failed to sync secret cache: timed out waiting for the condition`, which passes.
            let message = format!("the container cannot be set up: {}", quoted(text));
            let cause = Explanation::new(Reason::ConfigMissing, message);
            (cause, Class::Grace(context.wait_policy.start))
        })
}

/// A Secret or `ConfigMap`, or a key of one, that does not exist.
pub(super) fn missing_object(
    text: &str,
    context: WaitingContext<'_>,
) -> Option<(Explanation, Class)> {
    // The first two are messages about variables and volumes, the next ones about variables, the last about volumes.
    if let Some((kind, name)) = object_of(text) {
        if context.own_objects.iter().any(|own| own == name) {
            let message = format!("waiting for its {kind} `{name}`, which is being created");
            let cause = Explanation::new(Reason::ConfigMissing, message).with_hint(
                "if it does not appear, check whether something in the cluster deletes it",
            );
            return Some((cause, Class::Grace(context.wait_policy.own_object)));
        }
        let message = format!(
            "the {kind} `{}` does not exist in the job's namespace",
            quoted(name)
        );
        let hint = Hint::from(format!("create the {kind}, or change its name in "))
            .field("environment")
            .text(", ")
            .field("volumes")
            .text(" or ")
            .field("podTemplate");
        let cause = Explanation::new(Reason::ConfigMissing, message).with_hint(hint);
        return Some((cause, Class::Hopeless));
    }
    let (key, object) = key_of(text)?;
    let key = quoted(key);
    let message = match object {
        Some((kind, name)) => format!("the {kind} `{}` has no key `{key}`", quoted(name)),
        None => format!("a Secret or ConfigMap that a volume names has no key `{key}`"),
    };
    let cause = Explanation::new(Reason::ConfigMissing, message)
        .with_hint("add the key, or change its name in the job");
    Some((cause, Class::Hopeless))
}

fn object_of(text: &str) -> Option<(&'static str, &str)> {
    for (word, kind) in [("secret", "Secret"), ("configmap", "ConfigMap")] {
        let start = format!("{word} \"");
        if let Some(name) = between(text, &start, "\" not found") {
            // The shortest match: the text may name another object before.
            return Some((kind, name.rsplit('"').next().unwrap_or(name)));
        }
    }
    None
}

type Key<'text> = (&'text str, Option<(&'static str, &'text str)>);

fn key_of(text: &str) -> Option<Key<'_>> {
    for (word, kind) in [("Secret", "Secret"), ("ConfigMap", "ConfigMap")] {
        let middle = format!(" in {word} ");
        let found = text.split_once("couldn't find key ");
        if let Some((key, place)) = found.and_then(|(_, rest)| rest.split_once(&middle)) {
            let name = place.rsplit('/').next().unwrap_or(place);
            return Some((key, Some((kind, name))));
        }
    }
    let markers = [
        "references non-existent secret key: ",
        "references non-existent config key: ",
    ];
    let found = markers.iter().find_map(|marker| text.split_once(marker));
    found.map(|(_, key)| (key, None))
}

fn must_not_be_root(text: &str) -> Option<(Explanation, Class)> {
    if !text.contains("runAsNonRoot") {
        return None;
    }
    let message = if text.contains("will run as root") {
        "the image runs as root, which `runAsNonRoot` forbids"
    } else {
        "the image's user is a name instead of a number, so `runAsNonRoot` cannot be checked"
    };
    let cause = Explanation::new(Reason::PolicyDenied, message)
        .with_hint(
            Hint::from("set `runAsUser` to a number other than 0 in ")
                .field("securityContext")
                .text(", or use an image with such a user"),
        )
        .with_field("securityContext");
    Some((cause, Class::Hopeless))
}
