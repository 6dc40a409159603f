use alloc::string::String;
use alloc::vec::Vec;

/// One line without its end, or a part of a long one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The attempt that wrote it, from 1.
    pub attempt: u32,
    /// The text.
    pub text: String,
    /// Whether the line continues in the next record.
    pub partial: bool,
}

/// A page of records, and the cursor of the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The records in the order in which they were written; empty if none arrived in time.
    pub records: Vec<LogRecord>,
    /// The cursor of the next page.
    pub next_cursor: u64,
    /// Whether the job has finished and every record was returned.
    pub ended: bool,
}

/// The beginning and the end of what one attempt wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogExcerpt {
    /// The beginning; everything if nothing was omitted.
    pub head: String,
    /// The end; empty if nothing was omitted.
    pub tail: String,
    /// The number of bytes that the attempt wrote.
    pub total_bytes: u64,
    /// How many of them are in neither [`head`](Self::head) nor [`tail`](Self::tail).
    pub omitted_bytes: u64,
    /// The location of the whole log, if something was omitted.
    pub location: Option<String>,
}

/// The level of a line in the host's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something unexpected happened.
    Warn,
    /// Something happened.
    Info,
    /// For debugging.
    Debug,
    /// For detailed debugging.
    Trace,
}

impl Level {
    /// The name that the host knows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
