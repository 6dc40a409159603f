//! Steps that are shared by cases.

use std::time::Duration;

use super::harness::Harness;
use crate::{CapabilityError, FetchRequest, Object};

/// The interval for checking an awaited state.
const LOOKS_EVERY: Duration = Duration::from_millis(5);

pub(super) async fn fetch(
    harness: &dyn Harness,
    request: FetchRequest,
) -> Result<Object, CapabilityError> {
    let uri = request.uri.clone();
    let fetching = harness.source().fetch(request);
    let fetched = tokio::time::timeout(harness.patience(), fetching).await;
    fetched.unwrap_or_else(|_| panic!("`{uri}` was not fetched within {:?}", harness.patience()))
}

pub(super) async fn refused(harness: &dyn Harness, request: FetchRequest) -> CapabilityError {
    let uri = request.uri.clone();
    match fetch(harness, request).await {
        Err(error) => error,
        Ok(object) => panic!("`{uri}` was fetched, with {} bytes", object.bytes.len()),
    }
}

pub(super) async fn wait_until(harness: &dyn Harness, what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    };
    if tokio::time::timeout(harness.patience(), waiting)
        .await
        .is_err()
    {
        panic!("not so within {:?}: {what}", harness.patience());
    }
}

/// Returns bytes without a pattern that could hide a wrong offset, from the generator of Knuth's MMIX.
pub(super) fn bytes(count: usize) -> Vec<u8> {
    let mut state: u64 = 0x2545_f491_4f6c_dd1d;
    std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The upper bits are the better ones.
        state.to_be_bytes()[0]
    })
    .take(count)
    .collect()
}
