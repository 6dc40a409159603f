//! Why the API server refuses a request.

use std::error::Error;

use kube::core::Status;
use toolhost_capability::request::conflict;
use toolhost_capability::text::{all_of, chain};
use toolhost_capability::{ARGUMENTS_FIELD, CapabilityError, Hint, Reason};

use super::admission::not_admitted;
use super::field::request_path;
use super::login::LoginFailed;
use super::quote::quoted;
use super::waiting::{Class, WaitPolicy};

/// Maximum number of mistakes that one message lists.
const MAX_CAUSES: usize = 5;

/// The object to create.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Creating<'job> {
    /// `Job`, `Secret`, `ConfigMap`.
    pub(crate) kind: &'static str,
    /// The job's name.
    pub(crate) job: &'job str,
}

/// Converts the error of a request.
pub(crate) fn creation_refused(error: &kube::Error, creating: Creating<'_>) -> CapabilityError {
    match error {
        kube::Error::Api(status) => status_refused(status, creating),
        kube::Error::Auth(error) => no_login(&LoginFailed::from(error)),
        kube::Error::SerdeError(error) => CapabilityError::new(
            Reason::EngineUnavailable,
            format!("the cluster's address does not belong to an API server: {error}"),
        )
        .with_hint("check `server` in the kubeconfig, and proxies in between"),
        kube::Error::Service(error) => match error.downcast_ref() {
            Some(failed) => no_login(failed),
            None => unreachable(&quoted(&connection_chain(error.as_ref()))),
        },
        error => unreachable(&quoted(&chain(error))),
    }
}

fn no_login(failed: &LoginFailed) -> CapabilityError {
    let message = format!("cannot authenticate to the cluster: {failed}");
    CapabilityError::new(Reason::CredentialMissing, message)
        .with_hint("check the user of the kubeconfig's current context")
}

fn status_refused(status: &Status, creating: Creating<'_>) -> CapabilityError {
    let text = status.message.as_str();
    if is_too_large(status) {
        return too_large(creating);
    }
    if status.is_already_exists() {
        return conflict(creating.job);
    }
    if let Some((cause, class)) = not_admitted(text, &WaitPolicy::default()) {
        let error = CapabilityError::from(cause);
        return match class {
            Class::Hopeless => error,
            Class::Grace(_) | Class::Patient => error.retryable(),
        };
    }
    let kind = creating.kind;
    let said = quoted(text);
    match status.code {
        401 => CapabilityError::new(
            Reason::CredentialExpired,
            "the cluster rejects this host's credentials (401 Unauthorized)",
        )
        .with_hint("renew the token or the certificate of the kubeconfig's current context"),
        // If the object is a secret, even the API server's complaint is not passed on.
        400 | 422 if kind == "Secret" => {
            let fields = causes(status).map(|(field, _)| quoted(field));
            let message = format!("the cluster rejects the job's Secret: {}", all_of(fields));
            CapabilityError::new(Reason::InvalidRequest, message)
        }
        400 | 422 => invalid(status, kind),
        403 => CapabilityError::new(
            Reason::Denied,
            format!("the cluster forbids the {kind}: {said}"),
        ),
        404 | 405 => CapabilityError::new(
            Reason::EngineUnavailable,
            format!("the cluster has no such API: {said}"),
        )
        .with_hint("check `server` in the kubeconfig: it must be a Kubernetes API server"),
        409 => CapabilityError::new(
            Reason::EngineUnavailable,
            format!("something else changed the same object: {said}"),
        )
        .retryable(),
        429 | 500..=599 => {
            let error = CapabilityError::new(
                Reason::EngineUnavailable,
                format!(
                    "the cluster is overloaded or unhealthy: {said} ({})",
                    status.code
                ),
            );
            let wait = status
                .details
                .as_ref()
                .map_or(0, |details| details.retry_after_seconds);
            let error = match wait {
                0 => error,
                seconds => error.with_hint(format!("the server asks to wait for {seconds} s")),
            };
            error.retryable()
        }
        code => CapabilityError::new(
            Reason::EngineUnavailable,
            format!("the cluster rejects the {kind}: {said} ({code})"),
        ),
    }
}

