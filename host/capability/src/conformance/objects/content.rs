use super::harness::{BadLine, Harness};
use super::steps::{bytes, fetch};
use crate::{FetchRequest, Object, Reason};

/// Large enough to arrive in many parts.
const LARGE_BYTES: usize = 5 << 20;
/// Where the connections are cut: in the head of the answer, soon after it, and at positions that are not the end of a
/// buffer. The last part is the longest.
const CUTS: [usize; 5] = [17, 4_099, 65_537, 700_001, 1_500_007];

/// An object arrives completely, with its absolute URI.
pub async fn reads_an_object_whole(harness: &dyn Harness) {
    let content = bytes(10_007);
    let request = harness.put("conformance/whole.py", &content).await;
    let Object { bytes, metadata } = expect(harness, request.clone()).await;
    assert!(bytes == content, "{} bytes arrived", bytes.len());
    let uri = metadata.uri.unwrap_or_default();
    assert!(uri.contains("://"), "`{uri}` is not absolute");
    assert!(
        uri.ends_with("conformance/whole.py"),
        "`{uri}` names another object"
    );
    if let Some(etag) = &metadata.etag {
        assert!(!etag.is_empty(), "an entity tag is not empty");
    }
    let again = expect(harness, request.clone()).await;
    assert_eq!(again.metadata.etag, metadata.etag, "the object is the same");

    harness.put("conformance/whole.py", b"another").await;
    let changed = expect(harness, request).await;
    assert_eq!(&changed.bytes[..], b"another", "nothing is kept");
    if metadata.etag.is_some() {
        assert_ne!(changed.metadata.etag, metadata.etag, "the object changed");
    }
}

/// An object may be empty.
pub async fn reads_an_empty_object(harness: &dyn Harness) {
    let request = harness.put("conformance/empty", b"").await;
    assert_eq!(expect(harness, request).await.bytes.len(), 0);
}

/// Five mebibytes over connections that are cut at arbitrary positions arrive unchanged.
pub async fn goes_on_after_every_cut(harness: &dyn Harness) {
    let content = bytes(LARGE_BYTES);
    let mut request = harness.put("conformance/large.bin", &content).await;
    if let Some(over) = harness
        .over(request.clone(), BadLine::Cuts(CUTS.into()))
        .await
    {
        request = over;
    }
    let object = expect(harness, request).await;
    assert_eq!(object.bytes.len(), content.len());
    assert!(object.bytes == content, "other bytes arrived");
}

/// Names may contain spaces, percent signs and letters of other languages.
pub async fn takes_names_as_they_are(harness: &dyn Harness) {
    for name in [
        "conformance/with space.py",
        "conformance/größe 日本.py",
        "conformance/100%.py",
        "conformance/a%20b.py",
        "conformance/a+b&c=d;e@f,g'h(i).py",
        "conformance/deep/er/than/most/a.py",
    ] {
        // Different content for each, so that they are not mixed up.
        let request = harness.put(name, name.as_bytes()).await;
        let fetched = expect(harness, request).await;
        assert_eq!(&fetched.bytes[..], name.as_bytes(), "{name}");
    }
}

/// An object of exactly the maximum size is accepted, and one more byte is refused.
pub async fn takes_no_byte_more_than_allowed(harness: &dyn Harness) {
    let content = bytes(100_000);
    let mut request = harness.put("conformance/limit", &content).await;
    request.options.max_bytes = 100_000;
    assert_eq!(expect(harness, request.clone()).await.bytes.len(), 100_000);
    request.options.max_bytes = 99_999;
    let error = super::steps::refused(harness, request).await;
    assert_eq!(error.explanation.reason, Reason::TooLarge, "{error}");
    assert!(
        error.explanation.message.contains("99999") || error.explanation.message.contains("99,999"),
        "{error}"
    );
}

async fn expect(harness: &dyn Harness, request: FetchRequest) -> Object {
    let uri = request.uri.clone();
    match fetch(harness, request).await {
        Ok(object) => object,
        Err(error) => panic!(
            "`{uri}` was not fetched: {}: {error}",
            error.explanation.reason
        ),
    }
}
