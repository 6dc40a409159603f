use kube::core::Status;
use toolhost_capability::{CapabilityError, Reason};

use super::*;

fn refused(kind: &'static str, status: Status) -> CapabilityError {
    creation_refused(
        &kube::Error::Api(status.boxed()),
        Creating { kind, job: "load" },
    )
}

#[test]
fn the_cause_of_a_rejected_object_is_named() {
    #[rustfmt::skip]
    let cases = [
        ("bad-label", Reason::InvalidRequest, false, "`labels`: Invalid value: \"x y\"", "labels"),
        ("bad-name", Reason::InvalidRequest, false, "`metadata.name`: Invalid value: \"Bad_Name\"", ""),
        ("empty-image", Reason::InvalidRequest, false, "`image`: Required value", "image"),
        ("exists", Reason::Conflict, true, "a job named `load` is running", ""),
        ("forbidden", Reason::Denied, false, "`system:serviceaccount:team:limited` is not allowed to create jobs in the namespace `team`", ""),
        ("forbidden-secret", Reason::Denied, false, "is not allowed to create secrets", ""),
        ("invalid-quantity", Reason::InvalidRequest, false, "quantities must match", "resources"),
        ("job-too-large", Reason::TooLarge, false, "larger than 1.5 MiB", ""),
        ("many", Reason::InvalidRequest, false, "and 4 more", "activeDeadlineSeconds"),
        ("namespace", Reason::NamespaceMissing, false, "`nosuch-namespace` does not exist", "namespace"),
        ("policy", Reason::PolicyDenied, false, "the cluster's policy `no-foreign-images` refuses the job: images must come from registry.example.com", ""),
        ("psa-pod", Reason::PolicyDenied, false, "`restricted:latest`", "securityContext"),
        ("quota-jobs", Reason::Quota, true, "quota `team` is used up: count/jobs.batch=1 requested, count/jobs.batch=2 used, count/jobs.batch=2 allowed", ""),
        ("quota-secret", Reason::Quota, true, "count/secrets=1", ""),
        ("request-over-limit", Reason::InvalidRequest, false, "must be less than or equal to memory limit of 1Mi", "resources.requests"),
        ("secret-too-large", Reason::TooLarge, false, "Secret is larger than 1 MiB", "environment.NOETL_ARGS"),
        ("terminating", Reason::NamespaceMissing, false, "is being deleted", "namespace"),
        ("too-large", Reason::TooLarge, false, "larger than", ""),
        ("unknown-quantity", Reason::InvalidRequest, false, "must be a standard resource", "resources.limits.foo"),
        ("webhook-down", Reason::EngineUnavailable, true, "`validation.down.example.com` does not answer", ""),
        ("webhook-err", Reason::EngineUnavailable, true, "does not answer", ""),
        ("webhook-gate", Reason::PolicyDenied, false, "`validation.gate.example.com` refuses the job: [container-must-have-limits]", ""),
        ("webhook-kyverno", Reason::PolicyDenied, false, "The label `team` is required", ""),
        ("wrong-type", Reason::InvalidRequest, false, "cannot unmarshal string", "volumeMounts"),
    ];
    for (name, reason, retryable, message, field) in cases {
        let kind = if name.contains("secret") {
            "Secret"
        } else {
            "Job"
        };
        let error = refused(kind, fixture(STATUSES, name));
        assert_eq!(
            (error.explanation.reason, error.retryable),
            (reason, retryable),
            "{name}"
        );
        assert!(
            error.explanation.message.contains(message),
            "{name}: {}",
            error.explanation.message
        );
        assert_eq!(field_of(Some(&error.explanation)), field, "{name}");
    }
    let forbidden = refused("Job", fixture(STATUSES, "forbidden"));
    let rule = "`apiGroups: [\"batch\"], resources: [\"jobs\"], verbs: [\"create\"]`";
    assert!(text(forbidden.explanation.hint_text().as_ref()).contains(rule));
}

#[test]
fn transient_and_permanent_refusals_are_distinguished() {
    let cases = [
        (
            401,
            "Unauthorized",
            "Unauthorized",
            Reason::CredentialExpired,
            false,
        ),
        (
            429,
            "TooManyRequests",
            "too many requests, please try again later",
            Reason::EngineUnavailable,
            true,
        ),
        (
            500,
            "InternalError",
            "etcdserver: leader changed",
            Reason::EngineUnavailable,
            true,
        ),
        (
            503,
            "ServiceUnavailable",
            "x",
            Reason::EngineUnavailable,
            true,
        ),
        (
            504,
            "Timeout",
            "request did not complete within requested timeout",
            Reason::EngineUnavailable,
            true,
        ),
        (
            409,
            "Conflict",
            "Operation cannot be fulfilled on resourcequotas \"q\": the object has been modified",
            Reason::EngineUnavailable,
            true,
        ),
        (
            404,
            "NotFound",
            "the server could not find the requested resource",
            Reason::EngineUnavailable,
            false,
        ),
        (
            403,
            "Forbidden",
            "jobs.batch \"x\" is forbidden: something new",
            Reason::Denied,
            false,
        ),
    ];
    for (code, word, message, reason, retryable) in cases {
        let error = refused("Job", Status::failure(message, word).with_code(code));
        assert_eq!(
            (error.explanation.reason, error.retryable),
            (reason, retryable),
            "{code} {message}"
        );
    }
    let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    let error = kube::Error::Service(Box::new(refused));
    let error = creation_refused(
        &error,
        Creating {
            kind: "Job",
            job: "load",
        },
    );
    assert_eq!(
        (error.explanation.reason, error.retryable),
        (Reason::EngineUnavailable, true)
    );
    assert!(
        error.explanation.message.contains("connection refused"),
        "{}",
        error.explanation.message
    );
    let error = kube::Error::Service("invalid peer certificate: UnknownIssuer".into());
    let error = creation_refused(
        &error,
        Creating {
            kind: "Job",
            job: "load",
        },
    );
    assert_eq!(
        (error.explanation.reason, error.retryable),
        (Reason::TlsFailed, false)
    );
}

#[test]
fn a_rejected_secret_is_not_quoted() {
    let mut status: Status = fixture(STATUSES, "empty-image");
    let cause = &mut status.details.as_mut().unwrap().causes[0];
    cause.message = "Invalid value: \"hunter2\"".to_owned();
    cause.field = "data[key]".to_owned();
    status.message = "Secret \"s\" is invalid: data[key]: Invalid value: \"hunter2\"".to_owned();
    let error = refused("Secret", status);
    assert!(!format!("{error:?}").contains("hunter2"));
    assert!(error.explanation.message.contains("`data[key]`"));
}
