//! The errors of failed fetches: the reason, the culprit, and the fix.

use std::sync::Arc;
use std::time::Duration;

use toolhost::backend::objects::{GcsSource, S3Source};
use toolhost::capability::conformance::objects::{BadLine, Harness as _};
use toolhost::capability::{
    Access, CapabilityError, FetchPolicy, FetchRequest, Object, ObjectSource, Reason, Service,
};

use super::access::{FakeAccess, keys, nothing, token};
use super::harness::{Bucket, Lines, client, request};
use super::servers::bucket::BucketServer;
use super::servers::gcs;
use super::servers::line::{Fault, Line};
use super::servers::s3;
use super::servers::{Request, Response, Server};

/// What an error has to have.
struct Expected {
    reason: Reason,
    field: &'static str,
    message: &'static [&'static str],
    hint: &'static str,
}

fn check(case: &str, error: &CapabilityError, expected: &Expected) {
    assert_eq!(error.explanation.reason, expected.reason, "{case}: {error}");
    assert_eq!(
        error.explanation.field_text().as_deref(),
        Some(expected.field),
        "{case}: {error}"
    );
    for part in expected.message {
        assert!(
            error.explanation.message.contains(part),
            "{case}: no `{part}` in: {error}"
        );
    }
    let hint = error.explanation.hint_text().unwrap_or_default();
    assert!(
        hint.contains(expected.hint),
        "{case}: no `{}` in: {hint}",
        expected.hint
    );
    let printed = format!("{error:?}");
    for secret in [s3::SECRET, "session-token", "ya29."] {
        assert!(!printed.contains(secret), "{case}: {printed}");
    }
}

async fn from_s3(access: Access, request: FetchRequest) -> Result<Object, CapabilityError> {
    let access = Arc::new(FakeAccess::new(access));
    S3Source::new(client())
        .with_access(access)
        .fetch(request)
        .await
}

async fn from_gcs(access: Access, request: FetchRequest) -> Result<Object, CapabilityError> {
    let access = Arc::new(FakeAccess::new(access));
    GcsSource::new(client())
        .with_access(access)
        .fetch(request)
        .await
}

/// The right keys of the tests' S3.
fn right_keys() -> Access {
    in_region(keys(s3::KEY, s3::SECRET, None))
}

#[tokio::test]
async fn s3_says_where_the_object_is_not() {
    let server = s3::start().await;
    server.store.put("bucket", "a.py", "print(1)");
    server.store.deny("denied.py");
    let cases = [
        (
            "s3://bucket/missing%20.py",
            right_keys(),
            Expected {
                reason: Reason::FetchNotFound,
                field: "uri",
                message: &[
                    "`s3://bucket/missing%20.py` does not exist",
                    "404 NoSuchKey",
                ],
                hint: "verbatim",
            },
        ),
        (
            "s3://nowhere/a.py",
            right_keys(),
            Expected {
                reason: Reason::BucketNotFound,
                field: "uri",
                message: &["no bucket `nowhere`", "404 NoSuchBucket"],
                hint: "check the bucket",
            },
        ),
        (
            "s3://bucket/denied.py",
            right_keys(),
            Expected {
                reason: Reason::FetchDenied,
                field: "auth",
                message: &[
                    "`s3://bucket/denied.py`",
                    "the credential `aws_test`",
                    "AccessDenied",
                ],
                hint: "`s3:GetObject` on `arn:aws:s3:::bucket/denied.py`",
            },
        ),
        (
            "s3://bucket/a.py",
            keys(s3::KEY, s3::SECRET, None),
            Expected {
                reason: Reason::WrongRegion,
                field: "region",
                message: &["in the region `us-west-2`", "`us-east-1` was asked"],
                hint: "set `region` to `us-west-2`",
            },
        ),
        (
            "s3://elsewhere/a.py",
            right_keys(),
            Expected {
                reason: Reason::WrongRegion,
                field: "region",
                message: &["in the region `eu-central-1`", "301 PermanentRedirect"],
                hint: "set `region` to `eu-central-1`",
            },
        ),
        (
            "s3://archive/a.py",
            right_keys(),
            Expected {
                reason: Reason::FetchFailed,
                field: "uri",
                message: &["is archived", "InvalidObjectState"],
                hint: "restore-object",
            },
        ),
    ];
    for (uri, access, expected) in cases {
        check_s3(&server, uri, access, &expected).await;
    }
}

