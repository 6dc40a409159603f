//! The server, as kube's client sees it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;
mod faults;
mod jobs;
mod logs;
mod objects;
mod pods;
mod proxy;
mod rules;
mod watches;
