//! A host for tests, which does what its script says and remembers what it was asked.
//!
//! It exists on the developer's machine alone, so that a tool's decisions are tested by `cargo test`
//! without a component, an engine or a cluster. It runs nothing and waits for nothing.

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

/// What [`export_tool!`](crate::export_tool) checks where there is no component to make.
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
