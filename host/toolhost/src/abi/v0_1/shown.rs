use crate::scope::CallScope;

/// The target of what tools log and print, so that it can be shown without the log of the host.
pub(super) const GUEST_TARGET: &str = "guest";
/// The maximum length of a message that is passed on; what a person reads at a glance is much shorter.
const MAX_MESSAGE_BYTES: usize = 4 << 10;

/// The part of a guest's text that is safe to show: without secrets, and of limited length.
pub(super) fn shown(scope: &CallScope, text: String) -> String {
    let mut text = scope.redact(text);
    if text.len() > MAX_MESSAGE_BYTES {
        text.truncate(text.floor_char_boundary(MAX_MESSAGE_BYTES));
        text.push('…');
    }
    text
}
