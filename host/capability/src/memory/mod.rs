//! An engine that runs nothing: it plays scripts in virtual time.
//!
//! It is for tests of code that uses an engine, and for authors of tools. It follows the rules of the Job controller
//! like any other engine, but a delay takes no time: a job that ends has finished when it is created, with every event
//! waiting to be read, and no task is spawned for it. A job that a script [holds](Step::Hold) stays pending until it is
//! [released](MemoryEngine::release) or cancelled.
//!
//! It does not read the script's content, or enforce limits (except that a [`Step::Allocate`] is compared with
//! `limits.memory`).
//!
//! ```
//! use std::sync::Arc;
//! use toolhost_capability::memory::{AttemptScript, JobScript, MemoryEngine};
//! use toolhost_capability::{JobEventKind, JobRequest, JobRunner, LogSink};
//!
//! # struct Discard;
//! # impl LogSink for Discard {
//! #     fn write(&self, _: u32, _: &[u8]) {}
//! #     fn end(&self, _: u32) {}
//! # }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let engine = MemoryEngine::new();
//! engine.script(
//!     "flaky",
//!     JobScript::new([AttemptScript::exit(3), AttemptScript::exit(0)]),
//! );
//! let request = JobRequest::new("flaky".parse().unwrap(), vec!["python3".to_owned()]);
//! let mut job = engine.create(request, Arc::new(Discard)).await.unwrap();
//! let mut failed = 0;
//! while let Some(event) = job.next_event().await {
//!     if let JobEventKind::Finished(end) = event.kind {
//!         failed = end.failed;
//!     }
//! }
//! assert_eq!(failed, 1);
//! # });
//! ```

mod engine;
mod script;
mod simulation;
#[cfg(test)]
mod tests;

pub use engine::MemoryEngine;
pub use script::{AttemptScript, Exit, JobScript, Step};
