//! Answers that no store of Amazon or Google gives, and keys that few people use.

use std::sync::Arc;

use toolhost::backend::objects::{GcsSource, S3Source};
use toolhost::capability::conformance::objects::{BadLine, Harness as _};
use toolhost::capability::{CapabilityError, Object, ObjectSource, Reason};

use super::access::{FakeAccess, nothing};
use super::harness::{Bucket, Lines, client, request};
use super::servers::{Request, Response, Server};

#[tokio::test]
async fn keys_with_empty_parts_are_keys() {
    for bucket in [Bucket::s3().await, Bucket::gcs().await] {
        for key in ["/a.py", "a//b.py", "folder/", "a///b//c", "//"] {
            let request = bucket.put(key, key.as_bytes()).await;
            let object = bucket.source().fetch(request).await.unwrap();
            assert_eq!(&object.bytes[..], key.as_bytes(), "{key}");
        }
    }
}

#[tokio::test]
async fn an_address_has_no_escapes_that_it_does_not_need() {
    for bucket in [Bucket::s3().await, Bucket::gcs().await] {
        let request = bucket.put("a-b_c~d/e-f_g.py", b"print(1)").await;
        bucket.source().fetch(request).await.unwrap();
        let requests = bucket.server.store.requests();
        assert_eq!(requests[0].target, "/bucket/a-b_c~d/e-f_g.py");
    }
}

/// What both protocols make of the answers of a server.
async fn asked(
    answer: impl Fn(Request) -> Response + Send + Sync + Clone + 'static,
) -> [Result<Object, CapabilityError>; 2] {
    let server = Server::start(answer).await;
    let access = Arc::new(FakeAccess::new(nothing()));
    let s3 = S3Source::new(client()).with_access(Arc::clone(&access) as _);
    let gcs = GcsSource::new(client()).with_access(access);
    [
        s3.fetch(request("s3://bucket/a.py", Some(&server.url())))
            .await,
        gcs.fetch(request("gs://bucket/a.py", Some(&server.url())))
            .await,
    ]
}

#[tokio::test]
async fn a_part_that_was_not_requested_is_not_the_object() {
    for range in [
        "bytes 0-7/100",
        "bytes 0-7/8",
        "bytes 0-18446744073709551615/18446744073709551615",
        "bytes x",
    ] {
        let answers = asked(move |_| Response::new(206, "print(1)").header("content-range", range));
        for answer in answers.await {
            let error = answer.unwrap_err();
            assert_eq!(
                error.explanation.reason,
                Reason::FetchFailed,
                "{range}: {error}"
            );
            assert!(
                error.explanation.message.contains("instead of the whole"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn odd_headers_do_not_stand_between_a_script_and_who_wants_it() {
    for (name, value) in [
        ("last-modified", "yesterday"),
        ("etag", "größe"),
        ("cache-control", "größe"),
        ("x-amz-meta-author", "Jürgen"),
        ("x-goog-meta-author", "Jürgen"),
        ("x-amz-version-id", "größe"),
        ("content-range", "nonsense"),
    ] {
        for answer in asked(move |_| Response::new(200, "print(1)").header(name, value)).await {
            let object = answer.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(&object.bytes[..], b"print(1)", "{name}");
            assert_eq!(object.metadata.etag, None);
            assert_eq!(object.metadata.version, None);
        }
    }
}

/// Asks for an object of a hundred thousand bytes over a line that is cut halfway, of a server that answers the
/// second time as `second` says. Gives the ranges that were asked for.
async fn cut_and_then(
    second: fn(start: usize) -> Response,
) -> (Result<Object, CapabilityError>, Vec<Option<usize>>) {
    let ranges = Arc::new(std::sync::Mutex::new(Vec::new()));
    let server = {
        let ranges = Arc::clone(&ranges);
        Server::start(move |request: Request| {
            let range = request.headers.get("range").map(|range| {
                let start = range.strip_prefix("bytes=").unwrap();
                start.strip_suffix('-').unwrap().parse().unwrap()
            });
            ranges.lock().unwrap().push(range);
            let response = match range {
                Some(start) => second(start),
                None => Response::new(200, vec![b'a'; 100_000]),
            };
            response.header("etag", "\"tag\"")
        })
    };
    let server = server.await;
    let lines = Lines::default();
    let endpoint = lines.add(server.address, BadLine::Cuts(vec![50_000])).await;
    let source = S3Source::new(client()).with_access(Arc::new(FakeAccess::new(nothing())));
    let object = source
        .fetch(request("s3://bucket/a.py", Some(&endpoint)))
        .await;
    let ranges = ranges.lock().unwrap().clone();
    (object, ranges)
}

#[tokio::test]
async fn a_server_that_knows_no_ranges_is_asked_for_the_whole_again() {
    let (object, ranges) = cut_and_then(|_| Response::new(200, vec![b'a'; 100_000])).await;
    assert_eq!(object.unwrap().bytes, vec![b'a'; 100_000]);
    assert!(
        matches!(ranges[..], [None, Some(49_000..), None]),
        "{ranges:?}"
    );
}

fn part(first: usize, last: usize) -> Response {
    let range = format!("bytes {first}-{last}/100000");
    Response::new(206, vec![b'a'; last + 1 - first]).header("content-range", range)
}

#[tokio::test]
async fn a_server_that_sends_less_than_was_asked_for_is_asked_for_the_rest() {
    let less = |start: usize| part(start, (start + 29_999).min(99_999));
    let (object, ranges) = cut_and_then(less).await;
    assert_eq!(object.unwrap().bytes, vec![b'a'; 100_000]);
    assert_eq!(ranges.len(), 3, "{ranges:?}");
}

#[tokio::test]
async fn another_part_than_the_one_asked_for_is_not_put_in_its_place() {
    for second in [
        (|_| part(0, 99_999)) as fn(usize) -> Response,
        |start| part(start + 1, 99_999),
        |_| Response::new(206, "b").header("content-range", "bytes 0-18446744073709551615/*"),
        |_| Response::new(206, "b"),
    ] {
        let (object, _) = cut_and_then(second).await;
        let error = object.unwrap_err();
        assert_eq!(error.explanation.reason, Reason::FetchFailed, "{error}");
        assert!(
            error.explanation.message.contains("s3://bucket/a.py"),
            "{error}"
        );
        assert!(!error.retryable, "{error}");
    }
}
