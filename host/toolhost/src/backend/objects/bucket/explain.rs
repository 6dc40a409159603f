use http::StatusCode;

use super::answer::Answer;
use super::name::ObjectName;
use crate::capability::{Access, Authorization, CapabilityError, Hint, Reason, Service};

/// The request, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'call> {
    pub(super) service: Service,
    pub(super) name: &'call ObjectName,
    pub(super) access: &'call Access,
    /// The region of the request, where the service has regions.
    pub(super) region: Option<&'call str>,
    /// The server, as the user wrote it.
    pub(super) endpoint: &'call str,
    /// The configuration value that determines the server.
    pub(super) place_field: &'static str,
}

/// The explanation of an answer: the reason, the beginning of the message, the hint, the field.
struct Verdict {
    reason: Reason,
    what: String,
    hint: Hint,
    field: &'static str,
    retryable: bool,
}

const URI: &str = "uri";
const AUTH: &str = "auth";
const REGION: &str = "region";

/// Converts an answer into an error, by the server's code, then by its status.
///
/// Codes: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html> and
/// <https://cloud.google.com/storage/docs/xml-api/reference-status>.
pub(super) fn explain(asked: Asked<'_>, answer: &Answer) -> CapabilityError {
    let verdict = of_place(asked, answer)
        .or_else(|| of_access(asked, answer))
        .or_else(|| of_object(asked, answer))
        .unwrap_or_else(|| of_status(asked, answer));
    let message = format!(
        "{}: {} answered {} to a request with {}",
        verdict.what,
        asked.endpoint,
        answer.shown(),
        asked.access.origin,
    );
    let error = CapabilityError::new(verdict.reason, message)
        .with_hint(verdict.hint)
        .with_field(verdict.field);
    if verdict.retryable {
        error.retryable()
    } else {
        error
    }
}

/// Explains a bucket that is not at the requested server.
fn of_place(asked: Asked<'_>, answer: &Answer) -> Option<Verdict> {
    let bucket = &asked.name.bucket;
    if answer.is("NoSuchBucket") {
        return Some(Verdict::new(
            Reason::BucketNotFound,
            format!("there is no bucket `{bucket}`"),
            Hint::from("check the bucket in ")
                .field(URI)
                .text(format!(", and that {} is the right server", asked.endpoint)),
            URI,
        ));
    }
    if answer.is("InvalidBucketName") {
        let what = format!("invalid bucket name `{bucket}`");
        return Some(Verdict::new(
            Reason::InvalidRequest,
            what,
            "check the bucket",
            URI,
        ));
    }
    let asked_region = asked.region?;
    let other = answer
        .region
        .as_deref()
        .filter(|region| *region != asked_region);
    let is_elsewhere = answer.status.is_redirection()
        || ["PermanentRedirect", "TemporaryRedirect"]
            .iter()
            .any(|code| answer.is(code))
        // On other servers this code is used for other faults of the header as well.
        || ["AuthorizationHeaderMalformed", "IllegalLocationConstraintException"]
            .iter()
            .any(|code| answer.is(code) && (other.is_some() || answer.mentions("region")));
    is_elsewhere.then(|| {
        let (what, hint) = match other {
            Some(region) => (
                format!(
                    "the bucket `{bucket}` is in the region `{region}`, and `{asked_region}` was asked"
                ),
                Hint::from("set ")
                    .field(REGION)
                    .text(format!(" to `{region}`")),
            ),
            None => (
                format!("the bucket `{bucket}` is not in the region `{asked_region}`"),
                Hint::from("set ")
                    .field(REGION)
                    .text(" to the region of the bucket"),
            ),
        };
        Verdict::new(Reason::WrongRegion, what, hint, REGION)
    })
}

