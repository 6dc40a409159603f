use alloc::string::String;
use alloc::vec::Vec;

/// One line without its end, or a part of a long one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The attempt that wrote it, from 1.
    pub attempt: u32,
    /// The text.
    pub text: String,
    /// Whether the line goes on in the next record.
    pub partial: bool,
}

/// Some records, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The records in the order in which they were written; empty where none came in time.
    pub records: Vec<LogRecord>,
    /// The cursor of what follows.
    pub next_cursor: u64,
    /// Whether the job is over and every record was returned.
    pub ended: bool,
}

/// The beginning and the end of what one attempt wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogExcerpt {
    /// The beginning; all of it where nothing was left out.
    pub head: String,
    /// The end; empty where nothing was left out.
    pub tail: String,
    /// How many bytes the attempt wrote.
    pub total_bytes: u64,
    /// How many of them are in neither [`head`](Self::head) nor [`tail`](Self::tail).
    pub omitted_bytes: u64,
    /// Where a person finds the whole log, if something was left out.
    pub location: Option<String>,
}

/// How much a line in the host's log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is not as it should be.
    Warn,
    /// Something happened.
    Info,
    /// For whoever looks for a fault.
    Debug,
    /// For whoever looks very closely.
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
