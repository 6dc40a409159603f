//! Splitting the bytes of a log into lines, and into excerpts.

/// The maximum size of a record; longer lines are split, as container runtimes do.
pub(crate) const MAX_RECORD_BYTES: usize = 16 << 10;
/// A cut is moved to the end of a line if that costs at most this part of the excerpt.
const LINE_CUT_PART: usize = 4;

/// The first record of `bytes` without its end, its size in bytes, and whether its line continues; `None` if
/// more bytes are needed to decide.
pub(super) fn next_line(bytes: &[u8], reaches_end: bool) -> Option<(&[u8], usize, bool)> {
    let window = bytes.get(..MAX_RECORD_BYTES).unwrap_or(bytes);
    if let Some(end) = window.iter().position(|byte| *byte == b'\n') {
        let line = window.get(..end)?;
        return Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1, false));
    }
    let is_last = reaches_end && window.len() == bytes.len();
    if is_last && !window.is_empty() {
        return Some((window, window.len(), false));
    }
    let part = whole_characters(window);
    (window.len() == MAX_RECORD_BYTES).then_some((part, part.len(), true))
}

/// The bytes as text; invalid UTF-8 becomes U+FFFD.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Removes a last character that is incomplete.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
            bytes.get(..error.valid_up_to()).unwrap_or(bytes)
        }
        _ => bytes,
    }
}

/// The beginning of an excerpt, up to the end of a line if one is near.
pub(super) fn until_line_end(bytes: &[u8]) -> &[u8] {
    let limit = bytes.len() - bytes.len() / LINE_CUT_PART;
    let end = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .filter(|end| *end >= limit);
    end.map_or_else(
        || whole_characters(bytes),
        |end| bytes.get(..=end).unwrap_or(bytes),
    )
}

/// The end of an excerpt, from the beginning of a line if one is near.
pub(super) fn from_line_start(bytes: &[u8]) -> &[u8] {
    let limit = bytes.len() / LINE_CUT_PART;
    let start = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .filter(|start| *start <= limit);
    let is_continuation = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    let start = start.map_or_else(
        || {
            bytes
                .iter()
                .take_while(|byte| is_continuation(byte))
                .count()
        },
        |line_end| line_end + 1,
    );
    bytes.get(start..).unwrap_or_default()
}
