//! What jobs write: gathered, redacted and kept until the call ends.
//!
//! A [`JobLog`] takes bytes from an engine whether or not anybody reads them, and hands out records to
//! any number of readers, each at its own pace. Memory stays flat: what does not fit goes to a file.

mod job_log;
mod lines;
mod record;
mod spool;
#[cfg(test)]
mod tests;

pub use job_log::JobLog;
pub use lines::MAX_RECORD_BYTES;
pub use record::{Cursor, Excerpt, LogPage, LogRecord};
pub use spool::LogDirectory;