#[tokio::test]
async fn s3_says_what_is_wrong_with_the_keys() {
    let server = s3::start().await;
    server.store.put("bucket", "a.py", "print(1)");
    server.token("session-token-expired", false);
    let cases = [
        (
            nothing(),
            Expected {
                reason: Reason::FetchDenied,
                field: "auth",
                message: &["no credential"],
                hint: "name a credential",
            },
        ),
        (
            in_region(keys("AKIAOTHER", s3::SECRET, None)),
            Expected {
                reason: Reason::FetchDenied,
                field: "auth",
                message: &[
                    "does not know the access key of the credential `aws_test`",
                    "403 InvalidAccessKeyId",
                ],
                hint: "access_key_id",
            },
        ),
        (
            in_region(keys(s3::KEY, "another-secret", None)),
            Expected {
                reason: Reason::FetchDenied,
                field: "auth",
                message: &[
                    "the secret key of the credential `aws_test`",
                    "SignatureDoesNotMatch",
                ],
                hint: "secret_access_key",
            },
        ),
        (
            in_region(keys(s3::KEY, s3::SECRET, Some("session-token-expired"))),
            Expected {
                reason: Reason::CredentialExpired,
                field: "auth",
                message: &[
                    "the credential `aws_test` is no longer valid",
                    "ExpiredToken",
                ],
                hint: "renew it",
            },
        ),
        (
            in_region(keys(s3::KEY, s3::SECRET, Some("session-token-unknown"))),
            Expected {
                reason: Reason::FetchDenied,
                field: "auth",
                message: &["session token", "[hidden] is malformed"],
                hint: "one and the same login",
            },
        ),
        (
            token("ya29.token"),
            Expected {
                reason: Reason::CredentialMissing,
                field: "auth",
                message: &["the credential `google_test`"],
                hint: "`aws`",
            },
        ),
        (
            keys("AKIA\nX: y", s3::SECRET, None),
            Expected {
                reason: Reason::CredentialMissing,
                field: "auth",
                message: &["`access_key_id` of the credential `aws_test`"],
                hint: "copy the key again",
            },
        ),
    ];
    for (access, expected) in cases {
        check_s3(&server, "s3://bucket/a.py", access, &expected).await;
    }
}

async fn check_s3(server: &BucketServer, uri: &str, access: Access, expected: &Expected) {
    let case = format!("{uri} with {}", expected.reason);
    let error = from_s3(access, request(uri, Some(&server.url()))).await;
    check(&case, &error.unwrap_err(), expected);
}

/// The access, for the region of the tests' S3.
fn in_region(mut access: Access) -> Access {
    access.region = Some(s3::REGION.to_owned());
    access
}

#[tokio::test]
async fn an_error_of_google_says_whose_fault_it_is() {
    let server = gcs::start().await;
    server.store.put("bucket", "a.py", "print(1)");
    server.store.deny("denied.py");
    server.token("ya29.valid", true);
    server.token("ya29.expired", false);
    let cases = [
        (
            "gs://bucket/missing.py",
            token("ya29.valid"),
            Expected {
                reason: Reason::FetchNotFound,
                field: "uri",
                message: &["`gs://bucket/missing.py` does not exist"],
                hint: "check the key",
            },
        ),
        (
            "gs://nowhere/a.py",
            token("ya29.valid"),
            Expected {
                reason: Reason::BucketNotFound,
                field: "uri",
                message: &["no bucket `nowhere`"],
                hint: "check the bucket",
            },
        ),
        (
            "gs://bucket/denied.py",
            token("ya29.valid"),
            Expected {
                reason: Reason::FetchDenied,
                field: "auth",
                message: &[
                    "the credential `google_test`",
                    "robot@example.com does not have storage.objects.get",
                ],
                hint: "Storage Object Viewer",
            },
        ),
        (
            "gs://bucket/a.py",
            nothing(),
            Expected {
                reason: Reason::FetchDenied,
                field: "auth",
                message: &[
                    "`gs://bucket/a.py` cannot be read without a credential",
                    "Anonymous caller",
                ],
                hint: "name a credential",
            },
        ),
        (
            "gs://bucket/a.py",
            token("ya29.expired"),
            Expected {
                reason: Reason::CredentialExpired,
                field: "auth",
                message: &[
                    "the token of the credential `google_test`",
                    "The token [hidden] is not valid.",
                ],
                hint: "after an hour",
            },
        ),
        (
            "gs://requester/a.py",
            token("ya29.valid"),
            Expected {
                reason: Reason::FetchDenied,
                field: "uri",
                message: &["is requester-pays", "UserProjectMissing"],
                hint: "whose owner pays",
            },
        ),
        (
            "gs://bucket/a.py",
            keys(s3::KEY, s3::SECRET, None),
            Expected {
                reason: Reason::CredentialMissing,
                field: "auth",
                message: &["the credential `aws_test`"],
                hint: "`google`",
            },
        ),
    ];
    for (uri, access, expected) in cases {
        let case = format!("{uri} with {}", expected.reason);
        let error = from_gcs(access, request(uri, Some(&server.url()))).await;
        check(&case, &error.unwrap_err(), &expected);
    }
}

