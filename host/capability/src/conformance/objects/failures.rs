use std::time::Duration;

use super::harness::{BadLine, Harness};
use super::steps::{bytes, fetch, refused, wait_until};
use crate::Reason;

/// More than the data in buffers when a connection stalls.
const LARGE_BYTES: usize = 5 << 20;
/// Where a connection stalls: after the head of the answer, and long before its end.
const STALLS_AFTER: usize = 100_003;
/// A timeout that is expected to pass.
const SHORT: Duration = Duration::from_millis(300);

/// A missing object is reported as such, by its name.
pub async fn says_that_an_object_is_missing(harness: &dyn Harness) {
    let request = harness.missing().await;
    let uri = request.uri.clone();
    let error = refused(harness, request).await;
    assert_eq!(error.explanation.reason, Reason::FetchNotFound, "{error}");
    assert!(
        error.explanation.message.contains(&uri),
        "the message names no culprit: {error}"
    );
    assert!(
        error.explanation.hint.is_some(),
        "there is no hint: {error}"
    );
    assert_eq!(
        error.explanation.field_text().as_deref(),
        Some("uri"),
        "{error}"
    );
    assert!(!error.retryable, "{error}");
}

/// An object without permission is reported as such.
pub async fn says_that_an_object_is_forbidden(harness: &dyn Harness) {
    let Some(request) = harness.forbidden().await else {
        return;
    };
    let uri = request.uri.clone();
    let error = refused(harness, request).await;
    assert_eq!(error.explanation.reason, Reason::FetchDenied, "{error}");
    assert!(
        error.explanation.message.contains(&uri),
        "the message names no culprit: {error}"
    );
    assert!(
        error.explanation.hint.is_some(),
        "there is no hint: {error}"
    );
    assert!(!error.retryable, "{error}");
}

/// The limit applies while an object is read: a larger one is refused even if its end never arrives.
pub async fn stops_at_the_limit_and_not_at_the_end(harness: &dyn Harness) {
    let content = bytes(LARGE_BYTES);
    let mut request = harness.put("conformance/endless.bin", &content).await;
    request.options.max_bytes = 10_000;
    if let Some(over) = harness
        .over(request.clone(), BadLine::Stalls(STALLS_AFTER))
        .await
    {
        request = over;
    }
    let error = refused(harness, request).await;
    assert_eq!(error.explanation.reason, Reason::TooLarge, "{error}");
    let closed = async || harness.open_connections().await == 0;
    wait_until(harness, "the connection is closed", closed).await;
}

/// A fetch that takes too long ends with an error.
pub async fn ends_when_its_time_is_over(harness: &dyn Harness) {
    let request = harness
        .put("conformance/slow.bin", &bytes(LARGE_BYTES))
        .await;
    let stalls = BadLine::Stalls(STALLS_AFTER);
    let Some(mut request) = harness.over(request, stalls).await else {
        return;
    };
    request.options.timeout = Some(SHORT);
    let error = refused(harness, request).await;
    assert_eq!(error.explanation.reason, Reason::Timeout, "{error}");
    assert!(
        error.explanation.hint.is_some(),
        "there is no hint: {error}"
    );
    let closed = async || harness.open_connections().await == 0;
    wait_until(harness, "the connection is closed", closed).await;
}

/// A dropped fetch leaves no connection, and does not affect other fetches.
pub async fn leaves_nothing_when_it_is_cancelled(harness: &dyn Harness) {
    let content = bytes(LARGE_BYTES);
    let request = harness.put("conformance/cancelled.bin", &content).await;
    let stalls = BadLine::Stalls(STALLS_AFTER);
    match harness.over(request.clone(), stalls).await {
        Some(stalled) => {
            let under_way = async || harness.open_connections().await > 0;
            tokio::select! {
                result = fetch(harness, stalled) => panic!("it ended by itself: {result:?}"),
                () = wait_until(harness, "the fetch is under way", under_way) => {}
            }
            let closed = async || harness.open_connections().await == 0;
            wait_until(harness, "the connection is closed", closed).await;
        }
        // Without a connection that can be stalled, it is started and dropped.
        None => drop(tokio::time::timeout(Duration::ZERO, fetch(harness, request.clone())).await),
    }
    let again = fetch(harness, request).await;
    assert!(
        again.is_ok_and(|object| object.bytes == content),
        "the next fetch was disturbed"
    );
}
