//! Times as Kubernetes writes them.

use jiff::Timestamp;

/// `metav1.Time`: whole seconds, cut.
pub(crate) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}

pub(crate) fn now() -> String {
    seconds(Timestamp::now())
}

/// The kubelet's `RFC3339NanoFixed`: always nine digits.
pub(crate) fn nanoseconds(time: Timestamp) -> String {
    format!("{time:.9}")
}