#[tokio::test]
async fn an_expired_token_is_renewed_and_the_request_repeated_once() {
    let server = gcs::start().await;
    server.store.put("bucket", "a.py", "print(1)");
    server.token("ya29.old", false);
    server.token("ya29.new", true);
    let renewing = FakeAccess::renewing(token("ya29.old"), [token("ya29.new")]);
    let access = Arc::new(renewing);
    let source = GcsSource::new(client()).with_access(Arc::clone(&access) as _);
    let mut asked = request("gs://bucket/a.py", Some(&server.url()));
    asked.options.credential = Some("google_test".to_owned());
    let object = source.fetch(asked).await.unwrap();
    assert_eq!(&object.bytes[..], b"print(1)");
    assert_eq!(access.refused(), 1);
    for request in access.requests() {
        assert_eq!(request.service, Service::Gcs);
        assert_eq!(request.credential.as_deref(), Some("google_test"));
    }

    let server = s3::start().await;
    server.store.put("bucket", "a.py", "print(2)");
    server.token("old", false);
    server.token("new", true);
    let with = |token| in_region(keys(s3::KEY, s3::SECRET, Some(token)));
    let access = Arc::new(FakeAccess::renewing(with("old"), [with("new")]));
    let source = S3Source::new(client()).with_access(Arc::clone(&access) as _);
    let object = source
        .fetch(request("s3://bucket/a.py", Some(&server.url())))
        .await
        .unwrap();
    assert_eq!(&object.bytes[..], b"print(2)");
    assert_eq!(access.refused(), 1);
    assert_eq!(server.store.requests().len(), 2);
}

#[tokio::test]
async fn what_is_public_is_read_without_a_credential_and_without_a_signature() {
    let server = s3::start().await;
    server.store.put("public", "a.py", "print(1)");
    let object = from_s3(nothing(), request("s3://public/a.py", Some(&server.url()))).await;
    let object = object.unwrap();
    assert_eq!(object.metadata.uri.as_deref(), Some("s3://public/a.py"));
    assert_eq!(
        object.metadata.version.as_deref(),
        Some("3HL4kqtJvjVBH40Nrjfkd")
    );
    assert!(object.metadata.etag.unwrap().starts_with('"'));
    let requests = server.store.requests();
    assert!(!requests[0].headers.contains_key("authorization"));

    let server = gcs::start().await;
    server.store.put("public", "a.py", "print(1)");
    let object = from_gcs(nothing(), request("gs://public/a.py", Some(&server.url()))).await;
    let object = object.unwrap();
    assert_eq!(object.metadata.version.as_deref(), Some("1727776800000001"));
}

#[tokio::test]
async fn the_request_takes_precedence_over_the_credential_and_the_credential_over_the_default() {
    let server = s3::start().await;
    server.store.put("bucket", "a.py", "print(1)");
    let mut access = keys(s3::KEY, s3::SECRET, None);
    access.region = Some("eu-north-1".to_owned());
    access.endpoint = Some(server.url());
    // The server of the credential, which may be anywhere, and the region of the request.
    let mut asked = request("s3://bucket/a.py", None);
    asked.options.policy = Arc::new(FetchPolicy::default());
    asked.options.credential = Some("aws_test".to_owned());
    asked.options.region = Some(s3::REGION.to_owned());
    let object = from_s3(access.clone(), asked.clone()).await.unwrap();
    assert_eq!(&object.bytes[..], b"print(1)");
    assert_eq!(server.store.requests()[0].target, "/bucket/a.py");
    // The server of the request may not.
    asked.options.endpoint = Some(server.url());
    let error = from_s3(access.clone(), asked.clone()).await.unwrap_err();
    check(
        "a private address",
        &error,
        &Expected {
            reason: Reason::Denied,
            field: "endpoint",
            message: &["127.0.0.1"],
            hint: "private-addresses: true",
        },
    );
    // What is wrong with the server of a credential is the credential's fault.
    asked.options.endpoint = None;
    for (endpoint, reason) in [
        ("ftp://store", Reason::InvalidRequest),
        ("http://store.invalid", Reason::HostNotFound),
    ] {
        access.endpoint = Some(endpoint.to_owned());
        let error = from_s3(access.clone(), asked.clone()).await.unwrap_err();
        assert_eq!(error.explanation.reason, reason, "{error}");
        assert_eq!(
            error.explanation.field_text().as_deref(),
            Some("auth"),
            "{error}"
        );
    }
    // The bucket as part of the host's name, where the credential says so: the name does not resolve.
    access.path_style = Some(false);
    let error = from_s3(access, asked).await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::HostNotFound, "{error}");
    assert!(
        error.explanation.message.contains("bucket.store.invalid"),
        "{error}"
    );
}