/// Converts the refusal of a request that the API server understood and found invalid.
fn invalid(status: &Status, kind: &str) -> CapabilityError {
    let reported: Vec<_> = causes(status)
        .map(|(field, text)| (request_path(field), field, text))
        .collect();
    if reported.is_empty() {
        return unreadable(status, kind);
    }
    let mut parts: Vec<String> = Vec::new();
    for (path, field, text) in &reported {
        let place = path
            .as_ref()
            .map_or_else(|| quoted(field), ToString::to_string);
        let part = format!("`{place}`: {}", quoted(text));
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let left = parts.len().saturating_sub(MAX_CAUSES);
    parts.truncate(MAX_CAUSES);
    if left > 0 {
        parts.push(format!("and {left} more"));
    }
    let message = format!("the cluster rejects the {kind}: {}", parts.join("; "));
    let error = CapabilityError::new(Reason::InvalidRequest, message);
    match reported.into_iter().find_map(|(path, _, _)| path) {
        Some(field) => error.with_field(field),
        None => error,
    }
}

/// Converts the refusal of a request that the API server could not read: `Job in version "v1" cannot be handled as a
/// Job: …`.
fn unreadable(status: &Status, kind: &str) -> CapabilityError {
    let text = status.message.as_str();
    let (_, said) = text
        .split_once(" cannot be handled as a ")
        .unwrap_or(("", text));
    let said = said.split_once(": ").map_or(said, |(_, said)| said);
    let message = format!("the cluster rejects the {kind}: {}", quoted(said));
    let error = CapabilityError::new(Reason::InvalidRequest, message);
    // Go's decoder: `… into Go struct field Container.spec.template.spec.containers.volumeMounts of type …`
    let place = said
        .split_once("Go struct field ")
        .and_then(|(_, rest)| rest.split_whitespace().next());
    let path = place
        .and_then(|place| place.split_once('.'))
        .and_then(|(_, path)| request_path(path));
    match path {
        Some(field) => error.with_field(field),
        None if said.contains("quantities must match") => error
            .with_hint("write quantities as `500m`, `2`, `512Mi` or `1Gi`")
            .with_field("resources"),
        None => error,
    }
}

/// Returns the field and the complaint of each cause.
fn causes(status: &Status) -> impl Iterator<Item = (&str, &str)> {
    let details = status.details.iter();
    let causes = details.flat_map(|details| &details.causes);
    causes
        .filter(|cause| !cause.field.is_empty())
        .map(|cause| (cause.field.as_str(), cause.message.as_str()))
}

fn is_too_large(status: &Status) -> bool {
    let texts = [
        "etcdserver: request is too large",
        "larger than max",
        "may not be more than 1048576 bytes",
        "Request entity too large",
        // What API server 1.34 was seen to answer for a job of 2 MB: etcd refuses it, and the second try finds the
        // labels of the first one.
        "`selector` not auto-generated",
    ];
    status.code == 413 || texts.iter().any(|text| status.message.contains(text))
}

fn too_large(creating: Creating<'_>) -> CapabilityError {
    let kind = creating.kind;
    let message = match kind {
        "Secret" | "ConfigMap" => {
            format!("the job's {kind} is larger than 1 MiB, the limit of Kubernetes")
        }
        _ => "the job's description is larger than 1.5 MiB, the limit of etcd".to_owned(),
    };
    let error = CapabilityError::new(Reason::TooLarge, message);
    match kind {
        "Secret" => error
            .with_hint(
                Hint::from(
                    "make the script read large values from where they are stored, instead of ",
                )
                .field(ARGUMENTS_FIELD)
                .text(" and ")
                .field("environment"),
            )
            .with_field(ARGUMENTS_FIELD),
        "ConfigMap" => error
            .with_hint("make the script load its data from where it is stored")
            .with_field("script"),
        _ => {
            error.with_hint(Hint::from("shorten `job`: labels, annotations, ").field("podTemplate"))
        }
    }
}

fn unreachable(said: &str) -> CapabilityError {
    let is_certificate = ["certificate", "CertificateError", "UnknownIssuer"];
    if is_certificate.iter().any(|word| said.contains(word)) {
        return CapabilityError::new(
            Reason::TlsFailed,
            format!("the cluster's certificate cannot be verified: {said}"),
        )
        .with_hint("check `certificate-authority` and `server` in the kubeconfig");
    }
    CapabilityError::new(
        Reason::EngineUnavailable,
        format!("the cluster does not answer: {said}"),
    )
    .with_hint("check `server` in the kubeconfig, and that this machine can reach it")
    .retryable()
}

/// Like [`chain()`], without the part that a client failed to connect.
fn connection_chain(error: &(dyn Error + 'static)) -> String {
    let of_client = error.downcast_ref::<hyper_util::client::legacy::Error>();
    chain(of_client.and_then(Error::source).unwrap_or(error))
}