/// Explains credentials that the server does not accept.
fn of_access(asked: Asked<'_>, answer: &Answer) -> Option<Verdict> {
    let origin = &asked.access.origin;
    let anonymous = matches!(asked.access.authorization, Authorization::Anonymous);
    let code = answer.code.as_deref().unwrap_or_default();
    let denied =
        |what: String, hint: Hint| Some(Verdict::new(Reason::FetchDenied, what, hint, AUTH));
    match code {
        "ExpiredToken" | "TokenRefreshRequired" => Some(Verdict::new(
            Reason::CredentialExpired,
            format!("{origin} is no longer valid"),
            "renew it; temporary keys of AWS end after hours",
            AUTH,
        )),
        // The second is versitygw's.
        "InvalidAccessKeyId" | "XAdminUserNotFound" => denied(
            format!("the server does not know the access key of {origin}"),
            "check `access_key_id`: it may have been deleted, or be another server's".into(),
        ),
        "SignatureDoesNotMatch" => denied(
            format!("the secret key of {origin} is not the one of its access key"),
            "check `secret_access_key` for what was cut off or added when it was copied".into(),
        ),
        "InvalidToken" => denied(
            format!("the session token of {origin} is not valid"),
            "copy `access_key_id`, `secret_access_key` and `session_token` from one and the same login".into(),
        ),
        "RequestTimeTooSkewed" => denied(
            "this machine's clock differs from the server's by more than 15 minutes".to_owned(),
            "set the clock".into(),
        ),
        "UserProjectMissing" | "UserProjectAccessDenied" => Some(requester_pays(asked)),
        _ if answer.mentions("requester pays") => Some(requester_pays(asked)),
        _ if answer.status != StatusCode::UNAUTHORIZED => None,
        _ if anonymous => denied(
            format!("`{}` cannot be read without a credential", asked.name.uri()),
            name_a_credential(),
        ),
        _ => Some(Verdict::new(
            Reason::CredentialExpired,
            format!("the server does not, or no longer, accept the token of {origin}"),
            "renew it; an access token of Google ends after an hour",
            AUTH,
        )),
    }
}

fn requester_pays(asked: Asked<'_>) -> Verdict {
    let what = format!(
        "the bucket `{}` is requester-pays, which is not supported",
        asked.name.bucket
    );
    let hint = "copy the object to a bucket whose owner pays";
    Verdict::new(Reason::FetchDenied, what, hint, URI)
}

/// Explains an object that does not exist, may not be read, or is not available at the moment.
fn of_object(asked: Asked<'_>, answer: &Answer) -> Option<Verdict> {
    let uri = asked.name.uri();
    let anonymous = matches!(asked.access.authorization, Authorization::Anonymous);
    if answer.is("InvalidObjectState") {
        return Some(Verdict::new(
            Reason::FetchFailed,
            format!("`{uri}` is archived"),
            "restore it first (`aws s3api restore-object`), or keep it in another storage class",
            URI,
        ));
    }
    // The second is that of Google's JSON API. Other codes are not specific.
    let is_missing = match answer.code.as_deref() {
        Some(code) => matches!(code, "NoSuchKey" | "notFound" | "NoSuchVersion"),
        None => answer.status == StatusCode::NOT_FOUND,
    };
    if is_missing {
        let check = match answer.code {
            Some(_) => "check the key in ",
            None => "check the bucket and the key in ",
        };
        let check = || Hint::from(check).field(URI);
        let hint = asked.name.doubt().map_or_else(check, Hint::from);
        let what = format!("`{uri}` does not exist");
        return Some(Verdict::new(Reason::FetchNotFound, what, hint, URI));
    }
    if answer.status != StatusCode::FORBIDDEN {
        return None;
    }
    let what = format!("access to `{uri}` is denied");
    let hint = match asked.service {
        _ if anonymous => name_a_credential(),
        Service::Gcs => "grant it the role Storage Object Viewer on the bucket".into(),
        // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>, under Permissions.
        Service::S3 | Service::Http => format!(
            "grant it `s3:GetObject` on `arn:aws:s3:::{}/{}`; without `s3:ListBucket`, a missing object is denied as well",
            asked.name.bucket, asked.name.key
        )
        .into(),
    };
    Some(Verdict::new(Reason::FetchDenied, what, hint, AUTH))
}

fn name_a_credential() -> Hint {
    Hint::from("name a credential in ").field(AUTH)
}

fn of_status(asked: Asked<'_>, answer: &Answer) -> Verdict {
    let what = format!("cannot read `{}`", asked.name.uri());
    let busy = answer.status.is_server_error()
        || matches!(
            answer.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        );
    if busy {
        let mut verdict = Verdict::new(
            Reason::FetchFailed,
            what,
            "try again later: the server has a problem",
            asked.place_field,
        );
        verdict.retryable = true;
        return verdict;
    }
    Verdict::new(
        Reason::FetchFailed,
        what,
        "check the server's message, and that it is the right server",
        asked.place_field,
    )
}

