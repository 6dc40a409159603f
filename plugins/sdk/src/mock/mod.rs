//! A host for tests, which follows a script and records all requests.
//!
//! It only exists on the developer's machine, so that a tool's decisions are tested by
//! `cargo test` without a component, an engine or a cluster. It runs nothing and waits for
//! nothing.

mod call;
mod handle;
mod host;
mod job;
mod journal;
mod name;
mod object;

#[cfg(test)]
mod tests;

pub use call::{Call, Operation};
pub use handle::MockJobHandle;
pub use host::MockHost;
pub use job::{MockAttempt, MockJob};
pub use object::{MockObject, MockSecret};

/// The check of [`export_tool!`](crate::export_tool) if no component is built.
#[doc(hidden)]
#[derive(Debug)]
pub struct Describe;

impl Describe {
    #[doc(hidden)]
    #[must_use]
    pub const fn of<T: crate::Tool>(_version: &str) -> Self {
        Self
    }
}