#[tokio::test]
async fn options_that_mean_nothing_are_refused_by_name() {
    let server = s3::start().await;
    let mut with_method = request("s3://bucket/a.py", Some(&server.url()));
    with_method.options.method = Some("POST".to_owned());
    let mut with_headers = request("s3://bucket/a.py", Some(&server.url()));
    with_headers.options.headers = vec![("x".to_owned(), "y".into())];
    let mut with_region = request("gs://bucket/a.py", Some(&server.url()));
    with_region.options.region = Some("us-east-1".to_owned());
    let mut odd_region = request("s3://bucket/a.py", Some(&server.url()));
    odd_region.options.region = Some("evil.example/".to_owned());
    let odd_endpoint = request("s3://bucket/a.py", Some("ftp://host"));
    let bucket_alone = request("s3://bucket", Some(&server.url()));
    for (request, field) in [
        (with_method, "method"),
        (with_headers, "headers"),
        (with_region, "region"),
        (odd_region, "region"),
        (odd_endpoint, "endpoint"),
        (bucket_alone, "uri"),
    ] {
        let is_google = request.uri.starts_with("gs:");
        let error = if is_google {
            from_gcs(nothing(), request).await.unwrap_err()
        } else {
            from_s3(nothing(), request).await.unwrap_err()
        };
        assert_eq!(error.explanation.reason, Reason::InvalidRequest, "{error}");
        assert_eq!(
            error.explanation.field_text().as_deref(),
            Some(field),
            "{error}"
        );
    }
    assert!(server.store.requests().is_empty(), "a request was sent");
}

#[tokio::test]
async fn a_server_that_is_not_there_or_speaks_something_else_is_named() {
    let plain = s3::start().await;
    let tls_to_plain = plain.url().replace("http://", "https://");
    let chatter =
        Server::start(|_: Request| Response::new(200, "").header("transfer-encoding", "odd"));
    let chatter = chatter.await.url();
    for (endpoint, reason) in [
        ("http://store.invalid", Reason::HostNotFound),
        (tls_to_plain.as_str(), Reason::TlsFailed),
        (chatter.as_str(), Reason::FetchFailed),
    ] {
        let error = from_s3(right_keys(), request("s3://bucket/a.py", Some(endpoint))).await;
        let error = error.unwrap_err();
        assert_eq!(error.explanation.reason, reason, "{error}");
        assert!(
            error.explanation.message.contains("`s3://bucket/a.py`"),
            "{error}"
        );
        assert_eq!(
            error.explanation.field_text().as_deref(),
            Some("endpoint"),
            "{error}"
        );
        assert!(error.explanation.hint.is_some(), "{error}");
    }
}

#[tokio::test]
async fn an_endless_error_is_read_in_part() {
    let server = Server::start(|_| {
        let mut body = b"<Error><Code>AccessDenied</Code><Message>no</Message>".to_vec();
        body.resize(64 << 20, b' ');
        Response::new(403, body)
    });
    let server = server.await;
    let lines = Lines::default();
    // Far more than is read, and far from the end.
    let endpoint = lines.add(server.address, BadLine::Stalls(1 << 20)).await;
    let mut asked = request("s3://bucket/a.py", Some(&endpoint));
    asked.options.timeout = Some(Duration::from_secs(30));
    let error = from_s3(right_keys(), asked).await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::FetchDenied, "{error}");
    assert!(
        error
            .explanation
            .message
            .contains("403 AccessDenied, \"no\""),
        "{error}"
    );
}