impl Verdict {
    fn new(reason: Reason, what: String, hint: impl Into<Hint>, field: &'static str) -> Self {
        Self {
            reason,
            what,
            hint: hint.into(),
            field,
            retryable: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    const ENDPOINT: &str = "endpoint";

    fn explained(service: Service, status: u16, code: &str, message: &str) -> CapabilityError {
        let scheme = if service == Service::Gcs { "gs" } else { "s3" };
        let name = ObjectName::parse(&format!("{scheme}://bucket/a.py"), scheme).unwrap();
        let access = Access::new(Authorization::Bearer("token".into()), "the credential `c`");
        let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer::read(status, &HeaderMap::new(), body.as_bytes(), &access);
        let asked = Asked {
            service,
            name: &name,
            access: &access,
            region: (service == Service::S3).then_some("us-east-1"),
            endpoint: "https://server",
            place_field: ENDPOINT,
        };
        explain(asked, &answer)
    }

    #[test]
    fn every_error_names_the_server_the_answer_and_the_credential() {
        use Reason as R;
        // Status, code, message; reason, field, whether it is retryable.
        let cases = [
            (404, "NoSuchKey", "", R::FetchNotFound, URI, false),
            (404, "", "", R::FetchNotFound, URI, false),
            (404, "NoSuchUpload", "", R::FetchFailed, ENDPOINT, false),
            (404, "NoSuchBucket", "", R::BucketNotFound, URI, false),
            (400, "InvalidBucketName", "", R::InvalidRequest, URI, false),
            (403, "AccessDenied", "", R::FetchDenied, AUTH, false),
            (403, "AccountProblem", "", R::FetchDenied, AUTH, false),
            (403, "RequestTimeTooSkewed", "", R::FetchDenied, AUTH, false),
            (403, "InvalidAccessKeyId", "", R::FetchDenied, AUTH, false),
            (
                403,
                "SignatureDoesNotMatch",
                "",
                R::FetchDenied,
                AUTH,
                false,
            ),
            (400, "ExpiredToken", "", R::CredentialExpired, AUTH, false),
            (401, "", "", R::CredentialExpired, AUTH, false),
            (
                403,
                "AccessDenied",
                "Requester Pays",
                R::FetchDenied,
                URI,
                false,
            ),
            (403, "InvalidObjectState", "", R::FetchFailed, URI, false),
            (400, "InvalidRequest", "", R::FetchFailed, ENDPOINT, false),
            (503, "SlowDown", "", R::FetchFailed, ENDPOINT, true),
            (500, "InternalError", "", R::FetchFailed, ENDPOINT, true),
            (429, "", "", R::FetchFailed, ENDPOINT, true),
        ];
        for (status, code, message, reason, field, retryable) in cases {
            for service in [Service::S3, Service::Gcs] {
                let error = explained(service, status, code, message);
                let case = format!("{status} {code}: {error}");
                assert_eq!(error.explanation.reason, reason, "{case}");
                assert_eq!(
                    error.explanation.field_text().as_deref(),
                    Some(field),
                    "{case}"
                );
                assert_eq!(error.retryable, retryable, "{case}");
                assert!(
                    error
                        .explanation
                        .hint_text()
                        .is_some_and(|hint| !hint.is_empty()),
                    "{case}"
                );
                let answered = format!("https://server answered {status}");
                for part in [&answered, code, "the credential `c`"] {
                    assert!(error.explanation.message.contains(part), "{case}");
                }
            }
        }
    }

    #[test]
    fn only_a_store_with_regions_has_a_wrong_region() {
        let moved = explained(Service::S3, 301, "PermanentRedirect", "");
        assert_eq!(moved.explanation.reason, Reason::WrongRegion, "{moved}");
        assert!(
            moved
                .explanation
                .message
                .contains("not in the region `us-east-1`"),
            "{moved}"
        );
        let malformed = explained(Service::S3, 400, "AuthorizationHeaderMalformed", "no date");
        assert_eq!(
            malformed.explanation.reason,
            Reason::FetchFailed,
            "{malformed}"
        );
        let moved = explained(Service::Gcs, 301, "PermanentRedirect", "");
        assert_eq!(moved.explanation.reason, Reason::FetchFailed, "{moved}");
    }
}
