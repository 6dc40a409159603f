/// A cursor's low bits are the offset within an attempt, the rest its index.
pub(super) const OFFSET_BITS: u32 = 48;

/// A position in a log, to continue reading from. 0 is the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor(pub u64);

impl Cursor {
    pub(super) fn at(index: usize, offset: u64) -> Self {
        Self(((index as u64) << OFFSET_BITS) | offset)
    }

    pub(super) fn split(self) -> (usize, u64) {
        let index = usize::try_from(self.0 >> OFFSET_BITS).unwrap_or(usize::MAX);
        (index, self.0 & ((1 << OFFSET_BITS) - 1))
    }
}

/// A line without its end, or a part of a long one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogRecord {
    /// The attempt that wrote it, from 1.
    pub attempt: u32,
    /// The text; invalid UTF-8 is replaced with U+FFFD.
    pub text: String,
    /// Whether the line continues in the next record.
    pub partial: bool,
}

impl LogRecord {
    /// A whole line of an attempt.
    #[must_use]
    pub fn new(attempt: u32, text: impl Into<String>) -> Self {
        Self {
            attempt,
            text: text.into(),
            partial: false,
        }
    }
}

/// A page of records, and the cursor of the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LogPage {
    /// The records.
    pub records: Vec<LogRecord>,
    /// The cursor of the next page.
    pub next: Cursor,
    /// Whether this is the end of the log.
    pub ended: bool,
}

/// The beginning and the end of an attempt's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// The beginning, or everything.
    pub head: String,
    /// The end, if something was omitted.
    pub tail: String,
    /// The number of bytes that the attempt wrote.
    pub total_bytes: u64,
    /// The number of omitted bytes.
    pub omitted_bytes: u64,
    /// The file with the whole output, if something was omitted.
    pub location: Option<String>,
}
