/// A cursor's low bits are the offset within an attempt, the rest its index.
pub(super) const OFFSET_BITS: u32 = 48;

/// A place in a log, to read on from. 0 is the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub u64);

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
pub struct LogRecord {
    /// The attempt that wrote it, from 1.
    pub attempt: u32,
    /// The text; bytes that are not UTF-8 became U+FFFD.
    pub text: String,
    /// Whether the line goes on in the next record.
    pub partial: bool,
}

/// Some records, and where to read on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The records.
    pub records: Vec<LogRecord>,
    /// Where to read on.
    pub next: Cursor,
    /// Whether nothing follows.
    pub ended: bool,
}

/// The beginning and the end of an attempt's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The beginning, or all of it.
    pub head: String,
    /// The end, where something was left out.
    pub tail: String,
    /// How many bytes the attempt wrote.
    pub total_bytes: u64,
    /// How many of them are not shown.
    pub omitted_bytes: u64,
    /// The file that holds all of it, where something was left out.
    pub location: Option<String>,
}
