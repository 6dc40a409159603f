//! Messages of the kubelet about an image that it cannot pull.

use toolhost_capability::{Explanation, Hint, Reason};

use super::quote::quoted;
use super::waiting::{Class, WaitPolicy};

const FIELD: &str = "image";

/// The reasons of a container that waits for its image.
const WORDS: [&str; 8] = [
    "ErrImageNeverPull",
    "ErrImagePull",
    "ErrImageInspect",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];
/// Failures of a registry, or of the network, that may pass within a minute.
const TRANSIENT: [&str; 20] = [
    "429",
    "500 internal",
    "bad gateway",
    "connection reset",
    "deadline exceeded",
    "eof",
    "gateway timeout",
    "i/o timeout",
    "internal server error",
    "no space left on device",
    "qps exceeded",
    "rate limit",
    "registry is unavailable",
    "server misbehaving",
    "service unavailable",
    "temporary failure",
    "timed out",
    "tls handshake timeout",
    "too many requests",
    "toomanyrequests",
];
const DENIED: [&str; 8] = [
    "401 unauthorized",
    "403 forbidden",
    "access denied",
    "authentication required",
    "authorization failed",
    "denied:",
    "insufficient_scope",
    "no basic auth",
];
/// Other spellings of the same.
const DENIED_WORDS: [&str; 3] = ["denied", "forbidden", "unauthorized"];
const ABSENT: [&str; 5] = [
    "does not exist",
    "manifest unknown",
    "name unknown",
    "not found",
    "repository name not known",
];

/// Whether the reason is about an image.
pub(super) fn is_about_image(word: &str) -> bool {
    WORDS.contains(&word)
}

/// Classifies the wait for an image.
pub(super) fn image(
    word: &str,
    text: &str,
    image: &str,
    wait_policy: &WaitPolicy,
) -> (Explanation, Class) {
    let said = quoted(text);
    let said = said
        .strip_prefix("Back-off pulling image ")
        .map_or(said.as_str(), |rest| {
            rest.split_once(": ").map_or(rest, |(_, cause)| cause)
        });
    let said = core(said.strip_prefix("ErrImagePull: ").unwrap_or(said));
    match word {
        "InvalidImageName" => return (invalid(image), Class::Hopeless),
        "ErrImageNeverPull" => return (never(image), Class::Hopeless),
        "SignatureValidationFailed" => {
            let message =
                format!("the node rejects the image `{image}`: its signature is invalid: {said}");
            let cause = Explanation::new(Reason::PolicyDenied, message)
                .with_hint("use an image with a signature that the cluster accepts")
                .with_field(FIELD);
            return (cause, Class::Hopeless);
        }
        _ => {}
    }
    let words = without_names(said).to_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| words.contains(text));
    let cause = |message: String| Explanation::new(Reason::ImagePull, message).with_field(FIELD);
    if word == "RegistryUnavailable" || has(&TRANSIENT) {
        let cause = cause(format!(
            "the image `{image}` cannot be pulled at the moment: {said}"
        ))
        .with_hint("the registry or the network does not work: the cluster retries");
        return (cause, Class::Grace(wait_policy.registry));
    }
    if words.contains("no match for platform") || words.contains("no matching manifest") {
        let cause = cause(format!(
            "the image `{image}` is not built for the node's architecture: {said}"
        ))
        .with_hint(
            Hint::from("use an image for this architecture, or choose a node with ")
                .field("nodeSelector"),
        );
        return (cause, Class::Hopeless);
    }
    if words.contains("invalid reference") || words.contains("short-name") {
        return (invalid(image), Class::Hopeless);
    }
    if has(&DENIED) || has(&DENIED_WORDS) {
        let cause = cause(format!("the registry denies pulling the image `{image}`: {said}"))
            .with_hint(Hint::from("check that the image exists, and name a Secret with the registry's credentials in ").field("imagePullSecrets"));
        return (cause, Class::Hopeless);
    }
    if has(&ABSENT) {
        let cause = cause(format!(
            "the image `{image}` does not exist in its registry"
        ))
        .with_hint(Hint::from("check the name and the tag in ").field("image"));
        return (cause, Class::Hopeless);
    }
    let said = if said.is_empty() { word } else { said };
    let cause = cause(format!("the image `{image}` cannot be pulled: {said}")).with_hint(
        Hint::from("check the registry in ")
            .field("image")
            .text(", and that the nodes can reach it"),
    );
    (cause, Class::Grace(wait_policy.pull))
}

