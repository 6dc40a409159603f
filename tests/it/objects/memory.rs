//! What a fetch needs of this machine.

use toolhost::capability::conformance::objects::Harness as _;

use super::harness::Bucket;
use crate::alone::{all_and_peak_bytes, is_alone};

/// More than the largest part of a script that is likely, and many times a buffer.
const LARGE_BYTES: usize = 5 << 20;
/// The object twice, while its buffer grows, and what the client and the server of the test need.
const MAX_GROWTH: u64 = 32 << 20;

#[tokio::test]
async fn a_fetch_needs_little_more_memory_than_the_object_has() {
    if !is_alone("objects::memory::a_fetch_needs_little_more_memory_than_the_object_has") {
        return;
    }
    let s3 = Bucket::s3().await;
    let small = s3.put("small.bin", b"small").await;
    // The first fetch reads the certificates and makes the client.
    s3.source().fetch(small).await.unwrap();
    let request = s3.put("large.bin", &vec![7; LARGE_BYTES]).await;
    let (before, _) = all_and_peak_bytes();
    let object = s3.source().fetch(request).await.unwrap();
    assert_eq!(object.bytes.len(), LARGE_BYTES);
    let (_, peak) = all_and_peak_bytes();
    let grown = peak.saturating_sub(before);
    assert!(grown < MAX_GROWTH, "the host grew by {grown} bytes");
}