#[tokio::test]
async fn an_object_that_changes_between_two_parts_is_read_again() {
    let s3 = Bucket::s3().await;
    let old = vec![b'o'; 100_000];
    let asked = s3.put("changing.py", &old).await;
    let asked = s3.over(asked, BadLine::Cuts(vec![50_000])).await.unwrap();
    let store = Arc::clone(&s3.server.store);
    let change = async move {
        while !store
            .requests()
            .iter()
            .any(|request| request.target.ends_with("changing.py"))
        {
            tokio::task::yield_now().await;
        }
        store.put("bucket", "changing.py", vec![b'n'; 80_000]);
    };
    let (object, ()) = tokio::join!(s3.source().fetch(asked), change);
    let bytes = object.unwrap().bytes;
    assert_eq!(bytes, vec![b'n'; 80_000], "{} bytes", bytes.len());
    let conditions: Vec<_> = s3
        .server
        .store
        .requests()
        .into_iter()
        .map(|request| request.headers.contains_key("if-match"))
        .collect();
    assert_eq!(conditions, [false, true, false]);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_then_named() {
    let server = Server::start(|_| {
        let body = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
        Response::new(503, body)
    });
    let server = server.await;
    let error = from_s3(
        right_keys(),
        request("s3://bucket/a.py", Some(&server.url())),
    )
    .await;
    let error = error.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::FetchFailed, "{error}");
    assert!(error.retryable, "{error}");
    assert!(
        error.explanation.message.contains("503 SlowDown"),
        "{error}"
    );
    assert!(error.explanation.message.contains("attempts"), "{error}");
}

#[tokio::test]
async fn a_transfer_goes_on_where_it_was_cut() {
    let s3 = Bucket::s3().await;
    let content = vec![b'x'; 100_000];
    let asked = s3.put("cut.py", &content).await;
    let cuts = vec![30_000, 30_000];
    let asked = s3.over(asked, BadLine::Cuts(cuts)).await.unwrap();
    let object = s3.source().fetch(asked).await.unwrap();
    assert_eq!(object.bytes, content);
    let starts: Vec<_> = s3
        .server
        .store
        .requests()
        .into_iter()
        .map(|request| {
            let range = request.headers.get("range")?.strip_prefix("bytes=")?;
            range.strip_suffix('-')?.parse::<u64>().ok()
        })
        .collect();
    // The head of each answer is among what arrived before the cut.
    assert!(
        matches!(
            starts[..],
            [None, Some(29_000..30_000), Some(58_000..60_000)]
        ),
        "{starts:?}"
    );
}

#[tokio::test]
async fn a_transfer_that_never_pauses_ends_when_its_time_is_over() {
    let s3 = Bucket::s3().await;
    let mut asked = s3.put("trickle.bin", &vec![0; 5 << 20]).await;
    let slow = Fault::Slow(Duration::from_millis(5));
    let line = Line::start(s3.server.address(), Vec::new(), slow).await;
    asked.options.endpoint = Some(line.url());
    asked.options.timeout = Some(Duration::from_millis(300));
    let error = s3.source().fetch(asked).await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::Timeout, "{error}");
    assert_eq!(
        error.explanation.field_text().as_deref(),
        Some("timeout-ms")
    );
}

#[tokio::test]
async fn without_credentials_only_what_needs_none_is_asked_for() {
    let server = s3::start().await;
    server.store.put("public", "a.py", "print(1)");
    let source = S3Source::new(client());
    let mut asked = request("s3://public/a.py", Some(&server.url()));
    let object = source.fetch(asked.clone()).await.unwrap();
    assert_eq!(&object.bytes[..], b"print(1)");
    asked.options.credential = Some("aws_test".to_owned());
    let error = source.fetch(asked).await.unwrap_err();
    check(
        "no credentials",
        &error,
        &Expected {
            reason: Reason::CredentialMissing,
            field: "auth",
            message: &["`aws_test`"],
            hint: "specify a credentials file",
        },
    );
    assert_eq!(server.store.requests().len(), 1);
}

/// `print('packed')` and a line's end, by `gzip -n`.
const PACKED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\x28\xca\xcc\x2b\xd1\x50\x2f\x48\x4c\xce\x4e\x4d\x51\xd7\xe4\x02\x00\xae\x8d\x83\xb5\x10\x00\x00\x00";

#[tokio::test]
async fn what_is_stored_packed_or_without_a_length_is_read_to_its_end() {
    let server = Server::start(|request: Request| {
        let response = if request.target.ends_with("packed.py") {
            Response::new(200, PACKED).header("content-encoding", "gzip")
        } else {
            let chunks = "6\r\nprint(\r\n3\r\n1)\n\r\n0\r\n\r\n";
            Response::new(200, chunks).header("transfer-encoding", "chunked")
        };
        response.header("etag", "\"tag\"")
    });
    let server = server.await;
    for (key, content) in [("packed.py", "print('packed')\n"), ("a.py", "print(1)\n")] {
        let asked = request(&format!("gs://bucket/{key}"), Some(&server.url()));
        let object = from_gcs(nothing(), asked).await.unwrap();
        assert_eq!(object.bytes, content.as_bytes(), "{key}");
        assert_eq!(object.metadata.etag.as_deref(), Some("\"tag\""));
    }
}