/// Returns the cause without the chain of messages around it.
fn core(text: &str) -> &str {
    /// What precedes a name in quotes and a colon.
    const STEPS: [&str; 4] = [
        "failed to pull and unpack image ",
        "failed to resolve reference ",
        "Failed to pull image ",
        "failed to resolve image ",
    ];
    let mut rest = text;
    loop {
        let step = STEPS.iter().find_map(|step| rest.strip_prefix(step));
        let shorter = match step {
            Some(named) => named.split_once("\": ").map(|(_, rest)| rest),
            None => rest
                .strip_prefix("rpc error: code = ")
                .and_then(|rest| rest.split_once(" desc = "))
                .map(|(_, rest)| rest),
        };
        match shorter {
            Some(shorter) => rest = shorter,
            None => return rest,
        }
    }
}

fn invalid(image: &str) -> Explanation {
    Explanation::new(
        Reason::InvalidImage,
        format!("invalid image name `{image}`"),
    )
    .with_hint("write it as `registry/name:tag`, with the name in lower case")
    .with_field(FIELD)
}

fn never(image: &str) -> Explanation {
    let message = format!(
        "the image `{image}` is not on the node, and `imagePullPolicy: Never` forbids pulling it"
    );
    Explanation::new(Reason::ImagePull, message)
        .with_hint(
            Hint::from("set ")
                .field("imagePullPolicy")
                .text(" to `IfNotPresent`, or load the image on every node"),
        )
        .with_field("imagePullPolicy")
}

/// Returns the text without names that users choose: an image may be called `denied/not-found:429`.
fn without_names(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for (position, part) in text.split('"').enumerate() {
        if position % 2 == 0 {
            plain.push_str(part);
        }
    }
    let mut kept = String::with_capacity(plain.len());
    let mut depth = 0_u32;
    for character in plain.chars() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(character),
            _ => {}
        }
    }
    let words = kept.split_whitespace();
    let words: Vec<_> = words
        .filter(|word| !word.contains('/') || *word == "i/o")
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> (Reason, Class) {
        let (cause, class) = image("ImagePullBackOff", text, "x", &WaitPolicy::default());
        (cause.reason, class)
    }

    /// Texts of other runtimes and registries, from their issue trackers.
    #[test]
    fn permanent_and_transient_failures_of_other_registries_are_distinguished() {
        let wait_policy = WaitPolicy::default();
        let (busy, unclear) = (
            Class::Grace(wait_policy.registry),
            Class::Grace(wait_policy.pull),
        );
        let cases = [
            (
                r#"Back-off pulling image "x": ErrImagePull: rpc error: code = Unknown desc = failed to pull and unpack image "docker.io/library/nosuch:latest": failed to resolve reference "docker.io/library/nosuch:latest": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"#,
                Class::Hopeless,
            ),
            (
                "rpc error: code = Unknown desc = Error response from daemon: manifest for nginx:1.99 not found: manifest unknown: manifest unknown",
                Class::Hopeless,
            ),
            (
                r#"Failed to pull image "1.dkr.ecr.us-east-1.amazonaws.com/a:b": no basic auth credentials"#,
                Class::Hopeless,
            ),
            (
                "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit",
                busy,
            ),
            (
                "failed to do request: Head \"https://gcr.io/v2/a/manifests/1\": net/http: TLS handshake timeout",
                busy,
            ),
            (
                "net/http: request canceled while waiting for connection (Client.Timeout exceeded)",
                unclear,
            ),
            (
                "no match for platform in manifest: not found",
                Class::Hopeless,
            ),
            (
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                unclear,
            ),
            ("", unclear),
        ];
        for (text, expected) in cases {
            assert_eq!(class(text), (Reason::ImagePull, expected), "{text}");
        }
    }

    #[test]
    fn the_name_of_an_image_is_not_taken_for_an_error() {
        let text = r#"failed to pull image "denied/not found:429": example.com/denied/unauthorized:1: pulling failed with status code [manifests denied]: 418 I'm a teapot"#;
        assert_eq!(class(text).1, Class::Grace(WaitPolicy::default().pull));
    }
}
