//! The output of jobs: collected, redacted and kept until the call ends.
//!
//! A [`JobLog`] accepts bytes from an engine whether or not they are read, and returns records to any number
//! of readers, each at its own pace. Memory stays constant: what does not fit is written to a file.

mod job_log;
mod lines;
mod record;
mod spool;
#[cfg(test)]
mod tests;

pub(crate) use job_log::JobLog;
pub use record::LogRecord;
pub(crate) use record::{Cursor, Excerpt, LogPage};
pub(crate) use spool::LogDirectory;
