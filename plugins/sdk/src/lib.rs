#![doc = include_str!("../README.md")]
#![no_std]
#![expect(
    clippy::test_attr_in_doctest,
    reason = "the README shows a tool with its test; the crate `greet` runs it"
)]

extern crate alloc;
#[cfg(not(target_arch = "wasm32"))]
extern crate std;

#[cfg(target_arch = "wasm32")]
mod component;
mod details;
mod error;
mod event;
mod explanation;
mod export;
mod fetch;
mod host;
mod job;
mod log;
#[cfg(not(target_arch = "wasm32"))]
pub mod mock;
mod options;
mod secret;
mod tool;

/// The raw ABI: the bindings that wit-bindgen generates from the world `tool`. Most tools do not need it.
#[cfg(target_arch = "wasm32")]
pub use component::bindings;
pub use details::Details;
pub use error::{Error, code};
pub use event::{AttemptEnd, JobEnd, JobEvent, JobEventKind, JobStatus};
pub use explanation::Explanation;
pub use fetch::FetchOptions;
pub use host::{Host, JobSpec, Object};
pub use job::{Events, Job};
pub use log::{Level, LogExcerpt, LogPage, LogRecord};
pub use secret::{SecretEntry, is_variable_name};
pub use tool::{Capability, Context, Fields, Status, Tool, derived_schema, describe, invoke};

/// The expansion of [`export_tool!`] and [`no_std_runtime!`]. Not part of the public interface.
#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub mod private {
    pub use super::component::{Allocator, export_invoke, log_panic, reallocate};
    pub use alloc::string::String;
    pub use alloc::vec::Vec;
}
