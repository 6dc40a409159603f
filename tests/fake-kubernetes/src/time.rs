//! Times as Kubernetes writes them.

use std::cell::Cell;

use jiff::Timestamp;
use tokio::time::Instant;

thread_local! {
    /// When virtual time began, and which time that was.
    static VIRTUAL: Cell<Option<(Instant, Timestamp)>> = const { Cell::new(None) };
}

/// Lets the servers of this thread take their times from tokio's clock: it is `beginning` now. For runs on one thread whose
/// clock is paused, which are then the same each time.
pub fn use_virtual_time(beginning: Timestamp) {
    VIRTUAL.set(Some((Instant::now(), beginning)));
}

/// The time now, in virtual time where this thread has it.
#[must_use]
pub fn current_time() -> Timestamp {
    let virtual_time = VIRTUAL.get();
    let passed = virtual_time.and_then(|(begun, beginning)| {
        let passed = begun.elapsed();
        beginning.checked_add(passed).ok()
    });
    passed.unwrap_or_else(Timestamp::now)
}

/// `metav1.Time`: whole seconds, cut.
pub(crate) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}

pub(crate) fn now() -> String {
    seconds(current_time())
}

/// The kubelet's `RFC3339NanoFixed`: always nine digits.
pub(crate) fn nanoseconds(time: Timestamp) -> String {
    format!("{time:.9}")
}
